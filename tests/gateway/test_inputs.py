"""Whatever a parameter, header, path or body holds: the response is one of the API document, never a fault of ours.

The real batch service stands behind the real door here, on the real database.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from services.gateway.app import routed
from services.gateway.openapi import describe
from shared.http.app import serve
from tests.batch.conftest import batch_url as batch_url  # noqa: PLC0414  # a fixture of this module too
from tests.batch.harness import Harness as BatchHarness
from tests.gateway.harness import Harness, end, harness_at, listens, problem_of
from tests.ports import free_port
from tests.waiting import until_async

pytestmark = pytest.mark.integration


@pytest.fixture
async def batch(batch_url: str) -> AsyncIterator[BatchHarness]:
    made = BatchHarness(batch_url)
    yield made
    await made.database.close()


@pytest.fixture
async def harness(batch: BatchHarness, database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """The door with the batch service behind it, at one time of day."""
    port = free_port()
    serving = asyncio.create_task(serve(batch.app, "127.0.0.1", port))
    async with harness_at(database_url, tmp_path, batch_url=f"http://127.0.0.1:{port}", session_per_s=10_000) as built:
        await until_async(partial(listens, port), within_s=10)
        batch.clock.now = built.clock.now  # type: ignore[method-assign]  # both dependencies read one clock
        await built.grant("pat", ("viewer", "trader", "approver", "operator"))
        yield built
    await end(serving)


SELECTION = {"kind": "matching"}
PROPOSAL: dict[str, Any] = {"selection": SELECTION, "expected_count": 9}


async def ask(harness: Harness, pat: httpx.AsyncClient, method: str, address: str, **options: Any) -> httpx.Response:
    """Send a request as a page of ours would, but for what the test puts in."""
    page = await harness.csrf(pat)
    fresh = {"Idempotency-Key": str(uuid.uuid4()), "If-Match": '"1"', "Content-Type": "application/json"} | page
    given = dict(options.pop("headers", {}))
    headers = [(name.encode(), value) for name, value in given.items()]
    headers += [(name.encode(), value.encode()) for name, value in fresh.items() if name not in given]
    return await pat.request(method, address, headers=headers, **options)


QUERIES = (
        ("q=%ED%A0%80", "/query/q"), ("q=%FF", "/query/q"), ("q=%00", "/query/q"), ("q=a%0A", "/query/q"),
        ("f=custodian.eq.%ED%A0%80", "/query/f"), ("f=custodian.eq.%00", "/query/f"),
        ("f=drifted.gte.1%0A", "/query/f"),
        ("f=drifted.gte.99999999999", "f: "), ("f=market_value.lte.99999999999999999999", "f: "),
        ("f=max_drift.gte.99999999999999999", "f: "), ("f=drifted.gte.%D9%A5", "f: "), ("f=drifted.gte.%205", "f: "),
        ("f=drifted.gte.1e3", "f: "), ("f=drifted.gte.true", "f: "), ("f=" + "x" * 25_000, "/query/f"),
        ("page=%2B5", "/query/page"), ("page=5.0", "/query/page"), ("page=1_0", "/query/page"),
        ("page=%205", "/query/page"), ("page=%D9%A5", "/query/page"), ("page=5%0A", "/query/page"),
        ("page=99999999999999999999", "/query/page"), ("page=1&page=2", "/query/page"), ("q=a&q=b", "/query/q"),
        ("size=true", "/query/size"), ("sort=%00", "/query/sort"), ("%00=1", "/query/"), ("%FF=1", "/query/"),
        ("tile=" + "&tile=".join(["HIGH_CASH"] * 21), "/query/tile"),
)  # fmt: skip
PATHS = (
    "batches/+5", "batches/1_0", "batches/5.0", "batches/%D9%A5", "batches/9223372036854775808", "batches/" + "9" * 40,
     "accounts/A1%0A", "accounts/" + "A" * 65, "batches/1/accounts/A1%0A",
)  # fmt: skip
HEADERS = ("Idempotency-Key", "If-Match", "Accept", "Content-Type", "If-None-Match", "Origin")
FIELDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"selection": SELECTION | {"q": "\ud800"}}, "/body/selection"),
    ({"selection": SELECTION | {"q": "\x00"}}, "/body/selection"),
    ({"selection": SELECTION | {"q": "a" * 201}}, "/body/selection"),
    ({"selection": SELECTION | {"f": ["custodian.eq.\ud800"]}}, "/body/selection"),
    ({"selection": SELECTION | {"f": ["drifted.gte.99999999999"]}}, "f: "),
    ({"selection": SELECTION | {"f": ["drifted.gte.\u0665"]}}, "f: "),
    ({"selection": SELECTION | {"tiles": ["WIDE"]}}, "/body/selection"),
    ({"selection": {"kind": "ids", "ids": ["A1\n"]}}, "/body/selection"),
    ({"selection": {"kind": "ids", "ids": [1]}}, "/body/selection"),
    ({"expected_count": True}, "/body/expected_count"),
    ({"expected_count": "9"}, "/body/expected_count"),
    ({"expected_count": 9.0}, "/body/expected_count"),
    ({"expected_count": 10**30}, "/body/expected_count"),
    ({"confirm_liquidation": "yes"}, "/body/confirm_liquidation"),
    ({"confirm_liquidation": 1}, "/body/confirm_liquidation"),
    ({"label": "\ud800"}, "/body/label"),
    ({"label": "a\nb"}, "/body/label"),
    ({"label": "a" * 81}, "/body/label"),
    ({"more": 1}, "/body/more"),
)
BODIES = (b"\xff", b"[" * 100_000, b'{"a":' * 5000, b"1" * 5000, b"{", b"", b"null", b"[]", b"NaN")


async def test_what_is_no_text_or_number_is_refused_by_name(harness: Harness, pat: httpx.AsyncClient) -> None:
    async def refused(named: str, method: str, path: str, **options: Any) -> str | None:
        response = await ask(harness, pat, method, f"/api/v1/{path}", **options)
        problem = problem_of(response)
        said = [text for error in problem.get("errors", ()) for text in (error["pointer"], error["detail"])]
        is_right = problem["status"] in (400, 404, 422) and (not named or any(named in text for text in said))
        return None if is_right else f"{path[:60]} {str(options)[:90]}: {response.text[:200]}"

    wrong = [await refused(named, "GET", f"queue/accounts?{query}") for query, named in QUERIES]
    wrong += [await refused("", "GET", path) for path in PATHS]
    for name in HEADERS:
        for value in (b"caf\xe9", b"\xff", b"a\x01b"):
            pointer = f"/header/{name.lower()}"
            wrong.append(await refused(pointer, "POST", "batches/1/approve", headers={name: value}))
    for change, named in FIELDS:
        wrong.append(await refused(named, "POST", "batches", content=json.dumps(PROPOSAL | change)))
    wrong += [await refused("/body", "POST", "batches", content=body) for body in BODIES]
    assert [fault for fault in wrong if fault] == []


BAD: dict[str, tuple[str, ...]] = {
    "integer": ("0", "-1", "9" * 30, "9223372036854775808", "\u0665", "1_0", "true", "1.5", "\x00", ""),
    "string": ("", "\x00", "\n", "a" * 300, "\u202e", "..", "%2e%2e", "'; --", "\u0665", "a/b"),
    "array": ("", "\x00", "x" * 300, "drifted.gte.99999999999", "name.eq.1", "a.b.c.d", "HIGH_CASH"),
}


FORMS: tuple[Any, ...] = (
    b"\xff",
    {},
    {"selection": []},
    {"more": 1},
    [],
    PROPOSAL,
    {"logic": "BEST_FIT"},
    {"logic": 5},
    {"selection": SELECTION},
)


def calls(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """Yield method, path, operation and what to send: each parameter in turn with each bad value, each body field."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] == "stream_events":
                continue
            yield method, path, operation, {}
            for parameter in operation.get("parameters", []):
                schema = parameter["schema"]
                kind = schema.get("type") or next(
                    option["type"] for option in schema["anyOf"] if option["type"] != "null"
                )
                for bad in BAD[kind]:
                    yield method, path, operation, {parameter["in"]: {parameter["name"]: bad}}
            for body in FORMS if method == "post" else ():
                yield method, path, operation, {"body": body}


