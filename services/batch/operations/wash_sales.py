"""The wash-sale check of a batch: what its accounts sell at a loss against what their households buy.

It runs in the transaction that changes what is displayed, once every result is in and after a removal, so displayed and
frozen figures are always those of the remaining accounts.  Its facts come with the results: purchases of the household
before the batch, lots that are sold, buys.  Only households in which an account sells at a loss are read.
Source: product 5, "Wash-sale check"; docs/decisions/0008-wash-sales-in-the-deciding-transaction.md.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns.results import array_text
from services.batch.columns.wash_sales import LOGICS, ChunkTables, Facts, by_chunk, facts_of, tables_of
from services.batch.store import results, wash_sales
from shared.rules.relief.wash import Washes, match

_EPOCH: Final = date(1970, 1, 1)


async def check(connection: AsyncConnection, batch: Row[Any], removed: Sequence[str] | None = None) -> None:
    """Check a locked batch; with `removed` only the households of these accounts that were just removed."""
    households = None if removed is None else await wash_sales.households_of(connection, batch.batch_id, removed)
    rows = await wash_sales.to_check(connection, batch.batch_id, households)
    if not rows:
        return
    day = (batch.trade_date - _EPOCH).days
    members = by_chunk(rows)
    reading: list[asyncio.Future[list[ChunkTables]]] = []
    async for contents in results.read_groups(connection, list(members)):
        chosen = {number: members[number] for number in contents}
        reading.append(asyncio.ensure_future(asyncio.to_thread(tables_of, chosen, contents, day)))
        await asyncio.gather(*reading[:-1])  # unpack one group while the next is fetched, and not more
    tables = [table for of_group in await asyncio.gather(*reading) for table in of_group]
    await wash_sales.put(connection, batch.batch_id, await asyncio.to_thread(washes_of, rows, tables, day))


async def forget(connection: AsyncConnection, batch: Row[Any], again: Sequence[str]) -> None:
    """Mark the households of accounts that are proposed again as not checked, until every result is in."""
    households = await wash_sales.households_of(connection, batch.batch_id, again)
    await wash_sales.clear(connection, batch.batch_id, households)


def washes_of(rows: Sequence[Row[Any]], tables: Sequence[ChunkTables], trade_day: int) -> pa.Table:
    """Return a row for each account that sells at a loss.

    Columns: account_id, both figures (cents) by logic as texts of SQL arrays, matched purchases as JSON (null if none).
    rows: all proposed accounts of the households; tables: tables_of the chunks they are in, in the order of by_chunk;
    trade_day: days since 1970-01-01.
    """
    facts = facts_of(rows, tables, trade_day)
    found = match(facts.losses, facts.purchases, trade_day)
    permanent = ~np.asarray(facts.bought.column("taxable"), np.bool_)[facts.bought_of[found.purchase]]
    cell = facts.owner[found.loss] * LOGICS + facts.logic[found.loss]
    sums = np.zeros((2, len(rows) * LOGICS), np.int64)
    np.add.at(sums[0], cell, found.cents)
    np.add.at(sums[1], cell[permanent], found.cents[permanent])
    purchases = _purchases_by_account(found, facts)
    losing = [index for index, row in enumerate(rows) if row.has_loss]
    figures = [figure.reshape(len(rows), LOGICS).tolist() for figure in sums]
    amounts = [[array_text(figure[index][: facts.logics[index]]) for index in losing] for figure in figures]
    documents = [orjson.dumps(purchases[index]).decode() if index in purchases else None for index in losing]
    return pa.table(
        {
            "account_id": pa.array([rows[index].account_id for index in losing], pa.string()),
            "wash_cents": pa.array(amounts[0], pa.string()),
            "wash_permanent_cents": pa.array(amounts[1], pa.string()),
            "washes": pa.array(documents, pa.string()),
        }
    )


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
