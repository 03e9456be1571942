"""What the platform tells us: securities, prices, models, portfolios, accounts. Full state, newest version wins.

Weights are fractions as text; inside a model or sleeve, holdings and cash add up to exactly 1, as do sleeves and cash
of a portfolio.  Source: product 1, 2.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.contracts.types import Foreign, Identity, Price, Quantity, Usd, Weight

Custody = Literal["TAXABLE", "IRA", "ROTH_IRA"]
LotMethodName = Literal["FIFO", "LIFO", "HIFO", "LOFO", "MIN_TAX", "AVERAGE", "SPECIFIC"]


def _add_up(what: str, parts: list[Weight], cash: Weight) -> None:
    total = sum((Decimal(part) for part in parts), Decimal(cash))
    if total != 1:
        raise ValueError(f"weights of {what} add up to {total}, they must add up to 1 (cash included)")
    if min([Decimal(part) for part in parts] + [Decimal(cash)]) < 0:
        raise ValueError(f"weights of {what}: a weight is negative")


class SecurityChanged(Foreign):
    """One security of the master. lot_size: units of a round lot (1: whole shares); fractional: 0.000001 steps."""

    security_id: Identity
    version: int
    name: str
    kind: Literal["STOCK", "ETF", "FUND"]
    fractional: bool = False
    lot_size: int = Field(default=1, ge=1, le=1_000_000)


class PricePoint(Foreign):
    security_id: Identity
    price: Price


class PricesPublished(Foreign):
    """One numbered, immutable price set: the closing prices of `as_of`. Higher price_set is newer."""

    price_set: int = Field(ge=1)
    as_of: date
    prices: list[PricePoint]


class Component(Foreign):
    """A security's weight inside a model or sleeve; thresholds are relative to the target (0.2 is 20 % of it)."""

    security_id: Identity
    weight: Weight
    threshold: Weight | None = None
    precision: Weight | None = None
    can_trigger: bool = True


class ModelChanged(Foreign):
    """A model that MODEL sleeves follow."""

    model_id: Identity
    version: int
    enterprise_id: Identity
    name: str
    cash_weight: Weight = "0"
    holdings: list[Component]

    @model_validator(mode="after")
    def weights_add_up(self) -> Self:
        _add_up(f"model {self.model_id}", [part.weight for part in self.holdings], self.cash_weight)
        return self


class Sleeve(Foreign):
    """A sleeve of a portfolio: MODEL follows model_id, APM carries its own holdings."""

    sleeve_id: Identity
    kind: Literal["APM", "MODEL"]
    weight: Weight
    model_id: Identity | None = None
    cash_weight: Weight = "0"
    holdings: list[Component] = Field(default_factory=list)

    @model_validator(mode="after")
    def one_source(self) -> Self:
        if (self.kind == "MODEL") != (self.model_id is not None):
            raise ValueError(f"sleeve {self.sleeve_id}: a MODEL sleeve names its model_id, an APM sleeve does not")
        if self.kind == "APM":
            _add_up(f"sleeve {self.sleeve_id}", [part.weight for part in self.holdings], self.cash_weight)
        return self


class PortfolioChanged(Foreign):
    """A target portfolio; its thresholds hold for components without their own.  Source: product 1."""

    portfolio_id: Identity
    version: int
    enterprise_id: Identity
    name: str
    cash_weight: Weight
    cash_threshold: Weight = "0.2"
    cash_can_trigger: bool = True
    threshold: Weight = "0.2"
    precision: Weight = "0.04"
    floor: Weight = "0.005"
    sleeves: list[Sleeve]

    @model_validator(mode="after")
    def weights_add_up(self) -> Self:
        _add_up(f"portfolio {self.portfolio_id}", [sleeve.weight for sleeve in self.sleeves], self.cash_weight)
        return self


class SecurityRestriction(Foreign):
    """What an account may not do with a security; SUBSTITUTE names what is bought instead."""

    security_id: Identity
    kind: Literal["DO_NOT_BUY", "DO_NOT_SELL", "DO_NOT_TRADE", "SUBSTITUTE"]
    substitute_id: Identity | None = None


class LotPick(Foreign):
    """Units of a lot that leave first when its security is sold. The sleeve may be left out where the lot stands in one
    sleeve, or where all of it is picked."""

    security_id: Identity
    lot_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    sleeve_id: Identity | None = None
    units: Quantity


class AccountChanged(Foreign):
    """An account and its settings. rebalancer_on_count: how often the rebalancer has been turned on, so that a switch
    off and on between two deliveries is not lost. Thresholds here override the portfolio's defaults. last_rebalanced:
    last rebalance known to the platform before the account was ours; passed over once the analyzer has a date of its
    own or the rebalancer is turned on again. lot_picks count for lot method SPECIFIC only."""

    account_id: Identity
    version: int
    enterprise_id: Identity
    advisor_id: Identity
    custodian: Identity
    account_number: Identity
    name: str
    custody: Custody
    tax_household_id: Identity | None = None
    portfolio_id: Identity | None = None
    apm_sleeve_id: Identity = "APM"
    rebalancer_on: bool
    rebalancer_on_count: int = Field(ge=0)
    last_rebalanced: date | None = None
    lot_method: LotMethodName = "FIFO"
    lot_picks: list[LotPick] = Field(default_factory=list)
    threshold: Weight | None = None
    precision: Weight | None = None
    floor: Weight | None = None
    cash_threshold: Weight | None = None
    min_trade_usd: Usd = "0.00"
    min_trade_weight: Weight = "0"
    cash_reserve: Usd = "0.00"
    cash_set_aside: Usd = "0.00"
    do_not_trade: bool = False
    restrictions: list[SecurityRestriction] = Field(default_factory=list)
