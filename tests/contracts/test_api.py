"""The present API keeps what was released: nothing is gone, nothing more is asked for."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from deploy.contracts.api import DOCUMENT, PRESENT, RELEASED, broken, cut, document_of
from deploy.contracts.releases import DIGESTS, digests, releases

pytestmark = pytest.mark.fast
RELEASES = [pytest.param(folder, id=folder.name) for folder in releases(RELEASED)]
BATCHES = "/api/v1/batches"
Document = dict[str, Any]


@pytest.mark.parametrize("folder", RELEASES)
def test_a_release_is_never_changed(folder: Path) -> None:
    assert digests(folder) == (folder / DIGESTS).read_text()


def test_the_present_api_breaks_nothing_of_the_last_release() -> None:
    found = broken(document_of(releases(RELEASED)[-1]), json.loads(PRESENT.read_text()))
    assert not found, "leave it as it was, or put it under /v2 and deprecate this: " + "; ".join(found)


def test_a_release_is_cut_once(tmp_path: Path) -> None:
    folder = cut(7, tmp_path)
    assert document_of(folder) == json.loads(PRESENT.read_text())
    assert digests(folder) == (folder / DIGESTS).read_text()
    assert DOCUMENT in digests(folder)
    with pytest.raises(FileExistsError):
        cut(7, tmp_path)


def a_document() -> Document:
    """Return a small API: a list with a filter, and a command."""
    batch = {
        "type": "object", "required": ["id"],
        "properties": {"id": {"type": "string"}, "state": {"enum": ["OPEN", "DONE"], "type": "string"}},
    }  # fmt: skip
    ids = {"type": "object", "required": ["ids"], "properties": {"ids": {"type": "array", "items": {"type": "string"}}}}
    every = {"type": "object", "properties": {"but": {"type": "string"}}}
    body = {"oneOf": [{"$ref": "#/components/schemas/Ids"}, {"$ref": "#/components/schemas/Every"}]}
    reply = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}}}
    limit = {"in": "query", "name": "limit", "schema": {"type": "integer", "maximum": 500}}
    fields = {"day": "text", "sells": "count"}
    by = {"in": "query", "name": "by", "schema": {"enum": ["id", "state"], "type": "string", "x-fields": fields}}
    return {
        "paths": {
            BATCHES: {
                "get": {"operationId": "list", "parameters": [limit, by], "responses": {"200": reply}},
                "post": {
                    "operationId": "propose", "responses": {"202": reply},
                    "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
                },
            }
        },
        "components": {"schemas": {"Batch": batch, "Ids": ids, "Every": every}},
    }  # fmt: skip


def operation(document: Document, method: str) -> Document:
    """Return one of the two operations."""
    found: Document = document["paths"][BATCHES][method]
    return found


def model(document: Document, name: str) -> Document:
    """Return one of the models."""
    found: Document = document["components"]["schemas"][name]
    return found


def filters(document: Document) -> Document:
    """Return the fields by which the list can be filtered."""
    found: Document = operation(document, "get")["parameters"][1]["schema"]["x-fields"]
    return found


BREAKS: dict[str, tuple[Callable[[Document], object], str]] = {
    "a path": (lambda d: d["paths"].clear(), "is gone"),
    "a method": (lambda d: d["paths"][BATCHES].pop("post"), f"POST {BATCHES} is gone"),
    "a name": (lambda d: operation(d, "get").update(operationId="all"), "it was called list"),
    "a parameter": (lambda d: operation(d, "get")["parameters"].pop(0), "the parameter limit is gone"),
    "a lower bound": (lambda d: operation(d, "get")["parameters"][0]["schema"].update(maximum=50), "limit"),
    "a value of a parameter": (lambda d: operation(d, "get")["parameters"][1]["schema"]["enum"].pop(), "state"),
    "a field of a filter": (lambda d: filters(d).pop("day"), "fields of a filter: day (text)"),
    "a field of a filter of another kind": (lambda d: filters(d).update(sells="dollars"), "sells (count)"),
    "a parameter that is required": (
        lambda d: operation(d, "get")["parameters"].append({"in": "query", "name": "day", "required": True}),
        "the parameter day is required",
    ),
    "a field of a response": (lambda d: model(d, "Batch")["properties"].pop("state"), "state: the field is gone"),
    "a field that may be missing": (lambda d: model(d, "Batch")["required"].clear(), "the field was required"),
    "another value of a response": (lambda d: model(d, "Batch")["properties"]["state"]["enum"].append("X"), "X"),
    "a response": (lambda d: operation(d, "post").update(responses={"200": {}}), "no longer responds 202"),
    "a field of a body": (lambda d: model(d, "Ids")["properties"].pop("ids"), "ids: the field is gone"),
    "a field that is required": (lambda d: model(d, "Every").update(required=["but"]), "the field was optional"),
    "a new field that is required": (
        lambda d: model(d, "Ids").update(required=["ids", "n"], properties={**model(d, "Ids")["properties"], "n": {}}),
        "n: the field is new, and required",
    ),
}
KEEPS: dict[str, Callable[[Document], object]] = {
    "a path": lambda d: d["paths"].update({"/new": {}}),
    "a parameter": lambda d: operation(d, "get")["parameters"].append({"in": "query", "name": "day"}),
    "a field of a response": lambda d: model(d, "Batch")["properties"].update(day={"type": "string"}),
    "a field of a body": lambda d: model(d, "Ids")["properties"].update(note={"type": "string"}),
    "a greater bound": lambda d: operation(d, "get")["parameters"][0]["schema"].update(maximum=900),
    "a value of a parameter": lambda d: operation(d, "get")["parameters"][1]["schema"]["enum"].append("day"),
    "a field of a filter": lambda d: filters(d).update(buys="count"),
    "a mark": lambda d: operation(d, "get").update(deprecated=True),
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_breaks_somebody_is_found(what: str) -> None:
    after = deepcopy(a_document())
    change, said = BREAKS[what]
    change(after)
    assert said in "; ".join(broken(a_document(), after))


@pytest.mark.parametrize("what", KEEPS)
def test_what_is_added_breaks_nobody(what: str) -> None:
    after = deepcopy(a_document())
    KEEPS[what](after)
    assert broken(a_document(), after) == []
