"""Asking a process whether it answers."""

import asyncio
from urllib.parse import urlsplit

import psycopg

from deploy.stack.spec import Probe


async def answers(probe: Probe | None, timeout_s: float = 2.0) -> bool:
    """Return whether the probe succeeds within timeout_s; a process without a probe counts as answering."""
    if probe is None:
        return True
    ask = {"http": _http, "tcp": _tcp, "postgres": _postgres}[probe.kind]
    try:
        async with asyncio.timeout(timeout_s):
            return await ask(probe.target)
    except (OSError, TimeoutError, EOFError, psycopg.Error):
        return False


async def _tcp(target: str) -> bool:
    host, port = target.rsplit(":", 1)
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()
    return True


async def _http(url: str) -> bool:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        status = await reader.readline()
    finally:
        writer.close()
    return status.split(b" ")[1:2] == [b"200"]


async def _postgres(url: str) -> bool:
    connection = await psycopg.AsyncConnection.connect(url)
    try:
        await connection.execute("SELECT 1")
    finally:
        await connection.close()
    return True
