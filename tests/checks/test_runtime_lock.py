"""The runtime lock alone is enough: a fresh environment made from it runs every service and every tool of an image."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.stack.layout import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SERVICES = ("analyzer", "batch", "gateway", "proposer", "taxlot")
TOOLS = ("deploy.custodian", "deploy.issuer", "deploy.sample")
MODULES = (
    *(f"services.{name}.app" for name in SERVICES),
    "deploy.healthy", "deploy.kernels", "deploy.roles", "deploy.topics",
)  # fmt: skip
# SQLAlchemy imports what its asyncio needs when it is first used, not before.
IMPORT_ALL = """
import asyncio, importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from sqlalchemy.util import greenlet_spawn
asyncio.run(greenlet_spawn(int))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that holds what the runtime lock names, and nothing else."""
    folder = tmp_path_factory.mktemp("runtime") / "venv"
    uv = [sys.executable, "-m", "uv"]
    _run([*uv, "venv", "--quiet", "--python", sys.executable, str(folder)], dict(os.environ))
    lock = str(CHECKOUT / "requirements" / "runtime.lock")
    made = folder / "bin" / "python"
    _run([*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", str(made), lock], dict(os.environ))
    return made


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stdout + done.stderr)[-3000:]}"
    return done.stdout


def test_every_service_and_tool_starts_with_what_the_runtime_lock_names(python: Path) -> None:
    bare = {"PATH": os.defpath, "HOME": "/nonexistent", "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", "")}
    bare = {name: value for name, value in bare.items() if value}
    programs = [*(f"services.{name}" for name in SERVICES), *TOOLS]
    commands = [
        *([str(python), "-m", program, "--help"] for program in programs),
        [str(python), "-c", IMPORT_ALL, *MODULES],
    ]
    with ThreadPoolExecutor(2) as beside:
        outputs = list(beside.map(lambda command: _run(command, bare), commands))
    assert all("Usage" in output for output in outputs[: len(programs)])
