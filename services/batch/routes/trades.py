"""What a batch trades: by security over its accounts, by account of one security, and under each trade logic."""

from collections.abc import Callable, Sequence

from fastapi import Request, Response
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.figures import tile_choice
from services.batch.domain.filters import parse_clauses
from services.batch.operations import logics, trades
from services.batch.routes.dependencies import batch_of, chunk_reader, dependencies_of
from services.batch.store.filters import members_matching
from services.batch.views.trades import account_trade, trades_view
from shared.contracts.api_trades import BatchTrades, LogicComparison, SecurityAccounts
from shared.contracts.filter_fields import BATCH_FIELDS
from shared.contracts.query import TileChoiceName
from shared.contracts.tenancy import scope_of
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

router = routing.router(prefix="/v1/batches", tags=["batches"])


@router.get("/{batch_id}/trades", operation_id="list_trades")
async def list_trades(
    request: Request,
    response: Response,
    caller: routing.Caller,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
) -> BatchTrades:
    """Sum the market orders of a batch by security, of the accounts of a filter and of all."""
    scope = scope_of(caller)
    matching = _matching(f, q, tile)
    async with dependencies_of(request).database.snapshot(scope) as connection:
        batch = await batch_of(connection, scope, batch_id)
        async with chunk_reader(request, connection, batch) as chunks:
            found = await trades.by_security(connection, chunks, scope, batch, matching(batch.logic))
    response.headers["ETag"] = f'"{batch.version}"'
    return trades_view(batch, found)


@router.get("/{batch_id}/trades/{security_id}", operation_id="list_security_trades")
async def list_security_trades(
    request: Request,
    response: Response,
    caller: routing.Caller,
    batch_id: BatchPath,
    security_id: SecurityPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> SecurityAccounts:
    """List the accounts of a filter that trade a security, the largest value first."""
    scope = scope_of(caller)
    matching = _matching(f, q, tile)
    async with dependencies_of(request).database.snapshot(scope) as connection:
        batch = await batch_of(connection, scope, batch_id)
        async with chunk_reader(request, connection, batch) as chunks:
            found = await trades.of_security(connection, chunks, scope, batch, security_id, matching(batch.logic))
    response.headers["ETag"] = f'"{batch.version}"'
    first = (page - 1) * size
    return SecurityAccounts(
        security_id=security_id,
        rows=[account_trade(member, order) for member, order in found[first : first + size]],
        total=len(found),
        page=page,
        size=size,
    )


@router.get("/{batch_id}/logics", operation_id="compare_logics")
async def compare_logics(
    request: Request, response: Response, caller: routing.Caller, batch_id: BatchPath
) -> LogicComparison:
    """Compare what a batch would do under each trade logic."""
    scope = scope_of(caller)
    async with dependencies_of(request).database.snapshot(scope) as connection:
        batch = await batch_of(connection, scope, batch_id)
        async with chunk_reader(request, connection, batch) as chunks:
            effects = await logics.effects(connection, chunks, scope, batch_id)
    response.headers["ETag"] = f'"{batch.version}"'
    return LogicComparison(batch_id=batch_id, version=batch.version, logics=effects)


def _matching(
    f: list[str] | None, q: str, tile: list[TileChoiceName] | None
) -> Callable[[int], Sequence[ColumnElement[bool]]]:
    """Return the predicates of a filter under a logic.  Raises BadClause before anything is read."""
    clauses, tiles = parse_clauses(f or [], BATCH_FIELDS), tile_choice(tile or [])
    return lambda logic: members_matching(clauses, q, tiles, logic)
