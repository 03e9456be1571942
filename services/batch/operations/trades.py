"""What a batch trades, by security over its accounts and by account of one security; from the kept results."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.columns.market_orders import market_orders, sums_of
from services.batch.domain.market_orders import BatchSums, SecuritySums, TradeSums, batch_sums
from services.batch.store import results, trades
from shared.contracts.tenancy import Scope

Members = Sequence[Row[Any]]


async def by_security(
    connection: AsyncConnection,
    chunks: AsyncConnection,
    scope: Scope,
    batch: Row[Any],
    matching: Sequence[ColumnElement[bool]],
) -> BatchSums:
    """Return what accounts of the batch trade of each security under the logic in force: the matching ones, and all.

    chunks: reads the result chunks of accounts that were found in scope.
    """
    filtered: dict[str, TradeSums] = defaultdict(TradeSums)
    others: dict[str, TradeSums] = defaultdict(TradeSums)

    def add(members: Members, content: bytes) -> None:
        is_filtered = np.array([member.is_filtered for member in members], np.int64)
        for security_id, is_of_filter, sums in sums_of(market_orders(content, members, batch.logic), is_filtered):
            part = filtered if is_of_filter else others
            part[security_id] = part[security_id] + sums

    await each_chunk(chunks, await trades.members(connection, scope, batch.batch_id, matching), add)
    names = filtered.keys() | others.keys()
    return batch_sums([SecuritySums(name, filtered[name], filtered[name] + others[name]) for name in names])


async def of_security(
    connection: AsyncConnection,
    chunks: AsyncConnection,
    scope: Scope,
    batch: Row[Any],
    security_id: str,
    matching: Sequence[ColumnElement[bool]],
) -> list[tuple[Row[Any], dict[str, Any]]]:
    """Return the matching accounts that trade a security, each with its order, the largest value first.

    The order: as `columns.market_orders` has it.
    """
    found: list[tuple[Row[Any], dict[str, Any]]] = []

    def add(members: Members, content: bytes) -> None:
        orders = market_orders(content, members, batch.logic)
        of_it = orders.filter(pc.equal(orders.column("security_id"), pa.scalar(security_id)))
        found.extend((members[order["account"]], order) for order in of_it.to_pylist())

    members = await trades.members(connection, scope, batch.batch_id, matching)
    await each_chunk(chunks, [member for member in members if member.is_filtered], add)
    return sorted(found, key=lambda each: (-each[1]["cents"], each[0].account_id))


async def each_chunk(connection: AsyncConnection, members: Members, add: Callable[[Members, bytes], None]) -> None:
    """Call `add` with the members of each result chunk and its content, beside the event loop.

    Raises KeyError if a chunk cannot be read in this scope: sums over part of the accounts would be wrong.
    """
    by_chunk: dict[int, list[Row[Any]]] = {}
    for member in members:
        by_chunk.setdefault(member.chunk_id, []).append(member)

    def add_all(contents: Mapping[int, bytes]) -> None:
        for number, content in contents.items():
            add(by_chunk[number], content)

    async for contents in results.read_groups(connection, list(by_chunk)):
        await asyncio.to_thread(add_all, contents)
