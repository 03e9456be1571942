"""Batches: made, looked at, changed, decided."""

from fastapi import Request, Response

from services.gateway.routes.door import SignedInUser
from services.gateway.routes.forwarding import forward
from shared.contracts.api_batches import (
    BatchList,
    BatchPage,
    BatchSummary,
    CommandResult,
    DecisionBody,
    EditBody,
    LogicBody,
    ProposeBody,
    RemovalBody,
    ReproposeBody,
    RestBody,
    UndoBody,
)
from shared.contracts.api_proposals import BatchAccountView
from shared.http import routing
from shared.http.parameters import (
    USUAL_PAGE_SIZE,
    AccountPath,
    BatchClauses,
    BatchPath,
    BatchState,
    HistoryClauses,
    HistorySearch,
    IdempotencyKey,
    IfMatch,
    Page,
    PageSize,
    SearchParameter,
    Sort,
    Tiles,
)

router = routing.router(prefix="/api/v1/batches", tags=["batches"])


@router.get("", operation_id="list_batches", response_model=BatchList)
async def list_batches(
    request: Request,
    caller: SignedInUser,
    state: BatchState = "open",
    f: HistoryClauses = None,
    q: HistorySearch = "",
    sort: Sort = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> Response:
    """List batches, newest first unless sorted."""
    return await forward(request, caller, "batch")


@router.post("", operation_id="propose_batch", response_model=CommandResult, status_code=202)
async def propose_batch(
    request: Request, caller: SignedInUser, body: ProposeBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make a batch of accounts and have trades proposed for them."""
    return await forward(request, caller, "batch")


@router.get("/{batch_id}", operation_id="get_batch", response_model=BatchSummary)
async def get_batch(request: Request, caller: SignedInUser, batch_id: BatchPath) -> Response:
    """Show a batch; its version is the ETag."""
    return await forward(request, caller, "batch")


@router.get("/{batch_id}/accounts", operation_id="list_batch_accounts", response_model=BatchPage)
async def list_batch_accounts(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> Response:
    """List the accounts of a batch with summary and tax columns, and their totals."""
    return await forward(request, caller, "batch")


@router.get("/{batch_id}/accounts/{account_id}", operation_id="get_batch_account", response_model=BatchAccountView)
async def get_batch_account(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    account_id: AccountPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
) -> Response:
    """Show one account of a batch with every logic side by side, and its neighbours in the list of this filter."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/removals", operation_id="remove_accounts", response_model=CommandResult)
async def remove_accounts(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    body: RemovalBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Return accounts of a batch to the queue."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/removals/undo", operation_id="undo_removal", response_model=CommandResult)
async def undo_removal(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    body: UndoBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Put removed accounts back into a batch, with the proposals that they had."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/approve", operation_id="approve_batch", response_model=CommandResult)
async def approve_batch(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    body: DecisionBody | None = None,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Approve all proposed accounts of a batch: orders go out."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/approve-rest", operation_id="approve_rest", response_model=CommandResult)
async def approve_rest(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    body: RestBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Return accounts of a batch to the queue and approve all others, in one step."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/cancel", operation_id="cancel_batch", response_model=CommandResult)
async def cancel_batch(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    body: DecisionBody | None = None,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Cancel a batch: all its accounts return to the queue."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/logic", operation_id="switch_logic", response_model=CommandResult)
async def switch_logic(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    body: LogicBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Put another trade logic in force for a batch."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/repropose", operation_id="repropose_accounts", response_model=CommandResult)
async def repropose_accounts(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    body: ReproposeBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Have stale accounts of a batch proposed again."""
    return await forward(request, caller, "batch")


@router.post("/{batch_id}/accounts/{account_id}/edits", operation_id="edit_trades", response_model=CommandResult)
async def edit_trades(
    request: Request,
    caller: SignedInUser,
    batch_id: BatchPath,
    account_id: AccountPath,
    body: EditBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Make orders of an account's proposal larger or smaller; the account is computed again."""
    return await forward(request, caller, "batch")
