"""The machine on which the figures were measured."""

import hashlib
import os
import platform
import time
from pathlib import Path


def describe() -> str:
    """Return one line: processor, cores, memory, system."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cpu}, {os.cpu_count()} cores, {memory_gb:.0f} GB, Python {platform.python_version()}"


def fixed_work_s() -> float:
    """Return the processor time of a fixed piece of work; figures of different machines are compared relative to it.

    Half of it is arithmetic of plain Python, half hashing: neither compiles, allocates much nor waits for anything.
    """
    started = time.process_time()
    total = 0
    for number in range(10_000_000):
        total += number * number % 7
    block = bytes(1 << 20)
    for _ in range(1000):
        total += hashlib.sha256(block).digest()[0]
    assert total > 0
    return time.process_time() - started
