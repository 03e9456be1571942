"""Finding or installing a Chromium for the browser tests; without one they fail and are not skipped."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.stack.errors import StackError

SYSTEM = Path("/usr/bin/chromium")


def find() -> Path | None:
    """Return the system's Chromium, else the one Playwright has installed, else None."""
    if SYSTEM.exists():
        return SYSTEM
    on_path = shutil.which("chromium") or shutil.which("chromium-browser")
    return Path(on_path) if on_path else _playwrights()


def obtain() -> Path:
    """Return a Chromium, installing one when there is none. Raises StackError if that fails."""
    found = find()
    if found is not None:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("  no Chromium here: installing the Debian package", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        fonts = "fonts-dejavu-core"
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", fonts], check=False, env=quiet
        )
    if find() is None:
        print("  no Chromium here: installing Playwright's own", flush=True)
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    found = find()
    if found is None:
        raise StackError("missing: Chromium for the browser tests. Get it: apt-get install chromium")
    return found


def _playwrights() -> Path | None:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache" / "ms-playwright"))
    found = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return found[-1] if found else None
