"""The orders of an approved batch as files: each order by itself, and block orders with their allocations.

What is approved is frozen: what is wrong is said before the first byte, and the file is read while it is written.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.operations import order_files
from services.batch.operations.order_files import Members
from services.batch.routes.dependencies import batch_of, dependencies_of
from services.batch.views.order_files import BLOCK_FILE, ORDER_FILE
from shared.contracts.tenancy import Scope, scope_of
from shared.http import routing
from shared.http.parameters import BatchPath
from shared.tables.columns import Column
from shared.tables.columns import Row as Cells
from shared.tables.csv_file import CsvFile
from shared.tables.streamed import streamed

router = routing.router(prefix="/v1/batches", tags=["batches"])
Rows = Callable[[AsyncConnection, Row[Any], Members], AsyncIterator[Sequence[Cells]]]
_MEDIA: Final = CsvFile.media_type


@router.get("/{batch_id}/orders", operation_id="export_orders", response_class=StreamingResponse)
async def export_orders(request: Request, caller: routing.Caller, batch_id: BatchPath) -> StreamingResponse:
    """Return the orders that the approval of a batch sent as CSV, a row for each."""
    return await _file(request, scope_of(caller), batch_id, "orders", ORDER_FILE, order_files.order_rows)


@router.get("/{batch_id}/block-orders", operation_id="export_block_orders", response_class=StreamingResponse)
async def export_block_orders(request: Request, caller: routing.Caller, batch_id: BatchPath) -> StreamingResponse:
    """Return the orders of an approved batch as CSV by security and side, each block with its allocations."""
    return await _file(request, scope_of(caller), batch_id, "block-orders", BLOCK_FILE, order_files.block_rows)


async def _file(
    request: Request, scope: Scope, batch_id: int, what: str, columns: Sequence[Column], rows: Rows
) -> StreamingResponse:
    """Return the file.  Raises NotFound, and NoOrders as `order_files.approved_of`."""
    service = dependencies_of(request)
    database, is_clock_moved = service.database, service.settings.clock_file is not None
    async with database.snapshot(scope) as connection:
        await _approved(connection, scope, batch_id, is_clock_moved)

    async def read() -> AsyncIterator[Sequence[Cells]]:
        async with database.snapshot(scope) as connection:
            batch, members = await _approved(connection, scope, batch_id, is_clock_moved)
            async for some in rows(connection, batch, members):
                yield some

    headers = {"Content-Disposition": f'attachment; filename="request-{batch_id}-{what}.csv"'}
    return StreamingResponse(streamed(CsvFile(columns), read()), headers=headers, media_type=_MEDIA)


async def _approved(
    connection: AsyncConnection, scope: Scope, batch_id: int, is_clock_moved: bool
) -> tuple[Row[Any], Members]:
    batch = await batch_of(connection, scope, batch_id)
    return batch, await order_files.approved_of(connection, scope, batch, is_clock_moved=is_clock_moved)
