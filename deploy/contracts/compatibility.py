"""What differs between two schemas of one event, and which differences break whoever reads or writes it.  Pure.

A reader of a public topic validates by the schema it was built with and may list every value it knows; so a released
event only ever says less than it might have said, or more in new optional fields.  A sender of an inbound topic must be
taken as before; so what is taken only ever grows.  A difference whose direction cannot be told breaks both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

Schema: TypeAlias = Mapping[str, Any]
Audience: TypeAlias = str


class Kind(StrEnum):
    """How a part of a schema differs from what it was."""

    FIELD_REMOVED = "the field is gone"
    OPTIONAL_FIELD_ADDED = "the field is new, and optional"
    REQUIRED_FIELD_ADDED = "the field is new, and required"
    BECAME_OPTIONAL = "the field was required"
    BECAME_REQUIRED = "the field was optional"
    WIDENED = "more values are possible"
    NARROWED = "fewer values are possible"
    CHANGED = "other values are possible"


@dataclass(frozen=True)
class Difference:
    """One difference.  path: of the field from the event down, `[]` for the entries of a list; detail: what it was."""

    path: str
    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.path or 'the event'}: {self.kind}{f' ({self.detail})' if self.detail else ''}"


BREAKING: Final[Mapping[Audience, frozenset[Kind]]] = {
    "public": frozenset(
        # A required field is missing from events that are kept on the topic, and from those of the release before.
        {Kind.FIELD_REMOVED, Kind.REQUIRED_FIELD_ADDED, Kind.BECAME_OPTIONAL, Kind.WIDENED, Kind.CHANGED}
    ),
    "inbound": frozenset(
        {Kind.FIELD_REMOVED, Kind.REQUIRED_FIELD_ADDED, Kind.BECAME_REQUIRED, Kind.NARROWED, Kind.CHANGED}
    ),
}

_LOWER: Final = ("minLength", "minimum", "minItems")
_UPPER: Final = ("maxLength", "maximum", "maxItems")
_EXACT: Final = ("pattern", "format")
_FILTERS: Final = "x-fields"
"""The fields that a filter of a list may name, with the kind of each."""
_STRUCTURE: Final = (
    "type",
    "enum",
    "const",
    "anyOf",
    "properties",
    "required",
    "items",
    "$ref",
    "additionalProperties",
    _FILTERS,
)
_TEXTS: Final = ("title", "description", "$schema", "$defs", "examples")
_ANY: Final = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


def breaking(audience: Audience, before: Schema, after: Schema) -> list[Difference]:
    """Return the differences that break readers of a public topic, or senders to an inbound one."""
    return [found for found in differences(before, after) if found.kind in BREAKING[audience]]


def differences(before: Schema, after: Schema) -> list[Difference]:
    """Return every difference of two schemas, except of words."""
    return list(_Comparison(before.get("$defs", {}), after.get("$defs", {})).of("", before, after))


@dataclass(frozen=True)
class _Comparison:
    """The objects by name that the two schemas refer to."""

    before: Mapping[str, Schema]
    after: Mapping[str, Schema]

    def of(self, path: str, before: Schema, after: Schema) -> Iterator[Difference]:
        before, after = _resolved(before, self.before), _resolved(after, self.after)
        yield from _sets(path, "type", _types(before), _types(after))
        yield from _values(path, before, after)
        for name in _LOWER:
            yield from _bound(path, name, before.get(name), after.get(name), widens_by=-1)
        for name in _UPPER:
            yield from _bound(path, name, before.get(name), after.get(name), widens_by=1)
        for name in _EXACT:
            yield from _exact(path, name, before.get(name), after.get(name))
        yield from _sets(path, "fields of a filter", _filters(before), _filters(after))
        yield from _exact(path, "additionalProperties", _closed(before), _closed(after))
        yield from self._fields(path, before, after)
        if "items" in before and "items" in after:
            yield from self.of(f"{path}[]", before["items"], after["items"])
        else:
            yield from _exact(path, "items", before.get("items"), after.get("items"))
        yield from self._choices(path, before, after)
        yield from _unknown(path, before, after)

    def _fields(self, path: str, before: Schema, after: Schema) -> Iterator[Difference]:
        old, new = before.get("properties", {}), after.get("properties", {})
        was, is_now = before.get("required", ()), after.get("required", ())
        for name in [*old, *(name for name in new if name not in old)]:
            at = f"{path}.{name}" if path else name
            if name not in new:
                yield Difference(at, Kind.FIELD_REMOVED)
            elif name not in old:
                yield Difference(at, Kind.REQUIRED_FIELD_ADDED if name in is_now else Kind.OPTIONAL_FIELD_ADDED)
            else:
                if (name in was) != (name in is_now):
                    yield Difference(at, Kind.BECAME_OPTIONAL if name in was else Kind.BECAME_REQUIRED)
                yield from self.of(at, old[name], new[name])

    def _choices(self, path: str, before: Schema, after: Schema) -> Iterator[Difference]:
        """Compare alternatives beyond null one by one; another number of them is not understood."""
        old, new = before.get("anyOf", ()), after.get("anyOf", ())
        if len(old) == len(new):
            for was, is_now in zip(old, new, strict=True):
                yield from self.of(path, was, is_now)
        else:
            yield Difference(path, Kind.CHANGED, f"{len(old)} alternatives, now {len(new)}")


def _resolved(schema: Schema, objects: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the schema with its reference followed, and "X or null" as X of one more type."""
    found = dict(schema)
    if "$ref" in found:
        found = dict(objects[found.pop("$ref").rpartition("/")[2]]) | found
    kinds = found.get("anyOf", [])
    rest = [kind for kind in kinds if kind != {"type": "null"}]
    if len(rest) == 1 and len(kinds) == 2:
        del found["anyOf"]
        inner = _resolved(rest[0], objects)
        found = inner | found | {"type": sorted(_types(inner) | {"null"})}
    return found


