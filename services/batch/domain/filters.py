"""Filter clauses `field.op.value`: parsed and checked against the fields of a list.  Source: api, product 7.

Values become the scaled integers that rows hold (cents, ppb). `gte` and `lte` compare them exactly; `eq` means what the
lists show, so it becomes the range of integers that are rounded to the value.  `store.filters` turns clauses into SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.contracts.filter_fields import CHOICES, EQUAL_TO, FieldKind, FilterOp
from shared.contracts.problems import BadInput
from shared.fixed_point.text import InexactText, scaled

_OPS: Final[tuple[FilterOp, ...]] = ("eq", "gte", "lte", "in")
_LARGEST: Final = 2**63 - 1
_LARGEST_COUNT: Final = 2**31 - 1


class BadClause(BadInput):
    """A filter clause or sort text cannot be read; `errors` says which one and what would be right."""

    def __init__(self, detail: str) -> None:
        parameter, _, _ = detail.partition(":")
        what = "The order" if parameter == "sort" else "A filter"
        super().__init__(
            f"{what} of this list cannot be used as it was sent. Clear the filters, or open the list from its tab.",
            errors=[{"pointer": f"/query/{parameter}", "detail": detail}],
        )


@dataclass(frozen=True)
class Clause:
    """One parsed clause.

    values: one limit for `gte` and `lte`; the least and the greatest integer for `eq` of a number; else any number.
    """

    field: str
    kind: FieldKind
    op: FilterOp
    values: tuple[int, ...] | tuple[str, ...] | tuple[date, ...]


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
        return Clause(field, kind, op, _texts(text, field, value.split("|") if op == "in" else [value]))
    if kind is FieldKind.DAY:
        return Clause(field, kind, op, (_day(text, value),))
    number = _number(text, value, kind)
    return Clause(field, kind, op, shown_as(number, value, kind) if op == "eq" else (number,))


def shown_as(number: int, value: str, kind: FieldKind) -> tuple[int, int]:
    """Return the least and the greatest scaled integer that is shown as a value, rounded half away from zero.

    number: the value as a scaled integer; value: as written, whose decimals say how finely it is compared.
    """
    finest = EQUAL_TO[kind][-1]
    written = min(len(value.partition(".")[2]), finest)
    compared = next(decimals for decimals in EQUAL_TO[kind] if decimals >= written)
    step = 10 ** (finest - compared)
    # Half a step is shown as the number further from zero, which is the value itself on its side towards zero.
    towards, away = step // 2, (step - 1) // 2
    if number > 0:
        return number - towards, min(number + away, _LARGEST)
    return (max(number - away, -_LARGEST), number + towards) if number < 0 else (-away, away)


def _day(text: str, value: str) -> date:
    bad = BadClause(f"f: {text!r}: a day is written as year, month and day, e.g. 2026-06-12")
    if len(value) != len("2026-06-12"):
        raise bad
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise bad from error


def _texts(text: str, field: str, values: list[str]) -> tuple[str, ...]:
    if len(values) > 1000 or any(not value or "\x00" in value for value in values):
        raise BadClause(f"f: {text!r}: values are texts joined by |, at most 1000, none of them empty")
    if field in CHOICES:
        known = CHOICES[field]
        unknown = [value for value in values if value not in known]
        if unknown:
            raise BadClause(f"f: {text!r}: there is no {field} {unknown[0]!r}; there are {', '.join(known)}")
    return tuple(values)


def _number(text: str, value: str, kind: FieldKind) -> int:
    if value != value.strip():
        raise BadClause(f"f: {text!r}: there is white space around the number")
    try:
        number = scaled(value, int(kind.value), "the value")
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
