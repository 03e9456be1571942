"""What tests of the manifests of Kubernetes share: the rendered objects by name, and the containers of compose."""

import importlib
from copy import deepcopy
from functools import cache
from typing import Any

import yaml
from pydantic_settings import BaseSettings

from deploy.kubernetes import files, render, scaling
from deploy.kubernetes.workloads import Manifest, Workload
from deploy.stack.layout import CHECKOUT

HOME = files.HOME
SETTINGS = scaling.settings_of(HOME / "foundation" / "settings.yaml")
ONE_POD_EACH = "overlays/demo"


def by_name(found: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    return {(made["kind"], made["metadata"]["name"]): made for made in found}


def objects(folder: str, kind: str) -> dict[str, Manifest]:
    """Return the objects of a kind by name, for the caller to change as it likes."""
    return {name: deepcopy(made) for (of_kind, name), made in _rendered(folder).items() if of_kind == kind}


@cache
def _rendered(folder: str) -> dict[tuple[str, str], Manifest]:
    return by_name(render.rendered(HOME / folder))


def pods(folder: str) -> dict[str, Manifest]:
    """Return the pod of every Deployment and Job of a folder."""
    return {
        name: made["spec"]["template"] for kind in ("Deployment", "Job") for name, made in objects(folder, kind).items()
    }


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def compose() -> dict[str, Any]:
    services: dict[str, Any] = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text())["services"]
    return services


def settings_class(workload: Workload) -> type[BaseSettings]:
    found: type[BaseSettings] = importlib.import_module(f"services.{workload.service}.settings").Settings
    return found
