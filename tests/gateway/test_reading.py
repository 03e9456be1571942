"""Clients on plain sockets that do not read their responses: buffered bytes are dropped, their tasks end.

On the loop of the processes: what a transport keeps for its reader is the loop's affair.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvloop
from prometheus_client import REGISTRY

from services.gateway.domain.changes import Change, OfEnterprise
from services.gateway.push.hub import QUEUE_SIZE
from tests.gateway.harness import Harness, harness_at
from tests.gateway.sockets import pause
from tests.waiting import until_so

pytestmark = pytest.mark.integration
SHORT_S = 1.0
LARGE = b"x" * 8_000_000  # far more than the system keeps for a connection


@contextlib.asynccontextmanager
async def waiting_a_second(database_url: str, directory: Path) -> AsyncIterator[tuple[Harness, httpx.AsyncClient]]:
    """A gateway that waits a second for its readers, and a browser that is signed in."""
    async with harness_at(database_url, directory, answer_piece_s=SHORT_S) as harness, harness.client() as pat:
        await harness.grant("pat", ("viewer",))
        await harness.sign_in(pat)
        yield harness, pat


def unread() -> float:
    return REGISTRY.get_sample_value("rebalancer_connections_cut_total", {"reason": "unread"}) or 0.0


def is_open() -> float:
    return REGISTRY.get_sample_value("rebalancer_connections") or 0.0


@contextlib.asynccontextmanager
async def asking(harness: Harness, pat: httpx.AsyncClient, path: str) -> AsyncIterator[socket.socket]:
    """Ask for a path and read nothing."""
    cookies = "; ".join(f"{name}={value}" for name, value in pat.cookies.items())
    loop = asyncio.get_running_loop()
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        plain.setblocking(False)
        await loop.sock_connect(plain, ("127.0.0.1", harness.settings.http_port))
        await loop.sock_sendall(plain, f"GET {path} HTTP/1.1\r\nHost: a\r\nCookie: {cookies}\r\n\r\n".encode())
        yield plain


async def rest(plain: socket.socket) -> int:
    """Return how many bytes still come."""
    got = 0
    with contextlib.suppress(ConnectionResetError):
        async with asyncio.timeout(20):
            while piece := await asyncio.get_running_loop().sock_recv(plain, 1_000_000):
                got += len(piece)
    return got


def test_an_unread_response_is_cut(database_url: str, tmp_path: Path) -> None:
    uvloop.run(_an_unread_response(database_url, tmp_path))


async def _an_unread_response(database_url: str, directory: Path) -> None:
    async with waiting_a_second(database_url, directory) as (harness, pat):
        harness.inside.content = LARGE
        before, opened = unread(), is_open()
        async with asking(harness, pat, "/api/v1/runs/latest") as plain:
            await until_so(unread, lambda count: count == before + 1, within_s=20)
            await until_so(is_open, lambda count: count <= opened, within_s=20)
            assert 0 < await rest(plain) < len(LARGE)
        assert (await pat.get("/api/v1/me")).status_code == 200


def test_a_push_stream_that_nobody_reads_ends_and_so_does_its_task(database_url: str, tmp_path: Path) -> None:
    uvloop.run(_an_unread_stream(database_url, tmp_path))


async def _an_unread_stream(database_url: str, directory: Path) -> None:
    async with waiting_a_second(database_url, directory) as (harness, pat):
        hub, before = harness.dependencies.hub, unread()
        async with asking(harness, pat, "/api/v1/events"):
            await until_so(lambda: len(hub._listeners), within_s=20)

            def tell() -> int:
                """Fill all queues and return how many listeners are left."""
                hub.publish(Change("batch", "1" * 10_000, n, OfEnterprise("E1")) for n in range(QUEUE_SIZE))
                return len(hub._listeners)

            await until_so(tell, lambda listening: listening == 0, within_s=20)
        assert unread() == before + 1


def test_who_reads_slowly_but_steadily_gets_all_of_it(database_url: str, tmp_path: Path) -> None:
    uvloop.run(_a_slow_reader(database_url, tmp_path))


async def _a_slow_reader(database_url: str, directory: Path) -> None:
    async with waiting_a_second(database_url, directory) as (harness, pat):
        harness.inside.content = LARGE
        loop, before, got = asyncio.get_running_loop(), unread(), 0
        began = loop.time()
        async with asking(harness, pat, "/api/v1/runs/latest") as plain:
            async with asyncio.timeout(60):
                while got < len(LARGE):
                    await pause(0.03)
                    piece = await loop.sock_recv(plain, 100_000)
                    assert piece, got
                    got += len(piece)
        assert loop.time() - began > 2 * SHORT_S and unread() == before
