"""The processor time of a process, read from /proc.  Imports little: a health check asks every few seconds."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

BUSY_SHARE: Final = 0.03
"""A process that uses the processor, or waits for it, for more than this share of the time computes.

A client that only sends heartbeats uses less.
"""
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the processor time of a process and of its ended children, 0 when it is gone."""
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) / _TICKS if fields else 0.0


def busy_s(pid: int) -> float:
    """Return the time a process has used the processor or waited for it."""
    waited_ns = 0
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, IndexError):
                waited_ns += int((task / "schedstat").read_text().split()[1])
    return cpu_s(pid) + waited_ns / 1e9


def state_of(pid: int) -> str:
    """Return the kernel's letter for what a process does, "" when it is gone."""
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    """Return the fields of a process's stat that come after its name, none when it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
