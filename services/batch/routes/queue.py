"""The queue of accounts to rebalance, and single accounts."""

from fastapi import Request

from services.batch.domain.figures import TileChoice, tile_choice
from services.batch.domain.filters import parse_clauses, parse_sort
from services.batch.routes.dependencies import dependencies_of
from services.batch.store import batch_pages, queue
from services.batch.store.filters import QUEUE_COLUMNS, queue_matching
from services.batch.views import rows as views
from shared.contracts.api_queue import AccountView, QueuePage, TileCounts
from shared.contracts.filter_fields import QUEUE_FIELDS
from shared.contracts.problems import NotFound
from shared.contracts.tenancy import scope_of
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
)

router = routing.router(prefix="/v1", tags=["queue"])

_BATCHES_SHOWN = 50


@router.get("/queue/accounts", operation_id="list_queue")
async def list_queue(
    request: Request,
    caller: routing.Caller,
    tile: Tiles = None,
    f: QueueClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> QueuePage:
    """List the accounts that need rebalancing."""
    service, scope = dependencies_of(request), scope_of(caller)
    matching = queue_matching(parse_clauses(f or [], QUEUE_FIELDS), q, tile_choice(tile or []))
    order = parse_sort(sort, QUEUE_COLUMNS, "account_number")
    async with service.database.snapshot(scope) as connection:
        rows, total = await queue.read_page(connection, scope, matching, order, page, size)
    shown = [views.queue_row(row) for row in rows]
    return QueuePage(rows=shown, total=total, page=page, size=size, as_of=service.clock.now())


@router.get("/queue/tiles", operation_id="count_tiles")
async def count_tiles(
    request: Request, caller: routing.Caller, tile: Tiles = None, f: QueueClauses = None, q: SearchParameter = ""
) -> TileCounts:
    """Count the queue's accounts by tile under the same filter; tiles narrow the total alone."""
    service, scope = dependencies_of(request), scope_of(caller)
    matching = queue_matching(parse_clauses(f or [], QUEUE_FIELDS), q, TileChoice())
    async with service.database.snapshot(scope) as connection:
        counts = await queue.count_tiles(connection, scope, tile_choice(tile or []), matching)
        analysis = await queue.read_analysis(connection, scope)
    return views.tile_counts(counts, analysis)


@router.get("/accounts/{account_id}", operation_id="get_account")
async def get_account(request: Request, caller: routing.Caller, account_id: AccountPath) -> AccountView:
    """Show one account: why it is flagged, its causes and holds, and the batches it was in."""
    service, scope = dependencies_of(request), scope_of(caller)
    async with service.database.snapshot(scope) as connection:
        row = await queue.read_account(connection, scope, account_id)
        if row is None:
            raise NotFound(f"There is no account {account_id}, or it is not yours to see.")
        decided = await batch_pages.read_of_account(connection, scope, account_id, _BATCHES_SHOWN)
    return views.account_view(row, decided)
