"""Building the user interface when its sources changed since the last build."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deploy.stack.errors import StackError
from deploy.stack.layout import CHECKOUT
from deploy.stack.steps import Silent

UI = CHECKOUT / "ui"
SKIPPED = {"node_modules", "dist", "coverage", "test-results"}


def install(steps: Silent) -> None:
    """Run `npm ci` unless the lock is the one already installed. Raises StackError with npm's output."""
    lock = UI / "package-lock.json"
    if not lock.exists():
        raise StackError(
            f"{lock.relative_to(CHECKOUT)} is missing: the user interface cannot be built from this checkout"
        )
    stamp, wanted = UI / "node_modules" / ".locked", hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    with steps.step("installing the interface's packages (npm ci)"):
        _npm("ci", "--no-audit", "--no-fund", "--prefer-offline")
        stamp.write_text(wanted)


def build(steps: Silent) -> None:
    """Build `ui/dist` unless nothing changed since it was built. Raises StackError with npm's output."""
    stamp, wanted = UI / "dist" / ".built-from", _fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    install(steps)
    with steps.step("building the interface"):
        _npm("run", "build")
        if not (UI / "dist" / "index.html").exists():
            raise StackError("the build of the user interface left no ui/dist/index.html")
        stamp.write_text(wanted)


def _npm(*arguments: str) -> None:
    done = subprocess.run(
        ["npm", *arguments], cwd=UI, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise StackError(f"npm {' '.join(arguments)} failed:\n{(done.stdout + done.stderr)[-3000:]}")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources(UI)):
        digest.update(f"{path.relative_to(UI)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources(directory: Path) -> Iterator[Path]:
    for entry in directory.iterdir() if directory.exists() else ():
        if entry.is_dir() and entry.name not in SKIPPED:
            yield from _sources(entry)
        elif entry.is_file():
            yield entry
