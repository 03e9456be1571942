"""The HTTP API: models the batch service answers with and the gateway documents. Money, quantities, weights are text.

Lists take `f=field.op.value` clauses (op: eq, gte, lte, in; the values of `in` are joined by `|`), ANDed; the same
strings stand in the page address.  Commands take an Idempotency-Key header, and If-Match with the batch version.
Errors are application/problem+json (shared.contracts.problems).  Source: product 6, 7.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from shared.contracts.events import BatchStatus, LogicName, SourceName, StateName, TileName
from shared.contracts.query import ClauseText, Expected, Label, SearchText
from shared.contracts.types import Identity, OutboundModel, Price, Quantity, Usd, Weight

AccountState = Literal["WORKING", "PROPOSED", "FAILED", "REMOVED", "APPROVED", "CANCELLED"]
ReasonName = Literal["FULL_EXIT", "TO_TARGET", "TO_EDGE", "RAISE_CASH", "PLACE_CASH", "NETTED", "SUBSTITUTE"]
TermName = Literal["SHORT", "LONG", "UNKNOWN"]
BoughtName = Literal["LOT", "APPROVED", "PROPOSED"]  # reported by a custodian, approved before, of this batch


class ById(OutboundModel):
    """Accounts named one by one."""

    kind: Literal["ids"]
    ids: Annotated[list[Identity], Field(min_length=1, max_length=5000)]


class ByFilter(OutboundModel):
    """All accounts that match, except some: takes as long for one page as for all."""

    kind: Literal["matching"]
    tiles: Annotated[list[TileName], Field(max_length=20)] = Field(default_factory=list)
    f: Annotated[list[ClauseText], Field(max_length=20)] = Field(default_factory=list)
    q: SearchText = ""
    exclude: Annotated[list[Identity], Field(max_length=5000)] = Field(default_factory=list)


Selection = Annotated[ById | ByFilter, Field(discriminator="kind")]

RoleName = Literal["viewer", "trader", "approver", "operator", "admin", "auditor"]


class Principal(OutboundModel):
    """Who asks, as the gateway vouches for it: entitlements come from our tables, never from the browser."""

    subject: str
    name: str
    roles: list[RoleName]  # operator: loads files and starts analyses
    enterprises: list[Identity]
    advisors: list[Identity] | None = None  # None: all advisors of these enterprises


# --- Accounts to Rebalance ------------------------------------------------------------------------------------------


class Why(OutboundModel):
    """A component outside its band, with the sentence shown."""

    component: str  # "Cash" or the security id
    sleeve_id: str | None = None
    weight: Weight
    target: Weight
    low: Weight
    high: Weight
    sentence: str


class QueueRow(OutboundModel):
    account_id: Identity
    account_number: str
    name: str
    custodian: str
    enterprise_id: Identity
    advisor_id: Identity
    portfolio_id: str | None
    state: StateName
    tiles: list[TileName]
    source: SourceName | None
    needed_since: date | None
    last_rebalanced: date | None
    market_value: Usd | None
    cash: Usd | None
    cash_weight: Weight | None
    cash_target: Weight | None
    cash_low: Weight | None
    cash_high: Weight | None
    max_drift: Weight | None
    drifted: int
    flag_version: int


class QueuePage(OutboundModel):
    rows: list[QueueRow]
    total: int
    page: int
    size: int
    as_of: datetime


class TileCounts(OutboundModel):
    """Counts under the present filter and tiles; a tile's count is what choosing it (too) would leave."""

    first_rebalance: int
    high_cash: int
    low_cash: int
    position_drift: int
    no_target: int
    total: int
    held: int
    settling: int
    in_batches: int
    last_analysis: datetime | None
    analysed_accounts: int | None


class Cause(OutboundModel):
    business_date: date
    source: SourceName
    detail: str


class AccountView(QueueRow):
    """One account: why it is flagged, its causes and holds, and the batch it is in."""

    why: list[Why]
    causes: list[Cause]
    hold_code: str | None
    hold_text: str | None
    open_batch: int | None
    epoch: int
    rebalances: list["BatchSummary"]


# --- Batches --------------------------------------------------------------------------------------------------------


class ProposeBody(OutboundModel):
    """Make a batch. expected_count: the number the user saw; another number is refused with 409 and the new one."""

    selection: Selection
    expected_count: Expected
    logic: LogicName = "BEST_FIT"
    label: Label = ""
    confirm_liquidation: StrictBool = False


class Counts(OutboundModel):
    """Accounts by state; they add up to the accounts of the batch."""

    working: int
    proposed: int
    failed: int
    removed: int
    approved: int
    cancelled: int
    stale: int  # of the proposed ones: must be removed or proposed again


class PutAside(OutboundModel):
    """The service could not deal with a batch by itself: since when, when it is tried again, what that means."""

    since: datetime
    again_at: datetime
    sentence: str


class BatchSummary(OutboundModel):
    batch_id: int
    version: int
    label: str
    enterprise_id: Identity
    status: BatchStatus
    reason: str | None  # USER, END_OF_DAY, ALL_REMOVED, ALL_FAILED
    result: Literal["Failed", "Complete", "Cancelled"] | None
    logic: LogicName
    accounts: int
    only_account: str | None  # the account number when there is just one
    counts: Counts
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    trade_date: date
    cancel_at: datetime
    short_term: Usd
    long_term: Usd
    estimated: Usd
    put_aside: PutAside | None  # None in the answers of commands too: read the batch