async def test_every_answer_is_one_of_the_document(
    harness: Harness, batch: BatchHarness, pat: httpx.AsyncClient
) -> None:
    """No parameter, header, path or body of any operation is answered by anything that the document does not list."""
    await batch.queue("A1", "A2")
    document = describe(routed())
    asked = 0
    for method, path, operation, bad in calls(document):
        ids = {"account_id": "A1", "batch_id": "7", "file_id": "1", "view_id": "1", "security_id": "S1"} | bad.get(
            "path", {}
        )
        address = path.format(**{name: quote(value, safe="") for name, value in ids.items()})
        query = {"name": "lots.psv"} if operation["operationId"] == "upload_file" else {}
        headers = {name: value.encode() for name, value in bad.get("header", {}).items()}
        headers = {name: value for name, value in headers.items() if not set(value) & {0, 10}}  # no client sends these
        status = min(operation["responses"])
        harness.inside.status = int(status)
        harness.inside.headers = {
            "Content-Type": min(operation["responses"][status].get("content", ["application/json"]))
        }
        body = bad.get("body", PROPOSAL)
        content = None if method != "post" else body if isinstance(body, bytes) else json.dumps(body)
        response = await ask(
            harness, pat, method.upper(), address, params=query | bad.get("query", {}), headers=headers, content=content
        )
        asked += 1
        if response.status_code in (404, 405) and "/" in "".join(bad.get("path", {}).values()):
            continue  # another path
        listed = operation["responses"].get(str(response.status_code))
        assert listed is not None, (operation["operationId"], bad, response.status_code, response.text)
        assert response.status_code < 500, (operation["operationId"], bad, response.text)
        media = response.headers.get("content-type", "").partition(";")[0]  # without the character set of a file
        assert media in listed.get("content", [""]), (operation["operationId"], bad)
    print(f"{asked} requests")
    assert asked > 400
