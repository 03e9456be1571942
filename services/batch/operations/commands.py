"""What users do to batches.

Each command is one transaction that locks the batch first, decides by pure rules and leaves its messages in the outbox.
Source: product 6.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.columns import messages as outgoing
from services.batch.domain.approval import Facts, may, refusal
from services.batch.domain.counts import happening_of
from services.batch.domain.filters import BadClause, Clause, parse_clauses
from services.batch.domain.schedule import term_of
from services.batch.domain.states import AccountHappening, Happening, Status, batch_after
from services.batch.operations import wash_sales
from services.batch.operations.decide import Actor, close
from services.batch.problems import (
    FoundStale,
    LiquidationNotConfirmed,
    LogicUnavailable,
    NothingToPropose,
    problem_of,
)
from services.batch.settings import Settings
from services.batch.store import batches, member_pages, members, queue
from services.batch.store.database import is_any, is_none_of, send
from services.batch.store.tables import ACCOUNT, BATCH_ACCOUNT, FIGURES
from services.batch.views import rows as views
from services.batch.views.proposals import LOGIC_NUMBERS
from shared.contracts.api_batches import (
    ByFilter,
    ById,
    CommandResult,
    LogicBody,
    ProposeBody,
    RemovalBody,
    ReproposeBody,
)
from shared.contracts.filter_fields import BATCH_FIELDS, QUEUE_FIELDS, FieldKind
from shared.contracts.principal import Principal  # fmt: skip
from shared.contracts.problems import BadInput, CountChanged, Forbidden, NotFound
from shared.contracts.tenancy import Scope, scope_of
from shared.rules import trading_calendar
from shared.runtime.clock import Clock

_M = BATCH_ACCOUNT.c


class Commands:
    """The commands of one person. Every method runs inside the caller's transaction."""

    def __init__(self, settings: Settings, clock: Clock, principal: Principal) -> None:
        self._settings = settings
        self._clock = clock
        self._principal = principal
        self._actor = Actor(principal.subject, principal.name)
        self._scope: Scope = scope_of(principal)

    def check_role(self, happening: Happening | None) -> None:
        """Raise Forbidden unless one of the person's roles may do this; None means proposing."""
        if not may(self._principal.roles, happening):
            what = "propose trades" if happening is None else happening.replace("_", " ").lower()
            raise Forbidden(f"your roles ({', '.join(self._principal.roles) or 'none'}) do not allow to {what}")

    async def propose(self, connection: AsyncConnection, body: ProposeBody) -> CommandResult:
        """Make a batch of the selected accounts of the queue and ask for proposals."""
        self.check_role(None)
        now, settings = self._clock.now(), self._settings
        wanted = queue_selection(body.selection)
        batch_id = await batches.new_number(connection)
        frozen = await batches.freeze_selection(connection, self._scope, batch_id, now, wanted)
        if frozen.accounts != body.expected_count:
            raise CountChanged(
                f"{frozen.accounts} accounts of your selection can be proposed now, you saw {body.expected_count}:"
                " look again, then propose",
                count=frozen.accounts,
            )
        if frozen.accounts == 0:
            raise NothingToPropose("no account of the queue is selected")
        if frozen.without_target and not body.confirm_liquidation:
            raise LiquidationNotConfirmed(
                f"{frozen.without_target} of the accounts have no target: proposing for them sells everything."
                " Confirm the liquidation or leave them out.",
                count=frozen.without_target,
            )
        term = term_of(
            now,
            lambda instant: trading_calendar.business_date(instant, settings.cut_off),
            lambda day: trading_calendar.cut_off(day, settings.cut_off),
        )
        new = batches.NewBatch(
            batch_id, LOGIC_NUMBERS[body.logic], body.label, self._actor.subject, self._actor.name, now, term
        )
        batch = await batches.insert_batch(connection, new, frozen)
        rows = await member_pages.read_to_ask(connection, batch_id)
        messages = [outgoing.batch_changed(batch, now), *outgoing.requests(batch, rows, now)]
        await send(connection, messages)
        return CommandResult(batch=views.summary(batch), accounts=frozen.accounts)

    async def approve(self, connection: AsyncConnection, batch_id: int, version: int) -> CommandResult:
        """Approve every proposed account: orders go out, once.

        Raises FoundStale for accounts that are another's, or whose prices were withdrawn, before that was marked.
        """
        batch, now = await self._locked(connection, batch_id, version, Happening.APPROVE)
        found = await members.unmarked(connection, batch_id)
        if found.stale:
            raise FoundStale(batch_id, found.stale, found.moved, batch.version)
        after, accounts = await close(connection, batch, Happening.APPROVE, self._actor, now)
        return CommandResult(batch=views.summary(after), accounts=accounts)

    async def cancel(self, connection: AsyncConnection, batch_id: int, version: int) -> CommandResult:
        """Cancel the batch: its accounts return to the queue."""
        batch, now = await self._locked(connection, batch_id, version, Happening.CANCEL)
        after, accounts = await close(connection, batch, Happening.CANCEL, self._actor, now)
        return CommandResult(batch=views.summary(after), accounts=accounts)

    async def remove(
        self, connection: AsyncConnection, batch_id: int, version: int, body: RemovalBody
    ) -> CommandResult:
        """Return proposed accounts of the batch to the queue; without any left the batch is cancelled."""
        batch, now = await self._locked(connection, batch_id, version, Happening.REMOVE)
        wanted = member_selection(body.selection, batch.logic)
        gone = await members.happen(
            connection, batch_id, AccountHappening.REMOVE, wanted, removed_name=self._actor.name
        )
        if len(gone) != body.expected_count:
            raise CountChanged(
                f"{len(gone)} accounts of your selection can be removed now, you saw {body.expected_count}:"
                " look again, then remove",
                count=len(gone),
            )
        messages = outgoing.returned(batch_id, gone, "REMOVED", batch.version + 1, now)
        await send(connection, messages)
        await wash_sales.check(connection, batch, [row.account_id for row in gone])
        counted = await batches.count(connection, batch_id, batch.logic)
        what = happening_of(counted.tally)
        if what in (Happening.NONE_LEFT, Happening.ALL_FAILED):
            after, _ = await close(connection, batch, Happening.NONE_LEFT, self._actor, now)
        else:
            after = await self._changed(connection, batch, now, **counted.columns())
        return CommandResult(batch=views.summary(after), accounts=len(gone))

    async def switch_logic(
        self, connection: AsyncConnection, batch_id: int, version: int, body: LogicBody
    ) -> CommandResult:
        """Put another trade logic in force; accounts it could not propose for must then be removed."""
        batch, now = await self._locked(connection, batch_id, version, Happening.SWITCH_LOGIC)
        logic = LOGIC_NUMBERS[body.logic]
        if logic == batch.logic:
            return CommandResult(batch=views.summary(batch), accounts=0)
        if not await member_pages.logic_is_there(connection, batch_id, logic):
            raise LogicUnavailable(f"{body.logic} was not computed for every account of this batch")
        await members.mark_logic(connection, batch_id, logic)
        counted = await batches.count(connection, batch_id, logic)
        after = await self._changed(connection, batch, now, logic=logic, **counted.columns())
        return CommandResult(batch=views.summary(after), accounts=counted.tally.proposed)

    async def repropose(
        self, connection: AsyncConnection, batch_id: int, version: int, body: ReproposeBody
    ) -> CommandResult:
        """Ask again for proposals of stale accounts; the batch is working until they are answered."""
        batch, now = await self._locked(connection, batch_id, version, Happening.REPROPOSE)
        wanted: list[ColumnElement[bool]] = [_M.stale_code.is_not(None)]
        if body.selection is not None:
            wanted += member_selection(body.selection, batch.logic)
        empty = dict.fromkeys((*FIGURES, "chunk_id", "row_no", "remarks", "stale_code", "stale_text", "washes"))
        again = await members.happen(
            connection,
            batch_id,
            AccountHappening.REPROPOSE,
            wanted,
            attempt=_M.attempt + 1,
            first_attempt=_M.attempt + 1,
            sent_at=now,
            has_loss=False,
            **empty,
        )
        if not again:
            raise CountChanged("none of the selected accounts is stale any more", count=0)
        await wash_sales.forget(connection, batch, [row.account_id for row in again])
        counted = await batches.count(connection, batch_id, batch.logic)
        status = batch_after(Status(batch.status), Happening.REPROPOSE)
        after = await self._changed(connection, batch, now, status=str(status), answered_at=now, **counted.columns())
        await send(connection, outgoing.requests(after, again, now))
        return CommandResult(batch=views.summary(after), accounts=len(again))

    async def _locked(
        self, connection: AsyncConnection, batch_id: int, version: int, happening: Happening
    ) -> tuple[Row[Any], datetime]:
        """Return the locked batch and the present instant, read after the lock was had.

        Raises Forbidden, NotFound, or the problem that says why the command is refused.
        """
        self.check_role(happening)
        batch = await batches.lock(connection, self._scope, batch_id)
        if batch is None:
            raise NotFound(f"there is no batch {batch_id}, or it is not yours to see")
        now = self._clock.now()
        facts = Facts(
            status=Status(batch.status),
            version=batch.version,
            version_seen=version,
            cancel_at=batch.cancel_at,
            stale=batch.stale,
            requested_by=batch.requested_by,
            asked_by=self._actor.subject,
            four_eyes=not self._settings.four_eyes_enterprises.isdisjoint(batch.enterprise_ids),
        )
        refused = refusal(happening, facts, now)
        if refused is not None:
            raise problem_of(refused, batch.version)
        return batch, now

    async def _changed(self, connection: AsyncConnection, batch: Row[Any], now: datetime, **values: Any) -> Row[Any]:
        after = await batches.change(connection, batch, told_at=now, **values)
        await send(connection, [outgoing.batch_changed(after, now)])
        return after


