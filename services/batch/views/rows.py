"""Database rows as the API shows them: scaled integers become exact text, codes become sentences."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, cast

import orjson
from sqlalchemy import Row, RowMapping

from services.batch.domain.approval_rules import ApprovalRules, first_stands
from services.batch.domain.figures import FIGURE_OF, LOGIC_NAMES
from services.batch.domain.refusals import approved_already, part_only, same_person
from services.batch.domain.schedule import session_of
from services.batch.domain.states import DECIDED, OPEN, AccountState, Status, result_of
from services.batch.views import sentences
from shared.contracts.api_batches import AccountStateName as MemberState
from shared.contracts.api_batches import (
    ApprovalNeeds,
    BatchAccountRow,
    BatchSummary,
    Counts,
    ExceededLimit,
    ExecutionCounts,
    FirstApproval,
    GainExcess,
    PartSeen,
    PutAside,
    Totals,
)
from shared.contracts.api_queue import AccountRequest, AccountView, Cause, FoundAccount, QueueRow, TileCounts, Why
from shared.contracts.codes import FlagState, Tile
from shared.contracts.events import SourceName, StateName, TileName
from shared.fixed_point.arithmetic import muldiv_half_away
from shared.fixed_point.limits import PPB
from shared.fixed_point.text import text_of, usd

_COUNTED: Final = ("buys", "sells", "flats")
_EARLIER: Final = ("wash_earlier", "wash_earlier_permanent")


def batch_view(
    row: Row[Any], now: datetime, rules: ApprovalNeeds | None, execution: ExecutionCounts | None = None
) -> BatchSummary:
    """Return a batch of `batch_pages`: its summary, whether it is put aside, and what became of its orders.

    now: while the batch is open, its session is that of an approval at this instant.  rules: of its approval, as long
    as it is open.
    """
    put_aside = None
    is_open = Status(row.status) in OPEN
    if row.parked_at is not None and is_open:
        sentence = sentences.put_aside(has_ended=row.cancel_at <= now)
        put_aside = PutAside(since=row.parked_at, again_at=row.again_at, sentence=sentence)
    summary = batch_summary(row)
    session = session_of(now) if is_open else summary.session
    return summary.model_copy(
        update={"put_aside": put_aside, "execution": execution, "session": session, "rules": rules, "part": _part(row)}
    )


def _part(row: Row[Any]) -> PartSeen | None:
    """Return what a reader of a batch of `batch_pages` is told where some of its accounts are not theirs to see."""
    if not row.is_part:
        return None
    sentence = sentences.part(row.accounts, None if Status(row.status) in DECIDED else row.requested_name)
    return PartSeen(sentence=sentence, barred=part_only(row.requested_name))


def batch_summary(row: Row[Any]) -> BatchSummary:
    """Return a batch as lists and headers show it; gains are of taxable accounts under the logic in force."""
    status = Status(row.status)
    return BatchSummary(
        batch_id=row.batch_id,
        version=row.version,
        label=row.label,
        enterprise_id=row.enterprise_ids[0],
        status=row.status,
        reason=row.reason,
        result=result_of(status),
        logic=LOGIC_NAMES[row.logic],
        accounts=row.accounts,
        only_account=row.only_account,
        counts=Counts(
            working=row.working,
            proposed=row.proposed,
            failed=row.failed,
            removed=row.removed,
            approved=row.approved,
            cancelled=row.cancelled,
            stale=row.stale,
        ),
        requested_by=row.requested_name,
        requested_at=row.requested_at,
        decided_by=row.decided_name if status in DECIDED else None,
        decided_at=row.decided_at,
        note=row.note,
        first_approval=_first_approval(row),
        rules=None,
        trade_date=row.trade_date,
        session=session_of(row.decided_at) if status is Status.APPROVED else None,
        cancel_at=row.cancel_at,
        short_term=usd(row.short_cents),
        long_term=usd(row.long_cents),
        estimated=usd(row.estimated_cents),
        turnover=usd(row.turnover_cents),
        put_aside=None,
        execution=None,
        part=None,
    )


def account_request(row: Row[Any]) -> AccountRequest:
    """Return a decided batch as an account that was in it shows it."""
    summary = batch_summary(row).model_copy(update={"part": _part(row)})
    return AccountRequest(**dict(summary), account_state=row.account_state)


def rules_view(row: Row[Any], rules: ApprovalRules, subject: str) -> ApprovalNeeds:
    """Return what the approval of an open batch needs, and what of it bars the person `subject`."""
    approvers = rules.approvers(row.turnover_cents, row.proposed)
    barred = None
    if rules.approver_differs and row.requested_by == subject:
        barred = same_person().sentence
    elif approvers > 1 and first_stands(row) and row.first_by == subject:
        barred = approved_already().sentence
    return ApprovalNeeds(
        approver_differs=rules.approver_differs,
        note_required=rules.note_required,
        two_above=None if rules.two_above_cents is None else usd(rules.two_above_cents),
        two_above_accounts=rules.two_above_accounts,
        approvers=approvers,
        barred=barred,
    )


def _first_approval(row: Row[Any]) -> FirstApproval | None:
    if row.first_by is None:
        return None
    stands = Status(row.status) in DECIDED or first_stands(row)  # a decided batch keeps one that counted
    return FirstApproval(by=row.first_name, at=row.first_at, note=row.first_note, stands=stands)


def queue_row(row: Row[Any]) -> QueueRow:
    """Return an account of the queue."""
    return QueueRow(**_queue_columns(row))


def found_account(row: Row[Any]) -> FoundAccount:
    """Return an account of the search."""
    is_evaluated = row.flag_version is not None
    return FoundAccount(
        **_queue_columns(row), is_evaluated=is_evaluated, hold_text=row.hold_text, open_batch=row.open_batch
    )


def account_view(row: Row[Any], batches: Sequence[Row[Any]]) -> AccountView:
    """Return one account with its reasons, causes, hold and decided batches."""
    reasons = orjson.loads(row.reasons) if row.reasons else []
    causes = orjson.loads(row.causes) if row.causes else []
    return AccountView(
        **_queue_columns(row),
        why=[_why(reason) for reason in reasons],
        causes=[Cause.model_validate_json(orjson.dumps(cause)) for cause in causes],
        hold_code=row.hold_code,
        hold_text=row.hold_text,
        open_batch=row.open_batch,
        epoch=row.epoch,
        rebalances=[account_request(batch) for batch in batches],
    )


def tile_counts(counts: Row[Any], analysis: Row[Any]) -> TileCounts:
    """Return the tiles' counts."""
    return TileCounts(
        **counts._mapping,
        last_analysis=analysis.seen_at,
        analysed_accounts=analysis.accounts,
    )


