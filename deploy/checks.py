"""`python -m deploy.checks [secrets] [python] [ui] [browser]`: all that is checked without running the system."""

import subprocess
import sys
from pathlib import Path

from deploy import browser, secret_scan
from deploy.stack import ui
from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT
from deploy.stack.steps import Spoken

PYTHON_CODE = ("services", "shared", "deploy", "tests", "benchmarks", "examples")


def main() -> int:
    """Run all named groups (default: all but the browser), also after a failure; return 1 if any found something."""
    groups = {"secrets": _secrets, "python": _python, "ui": _ui, "browser": _browser}
    names = sys.argv[1:] or ["secrets", "python", "ui"]
    unknown = [name for name in names if name not in groups]
    if unknown:
        print(f"no such group: {unknown[0]} (there are {', '.join(groups)})", file=sys.stderr)
        return 2
    steps = Spoken()
    failed = False
    for name in names:
        try:
            groups[name](steps)
        except StackError as error:
            print(error, file=sys.stderr)
            failed = True
    return int(failed)


def _python(steps: Spoken) -> None:
    here = Path(sys.executable).parent
    code = [part for part in PYTHON_CODE if (CHECKOUT / part).exists()]
    failures = [
        _run(steps, "ruff", [str(here / "ruff"), "check", "--quiet", "."]),
        _run(steps, "mypy --strict", [str(here / "mypy"), *code]),
        _run(steps, "import contracts", [str(here / "lint-imports"), "--no-cache"]),
    ]
    _raise_all(failures)


def _secrets(steps: Spoken) -> None:
    with steps.step("secrets"):
        found = secret_scan.found(CHECKOUT)
    if found:
        raise StackError(f"these look like secrets:\n{found}{secret_scan.ADVICE}")


def _ui(steps: Spoken) -> None:
    ui.install(steps)
    _raise_all([_run(steps, "interface: lint, types, tests", ["npm", "run", "check"], CHECKOUT / "ui")])
    ui.build(steps)


def _browser(steps: Spoken) -> None:
    with steps.step("looking for a browser"):
        browser.obtain()


def _run(steps: Spoken, title: str, command: list[str], cwd: Path = CHECKOUT) -> str | None:
    """Run one check and return what it said when it found something, else None."""
    with steps.step(title):
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return None if done.returncode == 0 else f"{title}:\n{done.stdout}{done.stderr}"


def _raise_all(failures: list[str | None]) -> None:
    found = [failure for failure in failures if failure]
    if found:
        raise StackError("\n".join(found))


if __name__ == "__main__":
    sys.exit(main())
