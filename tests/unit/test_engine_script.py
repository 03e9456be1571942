"""The script that makes a container engine knows every image that the project's files name."""

import re
import subprocess

import pytest

from deploy.stack.layout import CHECKOUT

pytestmark = pytest.mark.fast
ENGINE = CHECKOUT / "deploy" / "engine"
SCRIPT = ENGINE / "make_engine.sh"
NAMED_IN = (CHECKOUT / "docker-compose.yml", CHECKOUT / "deploy" / "docker" / "Dockerfile")


def images_named() -> set[str]:
    """Return the published images that are started or built upon, without their tags."""
    found = {
        name
        for file in NAMED_IN
        for name in re.findall(r"^ *(?:image:|FROM) ([^:\s]+):", file.read_text(), re.MULTILINE)
    }
    return found - {"rebalancer"}


def test_every_image_that_is_named_is_made() -> None:
    made = set(re.findall(r"\$\(named ([^)\s]+)\)", SCRIPT.read_text()))
    assert made == images_named()


def test_every_image_has_its_files() -> None:
    built = set(re.findall(r"\bbuild ([a-z]+) ", SCRIPT.read_text()))
    assert {"debian", "kafka", "postgres"} <= built
    assert built == {folder.name for folder in (ENGINE / "images").iterdir()}
    assert all((ENGINE / "images" / name / "Dockerfile").is_file() for name in built)


def test_the_scripts_can_be_read_by_the_shell() -> None:
    for script in (SCRIPT, *(ENGINE / "images").rglob("*.sh")):
        assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0, script
        assert script.stat().st_mode & 0o111, f"{script} cannot be run"
