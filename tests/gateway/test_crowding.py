"""Too many connections of one address: it is refused, other addresses notice nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from shared.http.client_addresses import Crowd, network
from tests.gateway.harness import Harness, harness_at, problem_of
from tests.gateway.sockets import FAR_BELOW_A_TEST_S, answered, problem, rest
from tests.gateway.streams import streaming
from tests.waiting import until_so

pytestmark = pytest.mark.integration
ASKED = b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def refused() -> float:
    return REGISTRY.get_sample_value("rebalancer_connections_cut_total", {"reason": "address"}) or 0.0


@asynccontextmanager
async def connected(harness: Harness, address: str = "127.0.0.1") -> AsyncIterator[Streams]:
    """Connect from an address of this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", harness.settings.http_port, local_addr=(address, 0))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@pytest.mark.fast
def test_addresses_are_counted_while_they_are_here() -> None:
    crowd = Crowd()
    assert [crowd.enter(network(f"2001:db8::{n}")) for n in (1, 2)] == [1, 2], "one network"
    assert crowd.enter(network("127.0.0.1")) == 1
    for address in ("2001:db8::", "2001:db8::1", "127.0.0.1"):
        crowd.leave(network(address))
    assert len(crowd) == 0


async def test_an_address_with_too_many_connections_is_told_and_no_other_is(database_url: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as ends:
        harness = await ends.enter_async_context(harness_at(database_url, tmp_path, address_connections=2))
        mine = [await ends.enter_async_context(connected(harness, "127.0.0.2")) for _ in range(2)]
        for reader, writer in mine:
            await answered(reader, writer, ASKED)
        before = refused()
        async with connected(harness, "127.0.0.2") as (third, to_third), asyncio.timeout(FAR_BELOW_A_TEST_S):
            to_third.write(ASKED)
            headers, document = problem(await rest(third))
        assert (document["status"], document["code"]) == (429, "too_many_connections")
        assert headers["retry-after"] == "2" and headers["x-frame-options"] == "deny"
        assert headers["x-request-id"] == document["instance"]
        assert refused() == before + 1
        async with connected(harness, "127.0.0.3") as (reader, writer):
            await answered(reader, writer, ASKED)
        for reader, writer in mine:
            await answered(reader, writer, ASKED)
            writer.close()

        async def is_served() -> bool:
            async with connected(harness, "127.0.0.2") as (reader, writer):
                writer.write(ASKED)
                return (await reader.readline()).startswith(b"HTTP/1.1 401")

        async with asyncio.timeout(FAR_BELOW_A_TEST_S):
            while not await is_served():
                pass


async def test_far_above_the_bound_connections_of_an_address_are_closed_unheard(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.http.connections.REFUSED_AT_ONCE", 1)
    async with AsyncExitStack() as ends:
        harness = await ends.enter_async_context(harness_at(database_url, tmp_path, address_connections=1, head_s=600))
        reader, _ = [await ends.enter_async_context(connected(harness, "127.0.0.2")) for _ in range(3)][-1]
        async with asyncio.timeout(FAR_BELOW_A_TEST_S):
            assert await rest(reader) == b""


async def test_behind_a_proxy_of_ours_requests_are_counted_by_the_address_it_names(
    database_url: str, tmp_path: Path
) -> None:
    settings = {"address_connections": 2, "trusted_proxies": "127.0.0.1"}
    async with AsyncExitStack() as ends:
        harness = await ends.enter_async_context(harness_at(database_url, tmp_path, **settings))
        await harness.grant("pat", ("viewer",))
        pat, other = [await ends.enter_async_context(harness.client()) for _ in range(2)]
        pat.headers["X-Forwarded-For"], other.headers["X-Forwarded-For"] = "1.2.3.4, 8.8.8.8", "8.8.8.9"
        await harness.sign_in(pat)
        for _ in range(2):
            await ends.enter_async_context(streaming(pat))
        response = await pat.get("/api/v1/me")
        assert problem_of(response)["code"] == "too_many_connections" and response.headers["retry-after"] == "2"
        for _ in range(3):
            await ends.enter_async_context(connected(harness))
        assert (await other.get("/api/v1/me")).status_code == 401


async def test_who_left_a_proxied_stream_may_ask_again(database_url: str, tmp_path: Path) -> None:
    settings = {"address_connections": 1, "trusted_proxies": "127.0.0.1"}
    async with harness_at(database_url, tmp_path, **settings) as harness, harness.client() as pat:
        await harness.grant("pat", ("viewer",))
        await harness.sign_in(pat)
        async with streaming(pat):
            assert (await pat.get("/api/v1/me")).status_code == 429
        await until_so(lambda: len(harness.dependencies.hub._listeners), lambda many: many == 0, within_s=10)
        assert (await pat.get("/api/v1/me")).status_code == 200
