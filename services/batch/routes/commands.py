"""Commands on batches."""

from fastapi import Request, Response

from services.batch.operations import commands, edits, removals, wash_approvals
from services.batch.routes.dependencies import CommandRequest, dependencies_of, run_once, version_in
from shared.contracts.api_batches import (
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
from shared.http import routing
from shared.http.parameters import AccountPath, BatchPath, IdempotencyKey, IfMatch
from shared.postgres.commits import before_it_begins

router = routing.router(prefix="/v1/batches", tags=["batches"])


@router.post("", operation_id="propose_batch", response_model=CommandResult, status_code=202)
async def propose_batch(
    request: Request, caller: routing.Caller, body: ProposeBody, idempotency_key: IdempotencyKey = None
) -> Response:
    """Make a batch of accounts and have trades proposed for them."""
    sent = CommandRequest(request, caller, idempotency_key, body, status=202)
    return await run_once(sent, commands.propose, body)


@router.post("/{batch_id}/removals", operation_id="remove_accounts", response_model=CommandResult)
async def remove_accounts(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    body: RemovalBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Return accounts of a batch to the queue."""
    version_seen = version_in(if_match)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, removals.remove, batch_id, version_seen, body)


@router.post("/{batch_id}/removals/undo", operation_id="undo_removal", response_model=CommandResult)
async def undo_removal(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    body: UndoBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Put removed accounts back into a batch, with the proposals that they had."""
    version_seen = version_in(if_match)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, removals.undo, batch_id, version_seen, body)


@router.post("/{batch_id}/approve", operation_id="approve_batch", response_model=CommandResult)
async def approve_batch(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    body: DecisionBody | None = None,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Approve all proposed accounts of a batch: orders go out."""
    version_seen = version_in(if_match)
    await _record_missing(request)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, commands.approve, batch_id, version_seen, body.note if body else "")


@router.post("/{batch_id}/approve-rest", operation_id="approve_rest", response_model=CommandResult)
async def approve_rest(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    body: RestBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Return accounts of a batch to the queue and approve all others, in one step."""
    version_seen = version_in(if_match)
    await _record_missing(request)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, removals.approve_rest, batch_id, version_seen, body)


@router.post("/{batch_id}/cancel", operation_id="cancel_batch", response_model=CommandResult)
async def cancel_batch(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    body: DecisionBody | None = None,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Cancel a batch: all its accounts return to the queue."""
    version_seen = version_in(if_match)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, commands.cancel, batch_id, version_seen, body.note if body else "")


@router.post("/{batch_id}/logic", operation_id="switch_logic", response_model=CommandResult)
async def switch_logic(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    body: LogicBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Put another trade logic in force for a batch."""
    version_seen = version_in(if_match)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, commands.switch_logic, batch_id, version_seen, body)


@router.post("/{batch_id}/repropose", operation_id="repropose_accounts", response_model=CommandResult)
async def repropose_accounts(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    body: ReproposeBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Have stale accounts of a batch proposed again."""
    version_seen = version_in(if_match)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, commands.repropose, batch_id, version_seen, body)


@router.post("/{batch_id}/accounts/{account_id}/edits", operation_id="edit_trades", response_model=CommandResult)
async def edit_trades(
    request: Request,
    caller: routing.Caller,
    batch_id: BatchPath,
    account_id: AccountPath,
    body: EditBody,
    idempotency_key: IdempotencyKey = None,
    if_match: IfMatch = None,
) -> Response:
    """Make orders of an account's proposal larger or smaller; the account is computed again."""
    version_seen = version_in(if_match)
    sent = CommandRequest(request, caller, idempotency_key, body)
    return await run_once(sent, edits.edit_trades, batch_id, account_id, version_seen, body)


async def _record_missing(request: Request) -> None:
    """Record the wash sales of earlier approvals before an approval begins: it is checked against them."""
    service = dependencies_of(request)
    with before_it_begins():
        await wash_approvals.record_missing(service.database, service.clock.now())
