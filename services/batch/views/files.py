"""The lists as files: their columns, and a row of each from what the lists show.  Words are those of the screen.

Every row is made of the model that the list itself shows, so that a file and the page agree.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from sqlalchemy import Row

from services.batch.domain.trades import ProposedOrder
from services.batch.views import sentences
from shared.contracts.api_batches import AccountStateName, BatchAccountRow, BatchSummary
from shared.contracts.api_queue import QueueRow
from shared.contracts.codes import Reason
from shared.contracts.events import LogicName, SourceName, TileName
from shared.fixed_point.text import text_of, usd
from shared.tables.columns import Cell, Column, Kind

_TILES: Final[Mapping[TileName, str]] = {
    "FIRST_REBALANCE": "First Rebalance", "HIGH_CASH": "High Cash", "LOW_CASH": "Low Cash",
    "POSITION_DRIFT": "Outside Tolerance",
}  # fmt: skip
_SOURCES: Final[Mapping[SourceName, str]] = {
    "REBALANCER_ON": "Rebalancer On", "TARGET_UPDATE": "Target Update", "DRIFT_ANALYSIS": "Drift Analysis",
}  # fmt: skip
_LOGICS: Final[Mapping[LogicName, str]] = {
    "BEST_FIT": "Best Fit", "MIN_TRANSACTION": "Min Transaction", "TAX_AWARE": "Tax Aware",
}  # fmt: skip
_STATES: Final[Mapping[AccountStateName, str]] = {
    "WORKING": "Working", "PROPOSED": "Proposed", "FAILED": "Failed", "REMOVED": "Removed", "APPROVED": "Complete",
    "CANCELLED": "Cancelled",
}  # fmt: skip
_REASONS: Final[Mapping[int, str]] = {
    Reason.FULL_EXIT: "Full exit", Reason.TO_TARGET: "To target", Reason.TO_EDGE: "To edge of band",
    Reason.RAISE_CASH: "Raise cash", Reason.PLACE_CASH: "Place cash", Reason.NETTED: "Netted between sleeves",
    Reason.SUBSTITUTE: "Substitute",
}  # fmt: skip
_ENDS: Final[Mapping[str, str]] = {
    "END_OF_DAY": "Cancelled at the end of the day", "ALL_REMOVED": "All accounts were removed",
    "ALL_FAILED": "All accounts failed",
}  # fmt: skip

QUEUE_FILE: Final = (
    Column("Account #"), Column("Account name"), Column("Why"), Column("Market value", Kind.MONEY),
    Column("Cash", Kind.MONEY), Column("Cash weight", Kind.WEIGHT), Column("Cash target", Kind.WEIGHT),
    Column("Cash low", Kind.WEIGHT), Column("Cash high", Kind.WEIGHT), Column("Max drift", Kind.WEIGHT),
    Column("Drifted", Kind.COUNT), Column("Needed since", Kind.DAY), Column("Last rebalanced", Kind.DAY),
    Column("Source"), Column("Portfolio"), Column("Custodian"), Column("Advisor"), Column("Enterprise"),
    Column("Account id"),
)  # fmt: skip

ACCOUNTS_FILE: Final = (
    Column("Account #"), Column("Account name"), Column("Advisor"), Column("State"), Column("Result"),
    Column("Taxable"), Column("Short-term G&L", Kind.MONEY), Column("Long-term G&L", Kind.MONEY),
    Column("Estimated G&L", Kind.MONEY), Column("Unknown term G&L", Kind.MONEY),
    Column("Proceeds without cost basis", Kind.MONEY), Column("Wash sale", Kind.MONEY),
    Column("Wash sale, permanent", Kind.MONEY), Column("Earlier losses", Kind.MONEY),
    Column("Earlier losses, permanent", Kind.MONEY), Column("Over budget", Kind.MONEY), Column("Gain limits exceeded"),
    Column("Market value", Kind.MONEY), Column("Buys", Kind.COUNT), Column("Buys $", Kind.MONEY),
    Column("Sells", Kind.COUNT), Column("Sells $", Kind.MONEY), Column("Flat", Kind.COUNT),
    Column("Flat $", Kind.MONEY), Column("Beginning cash", Kind.MONEY), Column("Ending cash", Kind.MONEY),
    Column("Orders sent", Kind.COUNT), Column("Orders filled", Kind.COUNT), Column("Orders outstanding", Kind.COUNT),
    Column("Orders rejected", Kind.COUNT), Column("Account id"),
)  # fmt: skip

TRADES_FILE: Final = (
    Column("Account #"), Column("Account name"), Column("Advisor"), Column("Custodian"), Column("State"),
    Column("Result"), Column("Trade logic"), Column("Security"), Column("Side"), Column("Quantity", Kind.NUMBER),
    Column("Price", Kind.NUMBER), Column("Value", Kind.MONEY), Column("Reason"), Column("Request", Kind.COUNT),
    Column("Account id"),
)  # fmt: skip

HISTORY_FILE: Final = (
    Column("Request", Kind.COUNT), Column("Name"), Column("Result"), Column("Why"), Column("Trade logic"),
    Column("Accounts", Kind.COUNT), Column("Complete", Kind.COUNT), Column("Removed", Kind.COUNT),
    Column("Failed", Kind.COUNT), Column("Cancelled", Kind.COUNT), Column("Short-term G&L", Kind.MONEY),
    Column("Long-term G&L", Kind.MONEY), Column("Estimated G&L", Kind.MONEY), Column("Turnover", Kind.MONEY),
    Column("Decided by"), Column("Decided at", Kind.INSTANT), Column("First approval by"),
    Column("First approval at", Kind.INSTANT), Column("Note"), Column("Requested by"),
    Column("Requested at", Kind.INSTANT), Column("Trade date", Kind.DAY), Column("Enterprise"),
)  # fmt: skip


def queue_cells(row: QueueRow) -> tuple[Cell, ...]:
    """Return an account of the queue under QUEUE_FILE."""
    why = ["No Target"] if row.state == "NO_TARGET" else []
    return (
        row.account_number, row.name, ", ".join([*why, *(_TILES[tile] for tile in row.tiles)]), row.market_value,
        row.cash, row.cash_weight, row.cash_target, row.cash_low, row.cash_high, row.max_drift, row.drifted_components,
        row.needed_since, row.last_rebalanced, None if row.source is None else _SOURCES[row.source], row.portfolio_id,
        row.custodian, row.advisor_id, row.enterprise_id, row.account_id,
    )  # fmt: skip


def account_cells(row: BatchAccountRow) -> tuple[Cell, ...]:
    """Return an account of a batch under ACCOUNTS_FILE."""
    sent = row.execution
    executed = (None,) * 4 if sent is None else (sent.orders, sent.filled, sent.outstanding, sent.rejected)
    return (
        row.account_number, row.name, row.advisor_id, _STATES[row.state], row.result, "Yes" if row.taxable else "No",
        row.short_term, row.long_term, row.estimated, row.unknown_term, row.no_basis_proceeds, row.wash_disallowed,
        row.wash_permanent, row.wash_earlier, row.wash_earlier_permanent, row.over_budget,
        " ".join(excess.sentence for excess in row.excesses), row.market_value, row.buys, row.buys_value, row.sells,
        row.sells_value, row.flats, row.flats_value, row.begin_cash, row.end_cash, *executed, row.account_id,
    )  # fmt: skip


def trade_cells(account: Row[Any], result: str, logic: LogicName, order: ProposedOrder) -> tuple[Cell, ...]:
    """Return an order of an account of a batch under TRADES_FILE.  result: sentence of the account."""
    return (
        account.account_number, account.name, account.advisor_id, account.custodian, _STATES[account.state], result,
        _LOGICS[logic], order.security_id, "Buy" if order.quantity_micro > 0 else "Sell",
        sentences.units(order.quantity_micro), text_of(order.price_micro, 6, trim=True), usd(order.value_cents),
        _REASONS[order.reason], account.batch_id, account.account_id,
    )  # fmt: skip


def history_cells(batch: BatchSummary) -> tuple[Cell, ...]:
    """Return a decided batch under HISTORY_FILE."""
    first, counts = batch.first_approval, batch.counts
    traded: date = batch.session or batch.trade_date
    ended = None if batch.reason is None else _ENDS.get(batch.reason)
    return (
        batch.batch_id, batch.label, batch.result, ended, _LOGICS[batch.logic], batch.accounts, counts.approved,
        counts.removed, counts.failed, counts.cancelled, batch.short_term, batch.long_term, batch.estimated,
        batch.turnover, batch.decided_by or "Automatic", batch.decided_at, None if first is None else first.by,
        None if first is None else first.at, batch.note, batch.requested_by, batch.requested_at, traded,
        batch.enterprise_id,
    )  # fmt: skip
