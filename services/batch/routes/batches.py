"""Batches, their accounts, and history, as pages show them."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import orjson
from fastapi import Request, Response
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.approval_rules import strictest
from services.batch.domain.figures import LOGIC_NAMES, tile_choice
from services.batch.domain.filters import parse_clauses, parse_sort
from services.batch.domain.states import DECIDED, OPEN, Status
from services.batch.operations import approval_rules, executions
from services.batch.routes.dependencies import batch_of, chunk_reader, dependencies_of
from services.batch.store import batch_pages, member_pages, results, wash_sales
from services.batch.store import executions as stored
from services.batch.store.filters import MEMBER_FIELDS, members_matching
from services.batch.store.neighbours import read_neighbours
from services.batch.views import rows as views
from services.batch.views import sentences
from services.batch.views.edits import edit_view
from services.batch.views.proposals import logics_of, proposal_of
from shared.contracts import chunks, codec
from shared.contracts.api_batches import (
    ApprovalNeeds,
    AttentionCounts,
    BatchList,
    BatchPage,
    BatchSummary,
    ExecutionCounts,
)
from shared.contracts.api_proposals import BatchAccountView, Proposal
from shared.contracts.filter_fields import BATCH_FIELDS, HISTORY_FIELDS
from shared.contracts.principal import Principal
from shared.contracts.problems import NotFound
from shared.contracts.tenancy import Scope, scope_of
from shared.http import routing
from shared.http.parameters import (
    USUAL_PAGE_SIZE,
    AccountPath,
    BatchClauses,
    BatchPath,
    BatchState,
    HistoryClauses,
    HistorySearch,
    Page,
    PageSize,
    SearchParameter,
    Sort,
    Tiles,
)

router = routing.router(prefix="/v1/batches", tags=["batches"])


@router.get("", operation_id="list_batches")
async def list_batches(
    request: Request,
    caller: routing.Caller,
    state: BatchState = "open",
    f: HistoryClauses = None,
    q: HistorySearch = "",
    sort: Sort = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> BatchList:
    """List batches, newest first unless sorted."""
    scope = scope_of(caller)
    statuses = sorted(str(status) for status in (OPEN if state == "open" else DECIDED))
    asked = batch_pages.BatchFilter(statuses, parse_clauses(f or [], HISTORY_FIELDS), q)
    order = parse_sort(sort, HISTORY_FIELDS, "-number")
    async with dependencies_of(request).database.snapshot(scope) as connection:
        rows, total = await batch_pages.read_list(connection, scope, asked, order, page, size)
        rules = await _rules(request, connection, caller, rows)
    now = dependencies_of(request).clock.now()
    return BatchList(rows=[views.batch_view(row, now, rules.get(row.batch_id)) for row in rows], total=total)


@router.get("/{batch_id}", operation_id="get_batch")
async def get_batch(request: Request, response: Response, caller: routing.Caller, batch_id: BatchPath) -> BatchSummary:
    """Show a batch; its version is the ETag."""
    scope = scope_of(caller)
    async with dependencies_of(request).database.snapshot(scope) as connection:
        row = await batch_of(connection, scope, batch_id)
        execution = await _execution(connection, scope, row)
        rules = await _rules(request, connection, caller, [row])
    response.headers["ETag"] = f'"{row.version}"'
    return views.batch_view(row, dependencies_of(request).clock.now(), rules.get(batch_id), execution)


@router.get("/{batch_id}/accounts", operation_id="list_batch_accounts")
async def list_batch_accounts(
    request: Request,
    response: Response,
    caller: routing.Caller,
    batch_id: BatchPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
    page: Page = 1,
    size: PageSize = USUAL_PAGE_SIZE,
) -> BatchPage:
    """List the accounts of a batch with summary and tax columns, and their totals."""
    scope = scope_of(caller)
    clauses = parse_clauses(f or [], BATCH_FIELDS)
    order = parse_sort(sort, MEMBER_FIELDS, "account_number")
    async with dependencies_of(request).database.snapshot(scope) as connection:
        batch = await batch_of(connection, scope, batch_id)
        logic = batch.logic
        matching = members_matching(clauses, q, tile_choice(tile or []), logic)
        rows = await member_pages.read_page(connection, scope, batch_id, logic, matching, order, page, size)
        totals = await member_pages.read_totals(connection, scope, batch_id, logic)
        filtered = totals
        if matching:
            filtered = await member_pages.read_totals(connection, scope, batch_id, logic, matching)
        attention = await member_pages.read_attention(connection, scope, batch_id, logic)
        execution = await _execution(connection, scope, batch)
        rules = await _rules(request, connection, caller, [batch])
        accounts = [row.account_id for row in rows]
        reported = {} if execution is None else await stored.counts(connection, scope, batch_id, accounts)
    response.headers["ETag"] = f'"{batch.version}"'
    return BatchPage(
        batch=views.batch_view(batch, dependencies_of(request).clock.now(), rules.get(batch_id), execution),
        rows=[
            views.member_row(row, reported=reported.get(row.account_id, {}), is_checked=batch.wash_seen is not None)
            for row in rows
        ],
        total=filtered.rows,
        page=page,
        size=size,
        totals=views.totals_view(totals),
        filtered=views.totals_view(filtered),
        attention=AttentionCounts(**attention._mapping),
    )


@router.get("/{batch_id}/accounts/{account_id}", operation_id="get_batch_account")
async def get_batch_account(
    request: Request,
    response: Response,
    caller: routing.Caller,
    batch_id: BatchPath,
    account_id: AccountPath,
    tile: Tiles = None,
    f: BatchClauses = None,
    q: SearchParameter = "",
    sort: Sort = None,
) -> BatchAccountView:
    """Show one account of a batch with every logic side by side, and its neighbours in the list of this filter."""
    scope = scope_of(caller)
    clauses = parse_clauses(f or [], BATCH_FIELDS)
    order = parse_sort(sort, MEMBER_FIELDS, "account_number")
    async with dependencies_of(request).database.snapshot(scope) as connection:
        batch = await batch_of(connection, scope, batch_id)
        is_checked = batch.wash_seen is not None
        row = await member_pages.read_member(connection, scope, batch_id, account_id, batch.logic)
        if row is None:
            raise NotFound(f"There is no account {account_id} in request {batch_id}, or it is not yours to see.")
        matching = members_matching(clauses, q, tile_choice(tile or []), batch.logic)
        around = await read_neighbours(connection, scope, batch_id, batch.logic, matching, order, account_id)
        async with chunk_reader(request, connection, batch) as reader:
            proposals, accounts, unseen = await _proposals(connection, scope, row, batch, reader)
            orders = await executions.orders_of(reader, scope, batch_id, account_id)
        execution = await _execution(connection, scope, batch)
        rules = await _rules(request, connection, caller, [batch])
    response.headers["ETag"] = f'"{batch.version}"'
    return BatchAccountView(
        batch=views.batch_view(batch, dependencies_of(request).clock.now(), rules.get(batch_id), execution),
        account=views.member_row(
            row,
            reported=Counter(order.status for order in orders if order.status is not None),
            is_checked=is_checked,
        ),
        logic=LOGIC_NAMES[batch.logic],
        proposals=proposals,
        edit=edit_view(row.edit),
        wash_note=sentences.wash_note(row.taxable, row.wash_cents is not None, accounts, unseen, is_checked),
        executions=orders,
        previous_id=around.previous_id,
        next_id=around.next_id,
        position=around.position,
        listed=around.listed,
    )


async def _rules(
    request: Request, connection: AsyncConnection, caller: Principal, rows: Sequence[Row[Any]]
) -> dict[int, ApprovalNeeds]:
    """Return what the approval of each open batch needs, by number; of one that is seen in part, it is not shown."""
    waiting = [row for row in rows if Status(row.status) in OPEN and not row.is_part]
    named = sorted({name for row in waiting for name in row.enterprise_ids})
    if not named:
        return {}
    found = await approval_rules.of_enterprises(connection, dependencies_of(request).settings, named)
    return {
        row.batch_id: views.rules_view(row, strictest(found[name] for name in row.enterprise_ids), caller.subject)
        for row in waiting
    }


async def _execution(connection: AsyncConnection, scope: Scope, batch: Row[Any]) -> ExecutionCounts | None:
    """Return what became of the orders of an approved batch; None for any other."""
    if batch.status != Status.APPROVED:
        return None
    orders = await stored.orders_of_batch(connection, scope, batch.batch_id, batch.logic)
    return views.counts_of(orders, await stored.counts_of_batch(connection, scope, batch.batch_id))


async def _proposals(
    connection: AsyncConnection, scope: Scope, row: Row[Any], batch: Row[Any], reader: AsyncConnection
) -> tuple[list[Proposal], int | None, int]:
    """Return the proposal of every logic; then how many accounts of the tax household the wash-sale check covered
    (None: nothing to check), and how many it could not.

    reader: as of chunk_reader, for the kept result chunk; what lists show is read from columns.
    """
    if row.chunk_id is None:
        return [], None, 0
    content = await results.read_chunk(reader, row.chunk_id)
    chunk, meta = codec.decode_kept(content, chunks.RESULT)
    details = chunk.slice(row.row_no, 1).to_pylist()[0]
    figures = await member_pages.read_figures(connection, row.batch_id, row.account_id)
    by_logic = {int(proposal["logic"]): proposal for proposal in details["proposals"] or ()}
    purchases = await _matched(connection, scope, row, row.washes, ("account_number", "bought_lot_id"))
    losses = await _matched(connection, scope, row, row.earlier_losses, ("account_number", "lot_id", "batch_id"))
    proposals = [
        proposal_of(
            details,
            logic,
            views.member_row(
                row,
                {name: None if values is None else values[logic] for name, values in figures.items()},
                by_logic[logic]["failure_text"] or "",
                is_checked=batch.wash_seen is not None,
            ),
            date.fromisoformat(meta["trade_date"]),
            purchases,
            losses,
        )
        for logic in logics_of(details)
    ]
    return proposals, details["wash_accounts"], details["wash_unseen"] or 0


async def _matched(
    connection: AsyncConnection, scope: Scope, row: Row[Any], document: str | None, hidden: Sequence[str]
) -> list[dict[str, Any]]:
    """Return what the wash-sale check matched with an account: purchases or approved losses.

    hidden: fields that are None where the account of a match is out of scope.
    """
    matches: list[dict[str, Any]] = orjson.loads(document) if document else []
    accounts = [match["account_id"] for match in matches]
    visible = await wash_sales.visible(connection, scope, accounts) if accounts else ()
    for match in matches:
        if match["account_id"] != row.account_id and match["account_id"] not in visible:
            match |= dict.fromkeys(hidden)
    return matches
