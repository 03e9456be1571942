"""Keeping one process running: wait for its needs, start it, watch it, and restart it with back-off."""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from deploy.stack.activity import Activity, description
from deploy.stack.child import Child
from deploy.stack.listening import listens
from deploy.stack.probes import is_answering, reason, vital
from deploy.stack.spec import Probe, Spec

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
HEALTHY_AFTER_S = 30.0
PROBE_EVERY_S = 0.25
ALIVE_EVERY_S = 5.0


class Keeper:
    """Starts, watches and restarts one process.

    state: `off`, `waiting` (for its needs), `starting`, `ready`, `pausing` (before the next try).
    """

    def __init__(self, spec: Spec, log: Path, needs_ready: Callable[[], bool], say: Callable[[str], None]) -> None:
        self.spec = spec
        self.log = log
        self.state = "off"
        self.starts = 0
        self.in_vain = 0
        self.last_exit: int | None = None
        self._needs_ready = needs_ready
        self._say = say
        self._pause_s = FIRST_PAUSE_S
        self._env: Mapping[str, str] = {}
        self._child: Child | None = None
        self._life: asyncio.Task[None] | None = None
        self._activity: Activity | None = None
        self._said = ""

    @property
    def ready(self) -> bool:
        """Whether the process has answered since it was last started."""
        return self.state == "ready"

    def describe(self) -> dict[str, Any]:
        """Return what `status` shows."""
        return {
            "state": self.state,
            "pid": self._child.pid if self._child else None,
            "starts": self.starts,
            "in_vain": self.in_vain,
            "last_exit": self.last_exit,
            "log": str(self.log),
            "waiting_for": self._said,
            **(self._activity.describe() if self._activity else {"quiet_s": 0.0, "cpu_s": 0.0, "process_state": ""}),
        }

    async def is_answering_now(self) -> bool:
        """Return whether the process answers at this moment."""
        return self._child is not None and await is_answering(self.spec.probe) and self._is_it(self._child)

    def _is_it(self, child: Child) -> bool:
        """Return whether this process responds to the probe, and not another one that listens on its port."""
        return self.spec.probe is None or listens(child.pid, self.spec.probe.port)

    def begin(self, env: Mapping[str, str] | None = None) -> None:
        """Start the process and keep it running; does nothing when that is already so.

        env: added to the environment of its spec until the next call.
        """
        if self._life is None or self._life.done():
            self._pause_s, self._env, self.in_vain = FIRST_PAUSE_S, env or {}, 0
            self._life = asyncio.create_task(self._live())

    async def end(self, signum: int | None = None) -> None:
        """Stop the process, by this signal instead of its own, and leave it stopped."""
        if self._life is not None:
            self._life.cancel()
            with suppress(asyncio.CancelledError):
                await self._life
        if self._child is not None:
            await self._child.stop(signum)
            self.last_exit = await self._child.wait()
            self._say(f"{self.spec.name} stopped (exit {self.last_exit})")
        self._child, self._life, self._activity, self._said, self.state = None, None, None, "", "off"

    async def signal(self, signum: int) -> int:
        """Send a signal and return the process id; a fatal one is awaited, so that `ready` is false afterwards.

        Raises LookupError when the process does not run.
        """
        child = self._child
        if child is None:
            raise LookupError(f"{self.spec.name} does not run")
        child.send(signum)
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await child.process.wait()
                while self._child is child:
                    await asyncio.sleep(0.01)
        return child.pid

    async def _live(self) -> None:
        while True:
            self.state = "waiting"
            while not self._needs_ready():
                await asyncio.sleep(PROBE_EVERY_S)
            await self._one_run()
            self.state = "pausing"
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)

    async def _one_run(self) -> None:
        self.state, self.starts, started = "starting", self.starts + 1, time.monotonic()
        self.in_vain += 1
        try:
            self._child = await Child.start(replace(self.spec, env={**self.spec.env, **self._env}), self.log)
        except OSError as error:
            self._say(f"{self.spec.name} cannot be started: {error}")
            return
        watch = asyncio.create_task(self._attend(self._child, started))
        try:
            self.last_exit = await self._child.wait()
        finally:
            watch.cancel()
        self._child, self._activity, self._said = None, None, ""
        lived_s = time.monotonic() - started
        if lived_s >= HEALTHY_AFTER_S:
            self._pause_s = FIRST_PAUSE_S
        self._say(f"{self.spec.name} died after {lived_s:.1f} s (exit {self.last_exit}), again in {self._pause_s} s")

    async def _attend(self, child: Child, started: float) -> None:
        """Notice that the process is ready, and end it if it reports that only a restart helps."""
        activity = self._activity = Activity(child.pid, self.log)
        while (said := await reason(self.spec.probe)) is not None or not self._is_it(child):
            self._said = "its port, on which another process answers" if said is None else said
            activity.look(self._said)
            await asyncio.sleep(PROBE_EVERY_S)
        child.give_way()
        self.state, self._said, self.in_vain = "ready", "", 0
        self._say(f"{self.spec.name} ready after {time.monotonic() - started:.1f} s")
        if self.spec.alive is None:
            while True:
                activity.look()
                await asyncio.sleep(ALIVE_EVERY_S)
        said, signum = await self._until_stuck(self.spec.alive, activity, child)
        self._say(f"{self.spec.name} is ended: {said}")
        await child.stop(signum)

    async def _until_stuck(self, alive: Probe, activity: Activity, child: Child) -> tuple[str, int | None]:
        """Return why only a restart helps, and the signal that ends such a process, None for its usual one.

        A process that does not respond may compute, wait for the processor or for the disk: then it is waited for.
        """
        silence: Activity | None = None
        while True:
            responds, said = await vital(alive)
            if said:
                return said, None
            activity.look()
            if responds:
                silence = None
            elif silence is None:
                silence = Activity(child.pid, self.log)
            else:
                silence.look()
                if (seen := silence.describe())["quiet_s"] >= self.spec.hung_after_s:
                    return f"it does not respond, {description(seen)}", signal.SIGKILL
            await asyncio.sleep(ALIVE_EVERY_S if silence is None else PROBE_EVERY_S)