def member_row(
    row: Row[Any],
    figures: Mapping[str, Any] | None = None,
    failure: str = "",
    reported: Mapping[str, int] | None = None,
    *,
    is_checked: bool,
) -> BatchAccountRow:
    """Return an account of a batch. figures: of another logic than the row has; failure: sentence under that logic.

    Figures are absent where nothing was proposed; a failure is not worth $0.
    reported: executions of its orders by status, None where they are not shown.  is_checked: whether its batch has been
    checked for approved losses.
    """
    by_name = row._mapping if figures is None else figures
    is_known = row.state != AccountState.WORKING and by_name["value_cents"] is not None and not failure
    values: dict[str, Any] = {
        field: _figure(field, by_name[name]) if is_known else None for field, name in FIGURE_OF.items()
    }
    for field in _EARLIER:
        # Accounts of before this check have no figure; where their batch was checked since, none of theirs was found.
        values[field] = (values[field] or usd(0)) if is_checked and is_known else None
    return BatchAccountRow(
        account_id=row.account_id,
        account_number=row.account_number,
        name=row.name,
        advisor_id=row.advisor_id,
        state=cast(MemberState, row.state),
        stale=row.stale_code is not None,
        result=failure or result_sentence(row),
        failure_code=row.failure_code,
        taxable=row.taxable,
        **values,
        excesses=_excesses(by_name),
        edited_by=None if row.edit is None else orjson.loads(row.edit)["name"],
        execution=None if reported is None else _execution(row, reported),
    )


def _excesses(figures: RowMapping | Mapping[str, Any]) -> list[GainExcess]:
    """Return the gain limits that are exceeded, each with both figures."""
    has_unknowns = bool(figures["no_basis_proceeds_cents"] or figures["unknown_term_cents"])
    found: list[tuple[ExceededLimit, int, int]] = figures["gain_excesses"] or []
    return [
        GainExcess(
            limit=limit,
            budget=usd(budget),
            gains=usd(gains),
            sentence=sentences.over_budget(limit, budget, gains, has_unknowns=has_unknowns),
        )
        for limit, budget, gains in found
    ]


def counts_of(orders: int, reported: Mapping[str, int]) -> ExecutionCounts:
    """Return the counts of so many orders.  reported: orders by status, without those of which nothing was heard."""
    ended = reported.get("FILLED", 0) + reported.get("REJECTED", 0)
    return ExecutionCounts(
        orders=orders,
        outstanding=orders - ended,
        accepted=reported.get("ACCEPTED", 0),
        partially_filled=reported.get("PARTIALLY_FILLED", 0),
        filled=reported.get("FILLED", 0),
        rejected=reported.get("REJECTED", 0),
    )