def queue_selection(selection: ById | ByFilter) -> list[ColumnElement[bool]]:
    """Return the predicates of a selection of the queue.  Raises BadInput for a filter that cannot be understood."""
    if isinstance(selection, ById):
        return [is_any(ACCOUNT.c.account_id, selection.ids)]
    wanted = queue.matching(clauses_of(selection.f, QUEUE_FIELDS), selection.q)
    wanted += queue.with_tiles(views.tile_bits(selection.tiles))
    return [*wanted, is_none_of(ACCOUNT.c.account_id, selection.exclude)] if selection.exclude else wanted


def member_selection(selection: ById | ByFilter, logic: int) -> list[ColumnElement[bool]]:
    """Return the predicates of a selection of a batch's accounts.  Raises BadInput as `queue_selection`."""
    if isinstance(selection, ById):
        return [is_any(_M.account_id, selection.ids)]
    wanted = member_pages.matching(clauses_of(selection.f, BATCH_FIELDS), selection.q, logic)
    wanted += member_pages.with_tiles(views.tile_bits(selection.tiles))
    return [*wanted, is_none_of(_M.account_id, selection.exclude)] if selection.exclude else wanted


def clauses_of(texts: Sequence[str], fields: Mapping[str, FieldKind]) -> list[Clause]:
    """Return parsed clauses.  Raises BadInput with the clause and what would be right."""
    try:
        return parse_clauses(texts, fields)
    except BadClause as error:
        raise BadInput(str(error)) from error
