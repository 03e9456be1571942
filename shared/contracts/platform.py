"""What the platform tells us: securities, prices, models, portfolios, accounts, executions. Full state, newest wins.

Weights are fractions as text; inside a model or sleeve, holdings and cash add up to exactly 1, as do sleeves and cash
of a portfolio.  These models are the one validation of what comes in: every bound that a database column, a later
integer or a message has stands here, so that all services take, or refuse, the same event.  What can be stored but not
used (a floor of 7) is taken by all, and the analyzer holds the account for it.  Source: product 1, 2.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from shared.contracts.types import (
    FIRST_DAY,
    LAST_DAY,
    MAX_VERSION,
    Count,
    Day,
    Identity,
    InboundModel,
    Instant,
    LotName,
    Name,
    Price,
    Quantity,
    Remark,
    Usd,
    Version,
    Weight,
)

ExecutionStatus = Literal["ACCEPTED", "PARTIALLY_FILLED", "FILLED", "REJECTED"]
Custody = Literal["TAXABLE", "IRA", "ROTH_IRA"]
LotMethodName = Literal["FIFO", "LIFO", "HIFO", "LOFO", "MIN_TAX", "AVERAGE", "SPECIFIC"]
HoldingRoleName = Literal["MANAGED", "LOCKED", "EXCLUDED"]
PriceFactor = Literal["1", "0.01"]

MAX_PRICES: Final = 200_000  # more than a message of 4 MiB holds
MAX_UNREAD: Final = 1_000  # entries of a price set that are no price points, before it is no price set
MAX_COMPONENTS: Final = 2_000  # securities of one model or sleeve
MAX_SLEEVES: Final = 100
MAX_ENTRIES: Final = 1_000  # restrictions, lots picked, and holding roles, of one account
_SHOWN: Final = 80  # characters of a value in a refusal


def refusal(error: ValidationError) -> str:
    """Return why an event is refused: the field, the value it has, what is allowed, and how much else is wrong."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole message"
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    given = first["input"]
    value = "" if isinstance(given, dict | list | bytes) or first["type"] == "missing" else f" is {_cut(given)}"
    return f"{field}{value}: {first['msg'].removeprefix('Value error, ')}{more}"


def _cut(value: object) -> str:
    """Return a value on one line of ASCII, what is long cut."""
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def _add_up(what: str, weights: list[Weight], cash: Weight) -> None:
    """Raise ValueError if weights and cash do not add up to 1 or a weight is negative; `what` says whose they are."""
    total = sum((Decimal(weight) for weight in weights), Decimal(cash))
    if total != 1:
        raise ValueError(f"weights of {what} add up to {total}, they must add up to 1 (cash included)")
    if min([Decimal(weight) for weight in weights] + [Decimal(cash)]) < 0:
        raise ValueError(f"weights of {what}: a weight is negative")


class SecurityChanged(InboundModel):
    """One security of the master. lot_size: units of a round lot (1: whole shares).  fractional: steps of 0.000001, at
    price factor 0.01 of 0.0001.  cash_equivalent: its value counts as cash and it is never traded.  role: how accounts
    that hold it treat it; absent: by kind, OPTION and OTHER are EXCLUDED, the rest MANAGED.  price_factor: dollars a
    unit and price point, 0.01 for bonds quoted in percent of face; quantities are face then.  worthless: it is valued
    at nothing, needs no price and is EXCLUDED everywhere.  Source: product 1."""

    security_id: Identity
    version: Version
    name: Name
    kind: Literal["STOCK", "ETF", "FUND", "BOND", "OPTION", "OTHER"]
    fractional: bool = False
    lot_size: int = Field(default=1, ge=1, le=1_000_000)
    cash_equivalent: bool = False
    role: HoldingRoleName | None = None
    price_factor: PriceFactor = "1"
    worthless: bool = False


class PricePoint(InboundModel):
    """A price in dollars a unit; decimals beyond six are rounded where it is stored."""

    security_id: Identity
    price: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,18}(\.[0-9]{1,40})?$")]