class BatchList(OutboundModel):
    rows: list[BatchSummary]
    total: int


class BatchAccountRow(OutboundModel):
    account_id: Identity
    account_number: str
    name: str
    advisor_id: Identity
    state: AccountState
    stale: bool
    result: str  # a sentence: why it failed, was removed, is stale, or has no trades; else ""
    failure_code: str | None
    taxable: bool
    market_value: Usd | None
    begin_cash: Usd | None
    end_cash: Usd | None
    buys: int | None
    buys_value: Usd | None
    sells: int | None
    sells_value: Usd | None
    flats: int | None
    flats_value: Usd | None
    short_term: Usd | None
    long_term: Usd | None
    estimated: Usd | None
    unknown_term: Usd | None
    no_basis_proceeds: Usd | None
    wash_disallowed: Usd | None  # losses a wash sale disallows; None: not checked
    wash_permanent: Usd | None  # of them, those lost for good to a purchase in an IRA


class Totals(OutboundModel):
    """Sums over rows; gains of taxable and non-taxable accounts stand apart."""

    accounts: int
    market_value: Usd
    buys: int
    buys_value: Usd
    sells: int
    sells_value: Usd
    flats: int
    flats_value: Usd
    short_term: Usd
    long_term: Usd
    estimated: Usd
    no_basis_proceeds: Usd
    non_taxable_short_term: Usd
    non_taxable_long_term: Usd
    non_taxable_estimated: Usd
    wash_disallowed: Usd
    wash_permanent: Usd
    wash_unchecked: int  # accounts that were not checked for wash sales
    failed: int
    removed: int


class BatchPage(OutboundModel):
    batch: BatchSummary
    rows: list[BatchAccountRow]
    total: int
    page: int
    size: int
    totals: Totals  # of all proposed (or decided) accounts
    filtered: Totals  # of what the filter leaves


class TradeView(OutboundModel):
    """A sleeve trade with its parts: crossed inside the account, and market."""

    sleeve_id: str
    security_id: str
    side: Literal["BUY", "SELL"]
    quantity: Quantity
    crossed: Quantity
    market: Quantity
    value: Usd
    reason: ReasonName
    sentence: str


class OrderView(OutboundModel):
    security_id: str
    side: Literal["BUY", "SELL"]
    quantity: Quantity
    price: Price
    value: Usd
    reason: ReasonName


class PositionView(OutboundModel):
    """One position before and after, with the tax figures of its security's sells in that sleeve."""

    sleeve_id: str
    security_id: str
    price: Price
    target: Weight
    low: Weight
    high: Weight
    quantity_before: Quantity
    quantity_after: Quantity
    value_before: Usd
    value_after: Usd
    weight_before: Weight
    weight_after: Weight
    short_term: Usd | None  # None: nothing of it is sold
    long_term: Usd | None
    estimated: Usd | None
    no_basis_proceeds: Usd | None


class WashView(OutboundModel):
    """Units bought near a sale at a loss, and how much of the loss they disallow."""

    quantity: Quantity
    disallowed: Usd
    permanent: bool  # bought in an IRA: the loss is lost, not deferred
    bought: date
    source: BoughtName
    account_number: str | None  # None: an account of the household that the asker may not see
    lot_id: str | None


class SliceView(OutboundModel):
    sleeve_id: str
    security_id: str
    lot_id: str
    acquired: date | None
    quantity: Quantity
    picked: Quantity  # of it, what the account picked itself (lot method SPECIFIC)
    proceeds: Usd
    basis: Usd | None
    gain: Usd | None
    term: TermName
    first_long_term_day: date | None
    days_to_long_term: int | None  # of a short-term gain that turns long-term soon (30 days at most)
    washes: list[WashView]


class TransferView(OutboundModel):
    security_id: str
    from_sleeve_id: str
    to_sleeve_id: str
    lot_id: str
    acquired: date | None
    quantity: Quantity
    basis: Usd | None


class PickView(OutboundModel):
    """Units of a lot that the account picked for sale (lot method SPECIFIC), and how many of them a logic sells."""

    security_id: str
    lot_id: str
    sleeve_id: str | None  # None: wherever the lot stands
    quantity: Quantity
    sold: Quantity


class Proposal(OutboundModel):
    """What one logic proposes for the account."""

    logic: LogicName
    row: BatchAccountRow  # the summary columns under this logic
    no_trade_reason: str | None
    limit_reason: str | None  # what the account's gain limits kept from being traded
    positions: list[PositionView]
    trades: list[TradeView]
    orders: list[OrderView]
    slices: list[SliceView]
    picks: list[PickView]
    transfers: list[TransferView]


class BatchAccountView(OutboundModel):
    """One account of a batch with every logic side by side; frozen exactly once the batch is decided."""

    batch: BatchSummary
    account: BatchAccountRow
    logic: LogicName  # in force
    proposals: list[Proposal]
    wash_note: str  # what was checked for wash sales, and what was not
    previous_id: str | None
    next_id: str | None
    position: int


class RemovalBody(OutboundModel):
    selection: Selection
    expected_count: Expected


class LogicBody(OutboundModel):
    logic: LogicName


class ReproposeBody(OutboundModel):
    """Propose the stale accounts of a batch again; empty selection means all of them."""

    selection: Selection | None = None


class CommandResult(OutboundModel):
    """Outcome of a command on a batch: its state after it, and how many accounts it touched."""

    batch: BatchSummary
    accounts: int
