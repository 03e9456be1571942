"""`python -m deploy.docker.first_book`: make the sample book, load it and wait until it is taken in; once.

REBALANCER_ACCOUNTS is the number of accounts (2000), REBALANCER_SAMPLE_DIR the folder of the book; the rest as in a
service.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from deploy.sample.taken_in import Refused, taken_in
from shared.oncall.command_line import read_settings
from shared.runtime.settings import KafkaSettings

PATIENCE_S = 900.0


def main() -> int:
    """Return 0 once every file of the book is taken in and a first account is flagged; 1 after saying why not."""
    folder = Path(os.environ["REBALANCER_SAMPLE_DIR"])
    done = folder / "loaded"
    if done.exists():
        print("the sample book was loaded before")
        return 0
    sample = [sys.executable, "-m", "deploy.sample"]
    subprocess.run([*sample, "--accounts", os.environ.get("REBALANCER_ACCOUNTS", "2000"), "--out", folder], check=True)
    subprocess.run([*sample, "load", folder], check=True)
    files = {file.name for file in (folder / "files").glob("*.lots")}
    try:
        asyncio.run(_bounded(files))
    except (Refused, TimeoutError) as error:
        print(str(error) or f"not taken in within {PATIENCE_S:.0f} s: {', '.join(sorted(files))}", file=sys.stderr)
        return 1
    done.touch()
    print("the sample book is taken in, and its accounts are being flagged")
    return 0


async def _bounded(files: set[str]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await taken_in(read_settings(KafkaSettings).broker, files)


if __name__ == "__main__":
    sys.exit(main())
