"""A loop that tries again after errors ends when it is told to, also if an error took the place of the cancellation."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from shared.runtime.components import ComponentRunner
from shared.runtime.pause import pause
from shared.runtime.sampler import Sampler

pytestmark = [pytest.mark.fast, pytest.mark.asyncio]


class Statement:
    """Waits, and fails in its cleaning up when it is interrupted, as a rollback on a broken connection does."""

    def __init__(self) -> None:
        self.runs = asyncio.Event()
        self.times = 0

    async def execute(self, *_anything: object) -> None:
        """Wait for ever.  Raises ValueError instead of CancelledError."""
        self.times += 1
        self.runs.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("another command is in progress")  # noqa: B012  # as libraries do


async def _plain_loop(statement: Statement) -> None:
    while True:
        with suppress(ValueError):
            await statement.execute()
        await pause(0)


async def _component(statement: Statement) -> None:
    await ComponentRunner("test", stuck_s=60).run({"one": statement.execute})


async def _sampler(statement: Statement) -> None:
    await Sampler("test", "pause", statement.execute, every_s=0).run()


@pytest.mark.parametrize("loop", [_plain_loop, _component, _sampler])
async def test_it_ends(loop: Callable[[Statement], Awaitable[None]]) -> None:
    statement = Statement()
    task = asyncio.ensure_future(loop(statement))
    await statement.runs.wait()
    task.cancel()
    await asyncio.wait([task], timeout=30)
    assert task.cancelled()
    assert statement.times == 1


async def test_a_time_limit_that_ran_out_is_no_cancellation() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()
    await pause(0)
