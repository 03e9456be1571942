"""Lists as files."""

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.routes.door import SignedInUser
from services.gateway.routes.forwarding import stream
from shared.http import routing
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

router = routing.router(prefix="/api/v1/exports", tags=["exports"])

_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file. CSV ends with a line that says so, and an XLSX file that was cut off does not open.",
        "content": {
            "text/csv": _FILE,
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": _FILE,
        },
    },
    204: {"description": "The file could be made now."},
}


@router.get("/queue", operation_id="export_queue", response_class=StreamingResponse, responses=_FILES)
async def export_queue(
    request: Request,
    caller: SignedInUser,
    tile: Tiles = None,
    f: QueueClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the accounts that need rebalancing as a file."""
    return await stream(request, caller, "batch")


@router.get(
    "/batches/{batch_id}/accounts",
    operation_id="export_batch_accounts",
    response_class=StreamingResponse,
    responses=_FILES,
)
async def export_batch_accounts(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the accounts of a batch as a file; those of a decided one as they were frozen."""
    return await stream(request, caller, "batch")


@router.get(
    "/batches/{batch_id}/trades",
    operation_id="export_batch_trades",
    response_class=StreamingResponse,
    responses=_FILES,
)
async def export_batch_trades(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the orders of the filtered accounts of a batch as a file, a row for each order."""
    return await stream(request, caller, "batch")


@router.get("/history", operation_id="export_history", response_class=StreamingResponse, responses=_FILES)
async def export_history(
    request: Request,
    caller: SignedInUser,
    f: HistoryClauses = None,
    q: HistorySearch = "",
    sort: Sort = None,
    format: FileFormat = "csv",  # noqa: A002  # of the API
    check: OnlyCheck = "false",
) -> Response:
    """Return the decided batches as a file, newest first unless sorted."""
    return await stream(request, caller, "batch")