class PricesPublished(InboundModel):
    """One numbered, immutable price set: the closing prices of `as_of`.

    unread: what is wrong with entries that are no price points.  They alone are put aside, never their set, and the
    sender cannot set it.  Source: product 2.
    """

    price_set: int = Field(ge=1, le=MAX_VERSION)
    as_of: Day
    prices: list[PricePoint] = Field(max_length=MAX_PRICES)
    unread: list[str] = Field(default_factory=list, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def put_aside(cls, given: Any) -> Any:
        """Move entries that are not price points to `unread`.  Raises ValueError if there are too many entries."""
        if not isinstance(given, dict) or not isinstance(given.get("prices"), list):
            return given
        if len(given["prices"]) > MAX_PRICES:
            raise ValueError(f"prices has {len(given['prices'])} entries, {MAX_PRICES} at most are allowed")
        points, unread = [], []
        for entry in given["prices"]:
            try:
                points.append(PricePoint.model_validate(entry))
            except ValidationError as error:
                where = f"{_cut(entry.get('security_id'))}: " if isinstance(entry, dict) else ""
                unread.append(f"{where}{refusal(error)}")
                if len(unread) > MAX_UNREAD:
                    raise ValueError(f"prices has over {MAX_UNREAD} entries that are none, e.g. {unread[0]}") from error
        return given | {"prices": points, "unread": unread}


class Component(InboundModel):
    """A security's weight inside a model or sleeve; thresholds are relative to the target (0.2 is 20 % of it)."""

    security_id: Identity
    weight: Weight
    threshold: Weight | None = None
    precision: Weight | None = None
    can_trigger: bool = True


class ModelChanged(InboundModel):
    """A model that MODEL sleeves follow."""

    model_id: Identity
    version: Version
    enterprise_id: Identity
    name: Name
    cash_weight: Weight = "0"
    holdings: list[Component] = Field(max_length=MAX_COMPONENTS)

    @model_validator(mode="after")
    def weights_add_up(self) -> Self:
        _add_up(f"model {self.model_id}", [part.weight for part in self.holdings], self.cash_weight)
        return self


class Sleeve(InboundModel):
    """A sleeve of a portfolio: MODEL follows model_id, APM carries its own holdings."""

    sleeve_id: Identity
    kind: Literal["APM", "MODEL"]
    weight: Weight
    model_id: Identity | None = None
    cash_weight: Weight = "0"
    holdings: list[Component] = Field(default_factory=list, max_length=MAX_COMPONENTS)

    @model_validator(mode="after")
    def one_source(self) -> Self:
        """Raise ValueError unless a MODEL sleeve names its model and an APM sleeve has holdings that add up to 1."""
        if (self.kind == "MODEL") != (self.model_id is not None):
            raise ValueError(f"sleeve {self.sleeve_id}: a MODEL sleeve names its model_id, an APM sleeve does not")
        if self.kind == "APM":
            _add_up(f"sleeve {self.sleeve_id}", [part.weight for part in self.holdings], self.cash_weight)
        return self


class PortfolioChanged(InboundModel):
    """A target portfolio; its thresholds hold for components without their own.  Source: product 1."""

    portfolio_id: Identity
    version: Version
    enterprise_id: Identity
    name: Name
    cash_weight: Weight
    cash_threshold: Weight = "0.2"
    cash_can_trigger: bool = True
    threshold: Weight = "0.2"
    precision: Weight = "0.04"
    floor: Weight = "0.005"
    sleeves: list[Sleeve] = Field(max_length=MAX_SLEEVES)

    @model_validator(mode="after")
    def weights_add_up(self) -> Self:
        _add_up(f"portfolio {self.portfolio_id}", [sleeve.weight for sleeve in self.sleeves], self.cash_weight)
        return self


class SecurityRestriction(InboundModel):
    """What an account may not do with a security; SUBSTITUTE names what is bought instead."""

    security_id: Identity
    kind: Literal["DO_NOT_BUY", "DO_NOT_SELL", "DO_NOT_TRADE", "SUBSTITUTE"]
    substitute_id: Identity | None = None


class LotPick(InboundModel):
    """Units of a lot that leave first when its security is sold. The sleeve may be left out where the lot stands in one
    sleeve, or where all of it is picked."""

    security_id: Identity
    lot_id: LotName
    sleeve_id: Identity | None = None
    units: Quantity


class HoldingRoleSet(InboundModel):
    """How an account treats a security that it holds, whatever the security master says."""

    security_id: Identity
    role: HoldingRoleName


class AccountChanged(InboundModel):
    """An account and its settings. rebalancer_on_count: how often the rebalancer has been turned on, so that a switch
    off and on between two deliveries is not lost. Thresholds here override the portfolio's defaults. last_rebalanced:
    last rebalance known to the platform before the account was ours; passed over once the analyzer has a date of its
    own or the rebalancer is turned on again. lot_picks count for lot method SPECIFIC only. gain_budget_*: what one
    proposal of the tax-aware logic may realise, short term and in all, net of losses; absent: no limit.
    no_short_term_gains: it sells nothing at a short-term gain. holding_roles: of single securities; each goes before
    the role that the security itself has."""

    account_id: Identity
    version: Version
    enterprise_id: Identity
    advisor_id: Identity
    custodian: Identity
    account_number: Identity
    name: Name
    custody: Custody
    tax_household_id: Identity | None = None
    portfolio_id: Identity | None = None
    apm_sleeve_id: Identity = "APM"
    rebalancer_on: bool
    rebalancer_on_count: Count
    last_rebalanced: Day | None = None
    lot_method: LotMethodName = "FIFO"
    lot_picks: list[LotPick] = Field(default_factory=list, max_length=MAX_ENTRIES)
    gain_budget_short: Usd | None = None
    gain_budget_total: Usd | None = None
    no_short_term_gains: bool = False
    threshold: Weight | None = None
    precision: Weight | None = None
    floor: Weight | None = None
    cash_threshold: Weight | None = None
    min_trade_usd: Usd = "0.00"
    min_trade_weight: Weight = "0"
    cash_reserve: Usd = "0.00"
    cash_set_aside: Usd = "0.00"
    do_not_trade: bool = False
    restrictions: list[SecurityRestriction] = Field(default_factory=list, max_length=MAX_ENTRIES)
    holding_roles: list[HoldingRoleSet] = Field(default_factory=list, max_length=MAX_ENTRIES)


class ExecutionReported(InboundModel):
    """How far the execution of one order has come: its full state, the newest version of an order counts.

    quantity: units filled so far, in all; price: dollars a unit that they were filled at, on average.  An order is
    REJECTED also if what is left of it will not be filled.  Source: product 6, "execution status is a separate thing".
    """

    order_id: Identity
    account_id: Identity
    enterprise_id: Identity
    batch_id: int = Field(ge=1, le=MAX_VERSION)
    security_id: Identity
    version: Version
    status: ExecutionStatus
    quantity: Quantity = "0"
    price: Price | None = None
    at: Instant
    reason: Remark | None = None

    @model_validator(mode="after")
    def fits_its_status(self) -> Self:
        """Raise ValueError if quantity, price, reason or time do not go with each other."""
        filled = Decimal(self.quantity)
        if filled < 0:
            raise ValueError(f"quantity is {self.quantity}: it may not be negative")
        if self.status in ("PARTIALLY_FILLED", "FILLED") and not filled:
            raise ValueError(f"quantity is {self.quantity}: an order that is {self.status} has filled units")
        if self.status == "ACCEPTED" and filled:
            raise ValueError(f"quantity is {self.quantity}: an order that is ACCEPTED has no filled units yet")
        if (self.price is not None) != (filled > 0):
            raise ValueError("price: it is given if units are filled, and only then")
        if self.status == "REJECTED" and self.reason is None:
            raise ValueError("reason: an order that is REJECTED says why")
        if not FIRST_DAY <= self.at.date() <= LAST_DAY:
            raise ValueError(f"at: a time is from {FIRST_DAY} to {LAST_DAY}")
        return self
