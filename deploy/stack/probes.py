"""Probes: whether a process responds."""

import asyncio
import json
from urllib.parse import urlsplit

import psycopg

from deploy.stack.spec import Probe


async def is_answering(probe: Probe | None, timeout_s: float = 2.0) -> bool:
    """Return whether the probe succeeds within timeout_s; a process without a probe counts as answering."""
    return await reason(probe, timeout_s) is None


async def reason(probe: Probe | None, timeout_s: float = 2.0) -> str | None:
    """Return None if the probe succeeds within timeout_s, else what the process reports it waits for (may be empty)."""
    if probe is None:
        return None
    ask = {"http": _http, "tcp": _tcp, "postgres": _postgres}[probe.kind]
    try:
        async with asyncio.timeout(timeout_s):
            return await ask(probe.target)
    except (OSError, TimeoutError, EOFError, psycopg.Error):
        return ""


async def vital(probe: Probe, timeout_s: float = 2.0) -> tuple[bool, str]:
    """Return whether a process responds within timeout_s, and the text of its 503 if it says that it is stuck."""
    try:
        async with asyncio.timeout(timeout_s):
            status, body = await _get(probe.target)
    except (OSError, TimeoutError, EOFError):
        return False, ""
    return bool(status), body.decode(errors="replace").strip() if status == b"503" else ""


async def _tcp(target: str) -> None:
    host, port = target.rsplit(":", 1)
    _, writer = await asyncio.open_connection(host, int(port))
    writer.close()


async def _http(url: str) -> str | None:
    status, body = await _get(url)
    if status == b"200":
        return None
    try:
        return "; ".join(json.loads(body)["waiting_for"])
    except (ValueError, LookupError, TypeError):
        return ""


async def _get(url: str) -> tuple[bytes, bytes]:
    """Return the response's status and body."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        response = await reader.read()
    finally:
        writer.close()
    head, _, body = response.partition(b"\r\n\r\n")
    return b"".join(head.split(b" ")[1:2]), body


async def _postgres(url: str) -> None:
    connection = await psycopg.AsyncConnection.connect(url)
    try:
        await connection.execute("SELECT 1")
    finally:
        await connection.close()
