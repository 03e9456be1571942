"""`python -m tests.faults [--seed N] [F1 ...]`: bring faults about many times and write docs/reliability.md.

Without names all faults of the card.  What was measured before and is not measured now stays in the page.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine
from deploy.stack.layout import CHECKOUT
from shared.runtime.build import commit
from tests.faults import card

MEASURED = CHECKOUT / "docs" / "reliability.json"
PAGE = CHECKOUT / "docs" / "reliability.md"


def main() -> int:
    """Return 1 if a test of the card failed; what was measured is written all the same."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of every chance (default: the time)")
    parser.add_argument("faults", nargs="*", help=f"of {', '.join(card.FAULTS)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.faults) - card.FAULTS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(card.FAULTS)}")
    failed = False
    for fault in arguments.faults or card.FAULTS:
        failed |= measure(fault, arguments.seed)
    return int(failed)


def measure(fault: str, seed: int) -> bool:
    """Run a fault's tests, write its line, and return whether a test failed.

    Where a test ended before it had counted, the line stays as it was: what the others counted is not the whole.
    """
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "REBALANCER_CARD_FOLDER": folder, "REBALANCER_CARD_SEED": str(seed)}
        tests = [sys.executable, "-m", "pytest", "-q", "-s", *card.FAULTS[fault].tests]
        failed = subprocess.run(tests, cwd=CHECKOUT, env=env, check=False).returncode != 0
        kept = [json.loads(file.read_text()) for file in Path(folder).glob("*.json")]
    outcomes = [card.Outcome(**{**each, "recoveries_s": tuple(each["recoveries_s"])}) for each in kept]
    if failed and not any(outcome.lost or outcome.doubled or outcome.leaked for outcome in outcomes):
        print(f"{fault}: a test failed before it had counted; the line of the card stays as it was", flush=True)
        return True
    measured = json.loads(MEASURED.read_text())
    where = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit()[:7],
        "seed": seed,
        "machine": f"{machine.describe()}; the fixed piece of work takes {machine.fixed_work_s():.2f} s",
    }
    measured |= {name: record | where for name, record in card.summed(outcomes).items()}
    MEASURED.write_text(json.dumps(measured, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(card.page(measured))
    return failed


if __name__ == "__main__":
    sys.exit(main())
