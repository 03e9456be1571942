"""The HTTP API of batches: selections, commands, lists and pages.  Money, quantities and weights are text.

Commands take an Idempotency-Key header, and If-Match with the batch version.  Errors are application/problem+json
(shared.contracts.problems).  Source: product 6, 7.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, StrictBool

from shared.contracts.events import BatchStatus, LogicName
from shared.contracts.query import ClauseText, Expected, Label, NoneOrMore, Note, SearchText, TileChoiceName
from shared.contracts.types import Identity, OutboundModel, Usd

AccountStateName = Literal["WORKING", "PROPOSED", "FAILED", "REMOVED", "APPROVED", "CANCELLED"]


class ById(OutboundModel):
    """Accounts named one by one."""

    kind: Literal["ids"]
    ids: Annotated[list[Identity], Field(min_length=1, max_length=5000)]


class ByFilter(OutboundModel):
    """All accounts that match, except some: takes as long for one page as for all."""

    kind: Literal["matching"]
    tiles: Annotated[list[TileChoiceName], Field(max_length=20)] = Field(default_factory=list)
    f: Annotated[list[ClauseText], Field(max_length=20)] = Field(default_factory=list)
    q: SearchText = ""
    exclude: Annotated[list[Identity], Field(max_length=5000)] = Field(default_factory=list)


Selection = Annotated[ById | ByFilter, Field(discriminator="kind")]


class ProposeBody(OutboundModel):
    """Make a batch. expected_count: the number the user saw; another number is refused with 409 and the new one.

    Accounts without a target are liquidated only if the user says so, with confirm_liquidation; expected_liquidations:
    how many of them the user was told of, another number is asked about again. leave_out_no_target: propose for the
    others of the selection only; expected_count is then the number of these.
    """

    selection: Selection
    expected_count: Expected
    logic: LogicName = "BEST_FIT"
    label: Label = ""
    confirm_liquidation: StrictBool = False
    expected_liquidations: NoneOrMore | None = None
    leave_out_no_target: StrictBool = False


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


class ExecutionCounts(OutboundModel):
    """Orders that an approval sent, by what was reported of their execution; no part of what was approved.

    outstanding: those neither filled nor rejected, whether or not anything was reported of them.
    """

    orders: int
    outstanding: int
    accepted: int
    partially_filled: int
    filled: int
    rejected: int


class ApprovalNeeds(OutboundModel):
    """What the enterprises of an open batch ask of its approval.

    Two people must approve it if its turnover or its accounts are above a limit.  approvers: how many must, as it
    stands; barred: why you cannot, whatever your role.
    """

    approver_differs: bool
    note_required: bool
    two_above: Usd | None
    two_above_accounts: int | None
    approvers: int
    barred: str | None


class FirstApproval(OutboundModel):
    """The first of two approvals. stands: whether it counts; it does not once the batch has changed."""

    by: str
    at: datetime
    note: str | None
    stands: bool


class PartSeen(OutboundModel):
    """What somebody who sees only a part of a batch's accounts is told; they can look, and do nothing.

    sentence: how many they see, and who decides; barred: why each of its commands is refused.
    """

    sentence: str
    barred: str


class BatchSummary(OutboundModel):
    """A batch; where only a part of its accounts is yours to see, all counts and sums are of that part."""

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
    note: str | None  # of the decision
    first_approval: FirstApproval | None
    rules: ApprovalNeeds | None  # of an open batch; None in answers of commands: read the batch
    trade_date: date
    session: date | None  # on which its orders are traded, if approved now while open; None: it has no orders
    cancel_at: datetime
    short_term: Usd
    long_term: Usd
    estimated: Usd
    turnover: Usd  # market buys and sells of all accounts under the logic in force
    put_aside: PutAside | None  # None in the answers of commands too: read the batch
    execution: ExecutionCounts | None  # of an approved batch, where it is read by itself; None in lists and answers
    part: PartSeen | None  # None: all its accounts are yours to see


class BatchList(OutboundModel):
    rows: list[BatchSummary]
    total: int


ExceededLimit = Literal["SHORT_TERM", "TOTAL", "NO_SHORT_TERM"]


class GainExcess(OutboundModel):
    """A gain limit of an account that a proposal exceeds; gains: what counts against it, unknowns at their worst."""

    limit: ExceededLimit
    budget: Usd
    gains: Usd
    sentence: str


class BatchAccountRow(OutboundModel):
    account_id: Identity
    account_number: str
    name: str
    advisor_id: Identity
    state: AccountStateName
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
    wash_earlier: Usd | None  # losses approved in the 30 days before that its buys disallow; None: not checked
    wash_earlier_permanent: Usd | None  # of them, those its buys make permanent because it is an IRA
    over_budget: Usd | None  # the largest excess over its gain limits, 0 within them; None: not checked
    excesses: list[GainExcess]
    execution: ExecutionCounts | None  # of an approved account, under the logic that was approved


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
    non_taxable: int  # accounts that are not taxable
    non_taxable_short_term: Usd
    non_taxable_long_term: Usd
    non_taxable_estimated: Usd
    non_taxable_no_basis_proceeds: Usd
    wash_disallowed: Usd
    wash_permanent: Usd
    wash_unchecked: int  # accounts that were not checked for wash sales
    wash_earlier: Usd
    wash_earlier_permanent: Usd
    over_budget: int  # accounts that exceed a gain limit
    budget_unchecked: int  # accounts that were not compared with their gain limits
    failed: int
    removed: int


class AttentionCounts(OutboundModel):
    """Accounts of a batch that ask for a look before it is decided, as the values of the filter `attention`."""

    over_budget: int  # exceed a gain limit
    short_term_gain: int  # taxable ones
    wash_sale: int  # a loss would be disallowed: of a sell, or by a buy of one approved before
    unknown_basis: int  # sell lots whose cost is not known
    large_turnover: int  # buys and sells are together more than 25 % of the account's value
    stale: int
    failed: int


class BatchPage(OutboundModel):
    batch: BatchSummary
    rows: list[BatchAccountRow]
    total: int
    page: int
    size: int
    totals: Totals  # of all proposed (or decided) accounts
    filtered: Totals  # of what the filter leaves
    attention: AttentionCounts  # of all accounts, whatever the filter


class RemovalBody(OutboundModel):
    selection: Selection
    expected_count: Expected


class ByRemoval(OutboundModel):
    """All accounts that one removal took out. version: of the batch, as the response to that removal has it."""

    kind: Literal["removal"]
    version: Expected


class UndoBody(OutboundModel):
    """Put removed accounts back; refused with 409 and the number that can be, where not all of them can."""

    selection: Annotated[ById | ByRemoval, Field(discriminator="kind")]
    expected_count: Expected


class RestBody(OutboundModel):
    """Remove the selected accounts and approve all others. expected_count: number of accounts to be removed."""

    selection: Selection
    expected_count: Expected
    note: Note = ""


class DecisionBody(OutboundModel):
    """What the person who decides writes to it, as plain text."""

    note: Note = ""


class LogicBody(OutboundModel):
    logic: LogicName


class ReproposeBody(OutboundModel):
    """Propose the stale accounts of a batch again; empty selection means all of them."""

    selection: Selection | None = None


class HistoryFinding(OutboundModel):
    """What is wrong with history. batch_id: the request; None: the chain itself."""

    batch_id: int | None
    sentence: str


class HistoryCheckBody(OutboundModel):
    """Whose history is to be checked. cursor: of the part before; None: from the beginning."""

    enterprise_id: Identity
    cursor: Annotated[str, Field(pattern=r"^(before|chain)\.[0-9]{1,18}$")] | None = None


class HistoryCheck(OutboundModel):
    """A part of a check of the history of an enterprise.

    checked: decisions compared with their rows and links; before: of these, those of before the chain began.  cursor:
    ask for the next part with it; None: this was the last one, and position and sha256 are those of the last link
    (None: nothing was decided since the chain began).
    """

    enterprise_id: Identity
    checked: int
    before: int
    findings: list[HistoryFinding]
    cursor: str | None
    position: int | None
    sha256: str | None


class CommandResult(OutboundModel):
    """Outcome of a command on a batch: its state after it, and how many accounts it touched."""

    batch: BatchSummary
    accounts: int
