"""Running a service that is not a Faust worker: one coroutine until SIGTERM or SIGINT, then an orderly end."""

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
    """A meta-path finder that makes a library look as if it were not installed."""

    def __init__(self, library: str) -> None:
        self._library = library

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise ModuleNotFoundError for the library; return None for every other module."""
        if name == self._library:
            raise ModuleNotFoundError(f"{name} is left out of this process", name=name)


def run(main: Coroutine[Any, Any, None], service: str, level: str) -> None:
    """Run `main` until it ends; SIGTERM or SIGINT cancel it, and the process ends with 0."""
    log.configure(service, level)
    freeze_gc()

    async def until_signalled() -> None:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    uvloop.run(until_signalled())


def leave_out_pandas() -> None:
    """Make pandas look as if it were not installed; call it before any other import.

    pyarrow imports pandas, where it is installed, with its first array: 45 MB in each process, and no service uses it.
    Images do not contain it; an environment for development does.
    """
    sys.meta_path.insert(0, _Without("pandas"))


def freeze_gc() -> None:
    """Exclude everything loaded so far from garbage collection: it lives as long as the process.

    Modules and compiled kernels are hundreds of thousands of objects; traversing them repeatedly took a quarter of a
    sweeper's processor time.
    """
    gc.collect()
    gc.freeze()


async def run_all(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines concurrently; if one raises, cancel the others and raise an ExceptionGroup."""
    async with asyncio.TaskGroup() as group:
        for coroutine in coroutines:
            group.create_task(coroutine)
