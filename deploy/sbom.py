"""`python -m deploy.sbom [--out FILE]`: the bill of materials of this release, CycloneDX 1.6 as JSON, from the locks.

A component is one locked package: its version, and the hash of every file that may be installed for it.  Scope
`required` is what runs (requirements/runtime.lock, the interface's dependencies); `excluded` is what only builds and
tests (the rest of requirements/dev.lock, the interface's development dependencies).  The same locks give the same
bytes: there is no time in it, and the serial number is made from the content.  Standard library only.

Source: ECMA-424, CycloneDX 1.6; package URLs as purl-spec writes them.
"""

import argparse
import base64
import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from shared.runtime.version import VERSION

CHECKOUT: Final = Path(__file__).resolve().parent.parent
RUNTIME_LOCK, DEV_LOCK, INTERFACE_LOCK = "requirements/runtime.lock", "requirements/dev.lock", "ui/package-lock.json"
SPEC_VERSION: Final = "1.6"
_ENTRY: Final = re.compile(r"([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)")
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_ALGORITHMS: Final = {"sha512": "SHA-512", "sha384": "SHA-384", "sha256": "SHA-256", "sha1": "SHA-1"}
Component = dict[str, Any]


class LockError(ValueError):
    """A lock does not say what a bill of materials needs; the sentence names lock and package."""


def main() -> int:
    """Write the document to a file or to standard output; return 1 if a lock lacks something."""
    options = _parser().parse_args()
    try:
        text = json.dumps(document(CHECKOUT), indent=1, sort_keys=True) + "\n"
    except LockError as error:
        print(error, file=sys.stderr)
        return 1
    if options.out is None:
        print(text, end="")
    else:
        options.out.write_text(text)
    return 0


def document(checkout: Path) -> dict[str, Any]:
    """Return the document of a checkout.  Raises LockError if a package has no version or no hash."""
    components = [*_python(checkout), *_interface(checkout)]
    components.sort(key=lambda component: component["bom-ref"])
    content = json.dumps(components, sort_keys=True)
    root = f"pkg:generic/rebalancer@{VERSION}"
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC_VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC_VERSION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{root} {content}')}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": root, "name": "rebalancer", "version": VERSION, "purl": root,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
    }  # fmt: skip


def locked_python(path: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Yield name, version and SHA-256 hashes of each entry of a Python lock.  Raises LockError if one has no hash."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", "\n" + path.read_text())
    for entry in entries:
        found = _ENTRY.match(entry)
        if found is None:
            if entry.strip() and not entry.lstrip().startswith("#"):
                raise LockError(f"{path.name}: no version in {entry.splitlines()[0]!r}: run `make lock`")
            continue
        hashes = _HASH.findall(entry)
        if not hashes:
            raise LockError(f"{path.name}: {found[1]} has no hash: run `make lock`")
        yield found[1], found[2], hashes


def _python(checkout: Path) -> Iterator[Component]:
    runs = {(name, version) for name, version, _ in locked_python(checkout / RUNTIME_LOCK)}
    for name, version, hashes in locked_python(checkout / DEV_LOCK):
        purl = f"pkg:pypi/{quote(name)}@{quote(version, safe='.')}"
        found = [{"alg": "SHA-256", "content": digest} for digest in hashes]
        yield _component(name, version, purl, found, runs=(name, version) in runs)


def _interface(checkout: Path) -> Iterator[Component]:
    packages: dict[str, dict[str, Any]] = json.loads((checkout / INTERFACE_LOCK).read_text())["packages"]
    found: dict[str, Component] = {}
    for path, entry in packages.items():
        if not path or entry.get("link"):
            continue
        name = entry.get("name") or path.rpartition("node_modules/")[2]
        if "version" not in entry or "integrity" not in entry:
            raise LockError(f"package-lock.json: {name} has no version or no hash: run `npm install` in ui/")
        purl = f"pkg:npm/{quote(name)}@{quote(entry['version'], safe='.')}"
        runs = not (entry.get("dev") or entry.get("devOptional"))
        component = _component(name, entry["version"], purl, _integrity(entry["integrity"]), runs=runs)
        if isinstance(entry.get("license"), str):
            component["licenses"] = [{"license": {"name": entry["license"]}}]
        # The same version may lie in several folders: it runs if it runs from one of them.
        if purl not in found or runs:
            found[purl] = component
    yield from found.values()


def _component(name: str, version: str, purl: str, hashes: list[dict[str, str]], *, runs: bool) -> Component:
    return {
        "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
        "scope": "required" if runs else "excluded", "hashes": hashes,
    }  # fmt: skip


def _integrity(text: str) -> list[dict[str, str]]:
    """Return hashes of a subresource integrity text, e.g. sha512-<base64>, as CycloneDX writes them."""
    found = []
    for word in text.split():
        algorithm, _, digest = word.partition("-")
        found.append({"alg": _ALGORITHMS[algorithm], "content": base64.b64decode(digest).hex()})
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.sbom", description=__doc__)
    parser.add_argument("--version", action="version", version=f"rebalancer {VERSION}")
    parser.add_argument("--out", type=Path, help="file to write (default: standard output)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
