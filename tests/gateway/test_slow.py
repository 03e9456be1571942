"""Clients on plain sockets that send slowly, stop, or are too many: none holds a connection for long."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from shared.http.connections import PIECE_BYTES, UNACKNOWLEDGED_MS
from tests.gateway.harness import Harness, harness_at
from tests.gateway.sockets import FAR_BELOW_A_TEST_S, answered, connected, pause, problem, rest, upload_head
from tests.gateway.streams import batch, streaming

pytestmark = pytest.mark.integration
SHORT = {"head_s": 1.0, "body_piece_s": 1.0, "keep_alive_s": 1.0}


@pytest.fixture
async def harness(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """A gateway of little patience."""
    async with harness_at(database_url, tmp_path, **SHORT) as built:
        await built.grant("pat", ("viewer", "trader", "approver", "operator"))
        yield built


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send a byte now and then until the other end closes; return all that it said."""
    reading = asyncio.ensure_future(rest(reader))
    async with asyncio.timeout(FAR_BELOW_A_TEST_S):
        while not reading.done():
            writer.write(b"x")
            await asyncio.wait([reading], timeout=0.05)
    return reading.result()


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
async def test_a_head_that_drips_or_never_begins_loses_its_connection(harness: Harness, first: bytes) -> None:
    async with connected(harness) as (reader, writer), asyncio.timeout(FAR_BELOW_A_TEST_S):
        writer.write(first)
        assert (await dripping(reader, writer) if first else await rest(reader)) == b""


async def test_a_head_that_drips_after_an_answered_request_loses_its_connection_too(harness: Harness) -> None:
    async with connected(harness) as (reader, writer):
        writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\nGET /")
        assert (await dripping(reader, writer)).count(b"HTTP/1.1 401") == 1


async def test_the_rest_of_a_body_whose_request_is_answered_does_not_hold_the_connection(harness: Harness) -> None:
    async with connected(harness) as (reader, writer):
        writer.write(b"POST /api/v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        said = await dripping(reader, writer)
        assert said.startswith(b"HTTP/1.1 401"), said


async def test_a_body_that_drips_is_refused_and_its_connection_closed(harness: Harness, pat: httpx.AsyncClient) -> None:
    async with connected(harness) as (reader, writer):
        writer.write(await upload_head(harness, pat, 900_000))
        headers, document = problem(await dripping(reader, writer))
    assert (document["status"], headers["connection"]) == (408, "close")
    assert harness.inside.seen == []


async def test_a_small_body_that_stops_is_refused(harness: Harness, pat: httpx.AsyncClient) -> None:
    head = (await upload_head(harness, pat, 100)).replace(b"/files?name=a.csv", b"/runs")
    async with connected(harness) as (reader, writer), asyncio.timeout(FAR_BELOW_A_TEST_S):
        writer.write(head + b"{")
        assert problem(await rest(reader))[1]["status"] == 408


async def test_a_large_upload_that_comes_slowly_but_steadily_arrives(harness: Harness, pat: httpx.AsyncClient) -> None:
    pieces, began = 30, asyncio.get_running_loop().time()
    head = await upload_head(harness, pat, pieces * PIECE_BYTES)
    async with connected(harness) as (reader, writer), asyncio.timeout(60):
        writer.write(head)
        for _ in range(pieces):
            writer.write(b"x" * PIECE_BYTES)
            await pause(0.1)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert asyncio.get_running_loop().time() - began > 2 * SHORT["body_piece_s"]
    assert len(harness.inside.seen[-1][1]) == pieces * PIECE_BYTES


async def test_a_push_stream_outlasts_all_of_these_times(harness: Harness, pat: httpx.AsyncClient) -> None:
    async with streaming(pat) as stream:
        await pause(3 * max(SHORT.values()))
        harness.dependencies.hub.publish([batch(1)])
        assert (await stream.changed())[1]["id"] == "1"


async def test_connections_above_the_bound_are_told_and_those_within_it_served(
    database_url: str, tmp_path: Path
) -> None:
    asked = b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n"
    async with harness_at(database_url, tmp_path, connections=2) as harness, connected(harness) as (reader, writer):
        await answered(reader, writer, asked)
        async with connected(harness) as (second, to_second), connected(harness) as (third, to_third):
            await answered(second, to_second, asked)
            to_third.write(asked)
            async with asyncio.timeout(FAR_BELOW_A_TEST_S):
                headers, document = problem(await rest(third))
            assert (document["status"], document["code"], headers["retry-after"]) == (503, "unavailable", "2")
            await answered(reader, writer, asked)


async def test_far_above_the_bound_connections_are_closed_unheard(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.connections.REFUSED_AT_ONCE", 1)
    async with AsyncExitStack() as ends:
        harness = await ends.enter_async_context(harness_at(database_url, tmp_path, connections=1, head_s=600))
        reader, _ = [await ends.enter_async_context(connected(harness)) for _ in range(3)][-1]
        async with asyncio.timeout(FAR_BELOW_A_TEST_S):
            assert await rest(reader) == b""


async def test_a_head_without_end_is_refused(database_url: str, tmp_path: Path) -> None:
    async with harness_at(database_url, tmp_path, head_bytes=4096) as harness, connected(harness) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 5000)
        async with asyncio.timeout(FAR_BELOW_A_TEST_S):
            assert (await rest(reader)).startswith(b"HTTP/1.1 400")


async def test_the_kernel_ends_connections_to_clients_that_vanished(harness: Harness) -> None:
    async with connected(harness) as (reader, writer):
        await answered(reader, writer, b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n")
        client = writer.get_extra_info("sockname")
        assert _user_timeout_ms(harness.settings.http_port, client) == UNACKNOWLEDGED_MS


def _user_timeout_ms(port: int, client: tuple[str, int]) -> int:
    """Return the option of the socket of this process that serves the client."""
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(entry.name))) as found:
            if found.family == socket.AF_INET and (found.getsockname()[1], found.getpeername()) == (port, client):
                return found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    raise AssertionError(f"no socket of {client}")
