"""Runs a service that is no Faust worker: one coroutine until SIGTERM or SIGINT, then an orderly end."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

from shared import log


def run(main: Coroutine[Any, Any, None], service: str, level: str) -> None:
    """Run `main` until it ends or the process is told to stop; being told to stop cancels it and exits with 0."""
    log.configure(service, level)
    keep_loaded()

    async def guarded() -> None:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    uvloop.run(guarded())


def leave_out_pandas() -> None:
    """Make pandas look as if it were not installed; to be called before anything else is done.

    pyarrow loads it, if there is one, with its first array: 45 MB in each process, and nothing of ours uses it.
    """
    sys.modules["pandas"] = None  # type: ignore[assignment]  # what an import then raises is ModuleNotFoundError


def keep_loaded() -> None:
    """Take all that is loaded by now out of the garbage collector's sight: it stays for as long as the process.

    Modules and compiled kernels are hundreds of thousands of objects; walking over them again and again took a quarter
    of a sweeper's processor time.
    """
    gc.collect()
    gc.freeze()


async def together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts of a service side by side; when one fails all end, and the process with them."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)
