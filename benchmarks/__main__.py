"""`python -m benchmarks`: the whole loop measured on the real stack, as a table of each figure beside its target.

The benchmark starts a stack of its own, loads a generated book, measures and deletes the stack; progress goes to
standard error.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import loop, mapped
from benchmarks.machine import describe
from deploy.stack import Stack, ui
from deploy.stack.steps import Silent


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--accounts", type=int, default=100_000, help="accounts of the book (default 100000)")
    parser.add_argument("--positions", type=int, default=30, help="positions an account (default 30)")
    parser.add_argument("--lots", type=int, default=3, help="lots a position (default 3)")
    parser.add_argument("--batch", type=int, default=1000, help="accounts of the measured batch (default 1000)")
    parser.add_argument("--large", type=int, default=10_000, help="accounts of the large batch (default 10000)")
    parser.add_argument("--events", type=int, default=300, help="events sent one by one to a browser (default 300)")
    parser.add_argument(
        "--file-lots",
        type=int,
        default=4_000_000,
        help="lots in custodians' own formats (default 4000000)",
    )
    options = parser.parse_args()

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    print("building the interface: a browser is to ask for it", file=sys.stderr, flush=True)
    ui.build(Silent())
    with tempfile.TemporaryDirectory(prefix="rebalancer-bench-") as folder, Stack(Path(folder) / "stack") as stack:
        rows = loop.measure(stack, Path(folder), options, say)
    rows += mapped.standalone(options.file_lots, say)
    print(f"\n{describe()}")
    print(f"book: {options.accounts:,} accounts x {options.positions} positions x {options.lots} lots\n")
    print(f"| {'what':<58} | {'measured':>12} | {'reach':>10} |")
    print(f"|{'-' * 60}|{'-' * 13}:|{'-' * 11}:|")
    for row in rows:
        print(f"| {row.what:<58} | {row.measured:>12} | {row.reach:>10} |")


if __name__ == "__main__":
    main()
