"""Runs a service that is no Faust worker: one coroutine until SIGTERM or SIGINT, then an orderly end."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

from shared.runtime import log


class _Without:
    """Makes a library look as if it were not installed."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise ModuleNotFoundError for the library; leave every other module to those who find it."""
        if name == self._library:
            raise ModuleNotFoundError(f"{name} is left out of this process", name=name)


def run(main: Coroutine[Any, Any, None], service: str, level: str) -> None:
    """Run `main` until it ends or the process is told to stop; being told to stop cancels it and exits with 0."""
    log.configure(service, level)
    freeze_gc()

    async def guarded() -> None:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    uvloop.run(guarded())


def leave_out_pandas() -> None:
    """Make pandas look as if it were not installed; called before anything else is done.

    pyarrow loads it, where it is installed, with its first array: 45 MB in each process, and no service uses it.
    Images do not have it; an environment for development does.
    """
    sys.meta_path.insert(0, _Without("pandas"))


def freeze_gc() -> None:
    """Take all that is loaded by now out of the garbage collector's sight: it stays for as long as the process.

    Modules and compiled kernels are hundreds of thousands of objects; walking over them again and again took a quarter
    of a sweeper's processor time.
    """
    gc.collect()
    gc.freeze()


async def run_all(*parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts of a service side by side; when one fails all end, and the process with them."""
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)
