"""What a message says to a browser: ids and versions only, so a whole book's new flags are cheap."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from aiokafka import ConsumerRecord

from services.gateway.domain.changes import Change, Part, Whole
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
    """Return what a message says; one from before it was told whom it concerns is heard by nobody."""
    version = int(body["version"])
    if topic == topics.QUEUE.name:
        enterprise = str(body["enterprise_id"])
        return Change("queue", enterprise, version, Whole(frozenset([enterprise])))
    if topic == topics.BATCH.name:
        all_of_it = Whole(frozenset(body.get("enterprise_ids", ())), frozenset(body.get("advisor_ids", ())))
        return Change("batch", str(body["batch_id"]), version, all_of_it)
    if topic == topics.ANALYSIS.name:
        enterprise = str(body.get("enterprise_id", ""))
        owners = frozenset((enterprise, str(one["advisor_id"])) for one in body.get("advisors", ()))
        return Change("analysis", str(body["run_id"]), version, Part(owners), enterprise)
    owners = frozenset((str(one["enterprise_id"]), str(one["advisor_id"])) for one in body.get("parts", ()))
    return Change("file", str(body["file_id"]), version, Part(owners, body.get("sent_by")))


def _newest(changes: Iterable[Change]) -> list[Change]:
    """Return the change of highest version for each thing."""
    newest: dict[str, Change] = {}
    for change in changes:
        if change.entity not in newest or change.version > newest[change.entity].version:
            newest[change.entity] = change
    return list(newest.values())
