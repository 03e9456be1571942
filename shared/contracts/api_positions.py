"""The HTTP API: positions and settings of one account, as the analyzer evaluates them."""

from datetime import date

from pydantic import Field

from shared.contracts.events import StateName, TileName
from shared.contracts.holding_roles import RoleName
from shared.contracts.platform import HoldingRoleName, PriceFactor
from shared.contracts.types import ExactWeight, Identity, OutboundModel, Price, Quantity, Usd, Weight


class AccountPosition(OutboundModel):
    """A position that is held or targeted.

    price, value: absent without a price in force; weight: absent while the account cannot be valued. low, high: the
    edges of the rebalance band, as weights.  value is quantity x price x price_factor.  role: how it is treated; what
    is EXCLUDED has neither value nor weight, because it is not in the account's value.  target: as flags are judged on
    it, after substitution, to nine decimals; target_exact: with all that it has, as it decides.  portfolio_target: the
    portfolio's own, where substitution changed it; replaced_by, replaces: the substitute, and what it stands in for.
    """

    security_id: Identity
    sleeve_id: Identity
    quantity: Quantity
    price: Price | None
    value: Usd | None
    weight: Weight | None
    target: Weight
    low: Weight
    high: Weight
    can_trigger: bool
    outside: bool
    role: RoleName = "MANAGED"
    price_factor: PriceFactor = "1"
    target_exact: ExactWeight | None = None
    portfolio_target: ExactWeight | None = None
    replaced_by: Identity | None = None
    replaces: list[Identity] = Field(default_factory=list)


class AccountHoldingRole(OutboundModel):
    """The role of a security in this account, where the account says it itself."""

    security_id: Identity
    role: HoldingRoleName


class AccountRestriction(OutboundModel):
    """What may not be traded of a security, and what is bought in its place."""

    security_id: Identity
    restrictions: list[str]
    substitute_id: Identity | None


class LotPick(OutboundModel):
    """Units of a lot that leave first when its security is sold; without a sleeve, in whatever sleeve they are."""

    security_id: Identity
    lot_id: str
    sleeve_id: Identity | None
    quantity: Quantity


class AccountSettings(OutboundModel):
    """Settings in force: the account's own, else its portfolio's.  Thresholds, precision and floor are weights."""

    rebalancer_on: bool
    do_not_trade: bool
    taxable: bool
    lot_method: str
    gain_budget_short: Usd | None
    gain_budget_total: Usd | None
    no_short_term_gains: bool
    threshold: Weight
    precision: Weight
    floor: Weight
    cash_threshold: Weight
    cash_target: Weight
    min_trade_usd: Usd
    min_trade_weight: Weight
    cash_reserve: Usd
    cash_set_aside: Usd
    restrictions: list[AccountRestriction]
    lot_picks: list[LotPick]
    holding_roles: list[AccountHoldingRole] = Field(default_factory=list)


class AccountPositions(OutboundModel):
    """One account as the analyzer knows it; reasons: a sentence for each component in the triggering list.

    cash: what the custodian reports as cash.  cash_equivalents: the value of cash equivalents, which count as cash
    beside it; absent while the account cannot be valued.
    """

    account_id: Identity
    portfolio_id: Identity | None
    facts_version: int
    lots_version: int
    as_of: date | None
    price_set: int | None
    prices_as_of: date | None
    state: StateName
    tiles: list[TileName]
    last_rebalanced: date | None
    settling_since: date | None
    epoch: int
    hold_code: str | None
    hold_text: str | None
    cash: Usd
    cash_equivalents: Usd | None = None
    market_value: Usd | None
    settings: AccountSettings
    positions: list[AccountPosition]
    reasons: list[str]
