"""`python -m deploy.all_tests [pytest arguments]`: everything that `make test` checks, in two lanes side by side.

Tests of running services mostly wait: for a restart, a time-out, a browser.  Static checks and the pure tests mostly
compute.  Side by side they take the time of the longer lane.  The built interface and the browser come first, because
tests in a browser use them.  With arguments there is one lane, and pytest is run with these.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from deploy.stack.layout import CHECKOUT

FIRST: Final = ("deploy.checks", "secrets", "browser", "ui")
STATIC: Final = ("deploy.checks", "python")
PURE: Final = ("pytest", "-m", "fast")
WAITING: Final = ("pytest", "-m", "not fast")


def main() -> int:
    """Run all checks and tests, also after a failure; return 1 if any of them found something."""
    if sys.argv[1:]:
        return int(any([run(FIRST), run(STATIC), run(("pytest", *sys.argv[1:]))]))
    failed = run(FIRST)
    with ThreadPoolExecutor(1) as beside:
        computing = beside.submit(lambda: [captured(STATIC), captured(PURE)])
        failed |= run(WAITING)
        for found, output in computing.result():
            print(output, flush=True)
            failed |= found
    return int(failed)


def run(module: tuple[str, ...]) -> bool:
    """Run a module of this interpreter with its output shown; return whether it failed."""
    return subprocess.run([sys.executable, "-m", *module], cwd=CHECKOUT, check=False).returncode != 0


def captured(module: tuple[str, ...]) -> tuple[bool, str]:
    """Run a module; return whether it failed, and its output, so that lanes do not mix on a screen."""
    done = subprocess.run(
        [sys.executable, "-m", *module], cwd=CHECKOUT, check=False, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode != 0, done.stdout


if __name__ == "__main__":
    sys.exit(main())
