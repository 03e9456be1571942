"""Images of others by digest: a file made from what a registry answered, and none where no registry was asked."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import image_digests
from deploy.image_digests import COMPOSE, DOCKERFILE

pytestmark = pytest.mark.fast
THERE: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
STARTED = image_digests.started(THERE)
BASES = image_digests.based_on(DOCKERFILE.read_text())
# An engine with a registry: `image inspect` shows what was answered for the tag, and what a mirror said of it.
ENGINE = """#!/bin/sh
if [ "$1" = pull ]; then {pull}; fi
for image; do :; done
digest=sha256:$(printf %s "$image" | sha256sum | cut -d" " -f1)
repository=${{image%:*}}
echo "{shown}"
"""
ANSWERED = f'[\\"mirror.example/$repository@sha256:{"0" * 64}\\", \\"$repository@$digest\\"]'
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs the command with an engine and a folder of the test's own, and gives code and complaint."""

    def with_engine(*arguments: str, pull: str = "exit 0", shown: str = ANSWERED) -> tuple[int, str]:
        engine = tmp_path / "bin" / "docker"
        engine.parent.mkdir(exist_ok=True)
        engine.write_text(ENGINE.format(pull=pull, shown=shown))
        engine.chmod(0o755)
        monkeypatch.setenv("PATH", f"{engine.parent}:{os.defpath}")
        monkeypatch.setattr(sys, "argv", ["deploy.image_digests", "--out", str(tmp_path / "pinned.yml"), *arguments])
        return image_digests.main(), capsys.readouterr().err

    return with_engine


def test_every_image_of_others_is_named_by_tag_and_digest(run: Run, tmp_path: Path) -> None:
    assert run() == (0, "")
    services = yaml.safe_load((tmp_path / "pinned.yml").read_text())["services"]
    pinned = {name: service["image"] for name, service in services.items() if "image" in service}
    assert pinned.keys() == STARTED.keys() >= {"kafka", "postgres", "prometheus", "grafana"}
    for name, image in pinned.items():
        assert re.fullmatch(re.escape(STARTED[name]) + "@sha256:[0-9a-f]{64}", image)
        assert not image.endswith("0" * 64), "the answer of another repository"
    contexts = services["secrets"]["build"]["additional_contexts"]
    assert [context.partition("=docker-image://")[0] for context in contexts] == BASES
    assert {re.sub(":.*", "", base) for base in BASES} == {"node", "python"}
    for context, base in zip(contexts, BASES, strict=True):
        assert re.fullmatch(re.escape(f"{base}=docker-image://{base}") + "@sha256:[0-9a-f]{64}", context)


def test_what_is_written_has_the_form_of_a_compose_file(run: Run, tmp_path: Path) -> None:
    assert run() == (0, "")
    tool = Path(sys.executable).parent / "check-jsonschema"
    command = [str(tool), "--builtin-schema", "vendor.compose-spec", str(tmp_path / "pinned.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_image_made_on_this_machine_has_none_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pinned.yml").write_text("as it was")
    code, said = run("--no-pull", shown="[]")
    assert (code, "it was made on this machine: nothing was written" in said) == (1, True)
    assert (tmp_path / "pinned.yml").read_text() == "as it was"


def test_a_registry_that_does_not_answer_is_named_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    code, said = run(pull='echo "dial tcp: no route to host" >&2; exit 1')
    assert (code, "cannot be had: dial tcp: no route to host" in said) == (1, True)
    assert not (tmp_path / "pinned.yml").exists()


def test_without_a_pull_no_registry_is_asked(run: Run) -> None:
    assert run("--no-pull", pull="exit 1") == (0, "")


def test_stages_of_a_dockerfile_are_no_images() -> None:
    text = "FROM node:20 AS ui\nRUN x\nFROM python:3 AS packages\nFROM packages\nFROM python:3\n"
    assert image_digests.based_on(text) == ["node:20", "python:3"]


def test_the_files_themselves_name_tags_that_a_machine_without_a_registry_can_make() -> None:
    assert all("@" not in image and ":" in image for image in [*STARTED.values(), *BASES])
