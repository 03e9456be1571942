"""Running the components of a service side by side: one that fails is restarted after a pause, the others continue.

A consumer that stops, a relay whose table is missing for a minute, or a sweep that meets a fault of ours must not stop
the API, nor the API them.  Failures are shown in the log, as metrics and at /readyz.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.runtime import log, metrics
from shared.runtime.pause import pause

_LOOKS: Final = 12  # checks within the time after which a component counts as stuck
_log = log.get(__name__)

Heartbeat = Callable[[], None]
"""Called by a component whenever it has made progress."""
ServiceComponent = Callable[[Heartbeat], Coroutine[Any, Any, None]]
"""Starts a component, which runs until it is cancelled."""


def no_heartbeat() -> None:
    """Do nothing: the heartbeat of a component that is not watched."""


@dataclass
class _Health:
    """State of a component.

    trouble: why it failed last, None once it has run well long enough; silent_s: seconds since its last heartbeat.
    """

    trouble: str | None = None
    failures: int = 0
    silent_s: float = 0.0

    def heartbeat(self) -> None:
        self.silent_s = 0.0


class ComponentRunner:
    """Runs components until cancelled.

    first_s, most_s: pause in seconds before a failed component is restarted, doubled with each failure; a component
    that has run for most_s counts as healthy again.  stuck_s: seconds without heartbeat or failure after which a
    component is stuck.
    """

    def __init__(self, service: str, *, stuck_s: float, first_s: float = 1.0, most_s: float = 60.0) -> None:
        self._service = service
        self._stuck_s = stuck_s
        self._first_s = first_s
        self._most_s = most_s
        self._healths: dict[str, _Health] = {}

    async def run(self, components: Mapping[str, ServiceComponent]) -> None:
        """Keep all components running, each by itself."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            for name, component in components.items():
                self._healths[name] = _Health()
                metrics.PART_FAILING.labels(self._service, name).set(0)
                group.create_task(self._keep(name, component), name=name)

    def troubles(self) -> list[str]:
        """Return a sentence for each component that failed and has not run well since."""
        return [
            f"{name} failed {health.failures} times and is begun again and again: {health.trouble}"
            for name, health in self._healths.items()
            if health.trouble is not None
        ]

    def stuck(self) -> list[str]:
        """Return a sentence for each component that neither makes progress nor fails: only a restart can help."""
        return [
            f"{name}: has not got on for {health.silent_s:.0f} s"
            for name, health in self._healths.items()
            if health.silent_s > self._stuck_s
        ]

    async def _keep(self, name: str, component: ServiceComponent) -> None:
        """Run a component for ever, again whenever it ends.  Raises CancelledError only if this task is cancelled."""
        loop, health, pause_s = asyncio.get_running_loop(), self._healths[name], self._first_s
        while True:
            health.heartbeat()
            began_s = loop.time()
            recovery = loop.call_later(self._most_s, self._recover, name)
            try:
                await component(health.heartbeat)
                why, reason = "it ended by itself", "ended"
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # aiokafka cancels its own tasks when the broker dies.
                why, reason = "something inside it was cancelled", "cancelled"
            except Exception as error:  # noqa: BLE001  # the other components continue
                why, reason = repr(error)[:300], "failed"
                _log.exception("part.failed", part=name)
            finally:
                recovery.cancel()
            if loop.time() - began_s >= self._most_s:
                pause_s, health.failures = self._first_s, 0
            self._fail(name, why, reason, pause_s)
            health.silent_s = 0.0
            await pause(pause_s)
            pause_s = min(2 * pause_s, self._most_s)

    def _fail(self, name: str, why: str, reason: str, pause_s: float) -> None:
        health = self._healths[name]
        health.trouble = why
        health.failures += 1
        metrics.PART_FAILING.labels(self._service, name).set(1)
        metrics.PART_FAILURES.labels(self._service, name).inc()
        _log.error("part.begins_again", part=name, failures=health.failures, pause_s=pause_s, reason=reason)

    def _recover(self, name: str) -> None:
        self._healths[name].trouble = None
        metrics.PART_FAILING.labels(self._service, name).set(0)

    async def _watch(self) -> None:
        """Count seconds without heartbeat; a process that was suspended for an hour counts only two checks."""
        loop, pause_s = asyncio.get_running_loop(), self._stuck_s / _LOOKS
        while True:
            was_well, began_s = not self.stuck(), loop.time()
            await pause(pause_s)
            for health in self._healths.values():
                health.silent_s += min(loop.time() - began_s, 2 * pause_s)
            if was_well and (now := self.stuck()):
                _log.error("part.stuck", stuck=[sentence.partition(":")[0] for sentence in now])
