"""One child process: started in its own process group, ended with the supervisor, its output in a bounded file."""

import asyncio
import ctypes
import os
import signal
from collections import deque
from contextlib import suppress
from pathlib import Path

from deploy.stack.layout import credentials
from deploy.stack.spec import Spec

LOG_LIMIT_BYTES = 8 * 1024 * 1024
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Child:
    """A running process of a `Spec`."""

    def __init__(self, process: asyncio.subprocess.Process, spec: Spec) -> None:
        self.process = process
        self.spec = spec

    @property
    def pid(self) -> int:
        """Process id; also the id of its process group."""
        return self.process.pid

    @classmethod
    async def start(cls, spec: Spec, log: Path) -> "Child":
        """Start the process with its output appended to `log`. Raises OSError when the program cannot be run."""
        # Appending keeps writes at the end after the file has been cut back by `bound_log`.
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *spec.argv,
                cwd=spec.cwd,
                env=dict(spec.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                process_group=0,
                preexec_fn=lambda: _enter(spec),
                **credentials(spec.user),
            )
        return cls(process, spec)

    async def wait(self) -> int:
        """Return the exit code (negative: the signal that ended it), after its whole group is gone."""
        code = await self.process.wait()
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return code

    def send(self, signum: int) -> None:
        """Send a signal to the process alone; one that has just ended is not an error."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signum)

    def give_way(self) -> None:
        """Lower the priority of the process, with all threads it has, by the niceness of its spec.

        Called only once it is ready: loading at a low priority took minutes on a busy machine.
        """
        for task in Path(f"/proc/{self.pid}/task").iterdir() if self.spec.nice else ():
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, int(task.name), self.spec.nice)

    async def stop(self, signum: int | None = None) -> None:
        """Ask the process to end, by `signum` if given, else by its own signal; kill it if it does not end in time."""
        self.send(signal.SIGCONT)
        self.send(signum or self.spec.stop_signal)
        try:
            async with asyncio.timeout(self.spec.stop_timeout_s):
                await self.process.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.process.wait()


def bound_log(log: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
    """Keep a log within twice the limit: beyond it, its content moves to `<log>.1` and the file starts anew."""
    if not log.exists() or log.stat().st_size <= limit_bytes:
        return
    with log.open("r+b") as file:
        file.seek(-limit_bytes, os.SEEK_END)
        log.with_name(log.name + ".1").write_bytes(file.read(limit_bytes))
        file.truncate(0)


def tail(log: Path, lines: int = 30) -> str:
    """Return the last lines of a log, or a remark when there are none."""
    if not log.exists():
        return "(no log)"
    with log.open(errors="replace") as file:
        return "".join(deque(file, lines)).rstrip() or "(log is empty)"


def _enter(spec: Spec) -> None:
    """Run in the child before the program: have the kernel end it when the supervisor ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, spec.stop_signal if spec.user else signal.SIGKILL)
