"""What taxlot does with each kind of message.  Effects are idempotent: a message may be delivered twice.

Source: architecture "Request path", product 2.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from services.taxlot.columns import bookings as booking
from services.taxlot.columns import lots, purchases
from services.taxlot.columns.lots import Stored
from services.taxlot.columns.purchases import Losing
from services.taxlot.intake.publish import publish_accounts
from services.taxlot.settings import SERVICE
from services.taxlot.store import approvals, households, offsets, platform
from services.taxlot.store.households import Approved, Member
from shared.contracts import chunks
from shared.contracts.platform import AccountChanged, SecurityChanged
from shared.contracts.topics import Topic
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
from shared.kafka.messages import Chunk, Incoming, Outgoing
from shared.kafka.processor import Handler, concurrently
from shared.kafka.publisher import Publisher
from shared.postgres.pool import Pool
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
_Bought = tuple[list[Member], list[Approved]]
_STORED = (
    "SELECT h.account_id, h.lots_version, h.hold_text, CASE WHEN h.hold_code IS NULL THEN l.document END"
    " FROM holding h LEFT JOIN lots l USING (account_id) WHERE h.account_id = ANY(%s)"
)


# Where the analyzer lacks what we have told: its version or date is older, or it has another file of that date.
_LACKING = """
SELECT h.account_id FROM unnest(%s::text[], %s::bigint[], %s::date[], %s::text[])
    AS s (account_id, lots_version, as_of, file_id) JOIN holding h USING (account_id)
WHERE h.lots_version > s.lots_version OR h.lots_version = s.lots_version
    AND (s.as_of IS NULL OR h.as_of > s.as_of OR h.as_of = s.as_of AND h.file_id::text IS DISTINCT FROM s.file_id)