def _types(schema: Schema) -> frozenset[str]:
    given = schema.get("type", _ANY)
    return frozenset((given,) if isinstance(given, str) else given)


def _closed(schema: Schema) -> bool | None:
    """Return False if fields that the schema does not name are refused, else None."""
    return None if schema.get("additionalProperties", True) is True else False


def _values(path: str, before: Schema, after: Schema) -> Iterator[Difference]:
    """Compare the values that are listed; None stands for all."""
    old, new = _listed(before), _listed(after)
    if old is None and new is not None:
        yield Difference(path, Kind.NARROWED, "every value was possible")
    elif old is not None and new is None:
        yield Difference(path, Kind.WIDENED, f"only {', '.join(sorted(old))} were possible")
    elif old is not None and new is not None:
        yield from _sets(path, "values", old, new)


def _listed(schema: Schema) -> frozenset[str] | None:
    if "const" in schema:
        return frozenset({str(schema["const"])})
    return frozenset(map(str, schema["enum"])) if "enum" in schema else None


def _filters(schema: Schema) -> frozenset[str]:
    return frozenset(f"{field} ({kind})" for field, kind in schema.get(_FILTERS, {}).items())


def _sets(path: str, what: str, old: frozenset[str], new: frozenset[str]) -> Iterator[Difference]:
    if old != new:
        kind = Kind.WIDENED if old < new else Kind.NARROWED if new < old else Kind.CHANGED
        yield Difference(path, kind, f"{what}: {', '.join(sorted(old ^ new))}")


def _bound(path: str, name: str, old: float | None, new: float | None, widens_by: int) -> Iterator[Difference]:
    """Compare a bound.  widens_by: 1 where a greater bound lets more through, -1 where a smaller one does."""
    if old != new:
        wider = new is None or (old is not None and (new - old) * widens_by > 0)
        yield Difference(path, Kind.WIDENED if wider else Kind.NARROWED, f"{name} was {old}, is {new}")


def _exact(path: str, name: str, old: object, new: object) -> Iterator[Difference]:
    """Compare a rule of which only presence can be ordered: without it more values pass."""
    if old != new:
        kind = Kind.NARROWED if old is None else Kind.WIDENED if new is None else Kind.CHANGED
        yield Difference(path, kind, f"{name} was {old}, is {new}")


def _unknown(path: str, before: Schema, after: Schema) -> Iterator[Difference]:
    """Report every other keyword that differs, so that none slips through for not being known here."""
    known = {*_LOWER, *_UPPER, *_EXACT, *_STRUCTURE, *_TEXTS}
    for name in sorted((before.keys() | after.keys()) - known):
        if before.get(name) != after.get(name):
            yield Difference(path, Kind.CHANGED, f"{name} was {before.get(name)}, is {after.get(name)}")
