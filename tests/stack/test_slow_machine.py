"""The part of a slow machine: one core, at a low priority, kernels that are not compiled yet."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stack import ports
from deploy.stack.layout import CHECKOUT, inherited, write_json
from shared.fixed_point.source_digest import kernel_home
from shared.runtime import kernels

# The suite's longest start: it compiles half a minute of kernels, and everything of `make up` shares one core.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
WARM = "proposer"
"""Whose kernels are there: to compile them as well would take the test three times as long and show the same.  The
whole of a cold start on one core is what `make bench-start ARGS=--one-core` measures."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of kernels with those of one service only."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    for entry in kernel_home().glob(f"services.{WARM}.*"):
        shutil.copytree(entry, folder / entry.name)
    (folder / kernels._mark_of(CHECKOUT / "services" / WARM / "warm.py").name).touch()
    return folder


class SlowMachine:
    """Runs commands of the local stack on one core, giving way to everything else."""

    def __init__(self, state: Path, home: Path) -> None:
        self.state = state
        self._env = {**inherited(), "NUMBA_CACHE_DIR": str(home)}

    def make(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command and return what it said."""
        program = [sys.executable, "-m", "deploy.stack", "--state", str(self.state), *command]
        return subprocess.run(
            program, cwd=CHECKOUT, env=self._env, capture_output=True, text=True, check=False, preexec_fn=_slow
        )


def _slow() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.nice(10)


@pytest.fixture
def machine(tmp_path: Path, home: Path, built_ui: Path) -> Iterator[SlowMachine]:
    """Such a machine; its stack ends and its data goes with the test."""
    state = tmp_path / "state"
    state.mkdir()
    write_json(
        state / "state.json", {"ports": dict.fromkeys(ports.PREFERRED, 0)}
    )  # not those of a stack that runs here
    slow = SlowMachine(state, home)
    yield slow
    slow.make("reset")


def test_make_up_comes_up_with_cold_kernels_and_nobody_compiles_beside_the_step(machine: SlowMachine) -> None:
    up = machine.make("up", "--accounts", "60")
    assert up.returncode == 0, up.stdout + up.stderr
    assert "  compiling kernels  " in up.stdout
    assert "up after" in up.stdout
    assert machine.make("status").returncode == 0
    logs = {log.name: log.read_text() for log in (machine.state / "logs").glob("*.log")}
    assert len(logs) > 8
    assert not [name for name, text in logs.items() if "service.waits" in text]
    assert "died after" not in logs["supervisor.log"]
