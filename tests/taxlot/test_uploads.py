"""Files that come by HTTP: of two under one name one is taken and both senders hear the truth; taken means on disk."""

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI, Request

from services.taxlot.intake.uploads import TooLarge, checked_name, write_whole
from shared.contracts.problems import BadInput, Conflict
from shared.http.app import serve
from shared.http.connections import Bounds
from tests.gateway.harness import end, listens
from tests.ports import free_port
from tests.waiting import until_async

pytestmark = pytest.mark.fast


async def slowly(letter: bytes, barrier: asyncio.Barrier) -> AsyncIterator[bytes]:
    """Yield a file in two pieces; every sender has sent the first before any sends the second."""
    yield letter * 10
    await barrier.wait()
    yield letter * 10


async def pieces_of(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_of_slow_uploads_of_one_name_one_is_taken_and_the_others_are_refused(tmp_path: Path) -> None:
    barrier, target = asyncio.Barrier(8), tmp_path / "lots.psv"
    sent = [write_whole(slowly(b"%d" % n, barrier), target, 1000) for n in range(8)]
    ended = await asyncio.gather(*sent, return_exceptions=True)
    taken = [n for n, outcome in enumerate(ended) if outcome == 20]
    assert len(taken) == 1 and sum(isinstance(outcome, Conflict) for outcome in ended) == 7
    assert target.read_bytes() == b"%d" % taken[0] * 20
    assert [path.name for path in tmp_path.iterdir()] == ["lots.psv"]


async def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, real, seen = tmp_path / "lots.psv", os.fsync, []

    def noted(handle: int) -> None:
        content = os.fstat(handle)
        seen.append(("folder" if content.st_ino == tmp_path.stat().st_ino else content.st_size, target.exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", noted)
    await write_whole(pieces_of(b"abc", b"def"), target, 1000)
    assert seen == [(6, False), ("folder", True)]


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [((), BadInput), ((b"",), BadInput), ((b"x" * 11,), TooLarge), ((b"x" * 6, b"x" * 5), TooLarge)],
)
async def test_what_is_refused_leaves_nothing(tmp_path: Path, pieces: tuple[bytes, ...], problem: type) -> None:
    with pytest.raises(problem):
        await write_whole(pieces_of(*pieces), tmp_path / "lots.psv", 10)
    assert list(tmp_path.iterdir()) == []


async def test_a_sender_that_hangs_up_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await write_whole(broken(), tmp_path / "lots.psv", 10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["lots.psv\n", "", ".lots", "a/b", "a\x00", "lots.part", "\u0665.psv", "a" * 122, "..", "a b"]
)
def test_a_name_that_no_file_of_the_inbox_may_have_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"The file name .* may hold"):
        checked_name(name)
    assert checked_name("lots-1@x_2.psv") == "lots-1@x_2.psv"


async def test_a_sender_that_stops_is_refused_by_the_server_and_leaves_nothing(tmp_path: Path) -> None:
    app, port = FastAPI(), free_port()

    @app.post("/files")
    async def upload(request: Request) -> int:
        return await write_whole(request.stream(), tmp_path / "lots.psv", 10**6)

    serving = asyncio.create_task(serve(app, "127.0.0.1", port, Bounds(piece_s=1)))
    await until_async(partial(listens, port), within_s=10)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /files HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + b"x" * 20_000)
    await until_async(partial(_has_begun, tmp_path))
    async with asyncio.timeout(20):
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
    assert list(tmp_path.iterdir()) == []
    writer.close()
    await end(serving)


async def _has_begun(folder: Path) -> bool:
    return any(folder.iterdir())
