"""What a batch trades: by security, by account of one security, and under each trade logic."""

from typing import Any, Final

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.routes.door import SignedInUser
from services.gateway.routes.forwarding import forward, stream
from shared.contracts.api_trades import BatchTrades, LogicComparison, SecurityAccounts
from shared.http import routing
from shared.http.parameters import (
    USUAL_PAGE_SIZE,
    BatchClauses,
    BatchPath,
    Page,
    PageSize,
    SearchParameter,
    SecurityPath,
    Tiles,
)

router = routing.router(prefix="/api/v1/batches", tags=["batches"])


@router.get("/{batch_id}/trades", operation_id="list_trades", response_model=BatchTrades)
async def list_trades(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
) -> Response:
    """Sum the market orders of a batch by security, of the accounts of a filter and of all."""
    return await forward(request, caller, "batch")


@router.get("/{batch_id}/trades/{security_id}", operation_id="list_security_trades", response_model=SecurityAccounts)
async def list_security_trades(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    security_id: SecurityPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> Response:
    """List the accounts of a filter that trade a security, the largest value first."""
    return await forward(request, caller, "batch")


@router.get("/{batch_id}/logics", operation_id="compare_logics", response_model=LogicComparison)
async def compare_logics(request: Request, caller: SignedInUser, batch_id: BatchPath) -> Response:
    """Compare what a batch would do under each trade logic."""
    return await forward(request, caller, "batch")


_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file. It ends with a line that says so: a file without it was cut off.",
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    },
}


@router.get("/{batch_id}/orders", operation_id="export_orders", response_class=StreamingResponse, responses=_FILE)
async def export_orders(request: Request, caller: SignedInUser, batch_id: BatchPath) -> Response:
    """Return the orders that the approval of a batch sent as CSV, a row for each."""
    return await stream(request, caller, "batch")


@router.get(
    "/{batch_id}/block-orders", operation_id="export_block_orders", response_class=StreamingResponse, responses=_FILE
)
async def export_block_orders(request: Request, caller: SignedInUser, batch_id: BatchPath) -> Response:
    """Return the orders of an approved batch as CSV by security and side, each block with its allocations."""
    return await stream(request, caller, "batch")
