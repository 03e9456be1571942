"""A published peer: PyPortfolioOpt's DiscreteAllocation over the same accounts.  Runs in an environment of its own.

Reads a JSON file, [{"weights": {name: share}, "prices": {name: dollars}, "value": dollars}, ...], prints the seconds of
processor time that all of them took.  The library does less, in floats: how many whole shares to hold for a value,
from nothing; no lots, taxes, restrictions, bands, sleeves or reasons.
"""

import json
import os
import sys
import time
from pathlib import Path

import pandas as pd
from pypfopt import DiscreteAllocation


def main() -> None:
    """Allocate for every account of the file named on the command line."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    accounts = json.loads(Path(sys.argv[1]).read_text())
    asked = [(account["weights"], pd.Series(account["prices"]), account["value"]) for account in accounts]
    _allocate(*asked[0])
    started = time.process_time()
    for weights, prices, value in asked:
        _allocate(weights, prices, value)
    print(time.process_time() - started)


def _allocate(weights: dict[str, float], prices: "pd.Series[float]", value: float) -> None:
    DiscreteAllocation(weights, prices, total_portfolio_value=value).greedy_portfolio()


if __name__ == "__main__":
    main()
