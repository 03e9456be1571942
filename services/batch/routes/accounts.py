"""Search over all accounts."""

from fastapi import Request

from services.batch.routes.dependencies import dependencies_of
from services.batch.store import account_search
from services.batch.views import rows as views
from shared.contracts.api_queue import FoundAccounts
from shared.contracts.problems import BadInput
from shared.contracts.tenancy import scope_of
from shared.http import routing
from shared.http.parameters import USUAL_PAGE_SIZE, Page, PageSize, WordsParameter, WorkState

router = routing.router(prefix="/v1", tags=["queue"])

_MOST_WORDS = 12


@router.get("/accounts", operation_id="find_accounts")
async def find_accounts(
    request: Request,
    caller: routing.Caller,
    q: WordsParameter = "",
    state: WorkState = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> FoundAccounts:
    """Find accounts whatever their state, in the order of their numbers."""
    service, scope = dependencies_of(request), scope_of(caller)
    terms = q.split()
    if len(terms) > _MOST_WORDS:
        raise BadInput(f"A search takes at most {_MOST_WORDS} words. Leave some out.")
    async with service.database.snapshot(scope) as connection:
        found, total, has_more = await account_search.find(connection, scope, terms, state, page, size)
    shown = [views.found_account(row) for row in found]
    return FoundAccounts(rows=shown, total=total, has_more=has_more, page=page, size=size, as_of=service.clock.now())
