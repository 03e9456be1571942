"""`python -m deploy.all_tests [pytest arguments]`: everything that `make test` checks, in three lanes side by side.

Tests of running services mostly wait: for a restart, a time-out, a browser.  Those of whole systems, and of many
processes, have a lane of their own.  Static checks and the pure tests mostly compute.  Side by side they take the time
of the longest lane.  The built interface and the browser come first, because tests in a browser use them.
With arguments there is one lane, and pytest is run with these.
The last lines say which tests were skipped, and for lack of what.
"""

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from deploy.stack.layout import CHECKOUT

FIRST: Final = ("deploy.checks", "secrets", "browser", "ui")
KERNELS: Final = ("deploy.kernels",)
STATIC: Final = ("deploy.checks", "python")
PURE: Final = ("-m", "fast")
SYSTEMS: Final = ("-m", "system")
SERVICES: Final = ("-m", "not fast and not system")


def main() -> int:
    """Run all checks and tests, also after a failure; return 1 if any of them found something."""
    with tempfile.TemporaryDirectory() as folder:
        reports = Path(folder)
        if sys.argv[1:]:
            failed = any([run(FIRST), run(STATIC), run(pytest(reports / "all.xml", *sys.argv[1:]))])
        else:
            failed = in_lanes(reports)
        print("\n".join(skipped(reports.glob("*.xml"))) or "no test was skipped", flush=True)
    return int(failed)


def in_lanes(reports: Path) -> bool:
    """Run the lanes, the longest shown, with a report of each in this folder; return whether anything failed."""
    with ThreadPoolExecutor(2) as beside:
        compiling = beside.submit(captured, KERNELS)  # all lanes need them
        failed = run(FIRST)
        is_uncompiled, output = compiling.result()
        if is_uncompiled:
            print(output, flush=True)
            failed = True
        others = [
            beside.submit(lambda: [captured(STATIC), captured(pytest(reports / "pure.xml", *PURE))]),
            beside.submit(lambda: [captured(pytest(reports / "systems.xml", *SYSTEMS))]),
        ]
        failed |= run(pytest(reports / "services.xml", *SERVICES))
        for lane in others:
            for found, output in lane.result():
                print(output, flush=True)
                failed |= found
    return failed


def pytest(report: Path, *arguments: str) -> tuple[str, ...]:
    """Return the command that runs tests and writes what became of each into a file.

    It ends after many failures: without a broker or database, say, it would wait in every test that needs one.
    """
    return ("pytest", f"--junitxml={report}", "--maxfail=40", *arguments)


def skipped(reports: Iterable[Path]) -> list[str]:
    """Return a line for each reason for which tests were skipped, with their number."""
    reasons: Counter[str] = Counter()
    for report in reports:
        for skip in ElementTree.parse(report).iter("skipped"):  # noqa: S314  # written by our own run
            reasons[skip.get("message", "no reason given")] += 1
    return [f"skipped ({number}): {reason}" for reason, number in sorted(reasons.items())]


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
