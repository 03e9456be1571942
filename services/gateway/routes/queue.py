"""Accounts to rebalance, and one account."""

from fastapi import Request, Response

from services.gateway.routes.door import SignedInUser
from services.gateway.routes.forwarding import forward
from shared.contracts.api_positions import AccountPositions
from shared.contracts.api_queue import AccountView, FoundAccounts, QueuePage, TileCounts
from shared.http import routing
from shared.http.parameters import (
    USUAL_PAGE_SIZE,
    AccountPath,
    Page,
    PageSize,
    QueueClauses,
    SearchParameter,
    Sort,
    Tiles,
    WordsParameter,
    WorkState,
)

router = routing.router(prefix="/api/v1", tags=["queue"])


@router.get("/queue/accounts", operation_id="list_queue", response_model=QueuePage)
async def list_queue(
    request: Request,
    caller: SignedInUser,
    tile: Tiles = None,
    f: QueueClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> Response:
    """List the accounts that need rebalancing."""
    return await forward(request, caller, "batch")


@router.get("/queue/tiles", operation_id="count_tiles", response_model=TileCounts)
async def count_tiles(
    request: Request, caller: SignedInUser, tile: Tiles = None, f: QueueClauses = None, q: SearchParameter = ""
) -> Response:
    """Count the queue's accounts by tile under the same filter; tiles narrow the total alone."""
    return await forward(request, caller, "batch")


@router.get("/accounts", operation_id="find_accounts", response_model=FoundAccounts)
async def find_accounts(
    request: Request,
    caller: SignedInUser,
    q: WordsParameter = "",
    state: WorkState = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> Response:
    """Find accounts whatever their state, in the order of their numbers."""
    return await forward(request, caller, "batch")


@router.get("/accounts/{account_id}", operation_id="get_account", response_model=AccountView)
async def get_account(request: Request, caller: SignedInUser, account_id: AccountPath) -> Response:
    """Show one account: why it is flagged, its causes and holds, and the batch it is in."""
    return await forward(request, caller, "batch")


@router.get("/positions/{account_id}", operation_id="get_positions", response_model=AccountPositions)
async def get_positions(request: Request, caller: SignedInUser, account_id: AccountPath) -> Response:
    """Show what the analyzer knows of an account's holdings and settings."""
    return await forward(request, caller, "analyzer")
