"""One request of a user has one trace id, from the gateway to the event that others read."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.stack import Stack
from shared.contracts import topics
from shared.runtime import trace
from shared.runtime.log_events import EVENTS
from shared.runtime.log_fields import FIELDS
from tests.books import a_book, load_book
from tests.sign_in import signed_in
from tests.waiting import aside, until

pytestmark = pytest.mark.stack
SERVICES = ("gateway", "batch", "analyzer", "analyzer-sweeper", "taxlot", "proposer")
HOPS = {
    "analyzer": (topics.WORK_REQUEST,),
    "taxlot": (topics.WORK_FACTS, topics.WORK_TRADES),
    "proposer": (topics.WORK_LOTS,),
    "batch": (topics.WORK_RESULTS,),
}
"""Topics of a request by the service that takes them in."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system, without a user interface, with a small book evaluated."""
    folder = tmp_path_factory.mktemp("trace")
    with Stack(folder / "stack") as running:
        load_book(running, a_book(folder / "book", accounts=60))
        yield running


@pytest.fixture
def olivia(stack: Stack) -> Iterator[httpx.Client]:
    """A browser, signed in by name and password at the issuer's own page."""
    with signed_in(stack) as client:
        client.headers["X-CSRF-Token"] = client.get("/api/v1/me").json()["csrf"]
        client.headers["Origin"] = stack.urls["gateway"]
        yield client


def command(client: httpx.Client, path: str, body: dict[str, Any] | None, **headers: str) -> httpx.Response:
    """Send a command as a page does, in a trace of the client's own."""
    own = {"Idempotency-Key": secrets.token_hex(8), "traceparent": trace.started().traceparent}
    response = client.post(path, json=body, headers=own | headers)
    response.raise_for_status()
    return response


def trace_of(response: httpx.Response) -> str:
    """Return the trace id of a request that was sent."""
    return trace.started(response.request.headers["traceparent"]).trace_id


def lines_of(stack: Stack, service: str, trace_id: str) -> list[dict[str, Any]]:
    """Return the log lines of a service that bear a trace id."""
    text = Path(stack.layout.logs / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if f'"{trace_id}"' in line]


def all_lines(stack: Stack, service: str) -> list[dict[str, Any]]:
    """Return the log lines of a service."""
    text = Path(stack.layout.logs / f"{service}.log").read_text()
    return [json.loads(line) for line in text.splitlines()]


def _rebalanced(stack: Stack, trace_id: str) -> list[dict[str, Any]]:
    """Return the lines with which the analyzer took in an approval."""
    lines = lines_of(stack, "analyzer", trace_id)
    return [line for line in lines if line.get("topic") == topics.REBALANCED.name and line["outcome"] == "ok"]


def order_headers(kafka_url: str, trace_id: str, count: int) -> list[dict[str, str]]:
    """Read orders as any other service would, until so many of the trace have come; return their headers."""

    async def read() -> list[dict[str, str]]:
        consumer = AIOKafkaConsumer(topics.ORDERS.name, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
        found: list[dict[str, str]] = []
        async with asyncio.timeout(60), consumer:
            while len(found) < count:
                headers = {name: value.decode() for name, value in (await consumer.getone()).headers}
                found += [headers] if trace_id in headers.get(trace.HEADER, "") else []
        return found

    return aside(read())


def test_proposing_and_approving_leave_one_trace_each_in_every_service(stack: Stack, olivia: httpx.Client) -> None:
    rows = olivia.get("/api/v1/queue/accounts", params={"size": 20}).json()["rows"]
    ids = [row["account_id"] for row in rows if row["state"] == "FLAGGED"][:3]
    body = {"selection": {"kind": "ids", "ids": ids}, "expected_count": len(ids), "logic": "BEST_FIT", "label": ""}
    proposed = command(olivia, "/api/v1/batches", body | {"confirm_liquidation": True})
    number = proposed.json()["batch"]["batch_id"]
    batch = until(
        lambda: olivia.get(f"/api/v1/batches/{number}").json(), lambda seen: seen["status"] == "PENDING_APPROVAL"
    )
    routes = {"gateway": "/api/v1/batches", "batch": "/v1/batches"}
    for service, route in routes.items():
        (line,) = [line for line in lines_of(stack, service, trace_of(proposed)) if line["event"] == "http.answered"]
        assert (line["method"], line["route"], line["status"]) == ("POST", route, 202), service
        assert line["enterprise"] == ["E1"] and len(line["actor"]) == 16 and line["bytes"] > 0
    for service, taken_in in HOPS.items():
        lines = [line for line in lines_of(stack, service, trace_of(proposed)) if line["event"] == "message.handled"]
        assert {line["topic"] for line in lines} == {topics.small(topic).name for topic in taken_in}, service
        assert {line["outcome"] for line in lines} == {"ok"}
        assert {str(line["batch_id"]) for line in lines} == {str(number)}
        assert sum(line["rows"] for line in lines if line["topic"] == topics.small(taken_in[0]).name) == len(ids)

    approved = command(olivia, f"/api/v1/batches/{number}/approve", None, **{"If-Match": f'"{batch["version"]}"'})
    orders = order_headers(stack.urls["kafka"], trace_of(approved), batch["counts"]["proposed"])
    assert {headers["ce_type"] for headers in orders} == {topics.ORDERS.name}
    assert trace_of(approved) != trace_of(proposed)
    rebalanced = until(lambda: _rebalanced(stack, trace_of(approved)), bool)
    assert {line["rows"] for line in rebalanced} == {len(orders)}


def test_no_line_of_a_whole_stack_had_a_field_to_leave_out(stack: Stack) -> None:
    lines = [line for service in SERVICES for line in all_lines(stack, service)]
    assert {line["event"] for line in lines} <= EVENTS.keys()
    assert {name for line in lines for name in line} <= FIELDS.keys() - {"dropped"}
    assert not [line for line in lines if line["event"] == "http.answered" and "/healthz" in line["route"]]


def test_what_a_refusal_names_is_in_the_log_of_the_service_that_refused(stack: Stack, olivia: httpx.Client) -> None:
    refused = olivia.get("/api/v1/batches/999999")
    assert refused.status_code == 404
    trace_id = refused.json()["instance"]
    assert trace_id == refused.headers["X-Request-Id"] and len(trace_id) == 32
    for service in ("gateway", "batch"):
        statuses = partial(statuses_of, stack, service, trace_id)
        assert until(statuses, bool) == [404], service  # a request is logged when its response is on its way


def statuses_of(stack: Stack, service: str, trace_id: str) -> list[int]:
    return [line["status"] for line in lines_of(stack, service, trace_id) if "status" in line]
