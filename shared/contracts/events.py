"""What we tell other services: public events, full state, one per account or batch, money as decimal text.

Every event names its enterprise and carries the version of its aggregate; CloudEvents attributes travel as headers
(shared.kafka.publisher).  Source: product 6, architecture "Bulk paths".
"""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from shared.contracts.platform import PriceFactor
from shared.contracts.types import (
    IdempotencyKey,
    Identity,
    Instant,
    OutboundModel,
    Price,
    Quantity,
    Remark,
    Sha256,
    Usd,
    Version,
    Weight,
)

TileName = Literal["FIRST_REBALANCE", "HIGH_CASH", "LOW_CASH", "POSITION_DRIFT"]
StateName = Literal["OFF", "CLEAR", "FLAGGED", "HELD", "SETTLING", "NO_TARGET"]
SourceName = Literal["REBALANCER_ON", "TARGET_UPDATE", "DRIFT_ANALYSIS"]
WorkStateName = Literal["QUEUED", "IN_BATCH", "SETTLING", "HELD", "OFF", "CLEAR"]
OpenStatus = Literal["WORKING", "PENDING_APPROVAL"]
BatchStatus = Literal["WORKING", "PENDING_APPROVAL", "APPROVED", "CANCELLED", "FAILED"]
LogicName = Literal["BEST_FIT", "MIN_TRANSACTION", "TAX_AWARE"]


class FlagReason(OutboundModel):
    """A component outside its band; security_id absent means cash."""

    sleeve_id: Identity | None = None
    security_id: Identity | None = None
    weight: Weight
    target: Weight
    low: str
    high: str


class AccountFlag(OutboundModel):
    """What the newest evaluation found of one account (compacted by account)."""

    account_id: Identity
    enterprise_id: Identity
    advisor_id: Identity
    version: int
    state: StateName
    tiles: list[TileName]
    source: SourceName | None = None
    needed_since: date | None = None
    last_rebalanced: date | None = None
    market_value: Usd | None = None
    reasons: list[FlagReason]
    hold: str | None = None


class AccountStateChanged(OutboundModel):
    """Where an account is in the work: one state at a time, from its first evaluation on (compacted by account).

    The first that applies, in this order: IN_BATCH, SETTLING, HELD, OFF, CLEAR, QUEUED.  Source: product 3, 6.
    """

    account_id: Identity
    enterprise_id: Identity
    advisor_id: Identity
    version: int
    state: WorkStateName
    batch_id: int | None = None  # there in state IN_BATCH, as is the status
    batch_status: OpenStatus | None = None
    since: Instant

    @model_validator(mode="after")
    def names_its_batch(self) -> Self:
        """Raise ValueError unless an account in a batch, and no other, names the batch and its status."""
        named = self.batch_id is not None, self.batch_status is not None
        if named != (self.state == "IN_BATCH",) * 2:
            raise ValueError("an account names batch_id and batch_status if it is IN_BATCH, and only then")
        return self


class QueueChanged(OutboundModel):
    """The queue of an enterprise shows something new (internal: the push to browsers rests on it).

    It comes from whoever serves the queue, after the effect: who asks on hearing it sees the new state.
    """

    enterprise_id: Identity
    version: int  # rises with time, so that of several the last one counts


class HistoryHead(OutboundModel):
    """The link of a decision in the chain of an enterprise's decisions: its last one then."""

    enterprise_id: Identity
    position: Version
    sha256: Sha256


class BatchChanged(OutboundModel):
    """State of a batch after a transition or progress (compacted by batch).

    enterprise_ids, advisor_ids: whose accounts are in it; only who may see all of them may see the batch.
    """

    batch_id: int
    enterprise_id: Identity
    enterprise_ids: list[Identity] = Field(default_factory=list)  # empty in events from before these were told
    advisor_ids: list[Identity] = Field(default_factory=list)
    version: int
    status: BatchStatus
    reason: str | None = None  # USER, END_OF_DAY, ALL_REMOVED, ALL_FAILED
    logic: LogicName
    accounts: int
    working: int
    proposed: int
    failed: int
    removed: int
    requested_by: str
    decided_by: str | None = None
    trade_date: date
    requested_at: Instant | None = None  # None in events from before it was told, as what follows
    cancel_at: Instant | None = None
    decided_at: Instant | None = None  # None also while it is open, as the digest
    decision_sha256: Sha256 | None = None
    first_approved_by: str | None = None
    history: list[HistoryHead] | None = None


