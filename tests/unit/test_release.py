"""A release is a thing: one version, a changelog, a bill of materials of all that is locked, and what must hold."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy import release, sbom
from deploy.stack.layout import CHECKOUT
from shared.runtime.version import VERSION

pytestmark = pytest.mark.fast
SERVICES = ("analyzer", "auditor", "batch", "gateway", "proposer", "taxlot")
COMMAND_LINES = (
    *(f"services.{name}" for name in SERVICES),
    "deploy.stack", "deploy.custodian", "deploy.issuer", "deploy.sample",
    "deploy.house", "deploy.image_digests", "deploy.sbom", "deploy.release", "deploy.subscriber_demo",
)  # fmt: skip
BITS = {"SHA-1": 160, "SHA-256": 256, "SHA-384": 384, "SHA-512": 512}
GIVEN = " \\\n  ".join(f'{label}="x"' for label in release.LABELS)
LABELLED = f"FROM a AS b\nRUN x\n\nFROM c\nLABEL {GIVEN}\n"


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.document(CHECKOUT)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of what a release is judged by."""
    shutil.copytree(CHECKOUT / "requirements", tmp_path / "requirements")
    for name in (*release.DOCUMENTS, "ui/package.json", "ui/package-lock.json", "deploy/docker/Dockerfile"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    return tmp_path


def change(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


@pytest.mark.parametrize("module", COMMAND_LINES)
def test_every_command_line_says_the_version(module: str, tmp_path: Path) -> None:
    """Without settings: whoever asks for the version may have none."""
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", module, "--version"]
    done = subprocess.run(command, cwd=CHECKOUT, env=bare, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"rebalancer {VERSION}\n"), done.stderr


def test_the_version_stands_in_one_file() -> None:
    text = (CHECKOUT / "pyproject.toml").read_text()
    assert 'version = { attr = "shared.runtime.version.VERSION" }' in text
    assert not re.search(r"^version = \"", text, re.MULTILINE)
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", VERSION)


def test_the_bill_of_materials_has_the_form_of_cyclonedx(bill: dict[str, Any]) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", bill["serialNumber"])
    assert bill["metadata"]["component"]["version"] == VERSION
    references = Counter(component["bom-ref"] for component in bill["components"])
    assert set(references.values()) == {1}
    for component in bill["components"]:
        assert component["type"] == "library"
        assert component["scope"] in ("required", "excluded")
        assert re.fullmatch(r"pkg:(pypi|npm)/[A-Za-z0-9._~%/-]+@[A-Za-z0-9._~%-]+", component["purl"])
        assert component["name"]
        assert component["version"]
        assert component["hashes"]
        for found in component["hashes"]:
            assert re.fullmatch(rf"[0-9a-f]{{{BITS[found['alg']] // 4}}}", found["content"])


def test_every_locked_package_is_in_it_with_its_version_and_every_hash(bill: dict[str, Any]) -> None:
    listed = {component["purl"]: component for component in bill["components"]}
    hashes = {found["content"] for component in listed.values() for found in component["hashes"]}
    for lock, scopes in (("runtime", {"required"}), ("dev", {"required", "excluded"})):
        text = (CHECKOUT / "requirements" / f"{lock}.lock").read_text()
        pins = re.findall(r"^([^\s=#]+)==([^\s;]+)", text, re.MULTILINE)
        assert len(pins) > 20
        assert {listed[f"pkg:pypi/{name}@{version}"]["scope"] for name, version in pins} == scopes
        assert set(re.findall(r"sha256:([0-9a-f]{64})", text)) <= hashes
    packages = json.loads((CHECKOUT / "ui" / "package-lock.json").read_text())["packages"]
    for path, entry in packages.items():
        if path:
            name = path.rpartition("node_modules/")[2].replace("@", "%40")
            assert f"pkg:npm/{name}@{entry['version']}" in listed


def test_what_runs_is_told_apart_from_what_only_tests(bill: dict[str, Any]) -> None:
    scopes = {component["name"]: component["scope"] for component in bill["components"]}
    assert {scopes[name] for name in ("faust-streaming", "aiokafka", "react")} == {"required"}
    assert {scopes[name] for name in ("pytest", "mypy", "vitest")} == {"excluded"}


def test_the_same_locks_give_the_same_document(bill: dict[str, Any]) -> None:
    assert sbom.document(CHECKOUT) == bill


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [("zzz==1.0\n    # via x\n", "zzz has no hash"), ("zzz @ file:///zzz\n", "no version in 'zzz @ file:///zzz'")],
)
def test_a_lock_that_lacks_something_is_named(checkout: Path, entry: str, sentence: str) -> None:
    lock = checkout / sbom.DEV_LOCK
    lock.write_text(lock.read_text() + entry)
    assert [sentence in finding for finding in release.bill_of_materials(checkout)] == [True]
    assert [sentence in finding for finding in release.locks(checkout)] == [True]


def test_this_checkout_has_its_documents_consistent_locks_and_one_version() -> None:
    for check in (release.documents, release.locks, release.bill_of_materials, release.version_and_changelog):
        assert list(check(CHECKOUT)) == []


def test_a_missing_document_is_found(checkout: Path) -> None:
    (checkout / "SECURITY.md").unlink()
    assert list(release.documents(checkout)) == ["SECURITY.md is missing: write it"]


def test_a_lock_that_does_not_hold_what_is_asked_for_is_found(checkout: Path) -> None:
    change(checkout / "requirements" / "runtime.in", "aiokafka==0.14.0", "aiokafka==99\nno-such-package")
    found = list(release.locks(checkout))
    for lock in release.LOCKS:  # dev.in includes runtime.in
        assert f"{lock}.lock has aiokafka 0.14.0, {lock}.in asks for aiokafka==99: run `make lock`" in found
        assert f"{lock}.lock has no no-such-package, {lock}.in asks for no-such-package: run `make lock`" in found


def test_locks_that_differ_are_found(checkout: Path) -> None:
    change(checkout / "requirements" / "dev.lock", "\norjson==", "\norjson==0.")
    assert any(finding.startswith("orjson is") for finding in release.locks(checkout))


def test_a_version_that_differs_anywhere_is_found(checkout: Path) -> None:
    change(checkout / "CHANGELOG.md", f"## {VERSION} (", "## 0.0.9 (")
    change(checkout / "ui" / "package.json", f'"version": "{VERSION}"', '"version": "7.0.0"')
    found = list(release.version_and_changelog(checkout))
    assert found[0].startswith("CHANGELOG.md begins with 0.0.9")
    assert found[1].startswith("ui/package.json has version 7.0.0")
    assert len(found) == 2


@pytest.mark.parametrize("heading", [f"## {VERSION}", f"## {VERSION} (2026-2-30)", f"## {VERSION} (soon)"])
def test_a_release_without_its_day_is_found(checkout: Path, heading: str) -> None:
    path = checkout / "CHANGELOG.md"
    path.write_text(re.sub(rf"^## {re.escape(VERSION)} .*", heading, path.read_text(), flags=re.MULTILINE))
    assert [finding.partition(" gives")[0] for finding in release.version_and_changelog(checkout)] == ["CHANGELOG.md"]


def test_a_label_counts_only_on_the_image_that_is_released(checkout: Path) -> None:
    path = checkout / "deploy" / "docker" / "Dockerfile"
    path.write_text(LABELLED)
    assert list(release.image_labels(checkout)) == []
    path.write_text(LABELLED + "\nFROM d\nRUN y\n")
    assert len(list(release.image_labels(checkout))) == len(release.LABELS)


def test_hooks_before_a_commit_are_of_this_checkout_alone() -> None:
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"]
    assert {repository["repo"] for repository in hooks} == {"local"}
    entries = [hook["entry"].split() for repository in hooks for hook in repository["hooks"]]
    assert all(entry[0].startswith(".venv/bin/") for entry in entries)
    assert [".venv/bin/python", "-m", "deploy.checks", "secrets"] in entries
    assert all(hook["language"] == "system" for repository in hooks for hook in repository["hooks"])
