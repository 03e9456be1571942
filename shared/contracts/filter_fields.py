"""Fields by which the lists of the API filter, and how the values of each are written.

Stands once: the batch service turns clauses on these fields into SQL, the API document lists them (`x-fields` of the
parameter `f`), and the user interface makes its filter menu of them (`python -m deploy.ui_rules`).  Source: product 7.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final, Literal

FilterOp = Literal["eq", "gte", "lte", "in"]


class FieldKind(Enum):
    """How values of a field are written: the number of decimals of a scaled integer, or text."""

    DOLLARS = 2
    FRACTION = 9
    COUNT = 0
    TEXT = None

    @property
    def ops(self) -> tuple[FilterOp, ...]:
        """The operators such a field takes."""
        return ("eq", "in") if self is FieldKind.TEXT else ("eq", "gte", "lte")


QUEUE_FIELDS: Final[Mapping[str, FieldKind]] = {
    "market_value": FieldKind.DOLLARS,
    "cash": FieldKind.DOLLARS,
    "cash_weight": FieldKind.FRACTION,
    "cash_target": FieldKind.FRACTION,
    "max_drift": FieldKind.FRACTION,
    "drifted": FieldKind.COUNT,
    "custodian": FieldKind.TEXT,
    "portfolio_id": FieldKind.TEXT,
    "advisor_id": FieldKind.TEXT,
    "enterprise_id": FieldKind.TEXT,
    "source": FieldKind.TEXT,
}
"""Of the accounts to rebalance."""

BATCH_FIELDS: Final[Mapping[str, FieldKind]] = {
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
    "attention": FieldKind.TEXT,
    "advisor_id": FieldKind.TEXT,
}
"""Of the accounts of a batch, under the logic in force."""

RESULTS: Final = ("COMPLETE", "FAILED", "REMOVED", "STALE", "WORKING", "CANCELLED")
"""Values of the field `result`."""

ATTENTION: Final = ("OVER_BUDGET", "SHORT_TERM_GAIN", "WASH_SALE", "UNKNOWN_BASIS", "STALE", "FAILED")
"""Values of the field `attention`: what asks for a look before a batch is decided."""