class Order(OutboundModel):
    """One order.  What is optional was added after the first release."""

    order_id: str
    security_id: Identity
    side: Literal["BUY", "SELL"]
    quantity: Quantity
    reference_price: Price
    order_type: Literal["MARKET"] | None = None
    time_in_force: Literal["DAY"] | None = None
    currency: Literal["USD"] | None = None
    idempotency_key: IdempotencyKey | None = None
    price_factor: PriceFactor | None = None
    value: Usd | None = None


class SleeveTransfer(OutboundModel):
    security_id: Identity
    from_sleeve_id: Identity
    to_sleeve_id: Identity
    lot_id: str
    quantity: Quantity


class SleeveAllocation(OutboundModel):
    """How an order's units fall to sleeves: signed, + buy."""

    sleeve_id: Identity
    security_id: Identity
    quantity: Quantity


class LotInstruction(OutboundModel):
    """Which lots a sell order relieves."""

    order_id: str
    lot_id: str
    sleeve_id: Identity
    quantity: Quantity


class OrdersReleased(OutboundModel):
    """All that one approved account sends to market and moves between sleeves, decided once.

    It is delivered at least once: after a fault the same event may come again, with the same `ce_id`, order ids and
    bytes, also long after others.  Subscribers act on an id once: keep (`ce_source`, `ce_id`), or each order_id, with
    what was done, in one transaction, and pass over what is kept already.
    """

    account_id: Identity
    enterprise_id: Identity
    advisor_id: Identity
    custodian: Identity
    account_number: Identity
    batch_id: int
    version: int  # the account's new epoch
    trade_date: date  # in events without business_date that of the batch, and session is later if they differ
    business_date: date | None = None
    session: date | None = None  # None in events from before it was told, as the decider
    decided_by: str | None = None
    decided_name: str | None = None
    orders: list[Order]
    allocations: list[SleeveAllocation]
    lots: list[LotInstruction]
    transfers: list[SleeveTransfer]


class AdvisorCounts(OutboundModel):
    """What of an analysis concerns the accounts of one advisor."""

    advisor_id: Identity
    accounts: int
    flagged: int
    held: int


class AnalysisCompleted(OutboundModel):
    """An analysis is done: one event for each enterprise of which it covered accounts, with what is theirs.

    version: number of the run, higher for a later one.  Events from before enterprises were told apart name none: they
    add up the whole book, so nobody can be told of them, and whoever keeps something of an enterprise passes them over.
    """

    run_id: str
    enterprise_id: Identity | None = None
    business_date: date
    version: int
    price_set: int
    accounts: int
    flagged: int
    held: int
    advisors: list[AdvisorCounts] = Field(default_factory=list)

    @model_validator(mode="after")
    def names_whose_it_is(self) -> Self:
        """Raise ValueError if an event names advisors but no enterprise; events of earlier releases name neither."""
        if self.advisors and self.enterprise_id is None:
            raise ValueError("an analysis that names advisors must name their enterprise_id")
        return self


class PriceSetDecided(OutboundModel):
    """A price set was withdrawn, or accepted again after that (internal; compacted by set, which is of no tenant).

    Sets that were never withdrawn are not told of.  version: number of the decision.  accepted_at: when the set first
    counted; nothing was proposed on it before.  reason: as whoever decided gave it.
    """

    price_set: Version
    version: Version
    is_withdrawn: bool
    accepted_at: Instant
    decided_at: Instant
    reason: Remark


class ChainHead(OutboundModel):
    """The end of a chain of hashes as the auditor saw it fit (internal; compacted by chain).

    chain: "audit log", or "history of <enterprise>".  position: of the last link, from 1; sha256: its hash.
    """

    chain: str
    position: Version
    sha256: Sha256
    seen_at: Instant


class FilePart(OutboundModel):
    """What of a file concerns the accounts of one advisor."""

    enterprise_id: Identity
    advisor_id: Identity
    accounts: int
    held: int


class FileProcessed(OutboundModel):
    """A custodian file was taken in, refused or recognised as a duplicate.

    parts, enterprise_ids: whom it concerns; only they, and who sent it, may be told of it.  Empty in events from before
    it was said, and where nobody knows.
    """

    file_id: str
    version: int
    file_name: str
    custodian: str | None = None  # of a refused file nobody may know whose it is, nor of which day
    as_of: date | None = None
    outcome: Literal["LOADED", "REFUSED", "DUPLICATE"]
    reason: str | None = None
    accounts: int = 0
    held: int = 0
    sent_by: str | None = None  # None: the custodian's own feed
    enterprise_ids: list[Identity] = Field(default_factory=list)
    parts: list[FilePart] = Field(default_factory=list)
    at: Instant