ORDER BY 1
"""
_COMPARED: Final = ("account_id", "lots_version", "as_of", "file_id")


class Handlers:
    """Handlers of all topics of one worker."""

    def __init__(self, pool: Pool, publisher: Publisher, clock: Clock) -> None:
        self._pool = pool
        self._publisher = publisher
        self._clock = clock

    async def on_securities(self, group: Sequence[SecurityChanged]) -> None:
        """Take in securities: a lot of an unknown one holds its account.  Raises PartialFailure as `on_accounts`."""
        async with self._pool.connection() as connection:
            admitted = await platform.save_securities(connection, group)
        refuse(admitted.refused)

    async def on_accounts(self, group: Sequence[AccountChanged]) -> None:
        """Take in accounts: files name them by custodian and number.

        Raises PartialFailure once the others are stored, for versions that cannot follow what is there.
        """
        async with self._pool.connection() as connection:
            admitted = await platform.save_accounts(connection, group)
        refuse(admitted.refused)

    async def taken_in(self, done: Sequence[Incoming]) -> None:
        """Write down how far accounts and securities have been taken in: files wait for it."""
        async with self._pool.connection() as connection:
            await offsets.note(connection, done)

    async def on_rebalanced(self, group: Sequence[Chunk]) -> None:
        """Take in approved sleeve trades: lots reported without a sleeve follow them."""
        rows = [row for chunk in group for row in _approved(chunk.rows)]
        async with self._pool.connection() as connection:
            await platform.save_approved(connection, rows)
            await approvals.note(connection, [chunk.rows for chunk in group])

    async def on_standing(self, group: Sequence[Chunk]) -> None:
        """Tell holdings once more of every account of which the analyzer has not got the newest.

        Ask batch for the approval of every account of which the analyzer knows one that is not booked here.
        """
        for chunk in group:
            columns = [chunk.rows.column(name).to_pylist() for name in _COMPARED]
            async with self._pool.connection() as connection:
                lacking = [row[0] for row in await (await connection.execute(_LACKING, columns)).fetchall()]
                if lacking:
                    _log.warning("holdings.told_again", accounts=len(lacking), first=lacking[0])
                    await publish_accounts(connection, self._publisher, lacking, self._clock.now())
                unbooked = await approvals.unbooked(connection, chunk.rows)
            if unbooked.num_rows:
                _log.warning("approvals.asked_for", accounts=unbooked.num_rows, first=str(unbooked["account_id"][0]))
                await self._publisher.send(approvals.asked_for(unbooked, self._clock.now()))

    def on_facts(self, answer: Topic) -> Handler:
        """Return the handler that attaches lots and answers to `answer`."""

        async def attached(group: Sequence[Chunk]) -> None:
            stored = await self._stored([one for facts in group for one in facts.rows.column("account_id").to_pylist()])

            async def answered(facts: Chunk) -> None:
                await self._publisher.send(await asyncio.to_thread(self._with_lots, answer, facts, stored))

            await concurrently(answered)(group)

        return attached

    def on_trades(self, answer: Topic) -> Handler:
        """Return the handler that books trades from the lots in the message and answers to `answer`."""

        async def booked(group: Sequence[Chunk]) -> None:
            bookings = await asyncio.gather(*(asyncio.to_thread(_book, trades) for trades in group))
            bought = await self._bought(bookings)

            async def answered(one: _Booking) -> None:
                await self._publisher.send(await asyncio.to_thread(self._with_purchases, answer, one, bought))

            await concurrently(answered)(bookings)

        return booked

    def _with_lots(self, answer: Topic, facts: Chunk, stored: Mapping[str, Stored]) -> list[Outgoing]:
        def bare(row: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
            return lots.attach(failed(row.select(chunks.FACTS.names), code, text), {})

        rows = isolate_rows("attach lots", facts.rows, lambda part: lots.attach(part, stored), bare)
        return self._answer(answer, rows, facts.meta, bare)

    def _answer(self, answer: Topic, rows: pa.RecordBatch, meta: Mapping[str, str], fail: Fail) -> list[Outgoing]:
        return messages.result_chunks(
            answer, rows, meta, source=SERVICE, at=self._clock.now(), too_large=too_large(fail)
        )

    def _with_purchases(self, answer: Topic, one: "_Booking", bought: _Bought) -> list[Outgoing]:
        """Return the answer: booked rows, with what their households bought where they sell at a loss."""
        rows = _purchased(one, bought) if len(one.losing.rows) else one.rows
        return self._answer(answer, rows, one.trades.meta, failed)

    async def _bought(self, bookings: Sequence["_Booking"]) -> _Bought:
        """Return the households of all accounts that sell at a loss, and what approvals bought for them."""
        wanted = {pair for one in bookings for pair in purchases.households_of(one.rows, one.losing)}
        if not wanted:
            return [], []
        days = [one.day for one in bookings]
        window = purchases.window(min(days))[0], purchases.window(max(days))[1]
        async with self._pool.connection() as connection:
            members = await households.members(connection, sorted(wanted))
            names = [one.account_id for one in members]
            return members, await households.approved(connection, names, *window)

    async def _stored(self, accounts: list[Any]) -> dict[str, Stored]:
        async with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            await cursor.execute(_STORED, (accounts,))
            return {account: Stored(version, hold, document) async for account, version, hold, document in cursor}


@dataclass(frozen=True)
class _Booking:
    """A chunk of trades, its trade date in days since 1970-01-01, its booked rows, and what they sell at a loss."""

    trades: Chunk
    day: int
    rows: pa.RecordBatch
    losing: Losing


def _book(trades: Chunk) -> _Booking:
    day = messages.trade_day_of(trades.meta)
    rows = isolate_rows(
        "book trades",
        trades.rows,
        lambda part: booking.book_trades(part, day),
        lambda row, code, text: booking.book_trades(failed(row, code, text), day),
    )
    return _Booking(trades, day, rows, purchases.losing_of(rows))


def _purchased(one: _Booking, bought: _Bought) -> pa.RecordBatch:
    """Return the booked rows with what the households bought: what cannot be read may be another account's lots."""

    def found(places: Sequence[int]) -> pa.RecordBatch:
        rows, trades = (part.slice(places[0], len(places)) for part in (one.rows, one.trades.rows))
        losing = purchases.losing_of(rows)
        return purchases.with_purchases(rows, trades, losing, *bought, one.day) if len(losing.rows) else rows

    def unchecked(places: Sequence[int], error: Exception) -> pa.RecordBatch:
        row = one.rows.slice(places[0], 1)
        return failed(row, OUR_FAULT, note_account_fault(str(row.column("account_id")[0]), error))

    places: Sequence[int] = range(one.rows.num_rows)
    return concat_rows(isolate("find purchases", places, halves, found, unchecked))


def _approved(rows: pa.RecordBatch) -> list[tuple[Any, ...]]:
    """Return (account, epoch, security, sleeve, trade date, units, crossed units) of every approved sleeve trade."""
    found = []
    for row in rows.select(["account_id", "epoch", "trade_date", "trades"]).to_pylist():
        for trade in row["trades"] or ():
            names = (trade["security_id"], trade["sleeve_id"])
            units = (trade["quantity_micro"], trade["crossed_micro"])
            found.append((row["account_id"], row["epoch"], *names, row["trade_date"], *units))
    return found
