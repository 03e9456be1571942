"""The example subscriber in TypeScript, installed and compiled as its README says."""

import shutil
import subprocess
from pathlib import Path

from deploy.sample_events import SAMPLE

SOURCES = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "connection.ts", "subscriber.ts")
PROGRAM = "dist/subscriber.js"


def build(folder: Path) -> None:
    """Install and compile it in this folder."""
    for name in SOURCES:
        shutil.copy(SAMPLE.parent / "typescript" / name, folder)
    for step in (["npm", "ci"], ["npm", "run", "build"]):
        done = subprocess.run(step, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
