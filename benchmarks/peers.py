"""What the engine is compared with: its own source run as plain Python, and a published library."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks import accounts
from benchmarks.work import LOTS, Figure, works
from deploy.stack.layout import CHECKOUT

PEER_PYTHON: Final = CHECKOUT / ".local" / "peer" / "bin" / "python"


def plain(count: int) -> list[Figure]:
    """Return the figure of every task for so many accounts, with kernels that run uncompiled."""
    env = {**os.environ, "REBALANCER_PLAIN_KERNELS": "1"}
    run = [sys.executable, "-m", "benchmarks.peers", str(count)]
    output = subprocess.run(run, cwd=CHECKOUT, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [Figure(**fields) for fields in json.loads(output)]


def published(count: int, positions: int) -> float | None:
    """Return how many accounts a second PyPortfolioOpt's DiscreteAllocation does; None if it is not installed."""
    if not PEER_PYTHON.exists():
        return None
    asked = [
        account
        for chunk in accounts.requests(count, positions, LOTS)
        for account in map(_asked, chunk.facts.to_pylist())
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asked, file)
        file.flush()
        run = [str(PEER_PYTHON), str(Path(__file__).with_name("peer.py")), file.name]
        output = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout
    return len(asked) / float(output)


def _asked(account: dict[str, Any]) -> dict[str, Any]:
    """Return an account in the library's form: shares of the value (they add up to 1), prices, dollars."""
    names = [security["security_id"] for security in account["securities"]]
    prices = {security["security_id"]: security["price_micro"] / 1e6 for security in account["securities"]}
    weights = dict.fromkeys(names, 0.0)
    value = account["cash_cents"] / 100
    for position in account["positions"]:
        weights[names[position["security"]]] += position["target_ppb"] / 1e9
        value += position["quantity_micro"] / 1e6 * prices[names[position["security"]]]
    invested = sum(weights.values())
    weights = {name: weight / invested for name, weight in weights.items() if weight > 0}
    return {"weights": weights, "prices": {name: prices[name] for name in weights}, "value": value * invested}


def _measure(count: int) -> None:
    """Print the figures of this process; the environment says whether its kernels are compiled."""
    figures = []
    for work in works():
        work.run(1)  # the first call also loads libraries: it is not timed
        figures.append(asdict(work.run(count)))
    print(json.dumps(figures))


if __name__ == "__main__":
    _measure(int(sys.argv[1]))
