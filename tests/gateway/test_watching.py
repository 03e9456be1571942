"""What a stranger can make the gateway write: series of metrics, request ids, links, faults."""

import asyncio
from functools import partial

import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from services.gateway.app import routed
from services.gateway.openapi import describe
from tests.gateway.harness import Harness, problem_of
from tests.waiting import until_async

pytestmark = pytest.mark.integration


def series() -> set[tuple[tuple[str, str], ...]]:
    """Return the series of HTTP metrics there are."""
    return {
        tuple(sorted(sample.labels.items()))
        for family in REGISTRY.collect()
        if family.name.startswith("http_server")
        for sample in family.samples
    }


def count(**labels: str) -> float:
    return REGISTRY.get_sample_value("http_server_requests_total", labels | {"service": "gateway"}) or 0.0


async def raw(harness: Harness, request: bytes) -> bytes:
    """Send bytes as they are and return all that comes back: a client library would not send these."""
    reader, writer = await asyncio.open_connection("127.0.0.1", harness.settings.http_port)
    writer.write(request)
    response = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return response


async def test_methods_and_paths_of_a_strangers_making_make_no_new_series(harness: Harness) -> None:
    await raw(harness, b"MADEUP0 /api/v1/queue/accounts HTTP/1.0\r\n\r\n")
    await raw(harness, b"MADEUP0 /api/v1/x HTTP/1.0\r\n\r\n")
    before = series()
    for n in range(1, 20):
        for path in (b"/api/v1/queue/accounts", b"/api/v1/x%d" % n):
            response = await raw(harness, b"MADEUP%d %b HTTP/1.0\r\n\r\n" % (n, path))
            assert response.split()[1] in (b"404", b"405")
    assert series() == before
    assert not any("MADEUP" in text for labels in before for pair in labels for text in pair)


@pytest.mark.parametrize("given", ["a" * 65, "a" * 5000, "a b", "<b>", "id;drop", "", "caf\xe9", '{"a":1}'])
async def test_an_id_that_is_long_or_strange_is_replaced(
    harness: Harness, visitor: httpx.AsyncClient, given: str
) -> None:
    response = await visitor.get("/api/v1/me", headers=[(b"X-Request-Id", given.encode("latin-1"))])
    assert response.headers["x-request-id"] != given and len(response.headers["x-request-id"]) == 32
    assert problem_of(response)["instance"] == response.headers["x-request-id"]


async def test_an_id_of_our_kind_is_kept(harness: Harness, visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/api/v1/me", headers={"X-Request-Id": "a-1:b.2"})).headers["x-request-id"] == "a-1:b.2"


async def test_no_answer_names_the_host_that_was_asked_for(harness: Harness) -> None:
    """Every route, with and without a slash at its end, under a Host that is not ours."""
    (harness.settings.ui_dir / "index.html").write_text("<title>start page</title>")
    paths = {*describe(routed())["paths"], "/", "/queue", "/assets", "/auth/login", "/auth/callback", "/auth/logout"}
    assert len(paths) > 20
    for path in paths:
        for spelling in (path, f"{path.rstrip('/')}/", f"/{path}"):
            filled = spelling.format(account_id="A1", batch_id="7", file_id="1", view_id="1", security_id="S1", path="")
            head = f"GET {filled} HTTP/1.0\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n"
            response = await raw(
                harness, f"{head}X-Forwarded-Proto: https\r\nForwarded: host=evil.example\r\n\r\n".encode()
            )
            assert b"evil.example" not in response, filled
            assert response.split()[1] != b"307", filled


async def test_probes_and_metrics_are_not_for_the_world(harness: Harness, visitor: httpx.AsyncClient) -> None:
    for path in ("/metrics", "/readyz", "/healthz", "/metrics/", "//metrics", "/%6detrics", "/docs", "/openapi.json"):
        response = await visitor.get(harness.url + path)
        assert b"rebalancer_" not in response.content and b"waiting_for" not in response.content, path
        assert response.status_code in (404, 503), path  # 503: the pages of the interface, which is not built here


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/files?name=lots.psv", b"half of a file"),
        ("/api/v1/batches", b'{"selection": {"kind": "ids", "ids": ['),
        ("/auth/logout", b"csr"),
    ],
)
async def test_a_client_that_hangs_up_is_no_fault_of_ours(
    harness: Harness, pat: httpx.AsyncClient, path: str, body: bytes
) -> None:
    cookie = f"{harness.dependencies.cookies.session}={pat.cookies[harness.dependencies.cookies.session]}"
    page = await harness.csrf(pat)
    kind = "application/x-www-form-urlencoded" if path.startswith("/auth") else "application/json"
    route = path.partition("?")[0]
    before = count(method="POST", route=route, status="499")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nX-CSRF-Token: {page['X-CSRF-Token']}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: 1000\r\n\r\n"
    )
    with capture_logs() as logs:
        reader, writer = await asyncio.open_connection("127.0.0.1", harness.settings.http_port)
        writer.write(head.encode() + body)
        await writer.drain()
        await until_async(partial(_opened, harness), within_s=10)
        writer.close()
        await writer.wait_closed()

        async def is_counted() -> bool:
            return count(method="POST", route=route, status="499") == before + 1

        await until_async(is_counted, within_s=10)
        del reader
    levels = {line["log_level"] for line in logs if str(line["event"]).startswith("http")}
    assert levels == {"info"}, logs
    assert count(method="POST", route=route, status="500") == 0


async def _opened(harness: Harness) -> bool:
    """Say whether all that was sent has been read: another request on the same loop comes after it."""
    async with harness.client() as client:
        return (await client.get("/api/v1/nothing")).status_code == 404
