"""Fields by which the lists of the API filter, and how the values of each are written.

Stands once: the batch service turns clauses on these fields into SQL, the API document lists them (`x-fields` of the
parameter `f`), and the user interface makes its filter menu of them (`python -m deploy.ui_rules`).  Source: product 7.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, Literal, get_args

from shared.contracts.events import SourceName

FilterOp = Literal["eq", "gte", "lte", "in"]


class FieldKind(Enum):
    """How values of a field are written: the number of decimals of a scaled integer, a calendar day, or text."""

    DOLLARS = 2
    FRACTION = 9
    COUNT = 0
    DAY = "day"
    TEXT = "text"

    @property
    def ops(self) -> tuple[FilterOp, ...]:
        """The operators such a field takes."""
        return ("eq", "in") if self is FieldKind.TEXT else ("eq", "gte", "lte")

    @property
    def is_number(self) -> bool:
        """Whether rows hold it as a scaled integer."""
        return self in EQUAL_TO


EQUAL_TO: Final[Mapping[FieldKind, tuple[int, ...]]] = {
    FieldKind.DOLLARS: (0, 2),
    FieldKind.FRACTION: tuple(range(3, 10)),
    FieldKind.COUNT: (0,),
}
"""Numbers of decimals that `eq` compares at, the coarsest as lists show it: whole dollars, tenths of a percent.

A value with more decimals is compared at the next finer ones: `eq.100` means what is shown as $100, `eq.100.00` the
cent.
"""


QUEUE_FIELDS: Final[Mapping[str, FieldKind]] = {
    "account_number": FieldKind.TEXT,
    "name": FieldKind.TEXT,
    "market_value": FieldKind.DOLLARS,
    "cash": FieldKind.DOLLARS,
    "cash_weight": FieldKind.FRACTION,
    "cash_target": FieldKind.FRACTION,
    "max_drift": FieldKind.FRACTION,
    "drifted": FieldKind.COUNT,
    "needed_since": FieldKind.DAY,
    "last_rebalanced": FieldKind.DAY,
    "custodian": FieldKind.TEXT,
    "portfolio_id": FieldKind.TEXT,
    "advisor_id": FieldKind.TEXT,
    "enterprise_id": FieldKind.TEXT,
    "source": FieldKind.TEXT,
}
"""Of the accounts to rebalance."""

BATCH_FIELDS: Final[Mapping[str, FieldKind]] = {
    "account_number": FieldKind.TEXT,
    "name": FieldKind.TEXT,
    "market_value": FieldKind.DOLLARS,
    "begin_cash": FieldKind.DOLLARS,
    "end_cash": FieldKind.DOLLARS,
    "buys": FieldKind.COUNT,
    "buys_value": FieldKind.DOLLARS,
    "sells": FieldKind.COUNT,
    "sells_value": FieldKind.DOLLARS,
    "flats": FieldKind.COUNT,
    "flats_value": FieldKind.DOLLARS,
    "short_term": FieldKind.DOLLARS,
    "long_term": FieldKind.DOLLARS,
    "estimated": FieldKind.DOLLARS,
    "unknown_term": FieldKind.DOLLARS,
    "no_basis_proceeds": FieldKind.DOLLARS,
    "wash_disallowed": FieldKind.DOLLARS,
    "wash_permanent": FieldKind.DOLLARS,
    "wash_earlier": FieldKind.DOLLARS,
    "wash_earlier_permanent": FieldKind.DOLLARS,
    "over_budget": FieldKind.DOLLARS,
    "result": FieldKind.TEXT,
    "execution": FieldKind.TEXT,
    "taxable": FieldKind.TEXT,
    "attention": FieldKind.TEXT,
    "advisor_id": FieldKind.TEXT,
}
"""Of the accounts of a batch, under the logic in force."""

RESULTS: Final = ("COMPLETE", "FAILED", "REMOVED", "STALE", "WORKING", "CANCELLED")
"""Values of the field `result`."""

ATTENTION: Final = (
    "OVER_BUDGET", "SHORT_TERM_GAIN", "WASH_SALE", "UNKNOWN_BASIS", "LARGE_TURNOVER", "STALE", "FAILED",
)  # fmt: skip
"""Values of the field `attention`: what asks for a look before a batch is decided."""

LARGE_TURNOVER_PERCENT: Final = 25
"""Market buys and sells of an account that are together more than so many percent of its value are a large turnover.

A proposal that brings positions back to target trades less; one that trades more sells an account out, invests it for
the first time, or follows another target.
"""

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "result": RESULTS,
    "attention": ATTENTION,
    "execution": ("FILLED", "OUTSTANDING", "REJECTED"),  # all orders are filled; some are outstanding, rejected
    "taxable": ("YES", "NO"),
    "source": get_args(SourceName),
}
"""Of each text field that takes codes only: the codes. Other texts match whatever their case."""
