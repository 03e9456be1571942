"""The messages this service sends besides those of an approval, made from rows; all go through the outbox.

Ids are deterministic: the same change always makes the same ids.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row

from services.batch.domain.approval_rules import first_stands
from services.batch.domain.figures import LOGIC_NAMES
from services.batch.domain.schedule import session_of
from services.batch.settings import SERVICE
from shared.contracts import chunks, comparison, events, topics
from shared.contracts.topics import Topic
from shared.ids import event_id
from shared.kafka.messages import Outgoing, chunk, event, plain_event

_RECALLED_TOGETHER: Final = 2_000
_SMALL_REQUEST: Final = topics.small(topics.WORK_REQUEST)


def batch_changed(row: Row[Any], decision_sha256: bytes | None = None, links: Sequence[Row[Any]] = ()) -> Outgoing:
    """Return the event with the state of a batch, at the time of its version.

    decision_sha256: digest of its manifest, if it is decided; links: its links in the chains of history; without them
    the event would have other bytes.  Counts of a WORKING batch may have risen since its version was published: raise
    the version to publish them.
    """
    body = events.BatchChanged(
        batch_id=row.batch_id,
        enterprise_id=row.enterprise_ids[0],
        enterprise_ids=row.enterprise_ids,
        advisor_ids=row.advisor_ids,
        version=row.version,
        status=row.status,
        reason=row.reason,
        logic=LOGIC_NAMES[row.logic],
        accounts=row.accounts,
        working=row.working,
        proposed=row.proposed + row.approved,
        failed=row.failed,
        removed=row.removed,
        requested_by=row.requested_by,
        decided_by=row.decided_by,
        trade_date=row.trade_date,
        requested_at=row.requested_at,
        cancel_at=row.cancel_at,
        decided_at=row.decided_at,
        decision_sha256=None if decision_sha256 is None else decision_sha256.hex(),
        history=[
            events.HistoryHead(enterprise_id=link.enterprise_id, position=link.position, sha256=link.sha256.hex())
            for link in links
        ]
        or None,
        first_approved_by=row.first_by if row.decided_at is not None or first_stands(row) else None,
    )
    identity = event_id("batch", row.batch_id, row.version)
    return event(
        topics.BATCH, str(row.batch_id), body, event_id=identity, source=SERVICE, at=row.told_at,
        enterprises=row.enterprise_ids,
    )  # fmt: skip


def account_states(rows: Sequence[Row[Any]]) -> list[Outgoing]:
    """Return the events with the states of accounts, as stored: a state always makes the same bytes."""
    made = []
    for row in rows:
        body = {
            "account_id": row.account_id,
            "enterprise_id": row.enterprise_id,
            "advisor_id": row.advisor_id,
            "version": row.version,
            "state": row.state,
        }
        if row.batch_id is not None:
            body |= {"batch_id": row.batch_id, "batch_status": row.batch_status}
        body["since"] = row.since.astimezone(UTC).isoformat().replace("+00:00", "Z")
        identity = event_id("account-state", row.account_id, row.version)
        made.append(
            plain_event(
                topics.ACCOUNT_STATE, row.account_id, body, event_id=identity, source=SERVICE, at=row.since,
                enterprises=(row.enterprise_id,),
            )
        )  # fmt: skip
    return made


def queue_changed(enterprises: Sequence[str], at: datetime) -> list[Outgoing]:
    """Return the event, for each enterprise, that its queue may have changed."""
    version = int(at.timestamp() * 1000)
    return [
        event(
            topics.QUEUE,
            enterprise,
            events.QueueChanged(enterprise_id=enterprise, version=version),
            event_id=event_id("queue", enterprise, version),
            source=SERVICE,
            at=at,
        )
        for enterprise in enterprises
    ]


def requests(batch: Row[Any], members: Sequence[Row[Any]], at: datetime) -> list[Outgoing]:
    """Return the requests for proposals, in chunks of one attempt; small requests have a topic of their own.

    at: now.  Terms are those of the session on which an approval at this instant would trade.
    """
    topic = _SMALL_REQUEST if len(members) <= chunks.SMALL_REQUEST_ACCOUNTS else topics.WORK_REQUEST
    sent = []
    for attempt in sorted({member.attempt for member in members}):
        meta = {
            "batch_id": str(batch.batch_id),
            "attempt": str(attempt),
            "trade_date": session_of(at).isoformat(),
            "size": str(batch.accounts),
        }
        of_attempt = [member for member in members if member.attempt == attempt]
        fields = ("account_id", "enterprise_id", "advisor_id", "epoch", "liquidate")
        rows = [{field: getattr(member, field) for field in fields} for member in of_attempt]
        sent += _chunked(topic, chunks.REQUEST, batch.batch_id, rows, meta, ("request", attempt), at, by_batch=False)
    return sent


def returned(batch_id: int, members: Sequence[Row[Any]], reason: str, version: int, at: datetime) -> list[Outgoing]:
    """Return the chunks that say members left the batch without a rebalance.

    reason: FAILED, REMOVED, CANCELLED; UNDONE says that a removal was undone. version: of the batch afterwards.
    """
    rows = [
        {
            "account_id": member.account_id,
            "enterprise_id": member.enterprise_id,
            "advisor_id": member.advisor_id,
            "epoch": member.epoch,
            "reason": reason,
        }
        for member in members
    ]
    meta = {"batch_id": str(batch_id), "version": str(version)}
    return _chunked(
        topics.RETURNED, chunks.RETURNED, batch_id, rows, meta, ("returned", reason, version), at, by_batch=True
    )


def recall(accounts: Sequence[Row[Any]], at: datetime) -> list[Outgoing]:
    """Return the requests that the analyzer publish the flags of these accounts again."""
    found = []
    for start in range(0, len(accounts), _RECALLED_TOGETHER):
        rows = [dict(account._mapping) for account in accounts[start : start + _RECALLED_TOGETHER]]
        first, batch = rows[0]["account_id"], pa.RecordBatch.from_pylist(rows, schema=comparison.RECALL)
        name = event_id("recall", first, len(rows), at.isoformat())
        found.append(chunk(topics.RECALL, first, batch, {}, event_id=name, source=SERVICE, at=at))
    return found


def _chunked(
    topic: Topic,
    schema: pa.Schema,
    batch_id: int,
    rows: list[dict[str, Any]],
    meta: Mapping[str, str],
    identity: tuple[object, ...],
    at: datetime,
    *,
    by_batch: bool,
) -> list[Outgoing]:
    """Return rows in chunks. identity: of their event ids; by_batch: keyed by batch, else by each first account."""
    return [
        chunk(
            topic,
            str(batch_id) if by_batch else part[0]["account_id"],
            pa.RecordBatch.from_pylist(part, schema=schema),
            meta,
            event_id=event_id(*identity, batch_id, part[0]["account_id"]),
            source=SERVICE,
            at=at,
        )
        for part in _parts(rows)
    ]


def _parts(rows: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(rows), chunks.MAX_CHUNK_ACCOUNTS):
        yield rows[start : start + chunks.MAX_CHUNK_ACCOUNTS]
