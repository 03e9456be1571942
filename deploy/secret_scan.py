"""Looks for secrets in files that are committed or about to be."""

import subprocess
import sys
from pathlib import Path
from typing import Final

ADVICE: Final = (
    "Take them out, and make new ones if they were ever pushed. A value that is none (of a test, or a setting's name)"
    " is marked on its line with `pragma: allowlist secret`.\n"
)
# Locks hold hashes of packages, releases of the contract those of their files; lines that name the commit a test case
# was taken from are no secrets either.
_LOCKS: Final = r"\.lock$|(^|/)package-lock\.json$|(^|/)SHA256SUMS$"
_COMMIT_NAMED: Final = r'"version": "[0-9a-f]{40}"'
# Examples of events name the digest of a decision.
_DIGEST: Final = r'"(?:decision_)?sha256": "[0-9a-f]{64}"'
# Manifests say which Secret a pod mounts, and hold none. The scanner itself puts some values into quotes.
_MOUNTED: Final = r"""secretName: ["']?rebalancer-[a-z-]+["']?[,}]?( |$)"""


def found(checkout: Path) -> str:
    """Return possible secrets by file and line; empty when there are none.

    Scans the files that git tracks or would add with `git add .`. Nothing is sent anywhere (--no-verify).
    """
    scan = [
        str(Path(sys.executable).parent / "detect-secrets-hook"), "--no-verify",
        "--exclude-files", _LOCKS, "--exclude-lines", _COMMIT_NAMED,
        "--exclude-lines", _DIGEST, "--exclude-lines", _MOUNTED,
        *_files(checkout),
    ]  # fmt: skip
    done = subprocess.run(scan, cwd=checkout, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _files(checkout: Path) -> list[str]:
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=checkout, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [name for name in listing.stdout.split("\0") if name and (checkout / name).is_file()]
