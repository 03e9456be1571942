"""How a batch ends: approved, cancelled or failed. Everything that follows from it is in the deciding transaction.

Whoever calls holds the lock of the batch row.  Source: product 6; architecture "Outbox", "End of day".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages as outgoing
from services.batch.columns.orders import released
from services.batch.domain.manifest import Manifest, manifest_of
from services.batch.domain.states import AccountHappening, AccountState, Happening, Status, batch_after
from services.batch.store import batches, decisions, member_pages, members, results
from services.batch.store.database import send
from services.batch.store.tables import FIGURES
from services.batch.views.proposals import LOGIC_NAMES
from shared.contracts.problems import OurFault
from shared.kafka.isolation import halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing

REASONS: Final = {
    Happening.APPROVE: None,
    Happening.CANCEL: "USER",
    Happening.DAY_ENDED: "END_OF_DAY",
    Happening.NONE_LEFT: "ALL_REMOVED",
    Happening.ALL_FAILED: "ALL_FAILED",
}


@dataclass(frozen=True)
class Actor:
    """Who decides: a user, or the system at the end of the day."""

    subject: str
    name: str


SYSTEM_ACTOR: Final = Actor("system", "System")


async def close(
    connection: AsyncConnection, before: Row[Any], happening: Happening, actor: Actor, now: datetime
) -> tuple[Row[Any], int]:
    """End a locked batch; return its row afterwards and how many accounts the decision acted on.

    Raises IllegalTransition when this cannot happen to the batch.
    """
    status = batch_after(Status(before.status), happening)
    batch_id = before.batch_id
    if status is Status.APPROVED:
        acted = await members.happen(connection, batch_id, AccountHappening.APPROVE, frozen=True)
        raised = await members.begin_new_epochs(connection, batch_id, before.trade_date)
        if raised != len(acted):
            raise RuntimeError(f"batch {batch_id}: {len(acted)} accounts approved, {raised} epochs raised")
    else:
        acted = await members.happen(connection, batch_id, AccountHappening.CANCEL, frozen=True)
    await members.freeze(connection, batch_id)
    counted = await batches.count(connection, batch_id, before.logic)
    after = await batches.change(
        connection,
        before,
        status=str(status),
        reason=REASONS[happening],
        decided_by=actor.subject,
        decided_name=actor.name,
        decided_at=now,
        told_at=now,
        **counted.columns(),
    )
    rows = await member_pages.read_all(connection, batch_id)
    digests = await decisions.read_digests(connection, batch_id)
    await decisions.put(connection, batch_id, await asyncio.to_thread(manifest_for, after, rows, digests))
    if status is Status.APPROVED:
        await _release(connection, before, [row for row in rows if row.state == AccountState.APPROVED], now)
    else:
        await send(connection, outgoing.returned(batch_id, acted, "CANCELLED", after.version, now))
    await send(connection, [outgoing.batch_changed(after, now)])
    return after, len(acted)


async def _release(connection: AsyncConnection, batch: Row[Any], approved: Sequence[Row[Any]], now: datetime) -> None:
    """Put orders and rebalances of the approved accounts into the outbox, made from the answers as they came."""
    members_of: dict[int, list[Row[Any]]] = {}
    for row in approved:
        members_of.setdefault(row.chunk_id, []).append(row)

    def messages(group: dict[int, bytes]) -> list[Outgoing]:
        parts = (_cut(batch, members_of[number], content, now) for number, content in group.items())
        return [message for part in parts for message in part]

    async for group in results.groups(connection, sorted(members_of)):
        await send(connection, await asyncio.to_thread(messages, group))


def _cut(batch: Row[Any], approved: Sequence[Row[Any]], content: bytes, now: datetime) -> list[Outgoing]:
    """Return what `released` does.  Raises OurFault, which names the account, where our own code raises at one."""

    def cut(some: Sequence[Row[Any]]) -> list[Outgoing]:
        return released(batch, some, content, now)

    def uncut(alone: Sequence[Row[Any]], error: Exception) -> list[Outgoing]:
        advice = "nothing was approved; remove it from the batch and approve the others"
        raise OurFault(f"{note_account_fault(alone[0].account_id, error)}; {advice}") from error

    parts = isolate("cut orders", approved, halves, cut, uncut)
    return [message for part in parts for message in part]


_BATCH_FIELDS: Final = (
    "batch_id", "version", "status", "reason", "label", "enterprise_ids", "advisor_ids", "accounts", "requested_by",
    "requested_name", "requested_at", "decided_by", "decided_name", "decided_at", "trade_date", "cancel_at", "working",
    "proposed", "failed", "removed", "approved", "cancelled", "short_cents", "long_cents", "estimated_cents",
)  # fmt: skip
_ACCOUNT_FIELDS: Final = (
    "account_id", "account_number", "name", "enterprise_id", "advisor_id", "custodian", "taxable", "epoch", "state",
    "liquidate", "stale_code", "failure_code", "failure_text", "removed_name", "facts_version", "lots_version",
    "target_version", "price_set", "chunk_id", "row_no", "remarks", "washes", *FIGURES,
)  # fmt: skip


def manifest_for(batch: Row[Any], rows: Sequence[Row[Any]], digests: dict[int, str]) -> Manifest:
    """Return the manifest of a batch from its rows; figures are lists with one element a logic."""
    header = {field: getattr(batch, field) for field in _BATCH_FIELDS} | {"logic": LOGIC_NAMES[batch.logic]}
    accounts = [{field: getattr(row, field) for field in _ACCOUNT_FIELDS} for row in rows]
    return manifest_of(header, accounts, digests, canonical)


def canonical(document: Any) -> bytes:
    """Render sorted keys, no spaces, instants in UTC."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
