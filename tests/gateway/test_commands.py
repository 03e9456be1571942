"""Every route of the document against every role, and proof that a page of ours sent a command."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from services.gateway.app import routed
from services.gateway.openapi import describe
from shared.contracts.roles import RULES
from tests.gateway.harness import ROLES, Harness, problem_of

pytestmark = pytest.mark.integration

READ = set(ROLES)
# Written out here a second time, from the product's words, so that a slip in the table shows.
EXPECTED: dict[str, set[str]] = {
    "GET /api/v1/me": READ,
    "GET /api/v1/events": READ,
    "GET /api/v1/queue/accounts": READ,
    "GET /api/v1/queue/tiles": READ,
    "GET /api/v1/accounts": READ,
    "GET /api/v1/accounts/{account_id}": READ,
    "GET /api/v1/positions/{account_id}": READ,
    "GET /api/v1/batches": READ,
    "GET /api/v1/batches/{batch_id}": READ,
    "GET /api/v1/batches/{batch_id}/accounts": READ,
    "GET /api/v1/batches/{batch_id}/accounts/{account_id}": READ,
    "GET /api/v1/batches/{batch_id}/trades": READ,
    "GET /api/v1/batches/{batch_id}/trades/{security_id}": READ,
    "GET /api/v1/batches/{batch_id}/logics": READ,
    "GET /api/v1/batches/{batch_id}/orders": READ,
    "GET /api/v1/batches/{batch_id}/block-orders": READ,
    "GET /api/v1/exports/queue": READ,
    "GET /api/v1/exports/batches/{batch_id}/accounts": READ,
    "GET /api/v1/exports/batches/{batch_id}/trades": READ,
    "GET /api/v1/exports/history": READ,
    "GET /api/v1/files": READ,
    "GET /api/v1/files/{file_id}": READ,
    "GET /api/v1/runs/latest": READ,
    "POST /api/v1/history/check": {"approver", "auditor", "operator"},
    "GET /api/v1/views": READ,
    "POST /api/v1/views": READ,
    "PUT /api/v1/views/{view_id}": READ,
    "DELETE /api/v1/views/{view_id}": READ,
    "POST /api/v1/batches": {"trader"},
    "POST /api/v1/batches/{batch_id}/removals": {"trader"},
    "POST /api/v1/batches/{batch_id}/removals/undo": {"trader"},
    "POST /api/v1/batches/{batch_id}/approve-rest": {"approver"},
    "POST /api/v1/batches/{batch_id}/logic": {"trader"},
    "POST /api/v1/batches/{batch_id}/repropose": {"trader"},
    "POST /api/v1/batches/{batch_id}/accounts/{account_id}/edits": {"trader"},
    "POST /api/v1/batches/{batch_id}/approve": {"approver"},
    "POST /api/v1/batches/{batch_id}/cancel": {"approver", "trader"},
    "POST /api/v1/files": {"operator"},
    "POST /api/v1/runs": {"operator"},
}
IDS = {"account_id": "A1", "batch_id": 7, "file_id": 7, "view_id": 7, "security_id": "S1"}
SELECTION = {"kind": "ids", "ids": ["A1"]}
BODIES: dict[str, Any] = {
    "propose_batch": {"selection": SELECTION, "expected_count": 1},
    "remove_accounts": {"selection": SELECTION, "expected_count": 1},
    "check_history": {"enterprise_id": "E1"},
    "undo_removal": {"selection": SELECTION, "expected_count": 1},
    "approve_rest": {"selection": SELECTION, "expected_count": 1},
    "save_view": {"list": "queue", "name": "Big", "content": {}},
    "change_view": {"list": "queue", "name": "Big", "content": {}},
    "switch_logic": {"logic": "BEST_FIT"},
    "repropose_accounts": {},
    "edit_trades": {"trades": [{"security_id": "S1", "quantity": "1"}], "note": "Why."},
}
# What the gateway does itself, with its response to somebody who may and names no version.
OWN = {
    "get_me": 200, "stream_events": 200, "list_views": 200, "save_view": 201, "change_view": 428, "delete_view": 428,
}  # fmt: skip


def _operations() -> Iterator[tuple[str, str, str]]:
    for path, methods in describe(routed())["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation["operationId"]


def test_every_documented_route_has_a_rule_and_no_rule_is_left_over() -> None:
    operations = list(_operations())
    assert {f"{method} {path}" for method, path, _ in operations} == EXPECTED.keys()
    assert {name for _, _, name in operations} == RULES.keys()
    assert all(path.startswith("/api/v1/") for _, path, _ in operations)


@pytest.mark.parametrize("role", [*ROLES, "nothing"])
async def test_role_by_route(harness: Harness, visitor: httpx.AsyncClient, role: str) -> None:
    await harness.grant("pat", ("viewer",))
    await harness.sign_in(visitor)
    page = await harness.csrf(visitor)
    await harness.grant("pat", () if role == "nothing" else (role,))
    for method, path, operation in _operations():
        address = path.format(**IDS)
        query = {"upload_file": {"name": "lots.psv"}, "list_views": {"list": "queue"}}.get(operation, {})
        sent = visitor.build_request(method, address, params=query, headers=page, json=BODIES.get(operation))
        response = await visitor.send(sent, stream=True)
        await response.aclose()
        expected = role in EXPECTED[f"{method} {path}"]
        assert response.status_code == (OWN.get(operation, 200) if expected else 403), operation
        assert (len(harness.inside.seen) > 0) is (expected and operation not in OWN)
        harness.inside.seen.clear()


async def test_a_route_without_a_rule_is_refused(
    harness: Harness, pat: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(RULES, "list_queue")
    assert "nobody" in problem_of(await pat.get("/api/v1/queue/accounts"))["detail"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, 200),
        ({"Origin": None}, 200),
        ({"Origin": None, "Sec-Fetch-Site": "same-origin"}, 200),
        ({"X-CSRF-Token": None}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "0" * 64}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": None, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": None, "Sec-Fetch-Site": "same-site"}, 403),
    ],
    ids=str,
)
async def test_a_command_must_come_from_our_page(
    harness: Harness, pat: httpx.AsyncClient, change: dict[str, str | None], status: int
) -> None:
    headers = {name: value for name, value in ((await harness.csrf(pat)) | change).items() if value is not None}
    response = await pat.post("/api/v1/batches/7/approve", headers=headers)
    assert response.status_code == status
    if status == 403:
        assert problem_of(response)["code"] == "not_from_our_page" and harness.inside.seen == []


async def test_the_token_is_of_one_session_only(harness: Harness, pat: httpx.AsyncClient) -> None:
    page = await harness.csrf(pat)
    async with harness.client() as other:
        await harness.sign_in(other)
        assert (await other.post("/api/v1/runs", headers=page)).status_code == 403


async def test_who_is_nobody_learns_nothing(harness: Harness, visitor: httpx.AsyncClient) -> None:
    for method, path, _ in _operations():
        response = await visitor.request(method, path.format(**IDS))
        assert problem_of(response)["code"] == "not_signed_in", path
