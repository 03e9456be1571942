"""`python -m benchmarks.compile`: what it costs to compile all kernels, compared with an earlier commit.

Each of the two checkouts compiles in a process of its own, on this machine, starting with an empty folder of kernels.
Seconds are processor time of that process and its children, so other programs do not count; memory is its largest
resident size. Figures are printed, never asserted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.machine import describe
from deploy.stack.layout import CHECKOUT

BASE: Final = "8f6028e"
"""The commit that compile times are compared with: before the kernels were made to compile faster."""
_REACH: Final = 0.30  # of the base commit's processor time
_REACH_MB: Final = 400


@dataclass(frozen=True)
class Compiled:
    """What one checkout took: seconds of the processor, kernels, and the peak of its resident memory in MB."""

    cpu_s: float
    kernels: int
    peak_mb: float


def main() -> None:
    """Parse the arguments, compile both checkouts, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile", description=__doc__)
    parser.add_argument("--base", default=BASE, help=f"commit to compare with (default {BASE})")
    options = parser.parse_args()
    with _checkout_of(options.base) as base:
        rows = [(f"commit {options.base}", compiled(base)), ("this checkout", compiled(CHECKOUT))]
    print(f"\n{describe()}\n")
    print(f"| {'cold':<16} | processor s | kernels | peak MB |")
    print(f"|{'-' * 18}|{'-' * 12}:|{'-' * 8}:|{'-' * 8}:|")
    for title, took in rows:
        print(f"| {title:<16} | {took.cpu_s:>11.1f} | {took.kernels:>7} | {took.peak_mb:>7.0f} |")
    ratio = rows[1][1].cpu_s / rows[0][1].cpu_s
    print(f"\nprocessor time against {options.base}: {ratio:.1%} (reach {_REACH:.0%}); peak reach {_REACH_MB} MB")


def compiled(checkout: Path) -> Compiled:
    """Compile all kernels of a checkout into an empty folder, in a process of its own.

    Raises CalledProcessError if the compilation fails.
    """
    print(f"  compiling {checkout} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "deploy.kernels"]
    with tempfile.TemporaryDirectory(prefix="rebalancer-kernels-") as home:
        env = {**os.environ, "NUMBA_CACHE_DIR": home}
        with subprocess.Popen(command, cwd=checkout, env=env, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            kernels = sum(1 for line in process.stdout if line.startswith("compiling kernels:"))
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Compiled(usage.ru_utime + usage.ru_stime, kernels, usage.ru_maxrss / 1024)


@contextmanager
def _checkout_of(commit: str) -> Iterator[Path]:
    """Check a commit out into a temporary folder, without the work tree's changes, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="rebalancer-base-") as folder:
        checkout = Path(folder) / "checkout"
        _git("worktree", "add", "--detach", "--quiet", str(checkout), commit)
        try:
            yield checkout
        finally:
            _git("worktree", "remove", "--force", str(checkout))


def _git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=CHECKOUT, check=True)


if __name__ == "__main__":
    main()
