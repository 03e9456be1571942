"""Streams of server-sent events as a browser sees them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import orjson
import pytest
from psycopg import AsyncConnection

from services.gateway.domain.changes import AnyOwner, Change, OfEnterprise
from services.gateway.push.hub import QUEUE_SIZE, STREAMS_PER_SESSION, Hub
from shared.contracts.principal import Principal
from shared.contracts.problems import Unavailable
from tests.gateway.harness import Harness, harness_at, problem_of
from tests.gateway.streams import ALIVE, batch, streaming
from tests.waiting import until_async

pytestmark = pytest.mark.integration


async def test_only_what_concerns_the_user_is_pushed(harness: Harness, pat: httpx.AsyncClient) -> None:
    hub = harness.dependencies.hub
    async with streaming(pat) as stream:
        hub.publish(
            [
                batch(1, enterprise="E2"),
                Change("queue", "E2", 5, OfEnterprise("E2")),
                batch(2, version=4),
            ]
        )
        mine, others = AnyOwner(frozenset([("E1", "V1")])), AnyOwner(frozenset([("E2", "V1")]))
        hub.publish([Change("analysis", "run-0", 1, others), Change("file", "F0", 2, others)])
        hub.publish([Change("analysis", "run-1", 1, mine), Change("file", "F1", 2, mine)])
        assert await stream.changed() == ("batch", {"kind": "batch", "id": "2", "version": 4})
        assert await stream.changed() == ("analysis", {"kind": "analysis", "id": "run-1", "version": 1})
        assert await stream.changed() == ("file", {"kind": "file", "id": "F1", "version": 2})


async def test_what_was_missed_follows_on_return(harness: Harness, pat: httpx.AsyncClient) -> None:
    hub = harness.dependencies.hub
    async with streaming(pat) as stream:
        hub.publish([batch(1)])
        first = await stream.read()
    assert first is not None
    hub.publish([batch(2), batch(3, enterprise="E2"), batch(4)])
    async with streaming(pat, first["id"]) as stream:
        assert [(await stream.changed())[1]["id"] for _ in range(2)] == ["2", "4"]


async def test_what_cannot_be_told_any_more_is_a_reset(harness: Harness, pat: httpx.AsyncClient) -> None:
    harness.dependencies.hub.publish([batch(1)])
    async with streaming(pat, "another-run-1") as stream:
        reset = await stream.read()
        assert reset is not None and reset["event"] == "reset"
    harness.dependencies.hub.publish([batch(2)])
    async with streaming(pat, reset["id"]) as stream:
        assert (await stream.changed())[1]["id"] == "2"


async def test_signing_out_ends_the_stream(harness: Harness, pat: httpx.AsyncClient) -> None:
    page = await harness.csrf(pat)
    async with streaming(pat) as stream:
        await pat.post("/auth/logout", headers=page)
        assert await stream.read() is None


async def test_the_stream_lives_and_ends_with_its_session(database_url: str, tmp_path: Path) -> None:
    async with harness_at(database_url, tmp_path, **QUICK) as harness, harness.client() as client:
        await harness.grant("pat", ("viewer",))
        await harness.sign_in(client)
        async with streaming(client) as stream:
            assert await stream.read() == ALIVE
            await harness.grant("pat", ("viewer",), ("E2",))
            assert await stream.read() == ALIVE
            assert await stream.read() == ALIVE
            harness.dependencies.hub.publish([batch(1, enterprise="E1"), batch(2, enterprise="E2")])
            received = await stream.read()
            while received == ALIVE:
                received = await stream.read()
            assert received is not None and orjson.loads(received["data"])["id"] == "2"
            harness.pass_time(harness.settings.session_idle_s + 60)
            while (last := await stream.read()) == ALIVE:
                pass
            assert last is None


async def _withdrawn(harness: Harness) -> None:
    """Take all roles away; the enterprises still stand in the row."""
    await harness.grant("pat", ())


async def _ended_elsewhere(harness: Harness) -> None:
    """End all sessions as another replica does: this one is not told."""
    async with await AsyncConnection.connect(harness.settings.database_url) as connection:
        await connection.execute("DELETE FROM gateway.session")


@pytest.mark.parametrize("taken", [_withdrawn, _ended_elsewhere])
async def test_a_stream_ends_when_its_rights_are_taken(
    database_url: str, tmp_path: Path, taken: Callable[[Harness], Awaitable[None]]
) -> None:
    async with harness_at(database_url, tmp_path, **QUICK) as harness, harness.client() as client:
        await harness.grant("pat", ("viewer",))
        await harness.sign_in(client)
        async with streaming(client) as stream:
            assert await stream.read() == ALIVE
            await taken(harness)
            async with asyncio.timeout(10):
                while (last := await stream.read()) == ALIVE:
                    pass
            assert last is None
            harness.dependencies.hub.publish([batch(1)])
            assert await _count(harness.dependencies.hub) == 0
        refused = await client.get("/api/v1/events")
        assert refused.status_code in (401, 403)


async def test_streams_end_when_the_feed_is_lost_and_none_begin(harness: Harness, pat: httpx.AsyncClient) -> None:
    async with streaming(pat) as stream:
        harness.dependencies.hub.close()
        assert await stream.read() is None
    refused = await pat.get("/api/v1/events")
    assert problem_of(refused)["code"] == "unavailable" and refused.headers["retry-after"] == "2"
    harness.dependencies.hub.open()
    async with streaming(pat):
        pass


async def test_a_browser_that_leaves_is_forgotten(harness: Harness, pat: httpx.AsyncClient) -> None:
    async with streaming(pat):
        assert len(harness.dependencies.hub._listeners) == 1
    await until_async(lambda: _count(harness.dependencies.hub), lambda count: count == 0, within_s=10)


async def test_a_session_has_a_bounded_number_of_streams(harness: Harness, pat: httpx.AsyncClient) -> None:
    async with streaming(pat) as oldest:
        others = [streaming(pat) for _ in range(STREAMS_PER_SESSION)]
        for other in others:
            await other.__aenter__()
        assert await oldest.read() is None
        assert await _count(harness.dependencies.hub) == STREAMS_PER_SESSION
        for other in others:
            await other.__aexit__(None, None, None)


async def _count(hub: Hub) -> int:
    return len(hub._listeners)


async def test_a_silent_stream_is_heard_from_at_every_heartbeat_and_keeps_its_place() -> None:
    hub = Hub(heartbeat_s=0.01, check_s=60)
    hub.open()
    stream = hub.listen(b"s", PAT, None, _still)
    assert await anext(stream) == b"retry: 2000\n\nevent: alive\ndata: {}\n\n"
    assert [await anext(stream) for _ in range(3)] == [b"event: alive\ndata: {}\n\n"] * 3
    assert b"id:" not in await anext(stream), "a browser resumes after the last change, not after a heartbeat"


async def test_heartbeats_come_also_between_many_changes() -> None:
    hub = Hub(heartbeat_s=0.01, check_s=60)
    hub.open()
    stream = hub.listen(b"s", PAT, None, _still)
    got = await anext(stream)
    async with asyncio.timeout(10):
        while got.count(b"event: alive") < 4:
            hub.publish([batch(1)])
            got += await anext(stream)
    assert b"event: batch" in got


QUICK = {"heartbeat_s": 0.1, "stream_check_s": 0.1}
PAT = Principal(subject="pat", name="Pat", roles=["viewer"], enterprises=["E1"])


async def _still() -> Principal:
    return PAT


async def test_a_slow_reader_is_let_go_within_bounds_and_the_others_go_on() -> None:
    hub = Hub(heartbeat_s=60, check_s=60)
    hub.open()
    slow, quick = (hub.listen(name, PAT, None, _still) for name in (b"slow", b"quick"))
    assert await anext(slow) == await anext(quick) == b"retry: 2000\n\nevent: alive\ndata: {}\n\n"
    got = b""
    for number in range(QUEUE_SIZE + 50):
        hub.publish([batch(number)])
        got += await anext(quick)
    assert got.count(b"event: batch") == QUEUE_SIZE + 50
    assert (await anext(slow)).count(b"event: batch") == QUEUE_SIZE
    with pytest.raises(StopAsyncIteration):
        await anext(slow)


async def test_a_closed_hub_lets_nobody_in() -> None:
    with pytest.raises(Unavailable):
        Hub(heartbeat_s=60, check_s=60).listen(b"s", PAT, None, _still)
