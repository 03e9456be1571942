"""Decide a batch: approve it, or end it without approval.  All that follows is in the deciding transaction.

The caller holds the lock of the batch row.  Source: product 6; architecture "Outbox", "End of day".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages
from services.batch.columns.orders import approval_messages
from services.batch.domain.approval_rules import first_stands
from services.batch.domain.figures import FIGURES, LOGIC_NAMES
from services.batch.domain.manifest import Manifest, manifest_of
from services.batch.domain.states import AccountState, AccountTransition, Status, Transition, batch_after
from services.batch.operations import wash_approvals
from services.batch.store import batches, decisions, history, members, results
from services.batch.store.database import read_incarnation, send
from shared.contracts.problems import OurFault
from shared.kafka.isolation import halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing

REASONS: Final = {
    Transition.APPROVE: None,
    Transition.CANCEL: "USER",
    Transition.DAY_ENDED: "END_OF_DAY",
    Transition.NONE_LEFT: "ALL_REMOVED",
    Transition.ALL_FAILED: "ALL_FAILED",
}


@dataclass(frozen=True)
class Actor:
    """Who decides: a user, or the system at the end of the day.  note: what they wrote to it; empty: nothing."""

    subject: str
    name: str
    note: str = ""


@dataclass(frozen=True)
class CommandOutcome:
    """batch: the row after a command; accounts: how many accounts the command acted on."""

    batch: Row[Any]
    accounts: int


SYSTEM_ACTOR: Final = Actor("system", "System")


async def approve(connection: AsyncConnection, batch: Row[Any], actor: Actor, now: datetime) -> CommandOutcome:
    """Approve every proposed account of a locked batch: epochs rise and orders go out, once.

    Raises IllegalTransition if the batch is not pending approval, OurFault if the orders of an account cannot be made.
    """
    accounts = await members.approve(connection, batch.batch_id, batch.trade_date)
    after, rows, digest = await _record(connection, batch, Transition.APPROVE, actor, now)
    approved = [row for row in rows if row.state == AccountState.APPROVED]
    await wash_approvals.record(connection, after, approved)
    await _send_orders(connection, after, approved)
    await _publish(connection, after, digest)
    return CommandOutcome(after, accounts)


async def end(
    connection: AsyncConnection, batch: Row[Any], transition: Transition, actor: Actor, now: datetime
) -> CommandOutcome:
    """End a locked batch without approval: its open accounts return to the queue.

    transition: CANCEL, DAY_ENDED, NONE_LEFT or ALL_FAILED.  Raises IllegalTransition if the batch does not allow it.
    """
    cancelled = await members.apply(connection, batch.batch_id, AccountTransition.CANCEL, frozen=True)
    after, _, digest = await _record(connection, batch, transition, actor, now)
    await send(connection, messages.returned(batch.batch_id, cancelled, "CANCELLED", after.version, now))
    await _publish(connection, after, digest)
    return CommandOutcome(after, len(cancelled))


async def _publish(connection: AsyncConnection, batch: Row[Any], digest: bytes) -> None:
    """Append a decision to the chains of its enterprises and publish it with their heads: the last step."""
    links = await history.append(connection, batch.batch_id)
    await send(connection, [messages.batch_changed(batch, digest, links)])


async def _record(
    connection: AsyncConnection, batch: Row[Any], transition: Transition, actor: Actor, now: datetime
) -> tuple[Row[Any], Sequence[Row[Any]], bytes]:
    """Freeze the batch as decided and keep its manifest; return its row, its accounts' rows, and the digest of that."""
    status = batch_after(Status(batch.status), transition)
    outdated = {} if first_stands(batch) else dict.fromkeys(_FIRST)
    await members.freeze(connection, batch.batch_id)
    totals = await batches.count(connection, batch.batch_id, batch.logic)
    after = await batches.change(
        connection,
        batch,
        now,
        status=str(status),
        reason=REASONS[transition],
        decided_by=actor.subject,
        decided_name=actor.name,
        decided_at=now,
        note=actor.note or None,
        **outdated,
        **totals.columns(),
    )
    rows = await members.read_all(connection, batch.batch_id)
    digests = await decisions.read_digests(connection, batch.batch_id)
    manifest = await asyncio.to_thread(manifest_for, after, rows, digests)
    await decisions.put(connection, batch.batch_id, manifest)
    return after, rows, manifest.sha256


async def _send_orders(connection: AsyncConnection, batch: Row[Any], approved: Sequence[Row[Any]]) -> None:
    """Put the orders and rebalances of approved accounts into the outbox, made from the result chunks as they came."""
    incarnation = await read_incarnation(connection)
    by_chunk: dict[int, list[Row[Any]]] = {}
    for row in approved:
        by_chunk.setdefault(row.chunk_id, []).append(row)

    def messages_of(contents: dict[int, bytes]) -> list[Outgoing]:
        made = [_isolated(batch, by_chunk[number], content, incarnation) for number, content in contents.items()]
        return [message for of_chunk in made for message in of_chunk]

    async for contents in results.read_groups(connection, sorted(by_chunk)):
        await send(connection, await asyncio.to_thread(messages_of, contents))


def _isolated(batch: Row[Any], approved: Sequence[Row[Any]], content: bytes, incarnation: str) -> list[Outgoing]:
    """Return the approval messages of one chunk.  Raises OurFault, naming the account, if our own code fails at one."""

    def make(accounts: Sequence[Row[Any]]) -> list[Outgoing]:
        return approval_messages(batch, accounts, content, incarnation)

    def refuse(account: Sequence[Row[Any]], error: Exception) -> list[Outgoing]:
        advice = "nothing was approved; remove it from the batch and approve the others"
        raise OurFault(f"{note_account_fault(account[0].account_id, error)}; {advice}") from error

    made = isolate("cut orders", approved, halves, make, refuse)
    return [message for some in made for message in some]


_FIRST: Final = ("first_by", "first_name", "first_at", "first_note", "first_version")
_BATCH_FIELDS: Final = (
    "batch_id", "version", "status", "reason", "label", "enterprise_ids", "advisor_ids", "accounts", "requested_by",
    "requested_name", "requested_at", "decided_by", "decided_name", "decided_at", "trade_date", "cancel_at", "working",
    "proposed", "failed", "removed", "approved", "cancelled", "short_cents", "long_cents", "estimated_cents",
    "turnover_cents", "note", *_FIRST,
)  # fmt: skip
_ACCOUNT_FIELDS: Final = (
    "account_id", "account_number", "name", "enterprise_id", "advisor_id", "custodian", "taxable", "epoch", "state",
    "liquidate", "stale_code", "failure_code", "failure_text", "removed_name", "removed_version", "facts_version",
    "lots_version", "target_version", "price_set", "chunk_id", "row_no", "remarks", "washes", "earlier_losses",
    "gain_excesses", "edit", *FIGURES,
)  # fmt: skip


def manifest_for(batch: Row[Any], rows: Sequence[Row[Any]], digests: dict[int, str]) -> Manifest:
    """Return the manifest of a decided batch from its rows; figures are lists with one element per logic."""
    header = {field: getattr(batch, field) for field in _BATCH_FIELDS} | {"logic": LOGIC_NAMES[batch.logic]}
    accounts = [{field: getattr(row, field) for field in _ACCOUNT_FIELDS} for row in rows]
    return manifest_of(header, accounts, digests, canonical)


def canonical(document: Any) -> bytes:
    """Return JSON with sorted keys, without spaces, with instants in UTC."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
