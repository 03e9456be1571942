"""The one way tests wait: ask again until a condition holds, with a bound and the last answer in the failure."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from deploy.stack.activity import QUIET_S, Activity, description

T = TypeVar("T")
_PAUSE_S = 0.05


async def until_async(ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool] = bool, within_s: float = 60) -> T:
    """Return the first answer for which `holds`; fail with the last answer after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not holds(seen := await ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; the last answer was {seen!r}")
        await asyncio.sleep(_PAUSE_S)
    return seen


async def until_so(look: Callable[[], T], holds: Callable[[T], bool] = bool, within_s: float = 60) -> T:
    """Return the first of what is looked at for which `holds`, while the loop goes on; fail as `until_async` does."""

    async def ask() -> T:
        return look()

    return await until_async(ask, holds, within_s)


def until(ask: Callable[[], T], holds: Callable[[T], bool] = bool, within_s: float = 60) -> T:
    """Return the first answer for which `holds`; fail with the last answer after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while not holds(seen := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s; the last answer was {seen!r}")
        time.sleep(_PAUSE_S)
    return seen


def until_up(ready: Callable[[], bool], process: "subprocess.Popen[Any]") -> None:
    """Wait until a process is ready: without a deadline, as long as it lives and moves."""
    activity = Activity(process.pid)
    while not ready():
        assert process.poll() is None, f"it ended with exit code {process.returncode}"
        activity.look()
        seen = activity.describe()
        assert seen["quiet_s"] < QUIET_S, description(seen)
        time.sleep(_PAUSE_S)


def aside(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a thread of its own: a browser test's own thread has a running loop already."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
