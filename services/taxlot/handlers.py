"""Handlers of taxlot, one for each kind of message.  Effects are idempotent: a message may be delivered twice.

Source: architecture "Request path", product 2.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from services.taxlot.columns import bookings, lots, purchases
from services.taxlot.columns.purchases import Traded
from services.taxlot.domain.holdings import StoredHolding
from services.taxlot.domain.households import HouseholdFacts
from services.taxlot.intake.publish import publish_accounts
from services.taxlot.settings import SERVICE
from services.taxlot.store import approvals, holdings, households, offsets, platform
from shared.contracts import chunks, topics
from shared.contracts.platform import AccountChanged, SecurityChanged
from shared.contracts.topics import Topic
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.faults import refuse
from shared.kafka.isolation import (
    OUR_FAULT,
    Fail,
    concat_rows,
    failed,
    halves,
    isolate,
    isolate_rows,
    note_account_fault,
    too_large,
)
from shared.kafka.messages import Chunk, Incoming, Outgoing, decided_at_of
from shared.kafka.processor import Handler, concurrently
from shared.kafka.publisher import Publisher
from shared.postgres.pool import Pool
from shared.runtime import log, trace
from shared.runtime.clock import Clock

_MOST_UNBOOKED: Final = 2_000  # accounts in a message, as in the analyzer's requests for flags
_log = log.get(__name__)


class Handlers:
    """Handlers of all topics of one worker."""

    def __init__(self, pool: Pool, publisher: Publisher, clock: Clock) -> None:
        self._pool = pool
        self._publisher = publisher
        self._clock = clock

    async def on_securities(self, group: Sequence[SecurityChanged]) -> None:
        """Store securities: a lot of an unknown security holds its account.  Raises PartialFailure as `on_accounts`."""
        async with self._pool.connection() as connection:
            admitted = await platform.save_securities(connection, group)
        refuse(admitted.refused)

    async def on_accounts(self, group: Sequence[AccountChanged]) -> None:
        """Store accounts: files name them by custodian and number.

        Raises PartialFailure once the others are stored, for versions that contradict the stored ones.
        """
        async with self._pool.connection() as connection:
            admitted = await platform.save_accounts(connection, group)
        refuse(admitted.refused)

    async def note_offsets(self, done: Sequence[Incoming]) -> None:
        """Store how far accounts, securities and approvals have been read: a file waits for it before it is loaded."""
        async with self._pool.connection() as connection:
            await offsets.note(connection, done)

    async def on_rebalanced(self, group: Sequence[Chunk]) -> None:
        """Store approved sleeve trades: lots reported without a sleeve follow them."""
        rows = [row for chunk in group for row in _approved_trades(chunk)]
        async with self._pool.connection() as connection:
            await platform.save_approved(connection, rows)
            await approvals.note(connection, [chunk.rows for chunk in group])

    async def on_standing(self, group: Sequence[Chunk]) -> None:
        """Publish once more the holdings of every account whose newest one the analyzer lacks.

        Request from batch the approval of every account of which the analyzer knows one that is not booked here.
        """
        for chunk in group:
            async with self._pool.connection() as connection:
                outdated = await holdings.outdated(connection, chunk.rows)
                if outdated:
                    _log.warning("holdings.published_again", accounts=len(outdated), account_id=outdated[0])
                    await publish_accounts(connection, self._publisher, outdated, self._clock.now())
                unbooked = await approvals.unbooked(connection, chunk.rows)
            if unbooked.num_rows:
                first = str(unbooked["account_id"][0])
                _log.warning("approvals.requested", accounts=unbooked.num_rows, account_id=first)
                await self._publisher.send(_approval_requests(unbooked, self._clock.now()))

    def on_facts(self, reply_topic: Topic) -> Handler:
        """Return the handler that attaches lots and sends the result to `reply_topic`."""

        async def handle(group: Sequence[Chunk]) -> None:
            columns: list[Any] = [facts.rows.column("account_id") for facts in group]
            accounts = [account for column in columns for account in column.to_pylist()]
            async with self._pool.connection() as connection:
                stored = await holdings.stored(connection, accounts)

            async def reply(facts: Chunk) -> None:
                with trace.within(facts.span):
                    await self._publisher.send(await asyncio.to_thread(self._with_lots, reply_topic, facts, stored))

            await concurrently(reply)(group)

        return handle

    def on_trades(self, reply_topic: Topic) -> Handler:
        """Return the handler that books trades from the lots in the message and sends the result to `reply_topic`."""

        async def handle(group: Sequence[Chunk]) -> None:
            booked = await asyncio.gather(*(asyncio.to_thread(_book, trades) for trades in group))
            facts = await self._household_facts(booked)

            async def reply(booking: _Booking) -> None:
                with trace.within(booking.trades.span):
                    replies = await asyncio.to_thread(self._with_purchases, reply_topic, booking, facts)
                    await self._publisher.send(replies)

            await concurrently(reply)(booked)

        return handle

    def _with_lots(self, reply_topic: Topic, facts: Chunk, stored: Mapping[str, StoredHolding]) -> list[Outgoing]:
        def without_lots(row: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
            return lots.attach(failed(row.select(chunks.FACTS.names), code, text), {})

        rows = isolate_rows("attach lots", facts.rows, lambda part: lots.attach(part, stored), without_lots)
        return self._reply(reply_topic, rows, facts.meta, without_lots)

    def _with_purchases(self, reply_topic: Topic, booking: "_Booking", facts: HouseholdFacts) -> list[Outgoing]:
        """Return the reply: booked rows, with the purchases of households that sell at a loss or have sold before."""
        needed = len(booking.loss_sales.rows) or (len(facts.sold.account_id) and len(booking.buys.rows))
        rows = _add_purchases(booking, facts) if needed else booking.rows
        return self._reply(reply_topic, rows, booking.trades.meta, failed)

    def _reply(self, topic: Topic, rows: pa.RecordBatch, meta: Mapping[str, str], fail: Fail) -> list[Outgoing]:
        return messages.result_chunks(
            topic, rows, meta, source=SERVICE, at=self._clock.now(), too_large=too_large(fail)
        )

    async def _household_facts(self, booked: Sequence["_Booking"]) -> HouseholdFacts:
        """Return the households of all accounts that sell at a loss, or buy what their household sold by an approval,
        what approvals bought for them, and those sales."""
        losing = {pair for each in booked for pair in purchases.households_of(each.rows, each.loss_sales)}
        buying = {pair for each in booked for pair in purchases.households_of(each.rows, each.buys)}
        traders = {
            name for each in booked for part in (each.loss_sales, each.buys)
            for name in purchases.accounts_of(each.rows, part)
        }  # fmt: skip
        if not traders:
            return HouseholdFacts([], [])
        days = [booking.day for booking in booked]
        window = purchases.window(min(days))[0], purchases.window(max(days))[1]
        async with self._pool.connection() as connection:
            household_of = await households.accounts(connection, sorted(losing | buying))
            sold = await households.sold(connection, sorted(traders | household_of.keys()), *window)
            wanted = losing | {household_of[name] for name in set(sold.account_id) & household_of.keys()}
            if not wanted:
                return HouseholdFacts([], [], sold)
            members = await households.members(connection, sorted(wanted))
            names = [member.account_id for member in members]
            return HouseholdFacts(members, await households.approved(connection, names, *window), sold)


@dataclass(frozen=True)
class _Booking:
    """A chunk of trades, its trade date in days since 1970-01-01, its booked rows, their sales at a loss and buys."""

    trades: Chunk
    day: int
    rows: pa.RecordBatch
    loss_sales: Traded
    buys: Traded


def _book(trades: Chunk) -> _Booking:
    day = messages.trade_day_of(trades.meta)
    rows = isolate_rows(
        "book trades",
        trades.rows,
        lambda part: bookings.book_trades(part, day),
        lambda row, code, text: bookings.book_trades(failed(row, code, text), day),
    )
    return _Booking(trades, day, rows, purchases.loss_sales_of(rows), purchases.buys_of(rows))


def _add_purchases(booking: _Booking, facts: HouseholdFacts) -> pa.RecordBatch:
    """Return the booked rows with the purchases of their households.

    An account whose household cannot be read fails alone: the unreadable lots may be another account's.
    """

    def checked(indices: Sequence[int]) -> pa.RecordBatch:
        rows, trades = (part.slice(indices[0], len(indices)) for part in (booking.rows, booking.trades.rows))
        losses = purchases.loss_sales_of(rows)
        is_needed = len(losses.rows) or len(facts.sold.account_id)
        return purchases.with_purchases(rows, trades, losses, facts, booking.day) if is_needed else rows

    def unchecked(indices: Sequence[int], error: Exception) -> pa.RecordBatch:
        row = booking.rows.slice(indices[0], 1)
        return failed(row, OUR_FAULT, note_account_fault(str(row.column("account_id")[0]), error))

    indices: Sequence[int] = range(booking.rows.num_rows)
    return concat_rows(isolate("find purchases", indices, halves, checked, unchecked))


def _approved_trades(chunk: Chunk) -> list[tuple[Any, ...]]:
    """Return (account, epoch, security, sleeve, trade date, units, crossed units, instant of the approval) of every
    approved sleeve trade; the instant is None in chunks of early releases.

    The trade date is the session on which its orders are traded, which may lie after the business date of the batch.
    """
    approved = []
    decided_at = decided_at_of(chunk.meta)
    for row in chunk.rows.select(["account_id", "epoch", "trade_date", "trades", "session"]).to_pylist():
        for trade in row["trades"] or ():
            names = (trade["security_id"], trade["sleeve_id"])
            units = (trade["quantity_micro"], trade["crossed_micro"])
            approved.append(
                (row["account_id"], row["epoch"], *names, row["session"] or row["trade_date"], *units, decided_at)
            )
    return approved


def _approval_requests(unbooked: pa.RecordBatch, at: datetime) -> list[Outgoing]:
    """Return the messages that request the approvals of these UNBOOKED rows from batch."""
    requests = []
    for begin in range(0, unbooked.num_rows, _MOST_UNBOOKED):
        part = unbooked.slice(begin, _MOST_UNBOOKED)
        first = str(part.column("account_id")[0])
        identity = event_id("unbooked", first, part.num_rows, at.isoformat())
        requests.append(messages.chunk(topics.UNBOOKED, first, part, {}, event_id=identity, source=SERVICE, at=at))
    return requests
