"""The look at the machine's tools: one line per missing thing, saying what it is and how to get it."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy import bootstrap
from deploy.stack.layout import CHECKOUT

BOOTSTRAP = CHECKOUT / "deploy" / "bootstrap.py"


def program(folder: Path, name: str, says: str) -> None:
    """Put a program into `place` that prints one line."""
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(0o755)


def doctor(path: Path, *checks: str) -> subprocess.CompletedProcess[str]:
    """Run the check as `make doctor` does, with only the programs in `path` to be found."""
    command = [sys.executable, "-I", str(BOOTSTRAP), *checks]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


def test_each_missing_tool_is_one_line_with_the_way_to_get_it(tmp_path: Path) -> None:
    done = doctor(tmp_path, "java", "maven", "node")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split(": ")[1].split(" (")[0] for line in lines] == ["Java 17 or newer", "Maven", "Node 20 or newer"]
    assert all(line.startswith("missing: ") and "Get it: " in line for line in lines)


@pytest.mark.parametrize(
    ("name", "says", "check", "complaint"),
    [
        ("java", 'openjdk version "11.0.2" 2019-01-15', "java", "Java 17 or newer (found 11)"),
        ("java", 'openjdk version "17.0.15" 2025-04-15', "java", None),
        ("java", 'openjdk version "21" 2023-09-19', "java", None),
        ("node", "v18.19.0", "node", "Node 20 or newer (found 18)"),
        ("mvn", "", "maven", None),
    ],
)
def test_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str, check: str, complaint: str | None
) -> None:
    """The check alone: the whole of `make doctor` would go on and install what is locked, where nothing is missing."""
    program(tmp_path, name, says)
    program(tmp_path, "npm", "11.0.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = bootstrap.tool_problem(check)
    if complaint is None:
        assert found is None
    else:
        assert found is not None and found.startswith(f"{complaint}. Get it: ")


def test_a_program_that_is_there_but_cannot_run_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "java").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "java").chmod(0o755)
    assert "Java 17 or newer (found none)" in doctor(tmp_path, "java").stderr


def test_the_lock_holds_the_installer_with_its_hashes() -> None:
    entry = bootstrap.locked("uv")
    assert entry.startswith("uv==")
    assert entry.count("--hash=sha256:") > 1
    assert len([line for line in entry.splitlines() if not line.startswith(" ")]) == 1


def test_the_fingerprint_names_lock_python_and_place() -> None:
    assert str(CHECKOUT) in bootstrap.fingerprint(sys.executable)
    assert sys.version.split()[0] in bootstrap.fingerprint(sys.executable)
