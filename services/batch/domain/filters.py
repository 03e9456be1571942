"""Filter clauses `field.op.value`: parsed and checked against the fields of a list.  Source: api, product 7.

Values become the scaled integers that rows hold (cents, ppb), so a filter never compares rounded numbers.
`store.filters` turns clauses into SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.contracts.filter_fields import ATTENTION, RESULTS, FieldKind, FilterOp
from shared.contracts.problems import BadInput
from shared.fixed_point.text import InexactText, scaled

_OPS: Final[tuple[FilterOp, ...]] = ("eq", "gte", "lte", "in")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"result": RESULTS, "attention": ATTENTION}
_LARGEST: Final = 2**63 - 1
_LARGEST_COUNT: Final = 2**31 - 1


class BadClause(BadInput):
    """A filter clause or sort text cannot be read; the detail says which one and what would be right."""


@dataclass(frozen=True)
class Clause:
    """One parsed clause; `values` holds one value, several for `in`."""

    field: str
    op: FilterOp
    values: tuple[int, ...] | tuple[str, ...]


def parse_clauses(texts: Iterable[str], fields: Mapping[str, FieldKind]) -> list[Clause]:
    """Return the clauses; all of them must hold.  Raises BadClause if one cannot be read or its field is unknown."""
    return [_parse(text, fields) for text in texts]


def _parse(text: str, fields: Mapping[str, FieldKind]) -> Clause:
    pieces = text.split(".", 2)
    if len(pieces) != 3 or not pieces[2]:
        raise BadClause(f"f: {text!r} is not of the form field.op.value, e.g. market_value.gte.50000")
    field, op_text, value = pieces
    if field not in fields:
        raise BadClause(f"f: {text!r}: there is no field {field!r}; fields are {', '.join(fields)}")
    kind = fields[field]
    op = next((known for known in _OPS if known == op_text), None)
    if op is None or op not in kind.ops:
        raise BadClause(f"f: {text!r}: {field} takes {', '.join(kind.ops)}, not {op_text!r}")
    if kind is FieldKind.TEXT:
        return Clause(field, op, _texts(text, field, value.split("|") if op == "in" else [value]))
    return Clause(field, op, (_number(text, value, kind),))


def _texts(text: str, field: str, values: list[str]) -> tuple[str, ...]:
    if len(values) > 1000 or any(not value or "\x00" in value for value in values):
        raise BadClause(f"f: {text!r}: values are texts joined by |, at most 1000, none of them empty")
    if field in _CHOICES:
        unknown = [value for value in values if value not in _CHOICES[field]]
        if unknown:
            choices = ", ".join(_CHOICES[field])
            raise BadClause(f"f: {text!r}: there is no {field} {unknown[0]!r}; {field} is one of {choices}")
    return tuple(values)


def _number(text: str, value: str, kind: FieldKind) -> int:
    if value != value.strip():
        raise BadClause(f"f: {text!r}: there is white space around the number")
    try:
        number = scaled(value, int(kind.value or 0), "the value")
    except InexactText as error:
        raise BadClause(f"f: {text!r}: {error}") from error
    if abs(number) > (_LARGEST_COUNT if kind is FieldKind.COUNT else _LARGEST):
        raise BadClause(f"f: {text!r}: the value is too large")
    return number


@dataclass(frozen=True)
class SortOrder:
    """Sort by `field`, downwards or not; ties always break by account id."""

    field: str
    down: bool


def parse_sort(text: str | None, sortable: Iterable[str], default: str) -> SortOrder:
    """Return the order that a sort text such as "-max_drift" asks for.  Raises BadClause if the field is unknown."""
    chosen = text or default
    field = chosen.removeprefix("-")
    known = tuple(sortable)
    if field not in known:
        raise BadClause(f"sort: there is no field {field!r}; fields are {', '.join(known)}")
    return SortOrder(field, chosen.startswith("-"))
