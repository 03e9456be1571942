"""Files on their way through the door: piece by piece, never asked for twice, and on record from beginning to end."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.gateway.harness import Harness, problem_of, records
from tests.waiting import until_async

pytestmark = pytest.mark.integration

FILES = ("queue", "batches/7/accounts", "batches/7/trades", "history")
NAME = 'attachment; filename="accounts-2026-12-02.csv"'


async def on_record(harness: Harness, most: int) -> list[tuple[Any, ...]]:
    """Return what was recorded of exports, once there is so much of it."""

    async def found() -> list[tuple[Any, ...]]:
        exports = [record for record in await records(harness) if record["action"].startswith("export_")]
        return [(record["action"], record["outcome"], record["ids"], record.get("more")) for record in exports]

    return await until_async(found, lambda seen: len(seen) >= most)


async def test_a_file_is_passed_on_as_it_is_made(harness: Harness, pat: httpx.AsyncClient) -> None:
    taken = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.wait_for(taken.wait(), 20)
        yield b"last"

    harness.inside.pieces = pieces
    harness.inside.headers = {"Content-Type": "text/csv", "Content-Disposition": NAME, "X-Rows": "2", "X-Inside": "no"}

    async with pat.stream("GET", "/api/v1/exports/queue?f=cash.gte.1&sort=-name&format=csv") as response:
        assert (response.headers["content-disposition"], response.headers["x-rows"]) == (NAME, "2")
        assert "x-inside" not in response.headers and response.headers["cache-control"] == "no-store"
        read = response.aiter_bytes()
        assert await anext(read) == b"first", "before the last is made"
        taken.set()
        assert b"".join([piece async for piece in read]) == b"last"

    assert harness.inside.seen[0][0].url.query == "f=cash.gte.1&sort=-name&format=csv"
    assert await on_record(harness, 2) == [
        ("export_queue", "ASKED", [], None),
        ("export_queue", "DONE", [], {"bytes": 9, "rows": "2"}),
    ]


async def test_a_file_that_breaks_off_inside_breaks_off_here_and_is_not_asked_for_again(
    harness: Harness, pat: httpx.AsyncClient
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"first"
        raise ConnectionError("the database is away")

    harness.inside.pieces = pieces

    with pytest.raises(httpx.RemoteProtocolError):
        await pat.get("/api/v1/exports/batches/7/trades")

    assert len(harness.inside.seen) == 1
    assert await on_record(harness, 2) == [
        ("export_batch_trades", "ASKED", ["7"], None),
        ("export_batch_trades", "FAILED", ["7"], {"bytes": 5, "rows": ""}),
    ]


async def test_a_client_that_goes_away_ends_the_file_inside(harness: Harness, pat: httpx.AsyncClient) -> None:
    ended = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 10_000
                await asyncio.sleep(0)
        finally:
            ended.set()

    harness.inside.pieces = pieces

    async with pat.stream("GET", "/api/v1/exports/history") as response:
        await anext(response.aiter_bytes())

    await asyncio.wait_for(ended.wait(), 20)
    (_, begun, _, _), (_, outcome, _, _) = await on_record(harness, 2)
    assert (begun, outcome) == ("ASKED", "FAILED")


@pytest.mark.parametrize("path", FILES)
async def test_what_is_refused_inside_is_a_refusal_here(harness: Harness, pat: httpx.AsyncClient, path: str) -> None:
    harness.inside.status, harness.inside.headers["Content-Type"] = 503, "application/problem+json"
    body = {"type": "/problems/busy", "title": "t", "status": 503, "detail": "Try again in a minute.", "code": "busy"}
    harness.inside.content = json.dumps(body).encode()
    assert problem_of(await pat.get(f"/api/v1/exports/{path}"))["detail"] == "Try again in a minute."

    await harness.halt_inside()
    assert problem_of(await pat.get(f"/api/v1/exports/{path}"))["code"] == "unavailable"


@pytest.mark.parametrize("path", FILES)
async def test_a_check_is_not_on_record_as_a_file(harness: Harness, pat: httpx.AsyncClient, path: str) -> None:
    harness.inside.status, harness.inside.content = 204, b""
    assert (await pat.get(f"/api/v1/exports/{path}?check=true")).status_code == 204
    harness.inside.status = 404
    await pat.get(f"/api/v1/exports/{path}?check=true")
    assert [outcome for _, outcome, _, _ in await on_record(harness, 1)] == ["REFUSED"]


async def test_it_is_for_those_who_are_signed_in(visitor: httpx.AsyncClient) -> None:
    for path in FILES:
        assert problem_of(await visitor.get(f"/api/v1/exports/{path}"))["code"] == "not_signed_in"
