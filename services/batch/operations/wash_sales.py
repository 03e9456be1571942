"""The wash-sale check of a batch: losses of its accounts, and approved ones, against what their households buy.

It runs in the transaction that changes what is displayed, once every result is in and after a removal, so displayed and
frozen figures are always those of the remaining accounts.  Its facts come with the results (purchases of the household
before the batch, lots that are sold, buys) and from what approved batches left (`wash_approvals`).  Only households in
which an account sells at a loss, or has had a loss approved, are read.  The days of its window count from the session
on which its orders would be traded, which is a later one once the exchange has closed.
Source: product 5, "Wash-sale check"; docs/decisions/0008-wash-sales-in-the-deciding-transaction.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns.results import array_text
from services.batch.columns.wash_earlier import Earlier, earlier_of
from services.batch.columns.wash_sales import LOGICS, ChunkTables, Facts, by_chunk, facts_of, tables_of
from services.batch.domain.figures import EARLIER_FIGURES, WASH_FIGURES
from services.batch.domain.schedule import session_of
from services.batch.store import approved_losses, batches, results, wash_sales
from shared.columnar import Ints
from shared.contracts.codes import Bought
from shared.rules.relief.wash import Washes, match

_EPOCH: Final = date(1970, 1, 1)


async def check(connection: AsyncConnection, batch: Row[Any], now: datetime) -> bool:
    """Check a locked batch as if it were approved now; return whether a displayed figure has changed."""
    turn = await approved_losses.turn_of(connection, batch.enterprise_ids)  # before what it counts is read
    session = session_of(now)
    changed = await _check(connection, batch, session, None)
    await batches.touch(connection, batch.batch_id, {"wash_seen": turn, "wash_session": session})
    return changed


async def check_households(
    connection: AsyncConnection, batch: Row[Any], accounts: Sequence[str], now: datetime
) -> bool:
    """Check the households of accounts that were removed from a locked batch, or put back; return as `check`.

    They are checked for the session that the others were checked for: a later one is found at the approval.
    """
    households = await wash_sales.households_of(connection, batch.batch_id, accounts)
    return await _check(connection, batch, batch.wash_session or session_of(now), households)


async def _check(connection: AsyncConnection, batch: Row[Any], session: date, households: Sequence[str] | None) -> bool:
    """Check the households, None for all, with trades on a session; return whether a displayed figure has changed."""
    rows = await wash_sales.to_check(connection, batch.batch_id, session, households)
    if not rows:
        return False
    day = (session - _EPOCH).days
    tables = await _tables(connection, rows, day)
    shared = sorted({row.household for row in rows})
    earlier = earlier_of(*await approved_losses.read(connection, batch, session, shared))
    checked = await asyncio.to_thread(washes_of, rows, tables, day, earlier)
    return await wash_sales.put(connection, batch.batch_id, checked) > 0


async def _tables(connection: AsyncConnection, rows: Sequence[Row[Any]], day: int) -> list[ChunkTables]:
    """Return tables_of the chunks of these rows.  day: of the trades, days since 1970-01-01."""
    members = by_chunk(rows)
    reading: list[asyncio.Future[list[ChunkTables]]] = []
    async for contents in results.read_groups(connection, list(members)):
        chosen = {number: members[number] for number in contents}
        reading.append(asyncio.ensure_future(asyncio.to_thread(tables_of, chosen, contents, day)))
        await asyncio.gather(*reading[:-1])  # unpack one group while the next is fetched, and not more
    return [table for of_group in await asyncio.gather(*reading) for table in of_group]


async def forget(connection: AsyncConnection, batch: Row[Any], again: Sequence[str]) -> None:
    """Mark the households of accounts that are proposed again as not checked, until every result is in."""
    households = await wash_sales.households_of(connection, batch.batch_id, again)
    await wash_sales.clear(connection, batch.batch_id, households)
    await batches.touch(connection, batch.batch_id, {"wash_seen": None})


def washes_of(rows: Sequence[Row[Any]], tables: Sequence[ChunkTables], trade_day: int, earlier: Earlier) -> pa.Table:
    """Return a row for each account.

    Columns: account_id, WASH_FIGURES and EARLIER_FIGURES (cents) by logic as texts of SQL arrays, matched purchases and
    disallowed earlier losses as JSON (null if none).  rows: all proposed accounts of the households; tables: tables_of
    the chunks they are in, in the order of by_chunk; trade_day: days since 1970-01-01; earlier: of the households.
    """
    facts = facts_of(rows, tables, trade_day, earlier)
    found = match(facts.losses, facts.purchases)
    permanent = ~np.asarray(facts.bought.column("taxable"), np.bool_)[facts.bought_of[found.purchase]]
    is_own = found.loss < len(facts.owner)
    own = Washes._make(column[is_own] for column in found)
    cell = facts.owner[own.loss] * LOGICS + facts.logic[own.loss]
    # What others bought disallows an approved loss too, and stands where that is displayed: here only own buys warn.
    kind = np.asarray(facts.bought.column("kind"), np.int64)[facts.bought_of[found.purchase]]
    is_warned = ~is_own & (kind == Bought.PROPOSED)
    warned = Washes._make(column[is_warned] for column in found)
    buyer = np.asarray(facts.bought.column("owner"), np.int64)[facts.bought_of[warned.purchase]]
    buyer_cell = buyer * LOGICS + facts.purchases.group[warned.purchase] % LOGICS
    figures = (
        *_sums(cell, own.cents, permanent[is_own], len(rows)),
        *_sums(buyer_cell, warned.cents, permanent[is_warned], len(rows)),
    )
    texts = [
        [array_text(values[: facts.logics[index]]) for index, values in enumerate(figure.tolist())]
        for figure in figures
    ]
    documents = [_purchases_by_account(own, facts), _losses_by_buyer(warned, buyer, facts)]
    names = (*WASH_FIGURES, *EARLIER_FIGURES)
    return pa.table(
        {
            "account_id": pa.array([row.account_id for row in rows], pa.string()),
            **{name: pa.array(text, pa.string()) for name, text in zip(names, texts, strict=True)},
            **{
                name: pa.array(_json(document, len(rows)), pa.string())
                for name, document in zip(("washes", "earlier_losses"), documents, strict=True)
            },
        }
    )


def _sums(cell: Ints, cents: Ints, permanent: Any, accounts: int) -> tuple[Ints, Ints]:
    """Return the sums of all and of the permanent ones, by account and logic.  cell: account x LOGICS + logic."""
    sums = np.zeros((2, accounts * LOGICS), np.int64)
    np.add.at(sums[0], cell, cents)
    np.add.at(sums[1], cell[permanent], cents[permanent])
    return sums[0].reshape(accounts, LOGICS), sums[1].reshape(accounts, LOGICS)


def _json(documents: Mapping[int, Any], accounts: int) -> list[str | None]:
    return [orjson.dumps(documents[index]).decode() if index in documents else None for index in range(accounts)]


def _purchases_by_account(found: Washes, facts: Facts) -> dict[int, list[dict[str, Any]]]:
    """Return the matched purchases of each account, by its index among the rows: what was sold, what was bought."""
    sold, bought = facts.slices, facts.bought
    sold_at: Any = pa.array(facts.slice_of[found.loss])
    bought_at: Any = pa.array(facts.bought_of[found.purchase])
    columns = {
        **{name: sold.column(name).take(sold_at) for name in ("logic", "security", "sleeve_id", "lot_id")},
        **{name: bought.column(name).take(bought_at) for name in ("bought", "kind", "taxable", "account_id")},
        "account_number": bought.column("account_number").take(bought_at),
        "bought_lot_id": bought.column("lot_id").take(bought_at),
    }
    values = [column.to_pylist() for column in columns.values()]
    names = (*columns, "units", "cents")
    purchases: dict[int, list[dict[str, Any]]] = defaultdict(list)
    owners = facts.owner[found.loss].tolist()
    for owner, *fields in zip(owners, *values, found.units.tolist(), found.cents.tolist(), strict=True):
        purchases[owner].append(dict(zip(names, fields, strict=True)))
    return purchases


def _losses_by_buyer(found: Washes, buyer: Ints, facts: Facts) -> dict[int, list[dict[str, Any]]]:
    """Return the approved losses that the buys of each account disallow, by its index among the rows."""
    lost_at: Any = pa.array(facts.earlier_of[found.loss - len(facts.owner)])
    bought_at: Any = pa.array(facts.bought_of[found.purchase])
    taken = ("security", "batch_id", "day", "account_id", "account_number", "lot_id", "sleeve_id")
    columns = {name: facts.earlier.column(name).take(lost_at).to_pylist() for name in taken}
    columns["taxable"] = facts.bought.column("taxable").take(bought_at).to_pylist()
    columns["logic"] = (facts.purchases.group[found.purchase] % LOGICS).tolist()
    losses: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for index, *fields in zip(
        buyer.tolist(), *columns.values(), found.units.tolist(), found.cents.tolist(), strict=True
    ):
        losses[index].append(dict(zip((*columns, "units", "cents"), fields, strict=True)))
    return losses
