"""`python -m benchmarks.engine`: how fast one core is, compared with plain Python and a published library.

Input and output are chunks as the services exchange them, with trades, reasons, lots with terms and the summary.
Processor time of one core is measured, so other programs on the machine do not count.  Figures are printed, never
asserted.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import pyarrow as pa

from benchmarks import peers
from benchmarks.machine import describe
from benchmarks.work import works

_FEW = 100  # plain Python works on one in so many of the accounts
_SOME = 20  # and the published library on one in so many
_NOTE = """
plain Python: the same text with REBALANCER_PLAIN_KERNELS=1, on {few:,} accounts (a tenth of them for relief); {same}.
PyPortfolioOpt: DiscreteAllocation.greedy_portfolio on {some:,} of the same accounts. It does less: how many whole
shares to hold, in floats, one logic; no lots, taxes, sleeves, bands, restrictions, fractions or reasons.
"""


def main() -> None:
    """Parse the arguments, measure on one core, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--accounts", type=int, default=20_000, help="accounts of the book (default 20000)")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # child processes inherit the affinity
    pa.set_cpu_count(1)
    few, some = max(20, options.accounts // _FEW), max(50, options.accounts // _SOME)
    say("plain Python")
    plain = peers.plain(few)
    lines, same = [], True
    for work, slow in zip(works(), plain, strict=True):
        say(work.what.strip(" ."))
        same &= work.run(few).digest == slow.digest  # which also loads the compiled kernels
        found = work.run(options.accounts)
        peer = None if work.positions is None else peers.published(some, work.positions)
        met = "" if work.reach is None else "met" if found.rate >= work.reach else "not met"
        reach = "" if work.reach is None else f"{work.reach:,}"
        beside = "" if peer is None else f"{peer:,.0f}"
        lines.append((work.what, f"{found.rate:,.0f} {work.unit}", reach, met, f"{slow.rate:,.0f}", beside))
    print(f"\n{describe()}; one core")
    print(f"book: {options.accounts:,} accounts\n")
    _print_table(("work", "one core", "reach", "", "plain Python", "PyPortfolioOpt"), lines)
    print(_NOTE.format(few=few, some=some, same="same bytes as compiled" if same else "OTHER BYTES than compiled"))


def _print_table(heads: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    for line in (heads, tuple("-" * width for width in widths), *lines):
        first, *others = (f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        print(f"| {first.strip():<{widths[0]}} | {' | '.join(others)} |")


def say(text: str) -> None:
    """Print what is being done to standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
