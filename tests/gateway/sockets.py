"""Plain sockets to the gateway, for clients that no HTTP library plays."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.gateway.harness import Harness

FAR_BELOW_A_TEST_S = 20  # without the bounds nothing ends at all


@asynccontextmanager
async def connected(harness: Harness) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", harness.settings.http_port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: bytes) -> None:
    writer.write(asked)
    async with asyncio.timeout(FAR_BELOW_A_TEST_S):
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 401"), head
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))


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


async def upload_head(harness: Harness, pat: httpx.AsyncClient, size: int) -> bytes:
    cookies = "; ".join(f"{name}={value}" for name, value in pat.cookies.items())
    lines = {
        "Host": harness.url.removeprefix("http://"),
        "Cookie": cookies,
        "Content-Length": str(size),
        "Content-Type": "application/octet-stream",
    } | await harness.csrf(pat)
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /api/v1/files?name=a.csv HTTP/1.1\r\n{head}\r\n".encode()


async def pause(seconds: float) -> None:
    """Let time pass, which is what the test is about: nothing must happen in it."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()
