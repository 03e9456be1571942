"""The HTTP API of proposals: one account of a batch with trades, orders, lots and gains of every logic, and executions.

Money, quantities and weights are text.  Source: product 4, 5, 7.
"""

from datetime import date, datetime
from typing import Literal

from shared.contracts.api_batches import BatchAccountRow, BatchSummary
from shared.contracts.events import LogicName
from shared.contracts.holding_roles import RoleName
from shared.contracts.platform import ExecutionStatus, PriceFactor
from shared.contracts.types import ExactWeight, OutboundModel, Price, Quantity, Usd, Weight

ReasonName = Literal["FULL_EXIT", "TO_TARGET", "TO_EDGE", "RAISE_CASH", "PLACE_CASH", "NETTED", "SUBSTITUTE"]
TermName = Literal["SHORT", "LONG", "UNKNOWN"]
BoughtName = Literal["LOT", "APPROVED", "PROPOSED"]  # reported by a custodian, approved before, of this batch


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
    unknown_term: Usd | None
    estimated: Usd | None
    no_basis_proceeds: Usd | None
    role: RoleName = "MANAGED"  # what is EXCLUDED has value and weight 0: it is not in the account's value
    price_factor: PriceFactor = "1"
    target_exact: ExactWeight | None = None  # the target, shown to nine decimals, with all that it has, as it decided


class WashView(OutboundModel):
    """Units bought near a sale at a loss, and how much of the loss they disallow."""

    quantity: Quantity
    disallowed: Usd
    permanent: bool  # bought in an IRA: the loss is lost, not deferred
    bought: date
    source: BoughtName
    account_number: str | None  # None: an account of the household that the asker may not see
    lot_id: str | None


class EarlierLossView(OutboundModel):
    """Part of a loss approved in the 30 days before that the buys of this account disallow, and whose loss it is."""

    security_id: str
    quantity: Quantity
    disallowed: Usd
    permanent: bool  # this account is an IRA: the loss is lost, not deferred
    trade_date: date  # of the loss
    batch_id: int | None  # None, as account and lot: an account of the household that the asker may not see
    account_number: str | None
    lot_id: str | None


class SliceView(OutboundModel):
    sleeve_id: str
    security_id: str
    lot_id: str
    acquired: date | None
    holding_since: date | None  # its term counts from this day; None: from acquired
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
    cash_equivalents: Usd = "0.00"  # the part of beginning and ending cash that is in cash equivalents
    drift_before: Weight | None  # sum of |weight - target| of what may be traded; None where substitutes are named
    drift_after: Weight | None
    positions: list[PositionView]
    trades: list[TradeView]
    orders: list[OrderView]
    slices: list[SliceView]
    picks: list[PickView]
    earlier_losses: list[EarlierLossView]
    transfers: list[TransferView]


class ExecutionView(OutboundModel):
    """An order that was sent, and how far its execution has come by the newest report."""

    order_id: str
    security_id: str
    side: Literal["BUY", "SELL"]
    quantity: Quantity
    status: ExecutionStatus | None  # None: nothing was reported yet
    filled: Quantity
    price: Price | None  # dollars a unit of what is filled, on average
    reported_at: datetime | None
    reason: str | None


class EditedOrderView(OutboundModel):
    """An order as it was proposed and as it was edited, in units."""

    security_id: str
    side: Literal["BUY", "SELL"]
    proposed: Quantity
    quantity: Quantity


class EditView(OutboundModel):
    """What a person made of an account's orders, of one logic, and why; frozen with the decision."""

    logic: LogicName
    by: str
    at: datetime
    note: str
    orders: list[EditedOrderView]


class BatchAccountView(OutboundModel):
    """One account of a batch with every logic side by side; frozen once the batch is decided, all but executions."""

    batch: BatchSummary
    account: BatchAccountRow
    logic: LogicName  # in force
    proposals: list[Proposal]
    edit: EditView | None
    wash_note: str  # what was checked for wash sales, and what was not
    executions: list[ExecutionView]  # of the orders that the approval sent; empty unless the account is approved
    previous_id: str | None  # in the list of the filter and sort order that were asked with
    next_id: str | None
    position: int  # in that list, from 1; 0: it is not, or no longer, in it
    listed: int  # accounts of that list
