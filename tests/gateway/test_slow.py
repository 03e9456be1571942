"""Clients that send slowly, stop, or are too many, on plain sockets: none holds a place at the door for long."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.http.connections import PIECE_BYTES
from tests.gateway.house import House, house_at
from tests.gateway.test_push import batch, streaming

pytestmark = pytest.mark.integration
SHORT = {"head_s": 1.0, "body_piece_s": 1.0, "keep_alive_s": 1.0}
FAR_BELOW_A_TEST_S = 20  # without the bounds nothing ends at all


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A gateway of little patience."""
    async with house_at(database_url, tmp_path, **SHORT) as built:
        await built.grant("pat", ("viewer", "trader", "approver", "operator"))
        yield built


@asynccontextmanager
async def connected(house: House) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.settings.http_port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Send a byte now and then until the other end closes; return all that it said."""
    reading = asyncio.ensure_future(rest(reader))
    async with asyncio.timeout(FAR_BELOW_A_TEST_S):
        while not reading.done():
            writer.write(b"x")
            await asyncio.wait([reading], timeout=0.05)
    return reading.result()


async def rest(reader: asyncio.StreamReader) -> bytes:
    said = b""
    try:
        while piece := await reader.read(65_536):
            said += piece
    except ConnectionError:
        pass  # closed while a byte of ours was under way
    return said


def problem(said: bytes) -> tuple[dict[str, str], dict[str, Any]]:
    """Return headers and document of the last answer in `said`."""
    head, _, body = said.partition(b"\r\n\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert headers["content-type"] == "application/problem+json", said
    if headers.get("transfer-encoding") == "chunked":
        body = body.split(b"\r\n")[1]
    return headers, json.loads(body)


async def upload_head(house: House, pat: httpx.AsyncClient, size: int) -> bytes:
    cookies = "; ".join(f"{name}={value}" for name, value in pat.cookies.items())
    lines = {
        "Host": house.url.removeprefix("http://"),
        "Cookie": cookies,
        "Content-Length": str(size),
        "Content-Type": "application/octet-stream",
    } | await house.csrf(pat)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /api/v1/files?name=a.csv HTTP/1.1\r\n{head}\r\n".encode()


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
async def test_a_head_that_drips_or_never_begins_loses_its_connection(house: House, first: bytes) -> None:
    async with connected(house) as (reader, writer), asyncio.timeout(FAR_BELOW_A_TEST_S):
        writer.write(first)
        assert (await dripping(reader, writer) if first else await rest(reader)) == b""


async def test_a_head_that_drips_after_an_answered_request_loses_its_connection_too(house: House) -> None:
    async with connected(house) as (reader, writer):
        writer.write(b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\nGET /")
        assert (await dripping(reader, writer)).count(b"HTTP/1.1 401") == 1


async def test_the_rest_of_a_body_whose_request_is_answered_does_not_hold_the_connection(house: House) -> None:
    async with connected(house) as (reader, writer):
        writer.write(b"POST /api/v1/runs HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n")
        said = await dripping(reader, writer)
        assert said.startswith(b"HTTP/1.1 401"), said


async def test_a_body_that_drips_is_refused_and_its_connection_closed(house: House, pat: httpx.AsyncClient) -> None:
    async with connected(house) as (reader, writer):
        writer.write(await upload_head(house, pat, 900_000))
        headers, document = problem(await dripping(reader, writer))
    assert (document["status"], headers["connection"]) == (408, "close")
    assert house.inside.seen == []


async def test_a_small_body_that_stops_is_refused(house: House, pat: httpx.AsyncClient) -> None:
    head = (await upload_head(house, pat, 100)).replace(b"/files?name=a.csv", b"/runs")
    async with connected(house) as (reader, writer), asyncio.timeout(FAR_BELOW_A_TEST_S):
        writer.write(head + b"{")
        assert problem(await rest(reader))[1]["status"] == 408


async def test_a_large_upload_that_comes_slowly_but_steadily_arrives(house: House, pat: httpx.AsyncClient) -> None:
    pieces, began = 30, asyncio.get_running_loop().time()
    head = await upload_head(house, pat, pieces * PIECE_BYTES)
    async with connected(house) as (reader, writer), asyncio.timeout(60):
        writer.write(head)
        for _ in range(pieces):
            writer.write(b"x" * PIECE_BYTES)
            await pause(0.1)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert asyncio.get_running_loop().time() - began > 2 * SHORT["body_piece_s"]
    assert len(house.inside.seen[-1][1]) == pieces * PIECE_BYTES


async def test_a_push_stream_outlasts_all_of_these_times(house: House, pat: httpx.AsyncClient) -> None:
    async with streaming(pat) as stream:
        await pause(3 * max(SHORT.values()))
        house.parts.hub.publish([batch(1)])
        assert (await stream.changed())[1]["id"] == "1"


async def pause(seconds: float) -> None:
    """Let time pass, which is what the test is about: nothing must happen in it."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()


async def test_connections_above_the_bound_are_told_and_those_within_it_served(
    database_url: str, tmp_path: Path
) -> None:
    asked = b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n"
    async with house_at(database_url, tmp_path, connections=2) as house, connected(house) as (reader, writer):
        await answered(reader, writer, asked)
        async with connected(house) as (second, to_second), connected(house) as (third, to_third):
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
        house = await ends.enter_async_context(house_at(database_url, tmp_path, connections=1, head_s=600))
        reader, _ = [await ends.enter_async_context(connected(house)) for _ in range(3)][-1]
        async with asyncio.timeout(FAR_BELOW_A_TEST_S):
            assert await rest(reader) == b""


async def test_a_head_without_end_is_refused(database_url: str, tmp_path: Path) -> None:
    async with house_at(database_url, tmp_path, head_bytes=4096) as house, connected(house) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 5000)
        async with asyncio.timeout(FAR_BELOW_A_TEST_S):
            assert (await rest(reader)).startswith(b"HTTP/1.1 400")


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> None:
    writer.write(asked)
    async with asyncio.timeout(FAR_BELOW_A_TEST_S):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 401"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
