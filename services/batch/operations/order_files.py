"""The orders of an approved batch for whoever brings them to market: each by itself, and as blocks with allocations.

They are the orders that the approval sent, with their ids, from the result chunks that it froze.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns.orders import approved_lines
from services.batch.domain.block_orders import OrderLine, block_id, block_orders
from services.batch.domain.states import Status
from services.batch.operations.problems import NoOrders
from services.batch.store import order_files, results
from services.batch.store.database import read_incarnation
from services.batch.views.order_files import block_cells, order_cells
from shared.contracts.tenancy import Scope
from shared.ids import event_id
from shared.tables.columns import Row as Cells

Members = Sequence[Row[Any]]
_PART: Final = 500
_YET: Final = "so it has sent no orders. They can be taken out once it is approved."
_NEVER: Final = "so it sent no orders and nothing of it is to be traded."
_WHY_NONE: Final[Mapping[Status, str]] = {
    Status.WORKING: f"is still being proposed, {_YET}",
    Status.PENDING_APPROVAL: f"is not approved yet, {_YET}",
    Status.CANCELLED: f"was cancelled, {_NEVER}",
    Status.FAILED: f"failed for all its accounts, {_NEVER}",
}


async def approved_of(
    connection: AsyncConnection, scope: Scope, batch: Row[Any], *, is_clock_moved: bool = False
) -> Members:
    """Return the approved accounts of a batch.

    is_clock_moved: the service's clock is one that can be moved, so its instants say nothing about when the database
    began: whether it was restored since is not looked at then.

    Raises NoOrders if it is not approved; if not all of its accounts are in scope, because a block of part of them
    would be taken for the whole; and if the ids that its orders were sent with are not known any more.
    """
    status, name = Status(batch.status), f"Request {batch.batch_id}"
    if status is not Status.APPROVED:
        raise NoOrders(f"{name} {_WHY_NONE[status]}")
    if batch.is_part:
        raise NoOrders(
            f"{name} has accounts that are not yours to see, and an order file is of all of them. Ask somebody who may"
            " see the whole request."
        )
    if not is_clock_moved and await order_files.is_of_before(connection, batch.batch_id):
        raise NoOrders(
            f"{name} was approved before the database was restored, so the ids that its orders were sent with are not"
            " known any more. Take the orders from the events that were sent then, so that none is traded twice."
        )
    return await order_files.approved(connection, scope, batch.batch_id)


async def order_rows(connection: AsyncConnection, batch: Row[Any], members: Members) -> AsyncIterator[list[Cells]]:
    """Yield a row for each order of approved accounts, in the order of their results."""
    async for lines in _lines(connection, batch, members):
        for start in range(0, len(lines), _PART):
            yield [order_cells(line) for line in lines[start : start + _PART]]


async def block_rows(connection: AsyncConnection, batch: Row[Any], members: Members) -> AsyncIterator[list[Cells]]:
    """Yield the block orders of approved accounts, each with its allocations, by security, buys first."""
    incarnation = await read_incarnation(connection)
    lines = [line async for some in _lines(connection, batch, members) for line in some]

    blocks = await asyncio.to_thread(block_orders, lines)
    rows = chain.from_iterable(
        block_cells(block, block_id(event_id, batch.batch_id, incarnation, block)) for block in blocks
    )
    while some := list(islice(rows, _PART)):
        yield some


async def _lines(connection: AsyncConnection, batch: Row[Any], members: Members) -> AsyncIterator[list[OrderLine]]:
    """Yield the orders of each result chunk."""
    incarnation = await read_incarnation(connection)
    by_chunk: dict[int, list[Row[Any]]] = {}
    for member in members:
        by_chunk.setdefault(member.chunk_id, []).append(member)

    def lines_of(number: int, content: bytes) -> list[OrderLine]:
        return list(approved_lines(batch, by_chunk[number], content, incarnation))

    async for contents in results.read_groups(connection, list(by_chunk)):
        for number, content in contents.items():
            yield await asyncio.to_thread(lines_of, number, content)
