"""Whether a process is active. A slow machine may take minutes to start it, so only an inactive process has failed.

A process is active when its log grows, when it reports that it waits for something new, when it waits for the disk, or
when it uses or waits for the processor for more than a small part of the time (a client that only sends heartbeats uses
less).  A caller may report a fault after QUIET_S without activity, with all that is known of the process.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from deploy.processor_time import BUSY_SHARE, busy_s, cpu_s, state_of

QUIET_S = 60.0
WINDOW_S = 5.0


class Activity:
    """Observations of one process since it was started."""

    def __init__(self, pid: int, log: Path | None = None, window_s: float = WINDOW_S) -> None:
        self._pid = pid
        self._window_s = window_s
        self._log = log
        self._moved = self._window = time.monotonic()
        self._busy_s = busy_s(pid)
        self._trace = self._seen("")

    def look(self, said: str = "") -> None:
        """Observe the process now; said: what it reports that it waits for."""
        now, trace, state = time.monotonic(), self._seen(said), state_of(self._pid)
        if trace != self._trace or state == "D":
            self._moved, self._trace = now, trace
        if now - self._window >= self._window_s:
            used_s = busy_s(self._pid)
            if used_s - self._busy_s >= BUSY_SHARE * (now - self._window):
                self._moved = now
            self._window, self._busy_s = now, used_s

    def describe(self) -> dict[str, Any]:
        """Return quiet_s (since last active), cpu_s (used so far, with ended children) and the kernel's state."""
        return {
            "quiet_s": round(time.monotonic() - self._moved, 1),
            "cpu_s": round(cpu_s(self._pid), 2),
            "process_state": state_of(self._pid),
        }

    def _seen(self, said: str) -> tuple[int, str]:
        size = 0
        if self._log is not None:
            with suppress(OSError):
                size = self._log.stat().st_size
        return size, said


def description(seen: Mapping[str, Any]) -> str:
    """Describe an inactive process in words."""
    waiting = f", waiting for {seen['waiting_for']}" if seen.get("waiting_for") else ""
    state = {"S": "asleep", "T": "stopped", "Z": "ended", "": "gone"}.get(seen["process_state"], seen["process_state"])
    return f"silent and idle for {seen['quiet_s']:.0f} s ({state}, {seen['cpu_s']:.1f} s of processor time{waiting})"
