"""`python -m benchmarks.start`: how long the system takes to start, cold and warm, step by step, in processor time.

A stack of its own starts with an empty folder of kernels and no data, takes a sample book, stops and starts again, as
`make up` does it.  Processor seconds are printed with the time that a fixed piece of work takes on the same machine,
so that figures of different or busy machines can be compared.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import describe, fixed_work_s
from deploy.processor_time import cpu_s
from deploy.stack import Stack, book
from deploy.stack.steps import Silent

REACH_S = 30.0  # a second start


@dataclass(frozen=True)
class Took:
    """One step: seconds that passed, and seconds of the processor that everything of the stack used meanwhile."""

    title: str
    elapsed_s: float
    cpu_s: float


class Clocked(Silent):
    """Measures steps by the clock and by the processor time of this process, its ended children and the
    processes that the supervisor runs."""

    def __init__(self) -> None:
        self.took: list[Took] = []
        self.stack: Stack | None = None

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run the block and record its time."""
        print(f"  {title} ...", flush=True)
        started, used = time.monotonic(), self.used_s()
        yield
        self.took.append(Took(title, time.monotonic() - started, self.used_s() - used))

    def used_s(self) -> float:
        """Return the processor time used so far."""
        own = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in own) + self._beside_s()

    def _beside_s(self) -> float:
        if self.stack is None or not self.stack.running():
            return 0.0
        pids = [process["pid"] for process in self.stack.status().values() if process["pid"]]
        return sum(cpu_s(int(pid)) for pid in [*pids, self.stack.supervisor_pid()])


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--accounts", type=int, default=2000, help="accounts of the sample book (default 2000)")
    parser.add_argument("--one-core", action="store_true", help="take a slow machine's part: one core, nice 10")
    options = parser.parse_args()
    if options.one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        os.nice(10)
    unit_s = fixed_work_s()
    with tempfile.TemporaryDirectory(prefix="rebalancer-start-") as folder:
        os.environ["NUMBA_CACHE_DIR"] = str(Path(folder) / "kernels")
        first = _start(Path(folder) / "stack", options.accounts)
        second = _start(Path(folder) / "stack", options.accounts, last=True)
    print(f"\n{describe()}{', one core, nice 10' if options.one_core else ''}")
    print(f"fixed work of this machine: {unit_s:.2f} s of processor time\n")
    for title, took, reach in (("first start, cold", first, ""), ("second start", second, f" (reach {REACH_S:.0f} s)")):
        _print(title + reach, took, unit_s)


def _start(folder: Path, accounts: int, *, last: bool = False) -> list[Took]:
    """Start the stack as `make up` does, stop it, and return what its steps took; last: its data goes as well."""
    steps = Clocked()
    stack = Stack(folder, ephemeral=False, steps=steps)
    steps.stack = stack
    try:
        stack.start()
        book.load(stack, accounts)
    finally:
        stack.stop()
        if last:
            stack.layout.remove()
    return steps.took


def _print(title: str, took: list[Took], unit_s: float) -> None:
    whole = Took("in all", sum(step.elapsed_s for step in took), sum(step.cpu_s for step in took))
    print(f"| {title:<52} | elapsed s | processor s | in fixed works |")
    print(f"|{'-' * 54}|{'-' * 10}:|{'-' * 12}:|{'-' * 15}:|")
    for step in [*took, whole]:
        print(f"| {step.title:<52} | {step.elapsed_s:>9.1f} | {step.cpu_s:>11.1f} | {step.cpu_s / unit_s:>14.1f} |")
    print()


if __name__ == "__main__":
    main()