def result_sentence(row: Row[Any]) -> str:
    """Return why an account failed, was removed, is stale or has no trades; else an empty text."""
    if row.state == AccountState.FAILED:
        return sentences.failed(row.failure_code, row.failure_text)
    if row.state == AccountState.REMOVED:
        return sentences.removed(row.removed_name)
    if row.state == AccountState.CANCELLED and row.chunk_id is None:
        return sentences.NEVER_ANSWERED
    if row.stale_code is not None and row.state == AccountState.PROPOSED:
        return sentences.stale(row.stale_code, row.stale_text, is_edited=row.edit is not None)
    return row.no_trade_text or ""


def totals_view(row: Row[Any]) -> Totals:
    """Return the sums over accounts of a batch."""
    return Totals(
        accounts=row.accounts,
        market_value=usd(int(row.value_cents)),
        buys=int(row.buys),
        buys_value=usd(int(row.buys_cents)),
        sells=int(row.sells),
        sells_value=usd(int(row.sells_cents)),
        flats=int(row.flats),
        flats_value=usd(int(row.flats_cents)),
        short_term=usd(int(row.short_cents)),
        long_term=usd(int(row.long_cents)),
        estimated=usd(int(row.estimated_cents)),
        no_basis_proceeds=usd(int(row.no_basis_proceeds_cents)),
        non_taxable=row.non_taxable,
        non_taxable_short_term=usd(int(row.non_taxable_short_cents)),
        non_taxable_long_term=usd(int(row.non_taxable_long_cents)),
        non_taxable_estimated=usd(int(row.non_taxable_estimated_cents)),
        non_taxable_no_basis_proceeds=usd(int(row.non_taxable_no_basis_proceeds_cents)),
        wash_disallowed=usd(int(row.wash_cents)),
        wash_permanent=usd(int(row.wash_permanent_cents)),
        wash_unchecked=row.wash_unchecked,
        wash_earlier=usd(int(row.wash_earlier_cents)),
        wash_earlier_permanent=usd(int(row.wash_earlier_permanent_cents)),
        over_budget=row.over_budget,
        budget_unchecked=row.budget_unchecked,
        failed=row.failed,
        removed=row.removed,
    )


def tiles_of(bits: int) -> list[TileName]:
    """Return the names of the tiles in a set of bits."""
    return [cast(TileName, tile.name) for tile in Tile if bits & tile]


def _execution(row: Row[Any], reported: Mapping[str, int]) -> ExecutionCounts | None:
    """Return what became of the orders of an account, None unless it is approved.  reported: orders by status."""
    if row.state != AccountState.APPROVED:
        return None
    return counts_of(int(row.buys or 0) + int(row.sells or 0), reported)


def _figure(field: str, value: int | None) -> int | str | None:
    if value is None or field in _COUNTED:
        return value
    return usd(value)


def _queue_columns(row: Row[Any]) -> dict[str, Any]:
    known = row.flag_version is not None
    behind = known and row.flag_epoch < row.epoch
    state = FlagState(row.state) if known else FlagState.OFF
    return {
        "account_id": row.account_id,
        "account_number": row.account_number,
        "name": row.name,
        "custodian": row.custodian,
        "enterprise_id": row.enterprise_id,
        "advisor_id": row.advisor_id,
        "portfolio_id": row.portfolio_id,
        "state": cast(StateName, (FlagState.SETTLING if behind else state).name),
        "tiles": [] if behind or not known else tiles_of(row.tiles),
        "source": cast(SourceName | None, row.source),
        "needed_since": None if behind else row.needed_since,
        "last_rebalanced": _latest(row.approved_on, row.last_rebalanced) if behind else row.last_rebalanced,
        "market_value": _usd(row.value_cents),
        "cash": _usd(row.cash_cents),
        "cash_weight": _weight(row.cash_ppb),
        "cash_target": _weight(row.cash_target_ppb),
        "cash_low": _weight(row.cash_low_ppb),
        "cash_high": _weight(row.cash_high_ppb),
        "max_drift": _weight(row.max_drift_ppb),
        "drifted": row.drifted or 0,
        "drifted_components": None if row.max_drift_ppb is None else row.drifted,
        "flag_version": row.flag_version or 0,
    }


def _latest(*days: date | None) -> date | None:
    return max((day for day in days if day is not None), default=None)


def _why(reason: Mapping[str, Any]) -> Why:
    low, high = (muldiv_half_away(int(reason[edge]), 1, PPB) for edge in ("low_edge", "high_edge"))
    weight, target = int(reason["weight_ppb"]), int(reason["target_ppb"])
    component = str(reason["security_id"] or "Cash")
    return Why(
        component=component,
        sleeve_id=reason["sleeve_id"],
        weight=text_of(weight, 9, trim=True),
        target=text_of(target, 9, trim=True),
        low=text_of(low, 9, trim=True),
        high=text_of(high, 9, trim=True),
        sentence=sentences.outside_band(component, weight, target, low, high),
    )


def _usd(cents: int | None) -> str | None:
    return None if cents is None else usd(cents)


def _weight(ppb: int | None) -> str | None:
    return None if ppb is None else text_of(ppb, 9, trim=True)
