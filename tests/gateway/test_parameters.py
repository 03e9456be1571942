"""The gateway declares the parameters of the services behind it, and refuses by itself what they would refuse."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from deploy.stack.layout import CHECKOUT
from services.batch import app as batch
from services.gateway.app import routed
from services.gateway.openapi import describe
from shared.contracts.filter_fields import BATCH_FIELDS, HISTORY_FIELDS, QUEUE_FIELDS
from tests.gateway.harness import Harness, problem_of


async def _ready() -> list[str]:
    return []


def _parameters(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the parameters of each operation but the headers, whose presence the gateway's document adds."""
    return {
        operation["operationId"]: [
            parameter for parameter in operation.get("parameters", []) if parameter["in"] != "header"
        ]
        for methods in document["paths"].values()
        for operation in methods.values()
    }


def _described(app: FastAPI) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(app.openapi()))
    return document


def test_gateway_and_batch_declare_the_same_parameters() -> None:
    at_the_door = _parameters(describe(routed()))
    behind = _parameters(_described(batch.routed(_ready)))
    assert len(behind) == 27
    assert {name: at_the_door[name] for name in behind} == behind


def test_the_committed_document_is_the_present_one() -> None:
    """The interface's types and its contract test are made from ui/openapi.json."""
    committed = json.loads((CHECKOUT / "ui" / "openapi.json").read_text())
    assert committed == json.loads(json.dumps(describe(routed()))), "run `python -m services.gateway openapi`"


def test_the_document_lists_the_filter_fields() -> None:
    found = {
        name: parameter["schema"]["x-fields"].keys()
        for name, parameters in _parameters(describe(routed())).items()
        for parameter in parameters
        if parameter["name"] == "f"
    }
    assert found == {
        "list_batches": HISTORY_FIELDS.keys(),
        "list_queue": QUEUE_FIELDS.keys(),
        "count_tiles": QUEUE_FIELDS.keys(),
        "list_batch_accounts": BATCH_FIELDS.keys(),
        "get_batch_account": BATCH_FIELDS.keys(),
        "export_queue": QUEUE_FIELDS.keys(),
        "export_batch_accounts": BATCH_FIELDS.keys(),
        "export_batch_trades": BATCH_FIELDS.keys(),
        "export_history": HISTORY_FIELDS.keys(),
        "list_trades": BATCH_FIELDS.keys(),
        "list_security_trades": BATCH_FIELDS.keys(),
    }


LISTS = ("queue/accounts", "batches/7/accounts", "batches")
PAGES = (
    ("page=0", "/query/page"), ("page=1000001", "/query/page"), ("page=-1", "/query/page"),
    ("size=0", "/query/size"), ("size=1001", "/query/size"),
)  # fmt: skip
TEXTS = (
    ("q=%00", "/query/q"), ("q=" + "x" * 201, "/query/q"),
    ("f=custodian.eq.%00", "/query/f"), ("f=custodian.eq.a%C2%85b", "/query/f"),
    ("&".join(["f=drifted.gte.1"] * 21), "/query/f"),
    ("sort=" + "x" * 61, "/query/sort"), ("tile=WIDE", "/query/tile"),
)  # fmt: skip


@pytest.mark.integration
async def test_what_batch_would_refuse_never_reaches_it(harness: Harness, pat: httpx.AsyncClient) -> None:
    asked = [(path, query, pointer) for path in LISTS for query, pointer in PAGES]
    asked += [(path, query, pointer) for path in LISTS[:2] for query, pointer in TEXTS]
    for path, query, pointer in asked:
        problem = problem_of(await pat.get(f"/api/v1/{path}?{query}"))
        assert (problem["status"], problem["code"]) == (422, "bad_input"), (path, query, problem)
        assert problem["errors"][0]["pointer"].startswith(pointer), (path, query, problem)
    assert harness.inside.seen == []
