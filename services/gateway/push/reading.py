"""What a message says to a browser: ids and versions only, so a whole book's new flags are cheap."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from aiokafka import ConsumerRecord

from services.gateway.domain.changes import Change
from shared.contracts import topics
from shared.contracts.topics import Topic

TOPICS: Final[tuple[Topic, ...]] = (topics.BATCH, topics.QUEUE, topics.ANALYSIS, topics.FILES)


def changes_of(topic: str, records: Iterable[ConsumerRecord]) -> tuple[list[Change], int]:
    """Return what changed, and how many records could not be read. The queue of an enterprise is told once."""
    found: list[Change] = []
    unreadable = 0
    for record in records:
        try:
            found.append(_change(topic, orjson.loads(record.value or b"")))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            unreadable += 1
    return (_newest(found) if topic == topics.QUEUE.name else found), unreadable


def _change(topic: str, body: Mapping[str, Any]) -> Change:
    version = int(body["version"])
    if topic == topics.QUEUE.name:
        enterprise = str(body["enterprise_id"])
        return Change("queue", enterprise, version, enterprise)
    if topic == topics.BATCH.name:
        return Change("batch", str(body["batch_id"]), version, str(body["enterprise_id"]))
    if topic == topics.ANALYSIS.name:
        return Change("analysis", str(body["run_id"]), version, None)
    return Change("file", str(body["file_id"]), version, None)


def _newest(changes: Iterable[Change]) -> list[Change]:
    """Return the change of highest version for each thing."""
    newest: dict[str, Change] = {}
    for change in changes:
        if change.entity not in newest or change.version > newest[change.entity].version:
            newest[change.entity] = change
    return list(newest.values())
