"""Whole lists as tables: exactly the rows of the list under the same filter and order, read while they are written.

Every query of a table runs in the one snapshot of its connection, so the number of rows is known before the first.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.columns.trades import proposed_orders
from services.batch.domain.figures import LOGIC_NAMES
from services.batch.domain.filters import SortOrder
from services.batch.domain.states import AccountState, Status
from services.batch.domain.trades import ProposedOrder
from services.batch.store import batch_pages, executions, member_pages, queue, results
from services.batch.store.tables import BATCH_ACCOUNT
from services.batch.store.whole_lists import row_groups
from services.batch.views import files
from services.batch.views import rows as views
from shared.contracts.tenancy import Scope
from shared.tables import columns
from shared.tables.columns import Column

Matching = Sequence[ColumnElement[bool]]
ChunkReader = Callable[[AsyncConnection, Row[Any]], AbstractAsyncContextManager[AsyncConnection]]
Groups = AsyncGenerator[Sequence[columns.Row], None]
_PART: Final = 500
# Their orders lie in chunks of many accounts each: the more are looked up at once, the fewer chunks are read twice.
_ACCOUNTS_OF_TRADES: Final = 4000
_TRADED: Final = (str(AccountState.PROPOSED), str(AccountState.APPROVED))


@dataclass(frozen=True)
class ExportedList:
    """A list as a table.  rows: their number, as the list says it; groups: to be read once."""

    columns: Sequence[Column]
    rows: int
    groups: Groups


async def of_queue(connection: AsyncConnection, scope: Scope, matching: Matching, order: SortOrder) -> ExportedList:
    """Return the queue as a table."""

    async def read() -> Groups:
        async with aclosing(row_groups(connection, queue.listed(scope, matching, order), _PART)) as found:
            async for group in found:
                yield [files.queue_cells(views.queue_row(row)) for row in group]

    return ExportedList(files.QUEUE_FILE, await queue.count(connection, scope, matching), read())


async def of_accounts(
    connection: AsyncConnection, scope: Scope, batch: Row[Any], matching: Matching, order: SortOrder
) -> ExportedList:
    """Return the accounts of a batch as a table."""
    is_approved, is_checked = batch.status == Status.APPROVED, batch.wash_seen is not None

    async def read() -> Groups:
        listed = member_pages.listed(scope, batch.batch_id, batch.logic, matching, order)
        async with aclosing(row_groups(connection, listed, _PART)) as found:
            async for group in found:
                accounts = [row.account_id for row in group]
                reported = await executions.counts(connection, scope, batch.batch_id, accounts) if is_approved else {}
                yield [
                    files.account_cells(
                        views.member_row(row, reported=reported.get(row.account_id, {}), is_checked=is_checked)
                    )
                    for row in group
                ]

    return ExportedList(
        files.ACCOUNTS_FILE, await member_pages.count(connection, scope, batch.batch_id, matching), read()
    )


async def of_trades(
    chunks_of: ChunkReader,
    connection: AsyncConnection,
    scope: Scope,
    batch: Row[Any],
    matching: Matching,
    order: SortOrder,
) -> ExportedList:
    """Return the orders of the accounts of a batch as a table, a row for each, in the order of the accounts.

    Only of accounts that are proposed or approved: what was removed, failed or cancelled is not traded.
    chunks_of: gives a connection that reads the result chunks of accounts that were found in scope.
    """

    traded = (*matching, BATCH_ACCOUNT.c.state.in_(_TRADED), BATCH_ACCOUNT.c.chunk_id.is_not(None))

    async def read() -> Groups:
        listed = member_pages.listed(scope, batch.batch_id, batch.logic, traded, order)
        async with (
            aclosing(row_groups(connection, listed, _ACCOUNTS_OF_TRADES)) as found,
            chunks_of(connection, batch) as chunks,
        ):
            async for group in found:
                orders = await _orders_of(chunks, group, batch.logic)
                cells = [
                    files.trade_cells(row, views.result_sentence(row), LOGIC_NAMES[batch.logic], each)
                    for row in group
                    for each in orders[row.chunk_id, row.row_no]
                ]
                for start in range(0, len(cells), _PART):
                    yield cells[start : start + _PART]

    rows = await member_pages.count_orders(connection, scope, batch.batch_id, batch.logic, traded)
    return ExportedList(files.TRADES_FILE, rows, read())


async def of_history(
    connection: AsyncConnection, scope: Scope, asked: batch_pages.BatchFilter, order: SortOrder
) -> ExportedList:
    """Return decided batches as a table."""

    async def read() -> Groups:
        async with aclosing(row_groups(connection, batch_pages.listed(scope, asked, order), _PART)) as found:
            async for group in found:
                yield [files.history_cells(views.batch_summary(row)) for row in group]

    return ExportedList(files.HISTORY_FILE, await batch_pages.count(connection, scope, asked), read())


async def _orders_of(
    connection: AsyncConnection, accounts: Sequence[Row[Any]], logic: int
) -> dict[tuple[int, int], list[ProposedOrder]]:
    """Return the orders of accounts by chunk and row."""
    wanted = defaultdict[int, list[int]](list)
    for account in accounts:
        wanted[account.chunk_id].append(account.row_no)
    found: dict[tuple[int, int], list[ProposedOrder]] = {}

    def add(contents: dict[int, bytes]) -> None:
        for chunk, content in contents.items():
            for row, orders in proposed_orders(content, wanted[chunk], logic).items():
                found[chunk, row] = orders

    async for contents in results.read_groups(connection, sorted(wanted)):
        await asyncio.to_thread(add, contents)
    return found
