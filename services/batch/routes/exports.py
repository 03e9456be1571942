"""Lists as files: what is filtered, whole, in the order that is displayed, as CSV or XLSX.

What is wrong with a request is said before the first byte; a file that could not be written to its end is cut off.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from services.batch.domain.figures import tile_choice
from services.batch.domain.filters import parse_clauses, parse_sort
from services.batch.domain.states import DECIDED
from services.batch.operations import exports
from services.batch.operations.exports import ExportedList
from services.batch.routes.dependencies import batch_of, chunk_reader, dependencies_of
from services.batch.store import batch_pages
from services.batch.store.filters import MEMBER_FIELDS, QUEUE_COLUMNS, members_matching, queue_matching
from shared.contracts.filter_fields import BATCH_FIELDS, HISTORY_FIELDS, QUEUE_FIELDS
from shared.contracts.tenancy import scope_of
from shared.http import routing
from shared.http.invalid import refused
from shared.http.parameters import (
    BatchClauses,
    BatchPath,
    FileFormat,
    HistoryClauses,
    HistorySearch,
    OnlyCheck,
    QueueClauses,
    SearchParameter,
    Sort,
    Tiles,
)
from shared.rules.trading_calendar import NEW_YORK
from shared.tables.columns import TableWriter
from shared.tables.csv_file import CsvFile
from shared.tables.streamed import streamed
from shared.tables.xlsx_file import MOST_ROWS, XlsxFile

router = routing.router(prefix="/v1/exports", tags=["exports"])

ROWS: Final = "X-Rows"
_REMARK: Final = (
    "Money is in US dollars, weights are shares of the account's value. An empty cell: not known, or there is none."
    " Times are in UTC."
)
Read = Callable[[AsyncConnection], Awaitable[ExportedList]]


@dataclass(frozen=True)
class _Asked:
    """A file that is asked for.  what: its name and that of its sheet; filters: as they stand in the address."""

    request: Request
    caller: routing.Caller
    what: str
    format: FileFormat
    check: OnlyCheck
    filters: Sequence[str] = ()
    sort: str | None = None


@router.get("/queue", operation_id="export_queue", response_class=StreamingResponse)
async def export_queue(
    request: Request,
    caller: routing.Caller,
    tile: Tiles = None,
    f: QueueClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the accounts that need rebalancing as a file."""
    scope = scope_of(caller)
    matching = queue_matching(parse_clauses(f or [], QUEUE_FIELDS), q, tile_choice(tile or []))
    order = parse_sort(sort, QUEUE_COLUMNS, "account_number")

    async def read(connection: AsyncConnection) -> ExportedList:
        return await exports.of_queue(connection, scope, matching, order)

    return await _file(_Asked(request, caller, "accounts", format, check, _filters(tile, f, q), sort), read)


@router.get("/batches/{batch_id}/accounts", operation_id="export_batch_accounts", response_class=StreamingResponse)
async def export_batch_accounts(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the accounts of a batch as a file; those of a decided one as they were frozen."""
    read = _of_batch(caller, batch_id, tile, f, q, sort, exports.of_accounts)
    what = f"request-{batch_id}-accounts"
    return await _file(_Asked(request, caller, what, format, check, _filters(tile, f, q), sort), read)


@router.get("/batches/{batch_id}/trades", operation_id="export_batch_trades", response_class=StreamingResponse)
async def export_batch_trades(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the orders of the filtered accounts of a batch as a file, a row for each order."""
    read = _of_batch(caller, batch_id, tile, f, q, sort, partial(exports.of_trades, partial(chunk_reader, request)))
    what = f"request-{batch_id}-trades"
    return await _file(_Asked(request, caller, what, format, check, _filters(tile, f, q), sort), read)


@router.get("/history", operation_id="export_history", response_class=StreamingResponse)
async def export_history(
    request: Request,
    caller: routing.Caller,
    f: HistoryClauses = None,
    q: HistorySearch = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the decided batches as a file, newest first unless sorted."""
    scope, statuses = scope_of(caller), sorted(str(status) for status in DECIDED)
    wanted = batch_pages.BatchFilter(statuses, parse_clauses(f or [], HISTORY_FIELDS), q)
    order = parse_sort(sort, HISTORY_FIELDS, "-number")

    async def read(connection: AsyncConnection) -> ExportedList:
        return await exports.of_history(connection, scope, wanted, order)

    return await _file(_Asked(request, caller, "history", format, check, _filters(None, f, q), sort), read)


def _of_batch(
    caller: routing.Caller,
    batch_id: int,
    tile: Tiles,
    f: BatchClauses,
    q: str,
    sort: Sort,
    of: Callable[..., Awaitable[ExportedList]],
) -> Read:
    """Return how a list of a batch is read.  Raises BadClause; what it returns raises NotFound."""
    scope, clauses = scope_of(caller), parse_clauses(f or [], BATCH_FIELDS)
    order = parse_sort(sort, MEMBER_FIELDS, "account_number")

    async def read(connection: AsyncConnection) -> ExportedList:
        batch = await batch_of(connection, scope, batch_id)
        matching = members_matching(clauses, q, tile_choice(tile or []), batch.logic)
        return await of(connection, scope, batch, matching, order)

    return read


def _filters(tile: Tiles, f: Sequence[str] | None, q: str) -> list[str]:
    return [*(tile or ()), *(f or ()), *([f"text: {q}"] if q else ())]


async def _file(asked: _Asked, read: Read) -> Response:
    """Return the file as a response that is written while it is read, in one snapshot of the database.

    Raises what `read` raises, Busy if as many files are taken out as can be at once, and BadInput if the rows are more
    than a sheet holds.
    """
    async with AsyncExitStack() as held:
        service = dependencies_of(asked.request)
        connection = await held.enter_async_context(service.database.export(scope_of(asked.caller)))
        table = await read(connection)
        held.push_async_callback(table.groups.aclose)
        if asked.format == "xlsx" and table.rows > MOST_ROWS:
            what = f"cannot be XLSX: a sheet holds {MOST_ROWS:,} rows, this list has {table.rows:,}. Take it out as CSV"
            raise refused("/query/format", what, f"an XLSX file has at most {MOST_ROWS} rows")
        counted = {ROWS: str(table.rows)}
        if asked.check == "true":
            return Response(status_code=204, headers=counted)
        writer = _writer(asked, table)
        pieces = streamed(writer, table.groups)
        held.push_async_callback(pieces.aclose)
        name = f"{asked.what}-{service.clock.now().astimezone(NEW_YORK):%Y-%m-%d}.{writer.suffix}"
        headers = counted | {"Content-Disposition": f'attachment; filename="{name}"'}
        return _Download(pieces, headers, writer.media_type, held.pop_all())


def _writer(asked: _Asked, table: ExportedList) -> TableWriter:
    if asked.format == "csv":
        return CsvFile(table.columns)
    now = dependencies_of(asked.request).clock.now()
    about = [
        ("What", asked.what),
        ("Filters", "; ".join(asked.filters) or "none"),
        ("Order", asked.sort or "as the list is displayed first"),
        ("Made at", f"{now.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"),
        ("Made by", asked.caller.name),
        ("Note", _REMARK),
    ]
    return XlsxFile(table.columns, asked.what[:31], about, now)


class _Download(StreamingResponse):
    """A response that holds a connection until its last byte, or until the client has gone."""

    def __init__(
        self, pieces: AsyncIterator[bytes], headers: dict[str, str], media_type: str, held: AsyncExitStack
    ) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._held = held

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # In a task of its own: the one that is cancelled could not give the connection back.
            await asyncio.shield(asyncio.create_task(self._held.aclose()))
