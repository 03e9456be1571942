"""The manifests of Kubernetes are what the tables make, what Kustomize renders, and what Kubernetes accepts."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from deploy.kubernetes import files, render, schemas
from deploy.kubernetes.workloads import Manifest
from tests.unit.kubernetes_objects import HOME, by_name, objects

pytestmark = pytest.mark.fast
SCHEMAS: dict[str, Any] = json.loads(schemas.SCHEMAS.read_text())
KUBECTL = shutil.which("kubectl")


def kustomized(folder: str) -> list[Manifest]:
    """Return the objects that Kustomize makes of a folder; skip where it is not at hand."""
    if KUBECTL is None:
        pytest.skip("kubectl, which has Kustomize in it, is not on this machine")
    done = subprocess.run([KUBECTL, "kustomize", str(HOME / folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return render.read_all(done.stdout)


def test_what_is_committed_is_what_the_tables_make() -> None:
    wrong = [name for name, text in files.generated().items() if (HOME / name).read_text() != text]
    assert not wrong, f"run `python -m deploy.kubernetes` and commit: {wrong}"


@pytest.mark.parametrize("folder", schemas.FOLDERS)
def test_our_own_rendering_is_that_of_kustomize(folder: str) -> None:
    assert by_name(render.rendered(HOME / folder)) == by_name(kustomized(folder))


@pytest.mark.parametrize("made", schemas.all_manifests(), ids=lambda made: f"{made['kind']} {made['metadata']['name']}")
def test_every_object_is_as_kubernetes_or_its_operator_wants_it(made: Manifest) -> None:
    schema = SCHEMAS.get(schemas.kind_of(made))
    assert schema is not None, "derive schemas.json anew: python -m deploy.kubernetes.schemas"
    assert [error.message for error in Draft202012Validator(schema).iter_errors(made)] == []
    undescribed = sorted(not_described(made, schema))
    assert not undescribed, f"derive schemas.json anew for {undescribed}: python -m deploy.kubernetes.schemas"


def not_described(value: Any, schema: Any, path: str = "") -> Iterator[str]:
    """Yield the fields of which the schema says nothing but that they may be there."""
    if schema is True:
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            of_field = schema.get("properties", {}).get(name, schema.get("additionalProperties", {}))
            yield from not_described(inner, of_field, f"{path}/{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from not_described(inner, schema.get("items", {}), path)


def test_a_misspelt_field_and_a_wrong_type_are_found() -> None:
    made = objects("base", "Deployment")["batch"]
    check = Draft202012Validator(SCHEMAS["apps/v1 Deployment"])
    assert not list(check.iter_errors(made))
    made["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    made["spec"]["replicas"] = "two"
    assert len(list(check.iter_errors(made))) == 2


def test_kernels_that_are_shared_take_the_place_of_the_pods_own(tmp_path: Path) -> None:
    overlay = HOME / "components" / "shared-kernels"
    plan = {
        "kind": "Kustomization",
        "resources": [str(HOME / "base")],
        "components": [str(overlay)],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(plan))
    for made in render.rendered(tmp_path):
        if made["kind"] == "Deployment" and made["metadata"]["name"] not in {"gateway", "auditor"}:
            volumes = {volume["name"]: volume for volume in made["spec"]["template"]["spec"]["volumes"]}
            assert volumes["kernels"] == {
                "name": "kernels",
                "persistentVolumeClaim": {"claimName": "rebalancer-kernels"},
            }
            assert len(volumes) == len(made["spec"]["template"]["spec"]["volumes"])


def test_what_the_plain_rendering_does_not_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("kind: Kustomization\nnamePrefix: x-\n")
    with pytest.raises(ValueError, match="namePrefix"):
        render.rendered(tmp_path)
    (tmp_path / "kustomization.yaml").write_text(
        "kind: Kustomization\npatches: [{target: {kind: Job, name: x}, patch: '[]'}]\n"
    )
    with pytest.raises(ValueError, match="to be patched"):
        render.rendered(tmp_path)
