"""Memory and processor time of the processes of a stack, children included."""

import os
from pathlib import Path
from typing import Final

from deploy.stack import Stack
from deploy.stack.table import PROGRAMS

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def memory_mb(stack: Stack) -> dict[str, float]:
    """Return the memory of each process with its children in MB; pages shared between processes are divided."""
    return {name: sum(_kb(pid, "Pss:") for pid in family) / 1024 for name, family in _families(stack).items()}


def resident_mb(stack: Stack) -> dict[str, float]:
    """Return the resident memory of each Python process in MB, shared pages in full."""
    families = _families(stack)
    return {name: _kb(families[name][0], "Rss:") / 1024 for name in PROGRAMS if name in families}


def cpu_s(stack: Stack) -> dict[str, float]:
    """Return the processor time each process has used with its children, ended ones too, in seconds."""
    return {name: sum(map(_cpu_ticks, family)) / _TICKS for name, family in _families(stack).items()}


def machine_cpu_s() -> float:
    """Return the processor time that everything on this machine has used since it started, in seconds."""
    user, nice, system, _idle, _waiting, *interrupts = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + sum(interrupts)) / _TICKS


def _families(stack: Stack) -> dict[str, list[int]]:
    return {name: _family(int(seen["pid"])) for name, seen in stack.status().items() if seen["pid"]}


def _family(pid: int) -> list[int]:
    """Return the process and its descendants that live now."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _kb(pid: int, what: str) -> int:
    """Return a line of the process's memory map in kB, 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(what)), 0)


def _cpu_ticks(pid: int) -> int:
    """Return user and system time of the process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(map(int, fields[11:15]))
