"""The HTTP API of the queue: its rows, counts and one account.  Money, quantities and weights are text.

Lists take `f=field.op.value` clauses (op: eq, gte, lte, in; the values of `in` are joined by `|`), which are ANDed; the
address of the page holds the same strings.  Source: product 7.
"""

from datetime import date, datetime

from shared.contracts.api_batches import AccountStateName, BatchSummary
from shared.contracts.events import SourceName, StateName, TileName
from shared.contracts.types import Identity, OutboundModel, Usd, Weight


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
    drifted: int  # 0 also where drift was not evaluated: drifted_components says so
    drifted_components: int | None  # outside their band; None, as max_drift: not evaluated
    flag_version: int


class QueuePage(OutboundModel):
    rows: list[QueueRow]
    total: int
    page: int
    size: int
    as_of: datetime


class FoundAccount(QueueRow):
    """An account of the search, whatever its state.

    is_evaluated: False: its first evaluation is to come, and state says OFF.  hold_text: why it is held, if it is.
    """

    is_evaluated: bool
    hold_text: str | None
    open_batch: int | None


class FoundAccounts(OutboundModel):
    """Accounts in the order of their numbers.  total: those that `page` can reach; has_more: still more match."""

    rows: list[FoundAccount]
    total: int
    has_more: bool
    page: int
    size: int
    as_of: datetime


class TileCounts(OutboundModel):
    """Counts under the present filter: of each tile whatever tiles are chosen; total: of what the chosen ones leave."""

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


class AccountRequest(BatchSummary):
    """A decided request that an account was in.  account_state: what became of the account, which may be less."""

    account_state: AccountStateName


class AccountView(QueueRow):
    """One account: why it is flagged, its causes and holds, and the batch it is in."""

    why: list[Why]
    causes: list[Cause]
    hold_code: str | None
    hold_text: str | None
    open_batch: int | None
    epoch: int
    rebalances: list[AccountRequest]
