"""The HTTP API of what a batch trades: by security over its accounts, and under each trade logic.

Money and quantities are exact text.  Only market orders count: units that cross inside an account never go to market.
Source: product 4 (netting), 7.
"""

from typing import Annotated, Literal

from pydantic import StringConstraints

from shared.contracts.api_batches import Totals
from shared.contracts.events import LogicName
from shared.contracts.types import Identity, OutboundModel, Price, Quantity, Usd, Weight

Units = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,16}(\.[0-9]{1,6})?$")]  # of one security over accounts


class SecurityFigures(OutboundModel):
    """Market orders of one security over accounts.  net: bought less sold; value: bought and sold together.

    accounts: an account never buys and sells the same security, so it is buy_accounts and sell_accounts together.
    """

    buys: Units
    buys_value: Usd
    buy_accounts: int
    sells: Units
    sells_value: Usd
    sell_accounts: int
    net: Units
    net_value: Usd
    accounts: int
    value: Usd


class SecurityTrades(OutboundModel):
    """What accounts trade of one security. filtered: those that the filter leaves; all: every account of the batch."""

    security_id: Identity
    filtered: SecurityFigures
    all: SecurityFigures


class TradedValue(OutboundModel):
    """Sums over securities. orders: one per account and security."""

    securities: int
    orders: int
    buys_value: Usd
    sells_value: Usd
    net_value: Usd
    value: Usd


class BatchTrades(OutboundModel):
    """Market orders of the proposed (or decided) accounts under the logic in force, the largest value first.

    rows: the securities that accounts of the filter trade.
    """

    batch_id: int
    version: int
    logic: LogicName
    rows: list[SecurityTrades]
    filtered: TradedValue
    all: TradedValue


class AccountTrade(OutboundModel):
    """The market order of one account for a security."""

    account_id: Identity
    account_number: str
    name: str
    side: Literal["BUY", "SELL"]
    quantity: Quantity
    price: Price  # as proposed
    value: Usd


class SecurityAccounts(OutboundModel):
    """A page of the accounts that trade a security, the largest value first."""

    security_id: Identity
    rows: list[AccountTrade]
    total: int
    page: int
    size: int


class LogicEffect(OutboundModel):
    """What a batch would do under one trade logic.

    is_available: whether it was computed for every account, so that it can be put in force; unproposed: accounts that
    it could not propose for.  drift_value: dollars between what positions are worth after the trades and their targets,
    without cash; drift: the same as a share of the accounts' value, None where nothing is known.  drift_unknown:
    accounts that are not in either, because substitutes take over targets or nothing was proposed.
    """

    logic: LogicName
    is_available: bool
    unproposed: int
    totals: Totals
    drift_value: Usd
    drift: Weight | None
    drift_unknown: int


class LogicComparison(OutboundModel):
    """The proposed (or decided) accounts of a batch under every logic that was computed for any of them."""

    batch_id: int
    version: int
    logics: list[LogicEffect]
