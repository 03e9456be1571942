"""`python -m benchmarks.engine`: what one core does of the engine's work, beside plain Python and a published peer.

Chunks go in and chunks come out, as the services hand them on: trades, reasons, lots with terms and the summary are all
there.  Processor time of one core counts, so that neighbours do not.  Figures are printed, never asserted.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import pyarrow as pa

from benchmarks import peers
from benchmarks.machine import describe
from benchmarks.work import works

_FEW = 100  # of the accounts asked for, one in so many is enough for plain Python
_SOME = 20  # and for the peer
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
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # children inherit it
    pa.set_cpu_count(1)
    few, some = max(20, options.accounts // _FEW), max(50, options.accounts // _SOME)
    say("plain Python")
    plain = peers.plain(few)
    lines, same = [], True
    for work, slow in zip(works(), plain, strict=True):
        say(work.what.strip(" ."))
        same &= work.run(few).digest == slow.digest  # which also loads what is compiled
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
    """Tell what is being done."""
    print(f"  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
