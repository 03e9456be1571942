"""Malformed requests: refused with a problem document, and nothing of them is logged."""

import asyncio
import json

import httpx
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.gateway.harness import Harness
from tests.gateway.sockets import FAR_BELOW_A_TEST_S, connected, problem, rest, upload_head

pytestmark = pytest.mark.integration
OTHERWISE = {"content-length", "content-type", "date", "x-request-id", "connection", "cache-control", "server-time"}
NO_REQUESTS = {
    "noise": b"\x00\x01secret-bytes\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03secret-bytes",
    "header": b"GET / HTTP/1.1\r\nHost: a\r\nsecret-bytes\r\n\r\n",
    "path": b"GET /\x00secret-bytes HTTP/1.1\r\nHost: a\r\n\r\n",
    "no host": b"GET /secret-bytes HTTP/1.1\r\n\r\n",
    "lengths": b"POST /secret-bytes HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "endless": b"GET /secret-bytes HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000,
}


def malformed() -> float:
    return REGISTRY.get_sample_value("rebalancer_connections_cut_total", {"reason": "malformed"}) or 0.0


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS.keys())
async def test_what_is_no_request_is_refused_as_a_problem(
    harness: Harness, visitor: httpx.AsyncClient, sent: bytes
) -> None:
    before = malformed()
    with capture_logs() as logs:
        async with connected(harness) as (reader, writer), asyncio.timeout(FAR_BELOW_A_TEST_S):
            writer.write(sent)
            said = await rest(reader)
    headers, document = problem(said)
    assert said.startswith(b"HTTP/1.1 400 ") and (document["status"], document["code"]) == (400, "bad_head")
    assert headers["connection"] == "close" and headers["x-request-id"] == document["instance"]
    ordinary = await visitor.get("/api/v1/me")
    assert {name: headers.get(name) for name in ordinary.headers if name not in OTHERWISE} == {
        name: value.lower() for name, value in ordinary.headers.items() if name not in OTHERWISE
    }
    assert malformed() == before + 1
    assert [line["event"] for line in logs] == ["http.malformed"]
    assert "secret" not in json.dumps([logs, document])


async def test_a_malformed_body_is_refused_and_not_forwarded(harness: Harness, pat: httpx.AsyncClient) -> None:
    head = (await upload_head(harness, pat, 1)).replace(b"Content-Length: 1", b"Transfer-Encoding: chunked")
    with capture_logs() as logs:
        async with connected(harness) as (reader, writer), asyncio.timeout(FAR_BELOW_A_TEST_S):
            writer.write(head + b"5\r\nhello\r\nsecret-bytes\r\n")
            headers, document = problem(await rest(reader))
    assert (document["status"], headers["connection"]) == (400, "close")
    assert harness.inside.seen == [] and "secret" not in json.dumps(logs)
    assert not [line for line in logs if line["log_level"] in ("warning", "error")]


async def test_what_follows_an_answered_request_and_is_none_is_refused_too(harness: Harness) -> None:
    async with connected(harness) as (reader, writer), asyncio.timeout(FAR_BELOW_A_TEST_S):
        writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n\x00\x01\r\n\r\n")
        said = await rest(reader)
    assert said.startswith(b"HTTP/1.1 401")
    assert problem(said[said.rindex(b"HTTP/1.1 400") :])[1]["code"] == "bad_head"
