"""What a batch trades, as the API shows it: scaled integers become exact text."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from services.batch.domain.drift import DriftSums
from services.batch.domain.figures import LOGIC_NAMES
from services.batch.domain.market_orders import BatchSums, TradeSums
from services.batch.views.rows import totals_view
from shared.contracts.api_trades import (
    AccountTrade,
    BatchTrades,
    LogicEffect,
    SecurityFigures,
    SecurityTrades,
    TradedValue,
)
from shared.fixed_point.text import text_of, usd


def trades_view(batch: Row[Any], found: BatchSums) -> BatchTrades:
    """Return the trades of a batch."""
    return BatchTrades(
        batch_id=batch.batch_id,
        version=batch.version,
        logic=LOGIC_NAMES[batch.logic],
        rows=[
            SecurityTrades(security_id=each.security_id, filtered=_figures(each.filtered), all=_figures(each.all))
            for each in found.rows
        ],
        filtered=_total(found.filtered, len(found.rows)),
        all=_total(found.all, found.securities),
    )


def account_trade(member: Row[Any], order: Mapping[str, Any]) -> AccountTrade:
    """Return the order of an account for a security.  order: as `columns.market_orders` has it."""
    return AccountTrade(
        account_id=member.account_id,
        account_number=member.account_number,
        name=member.name,
        side="BUY" if order["is_buy"] else "SELL",
        quantity=text_of(order["micro"], 6, trim=True),
        price=text_of(order["price"], 6, trim=True),
        value=usd(order["cents"]),
    )


def logic_effect(logic: int, totals: Row[Any], drift: DriftSums, *, unproposed: int, is_available: bool) -> LogicEffect:
    """Return what a batch would do under a logic.  totals: as `totals_view` takes them."""
    return LogicEffect(
        logic=LOGIC_NAMES[logic],
        is_available=is_available,
        unproposed=unproposed,
        totals=totals_view(totals),
        drift_value=usd(drift.cents),
        drift=None if drift.ppb is None else text_of(drift.ppb, 9, trim=True),
        drift_unknown=totals.accounts - drift.accounts,
    )


def _figures(sums: TradeSums) -> SecurityFigures:
    return SecurityFigures(
        buys=_units(sums.buys.micro),
        buys_value=usd(sums.buys.cents),
        buy_accounts=sums.buys.accounts,
        sells=_units(sums.sells.micro),
        sells_value=usd(sums.sells.cents),
        sell_accounts=sums.sells.accounts,
        net=_units(sums.buys.micro - sums.sells.micro),
        net_value=usd(sums.buys.cents - sums.sells.cents),
        accounts=sums.accounts,
        value=usd(sums.value_cents),
    )


def _total(sums: TradeSums, securities: int) -> TradedValue:
    return TradedValue(
        securities=securities,
        orders=sums.accounts,
        buys_value=usd(sums.buys.cents),
        sells_value=usd(sums.sells.cents),
        net_value=usd(sums.buys.cents - sums.sells.cents),
        value=usd(sums.value_cents),
    )


def _units(micro: int) -> str:
    return text_of(micro, 6, trim=True)
