"""Rules, their own tests and the local configuration by Prometheus's own tool, where it is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.observe import local
from deploy.stack import ports, table
from deploy.stack.layout import Layout

PROMTOOL = shutil.which("promtool")
pytestmark = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian package prometheus): it checked no alert rule"
)


def _promtool(*arguments: str) -> None:
    folder = local.RULES.parent
    done = subprocess.run([str(PROMTOOL), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_are_sound() -> None:
    _promtool("check", "rules", "--lint-fatal", "rules.yml")


def test_the_rules_own_tests_pass() -> None:
    _promtool("test", "rules", *(file.name for file in local.RULES.parent.glob("*.test.yml")))


def test_the_configuration_for_the_local_stack_is_sound(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    addresses = table.Addresses(Layout(tmp_path), ports.PREFERRED, {})
    file.write_text(yaml.safe_dump(local.config(addresses)))
    _promtool("check", "config", str(file))
