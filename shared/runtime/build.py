"""What this process was made of: release and commit, as the metric rebalancer_build_info."""

import os
from pathlib import Path
from typing import Final

from shared.runtime import metrics
from shared.runtime.version import VERSION

UNKNOWN: Final = "unknown"
_CHECKOUT: Final = Path(__file__).resolve().parents[2]


def export(service: str) -> None:
    """Set the metric of this process."""
    metrics.BUILD_INFO.labels(service, VERSION, commit()).set(1)


def commit(checkout: Path = _CHECKOUT) -> str:
    """Return REBALANCER_COMMIT, which images set, else the commit that is checked out, else UNKNOWN."""
    if given := os.environ.get("REBALANCER_COMMIT"):
        return given
    try:
        return _checked_out(checkout / ".git")
    except OSError:
        return UNKNOWN


def _checked_out(git: Path) -> str:
    """Return the commit by git's own files, without starting a process.  Raises OSError if they are not there."""
    if git.is_file():  # a worktree: the file names the folder that it shares
        git = Path(git.read_text().removeprefix("gitdir:").strip())
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    shared = git / common.read_text().strip() if common.is_file() else git
    if (shared / name).is_file():
        return (shared / name).read_text().strip()
    packed = (line.split(" ") for line in (shared / "packed-refs").read_text().splitlines())
    return next((line[0] for line in packed if line[1:] == [name]), UNKNOWN)
