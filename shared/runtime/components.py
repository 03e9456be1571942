"""Keeps the parts of a service running side by side: one that fails is begun again after a pause, the others go on.

A consumer that stops, a relay whose table is missing for a minute or a sweep that meets a fault of ours must not take
the API with it, nor the API them.  What fails is told: in the log, as metrics, and to whoever asks for readiness.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.runtime import log, metrics

_LOOKS: Final = 12  # in the time after which a part counts as stuck
_log = log.get(__name__)

Beat = Callable[[], None]  # called by a part each time it has got on
Part = Callable[[Beat], Coroutine[Any, Any, None]]  # begins the part; it runs until it is cancelled


def unheard() -> None:
    """Do nothing: the beat of a part that nobody watches."""


@dataclass
class _Standing:
    """How a part is doing. trouble: why it failed last, None once it has run well for long enough."""

    trouble: str | None = None
    failures: int = 0
    silent_s: float = 0.0

    def beat(self) -> None:
        self.silent_s = 0.0


class Keeper:
    """Runs parts until cancelled.

    first_s, most_s: the pause before a part that failed is begun again, doubled with each failure; a part that has run
    for most_s counts as well again.  stuck_s: a part that has not got on for so long, and has not failed, is stuck.
    """

    def __init__(self, service: str, *, stuck_s: float, first_s: float = 1.0, most_s: float = 60.0) -> None:
        self._service = service
        self._stuck_s = stuck_s
        self._first_s = first_s
        self._most_s = most_s
        self._standings: dict[str, _Standing] = {}

    async def run(self, parts: Mapping[str, Part]) -> None:
        """Keep all parts running, each by itself."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            for name, part in parts.items():
                self._standings[name] = _Standing()
                metrics.PART_FAILING.labels(self._service, name).set(0)
                group.create_task(self._keep(name, part), name=name)

    def troubles(self) -> list[str]:
        """Return a sentence for each part that failed and has not run well since."""
        return [
            f"{name} failed {standing.failures} times and is begun again and again: {standing.trouble}"
            for name, standing in self._standings.items()
            if standing.trouble is not None
        ]

    def stuck(self) -> list[str]:
        """Return a sentence for each part that does not get on and does not fail: only a new start can help it."""
        return [
            f"{name}: has not got on for {standing.silent_s:.0f} s"
            for name, standing in self._standings.items()
            if standing.silent_s > self._stuck_s
        ]

    async def _keep(self, name: str, part: Part) -> None:
        loop, standing, pause_s = asyncio.get_running_loop(), self._standings[name], self._first_s
        while True:
            standing.beat()
            began_s = loop.time()
            good = loop.call_later(self._most_s, self._is_well, name)
            try:
                await part(standing.beat)
                why = "it ended by itself"
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                why = "something inside it was cancelled"  # a client's own tasks do so when the broker dies
            except Exception as error:  # noqa: BLE001  # whatever it was, the other parts go on
                why = repr(error)[:300]
                _log.exception("part.failed", part=name)
            finally:
                good.cancel()
            if loop.time() - began_s >= self._most_s:
                pause_s, standing.failures = self._first_s, 0
            self._fails(name, why, pause_s)
            standing.silent_s = 0.0
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._most_s)

    def _fails(self, name: str, why: str, pause_s: float) -> None:
        standing = self._standings[name]
        standing.trouble = why
        standing.failures += 1
        metrics.PART_FAILING.labels(self._service, name).set(1)
        metrics.PART_FAILURES.labels(self._service, name).inc()
        _log.error("part.begins_again", part=name, failures=standing.failures, pause_s=pause_s, reason=why)

    def _is_well(self, name: str) -> None:
        self._standings[name].trouble = None
        metrics.PART_FAILING.labels(self._service, name).set(0)

    async def _watch(self) -> None:
        """Count the time in which parts do not get on; one that was stopped for an hour had no hour to work in."""
        loop, pause_s = asyncio.get_running_loop(), self._stuck_s / _LOOKS
        while True:
            was_well, began_s = not self.stuck(), loop.time()
            await asyncio.sleep(pause_s)
            for standing in self._standings.values():
                standing.silent_s += min(loop.time() - began_s, 2 * pause_s)
            if was_well and (now := self.stuck()):
                _log.error("part.stuck", parts=now)
