"""As much of Kustomize as our folders use, in plain Python: it runs where the program is not at hand.

Known are resources, components, namespace, images (a new tag), and patches of objects chosen by kind and name: a list
of JSON patch operations, or a file with an object that is merged, where a list replaces a list.  A test compares the
result with Kustomize's own where it is at hand.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.kubernetes.workloads import Manifest

_KNOWN: Final = {"apiVersion", "kind", "resources", "components", "namespace", "images", "patches"}
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the first is ten times as fast, and not everywhere
_WITHOUT_NAMESPACE: Final = {"Namespace"}


def rendered(folder: Path) -> list[Manifest]:
    """Return the objects of a folder.  Raises ValueError for a field not known here, or an object made twice."""
    found: list[Manifest] = []
    _gather(folder, found)
    names = [(made["kind"], made["metadata"]["name"]) for made in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{folder}: {twice} are made twice")
    return found


def read_all(text: str) -> list[Manifest]:
    """Return the objects in a text of YAML."""
    return [made for made in yaml.load_all(text, Loader=_LOADER) if made]  # noqa: S506  # either is a safe loader


def _gather(folder: Path, found: list[Manifest]) -> None:
    """Add the objects of a folder, and change those that were there if it is a component."""
    plan = yaml.safe_load((folder / "kustomization.yaml").read_text())
    if unknown := plan.keys() - _KNOWN:
        raise ValueError(f"{folder}: {sorted(unknown)} are not known here")
    own: list[Manifest] = found if plan["kind"] == "Component" else []
    for name in plan.get("resources", ()):
        path = folder / name
        if path.is_dir():
            _gather(path, own)
        else:
            own += read_all(path.read_text())
    for name in plan.get("components", ()):
        _gather(folder / name, own)
    for made in own:
        if "namespace" in plan and made["kind"] not in _WITHOUT_NAMESPACE:
            made["metadata"]["namespace"] = plan["namespace"]
        for image in plan.get("images", ()):
            _tag(made, image["name"], image["newTag"])
    for patch in plan.get("patches", ()):
        _patch(folder, patch, own)
    if own is not found:
        found += own


def _tag(value: Any, name: str, tag: str) -> None:
    """Give every image of this name, whatever its tag, a tag."""
    for container in _containers(value):
        if container["image"].partition(":")[0] == name:
            container["image"] = f"{name}:{tag}"


def _containers(value: Any) -> Iterator[Manifest]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"containers", "initContainers"}:
                yield from inner
            else:
                yield from _containers(inner)


def _patch(folder: Path, patch: Manifest, found: list[Manifest]) -> None:
    """Change the object that a patch is for.  Raises ValueError if there is none."""
    text = (folder / patch["path"]).read_text() if "path" in patch else patch["patch"]
    content = yaml.safe_load(text)
    target = patch.get("target") or {"kind": content["kind"], "name": content["metadata"]["name"]}
    chosen = [made for made in found if made["kind"] == target["kind"] and made["metadata"]["name"] == target["name"]]
    if not chosen:
        raise ValueError(f"{folder}: there is no {target} to be patched")
    for made in chosen:
        if isinstance(content, list):
            for operation in content:
                _apply(made, operation)
        else:
            _merge(made, content)


def _apply(made: Manifest, operation: Manifest) -> None:
    """Apply one JSON patch operation.  Source: RFC 6902; paths here have no escapes."""
    *way, last = operation["path"].strip("/").split("/")
    holder: Any = made
    for step in way:
        holder = holder[int(step) if isinstance(holder, list) else step]
    key: Any = int(last) if isinstance(holder, list) and last != "-" else last
    if operation["op"] == "remove":
        del holder[key]
    elif operation["op"] == "add" and isinstance(holder, list):
        holder.insert(len(holder) if key == "-" else key, operation["value"])
    else:
        holder[key] = operation["value"]


def _merge(made: Manifest, change: Manifest) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(made.get(key), dict):
            _merge(made[key], value)
        else:
            made[key] = value
