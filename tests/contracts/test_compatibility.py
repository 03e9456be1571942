"""Every kind of change of a schema, and whom it breaks."""

from typing import Any, Final

import pytest

from deploy.contracts.compatibility import Kind, breaking, differences

pytestmark = pytest.mark.fast

TEXT: Final = {"type": "string"}
BOTH, PUBLIC, INBOUND, NOBODY = {"public", "inbound"}, {"public"}, {"inbound"}, set[str]()


def event(required: tuple[str, ...] = ("id",), **fields: Any) -> dict[str, Any]:
    """Return the schema of an event with a required id and these fields."""
    return {"type": "object", "properties": {"id": TEXT} | fields, "required": list(required)}


def holding(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an event whose field `x` has this schema."""
    return event(x=schema)


def with_objects(required: tuple[str, ...] = ("a",), **fields: Any) -> dict[str, Any]:
    """Return an event with a list of objects that stand beside it."""
    listed = {"type": "array", "items": {"$ref": "#/$defs/Row"}}
    row = {"type": "object", "properties": {"a": TEXT} | fields, "required": list(required)}
    return event(rows=listed) | {"$defs": {"Row": row}}


OR_NULL: Final = {"anyOf": [TEXT, {"type": "null"}], "default": None}
CASES: Final = {
    "nothing": (event(), event(), None, NOBODY),
    "an optional field more": (event(), event(x=TEXT), Kind.OPTIONAL_FIELD_ADDED, NOBODY),
    "a required field more": (event(), event(("id", "x"), x=TEXT), Kind.REQUIRED_FIELD_ADDED, BOTH),
    "an optional field less": (event(x=TEXT), event(), Kind.FIELD_REMOVED, BOTH),
    "a required field less": (event(("id", "x"), x=TEXT), event(), Kind.FIELD_REMOVED, BOTH),
    "required to optional": (event(("id", "x"), x=TEXT), event(x=TEXT), Kind.BECAME_OPTIONAL, PUBLIC),
    "optional to required": (event(x=TEXT), event(("id", "x"), x=TEXT), Kind.BECAME_REQUIRED, INBOUND),
    "another type": (holding(TEXT), holding({"type": "integer"}), Kind.CHANGED, BOTH),
    "a second type": (holding(TEXT), holding({"type": ["string", "integer"]}), Kind.WIDENED, PUBLIC),
    "one type less": (holding({"type": ["string", "integer"]}), holding(TEXT), Kind.NARROWED, INBOUND),
    "any type": (holding(TEXT), holding({}), Kind.WIDENED, PUBLIC),
    "null too": (holding(TEXT | {"default": None}), holding(OR_NULL), Kind.WIDENED, PUBLIC),
    "null no more": (holding(OR_NULL), holding(TEXT | {"default": None}), Kind.NARROWED, INBOUND),
    "a value more": (holding({"enum": ["A"]}), holding({"enum": ["A", "B"]}), Kind.WIDENED, PUBLIC),
    "a value less": (holding({"enum": ["A", "B"]}), holding({"enum": ["A"]}), Kind.NARROWED, INBOUND),
    "other values": (holding({"enum": ["A"]}), holding({"enum": ["B"]}), Kind.CHANGED, BOTH),
    "any value": (holding(TEXT | {"enum": ["A"]}), holding(TEXT), Kind.WIDENED, PUBLIC),
    "listed values only": (holding(TEXT), holding(TEXT | {"enum": ["A"]}), Kind.NARROWED, INBOUND),
    "a constant becomes a list": (holding({"const": "A"}), holding({"enum": ["A", "B"]}), Kind.WIDENED, PUBLIC),
    "longer": (holding(TEXT | {"maxLength": 8}), holding(TEXT | {"maxLength": 9}), Kind.WIDENED, PUBLIC),
    "shorter": (holding(TEXT | {"maxLength": 9}), holding(TEXT | {"maxLength": 8}), Kind.NARROWED, INBOUND),
    "of any length": (holding(TEXT | {"maxLength": 9}), holding(TEXT), Kind.WIDENED, PUBLIC),
    "of bounded length": (holding(TEXT), holding(TEXT | {"maxLength": 9}), Kind.NARROWED, INBOUND),
    "a lower minimum": (holding({"minimum": 1}), holding({"minimum": 0}), Kind.WIDENED, PUBLIC),
    "a higher minimum": (holding({"minimum": 0}), holding({"minimum": 1}), Kind.NARROWED, INBOUND),
    "a pattern more": (holding(TEXT), holding(TEXT | {"pattern": "^a"}), Kind.NARROWED, INBOUND),
    "a pattern less": (holding(TEXT | {"pattern": "^a"}), holding(TEXT), Kind.WIDENED, PUBLIC),
    "another pattern": (holding(TEXT | {"pattern": "^a"}), holding(TEXT | {"pattern": "^b"}), Kind.CHANGED, BOTH),
    "another format": (holding(TEXT | {"format": "date"}), holding(TEXT | {"format": "date-time"}), Kind.CHANGED, BOTH),
    "closed": (event(), event() | {"additionalProperties": False}, Kind.NARROWED, INBOUND),
    "opened": (event() | {"additionalProperties": False}, event(), Kind.WIDENED, PUBLIC),
    "another default": (holding({"default": 1}), holding({"default": 2}), Kind.CHANGED, BOTH),
    "a keyword that is not known here": (holding(TEXT), holding(TEXT | {"contentEncoding": "x"}), Kind.CHANGED, BOTH),
    "other words": (holding(TEXT | {"description": "a"}), holding(TEXT | {"description": "b"}), None, NOBODY),
    "a field of an inner object less": (with_objects(b=TEXT), with_objects(), Kind.FIELD_REMOVED, BOTH),
    "an inner field is optional": (with_objects(), with_objects(()), Kind.BECAME_OPTIONAL, PUBLIC),
    "entries without a rule": (
        holding({"type": "array", "items": TEXT}), holding({"type": "array"}), Kind.WIDENED, PUBLIC,
    ),
    "one alternative more": (
        holding({"anyOf": [TEXT, {"type": "integer"}]}),
        holding({"anyOf": [TEXT, {"type": "integer"}, {"type": "boolean"}]}), Kind.CHANGED, BOTH,
    ),
    "an alternative is wider": (
        holding({"anyOf": [TEXT | {"maxLength": 8}, {"type": "integer"}]}),
        holding({"anyOf": [TEXT | {"maxLength": 9}, {"type": "integer"}]}), Kind.WIDENED, PUBLIC,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_found_and_breaks_whom_it_breaks(case: str) -> None:
    before, after, kind, broken = CASES[case]
    found = differences(before, after)
    assert [difference.kind for difference in found] == ([] if kind is None else [kind])
    assert {audience for audience in BOTH if breaking(audience, before, after)} == broken


def test_every_kind_of_change_has_a_case() -> None:
    assert {kind for _, _, kind, _ in CASES.values()} == {None, *Kind}


def test_a_difference_says_where_it_is() -> None:
    (found,) = differences(with_objects(b=TEXT | {"maxLength": 8}), with_objects(b=TEXT | {"maxLength": 9}))
    assert str(found) == "rows[].b: more values are possible (maxLength was 8, is 9)"
    (closed,) = differences(event(), event() | {"additionalProperties": False})
    assert str(closed).startswith("the event: fewer values")


def test_all_differences_are_found() -> None:
    before = event(("id", "x"), x=TEXT, y={"enum": ["A"]})
    after = event(("id",), x={"type": "integer"}, z=TEXT)
    assert [(difference.path, difference.kind) for difference in differences(before, after)] == [
        ("x", Kind.BECAME_OPTIONAL), ("x", Kind.CHANGED), ("y", Kind.FIELD_REMOVED), ("z", Kind.OPTIONAL_FIELD_ADDED),
    ]  # fmt: skip
