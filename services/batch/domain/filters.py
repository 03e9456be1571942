"""Filter clauses `field.op.value`: parsed and checked against the fields of a list.  Source: api, product 7.

Values become the scaled integers that rows hold (cents, ppb), so that a filter never compares rounded numbers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from shared.fixed_point.text import InexactText, scaled

Op = Literal["eq", "gte", "lte", "in"]
_OPS: Final[tuple[Op, ...]] = ("eq", "gte", "lte", "in")
_LARGEST: Final = 2**63 - 1
_LARGEST_COUNT: Final = 2**31 - 1


class BadClause(ValueError):
    """A filter clause cannot be understood; the text says which one and what would be right."""


class Kind(Enum):
    """How values of a field are written: the number of decimals of a scaled integer, or text."""

    DOLLARS = 2
    FRACTION = 9
    COUNT = 0
    TEXT = None

    @property
    def ops(self) -> tuple[Op, ...]:
        """The operators such a field takes."""
        return ("eq", "in") if self is Kind.TEXT else ("eq", "gte", "lte")


@dataclass(frozen=True)
class Clause:
    """One parsed clause; `values` holds one value, several for `in`."""

    field: str
    op: Op
    values: tuple[int, ...] | tuple[str, ...]


QUEUE_FIELDS: Final[Mapping[str, Kind]] = {
    "market_value": Kind.DOLLARS,
    "cash": Kind.DOLLARS,
    "cash_weight": Kind.FRACTION,
    "cash_target": Kind.FRACTION,
    "max_drift": Kind.FRACTION,
    "drifted": Kind.COUNT,
    "custodian": Kind.TEXT,
    "portfolio_id": Kind.TEXT,
    "advisor_id": Kind.TEXT,
    "enterprise_id": Kind.TEXT,
    "source": Kind.TEXT,
}

BATCH_FIELDS: Final[Mapping[str, Kind]] = {
    "market_value": Kind.DOLLARS,
    "begin_cash": Kind.DOLLARS,
    "end_cash": Kind.DOLLARS,
    "buys": Kind.COUNT,
    "buys_value": Kind.DOLLARS,
    "sells": Kind.COUNT,
    "sells_value": Kind.DOLLARS,
    "flats": Kind.COUNT,
    "flats_value": Kind.DOLLARS,
    "short_term": Kind.DOLLARS,
    "long_term": Kind.DOLLARS,
    "estimated": Kind.DOLLARS,
    "unknown_term": Kind.DOLLARS,
    "no_basis_proceeds": Kind.DOLLARS,
    "wash_disallowed": Kind.DOLLARS,
    "wash_permanent": Kind.DOLLARS,
    "result": Kind.TEXT,
    "advisor_id": Kind.TEXT,
}

RESULTS: Final = ("COMPLETE", "FAILED", "REMOVED", "STALE", "WORKING", "CANCELLED")


def parse_clauses(texts: Iterable[str], fields: Mapping[str, Kind]) -> list[Clause]:
    """Return the clauses; all of them must hold.  Raises BadClause with what is wrong and what would be right."""
    return [_parse(text, fields) for text in texts]


def _parse(text: str, fields: Mapping[str, Kind]) -> Clause:
    parts = text.split(".", 2)
    if len(parts) != 3 or not parts[2]:
        raise BadClause(f"f: {text!r} is not of the form field.op.value, e.g. market_value.gte.50000")
    field, op_text, value = parts
    if field not in fields:
        raise BadClause(f"f: {text!r}: there is no field {field!r}; fields are {', '.join(fields)}")
    kind = fields[field]
    op = next((one for one in _OPS if one == op_text), None)
    if op is None or op not in kind.ops:
        raise BadClause(f"f: {text!r}: {field} takes {', '.join(kind.ops)}, not {op_text!r}")
    if kind is Kind.TEXT:
        return Clause(field, op, _texts(text, field, value.split("|") if op == "in" else [value]))
    return Clause(field, op, (_number(text, value, kind),))


def _texts(text: str, field: str, values: list[str]) -> tuple[str, ...]:
    if len(values) > 1000 or any(not value or "\x00" in value for value in values):
        raise BadClause(f"f: {text!r}: values are texts joined by |, at most 1000, none of them empty")
    if field == "result":
        unknown = [value for value in values if value not in RESULTS]
        if unknown:
            raise BadClause(f"f: {text!r}: there is no result {unknown[0]!r}; results are {', '.join(RESULTS)}")
    return tuple(values)


def _number(text: str, value: str, kind: Kind) -> int:
    if value != value.strip():
        raise BadClause(f"f: {text!r}: there is white space around the number")
    try:
        number = scaled(value, int(kind.value or 0), "the value")
    except InexactText as error:
        raise BadClause(f"f: {text!r}: {error}") from error
    if abs(number) > (_LARGEST_COUNT if kind is Kind.COUNT else _LARGEST):
        raise BadClause(f"f: {text!r}: the value is too large")
    return number


@dataclass(frozen=True)
class Order:
    """Sort by `field`, downwards or not; ties always break by account id."""

    field: str
    down: bool


def parse_sort(text: str | None, sortable: Iterable[str], default: str) -> Order:
    """Return the order a sort text such as "-max_drift" asks for.  Raises BadClause for an unknown field."""
    chosen = text or default
    field = chosen.removeprefix("-")
    known = tuple(sortable)
    if field not in known:
        raise BadClause(f"sort: there is no field {field!r}; fields are {', '.join(known)}")
    return Order(field, chosen.startswith("-"))
