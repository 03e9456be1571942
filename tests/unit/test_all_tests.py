"""The end of `make test`: it says which tests were skipped, and for lack of what."""

import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from deploy import all_tests

TESTS = """
import pytest
def test_ran(): pass
@pytest.mark.parametrize("n", [1, 2])
def test_left_out(n): pytest.skip("no container engine answers here")
@pytest.mark.skip(reason="promtool is not installed")
def test_marked(): pass
"""


def test_each_reason_is_said_once_with_its_number(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    report = tmp_path / "some.xml"
    command = [sys.executable, "-m", *all_tests.pytest(report, "-q", "-c", "/dev/null", str(tmp_path / "test_some.py"))]
    assert subprocess.run(command, capture_output=True, cwd=tmp_path, check=False).returncode == 0
    assert all_tests.skipped([report]) == [
        "skipped (2): no container engine answers here",
        "skipped (1): promtool is not installed",
    ]


@pytest.mark.parametrize("marks", [{"fast"}, {"system"}, {"system", "slow", "fault"}, {"integration"}, set()])
def test_every_test_has_one_lane(marks: set[str]) -> None:
    def has(name: str, /, **_options: object) -> bool:
        return name in marks

    lanes = (all_tests.PURE, all_tests.SYSTEMS, all_tests.SERVICES)
    chosen = [lane for lane in lanes if Expression.compile(lane[1]).evaluate(has)]
    assert len(chosen) == 1
