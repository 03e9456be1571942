"""`python -m deploy.kubernetes.schemas DEFINITIONS CRD...`: write schemas.json, against which manifests are checked.

DEFINITIONS is the OpenAPI definitions of a Kubernetes release as JSON, each CRD a definition of an operator as YAML;
both come from their projects, all under the Apache License 2.0.  Kept are names and types of the fields near those
that our manifests use: a misspelt field and a value of a wrong type are found, and the file stays small.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.kubernetes import files, render
from deploy.kubernetes.workloads import Manifest

SCHEMAS: Final = files.HOME / "schemas.json"
FOLDERS: Final = ("prepare", *(f"overlays/{path.name}" for path in sorted((files.HOME / "overlays").iterdir())))
_DESCRIBED: Final = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"$ref": "/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"},
}
Schema = dict[str, Any] | bool


def all_manifests() -> list[Manifest]:
    """Return every object of every folder that is applied, and the claims of components that none of them uses."""
    found = [made for folder in FOLDERS for made in render.rendered(files.HOME / folder)]
    for path in sorted((files.HOME / "components").glob("*/claim.yaml")):
        found += yaml.safe_load_all(path.read_text())
    return found


def kind_of(made: Manifest) -> str:
    """Return version and kind of an object, as the schemas are named."""
    return f"{made['apiVersion']} {made['kind']}"


def derived(definitions: Mapping[str, Any], crds: Iterable[Manifest], made: Iterable[Manifest]) -> dict[str, Schema]:
    """Return a schema for each kind of the manifests.  Raises KeyError if a kind is in none of the sources."""
    roots = {**_roots_of_kubernetes(definitions), **_roots_of_operators(crds)}
    samples: dict[str, list[Any]] = {}
    for manifest in made:
        samples.setdefault(kind_of(manifest), []).append(manifest)
    return {kind: _cut(roots[kind], values, definitions) for kind, values in sorted(samples.items())}


def _roots_of_kubernetes(definitions: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for schema in definitions.values():
        for named in schema.get("x-kubernetes-group-version-kind", ()):
            version = f"{named['group']}/{named['version']}" if named["group"] else named["version"]
            found[f"{version} {named['kind']}"] = schema
    return found


def _roots_of_operators(crds: Iterable[Manifest]) -> dict[str, Any]:
    found = {}
    for crd in crds:
        for version in crd["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            whole = {**schema, "properties": {**schema["properties"], **_DESCRIBED}}
            found[f"{crd['spec']['group']}/{version['name']} {crd['spec']['names']['kind']}"] = whole
    return found


def _cut(schema: Any, samples: Sequence[Any], definitions: Mapping[str, Any]) -> Schema:
    """Return what a schema says of values like these; of what none of them has it says that it may be there."""
    if "$ref" in schema:
        return _cut(definitions[schema["$ref"].rpartition("/")[2]], samples, definitions)
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string" or "oneOf" in schema:
        return {"type": ["integer", "string"]}
    kinds = schema.get("type", "object")
    kind = next(name for name in ([kinds] if isinstance(kinds, str) else kinds) if name != "null")
    if kind == "array":
        return {
            "type": kind,
            "items": _cut(schema["items"], [item for value in samples for item in value], definitions),
        }
    if kind != "object":
        return {"type": kind, **({"enum": schema["enum"]} if "enum" in schema else {})}
    if "properties" in schema:
        fields = {
            name: _cut(child, values, definitions) if (values := _values(samples, name)) else True
            for name, child in sorted(schema["properties"].items())
        }
        needed = schema.get("required")
        return {
            "type": kind,
            "properties": fields,
            "additionalProperties": False,
            **({"required": needed} if needed else {}),
        }
    of_each = schema.get("additionalProperties", True)
    if isinstance(of_each, bool):
        return {"type": kind}
    inner = [item for value in samples for item in value.values()]
    return {"type": kind, "additionalProperties": _cut(of_each, inner, definitions)}


def _values(samples: Sequence[Any], name: str) -> list[Any]:
    return [value[name] for value in samples if name in value]


def main() -> int:
    """Write the file and return the exit code."""
    definitions = json.loads(Path(sys.argv[1]).read_text())
    crds = [crd for name in sys.argv[2:] for crd in yaml.safe_load_all(Path(name).read_text()) if crd]
    found = derived(definitions.get("$defs", definitions.get("definitions")), crds, all_manifests())
    SCHEMAS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
