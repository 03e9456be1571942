"""Turns messages of the public topics into changes: ids and versions only, cheap even for a whole book of flags."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from aiokafka import ConsumerRecord

from services.gateway.domain.changes import AnyOwner, Change, OfEnterprise, SomeOfBatch
from shared.contracts import topics
from shared.contracts.topics import Topic

TOPICS: Final[tuple[Topic, ...]] = (topics.BATCH, topics.QUEUE, topics.ANALYSIS, topics.FILES)


def changes_of(topic: str, records: Iterable[ConsumerRecord]) -> tuple[list[Change], int]:
    """Return the changes, and how many records could not be read. Of each enterprise's queue only the newest stays."""
    found: list[Change] = []
    unreadable = 0
    for record in records:
        try:
            found.append(_change(topic, orjson.loads(record.value or b"")))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            unreadable += 1
    return (_newest(found) if topic == topics.QUEUE.name else found), unreadable


def _change(topic: str, body: Mapping[str, Any]) -> Change:
    """Return the change of a message; without an audience, as in old messages, nobody is notified."""
    version = int(body["version"])
    if topic == topics.QUEUE.name:
        enterprise = str(body["enterprise_id"])
        return Change("queue", enterprise, version, OfEnterprise(enterprise))
    if topic == topics.BATCH.name:
        audience = SomeOfBatch(frozenset(body.get("enterprise_ids", ())), frozenset(body.get("advisor_ids", ())))
        return Change("batch", str(body["batch_id"]), version, audience)
    if topic == topics.ANALYSIS.name:
        enterprise = str(body.get("enterprise_id", ""))
        owners = frozenset((enterprise, str(advisor["advisor_id"])) for advisor in body.get("advisors", ()))
        return Change("analysis", str(body["run_id"]), version, AnyOwner(owners), enterprise)
    owners = frozenset((str(part["enterprise_id"]), str(part["advisor_id"])) for part in body.get("parts", ()))
    return Change("file", str(body["file_id"]), version, AnyOwner(owners, body.get("sent_by")))


def _newest(changes: Iterable[Change]) -> list[Change]:
    """Return the change of highest version for each entity."""
    newest: dict[str, Change] = {}
    for change in changes:
        if change.entity not in newest or change.version > newest[change.entity].version:
            newest[change.entity] = change
    return list(newest.values())
