"""`python -m deploy.release`: may this checkout be released?  `make release-check` runs it.

Every finding is a line that says what to do; the command ends with 1 when there is one.  So it does when nobody says
which weaknesses of dependencies are known; whoever cannot reach the service says `--without-advisories`, and the last
line says what was not looked at.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy import advisories, sbom, secret_scan
from deploy.stack.layout import CHECKOUT
from deploy.stack.steps import Spoken
from shared.runtime.version import VERSION

LOCKS: Final = ("runtime", "dev")
DOCUMENTS: Final = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md")
LABELS: Final = tuple(
    f"org.opencontainers.image.{name}" for name in ("title", "description", "version", "revision", "licenses")
)
_HEADING: Final = re.compile(r"## (\S+)(?: \((\S+)\))?")
_UNRELEASED: Final = "Unreleased"
Check = Callable[[Path], Iterator[str]]


def main() -> int:
    """Make all checks, also after a finding; return 1 if there is one."""
    options = _parser().parse_args()
    checks: dict[str, Check] = {
        "documents": documents,
        "locks": locks,
        "bill of materials": bill_of_materials,
        "version and changelog": version_and_changelog,
        "secrets": secrets,
        "image labels": image_labels,
    }
    if not options.without_advisories:
        checks["known weaknesses"] = partial(known_weaknesses, service=options.advisories)
    steps = Spoken()
    found: list[str] = []
    for name, check in checks.items():
        with steps.step(name):
            found += [f"{name}: {finding}" for finding in check(CHECKOUT)]
    if found:
        print("\n".join(found))
    elif options.without_advisories:
        print(f"rebalancer {VERSION} may be released, except that KNOWN WEAKNESSES OF DEPENDENCIES WERE NOT LOOKED AT")
    else:
        print(f"rebalancer {VERSION} may be released")
    return int(bool(found))


def documents(checkout: Path) -> Iterator[str]:
    """Yield the documents of a release that are missing."""
    for name in DOCUMENTS:
        if not (checkout / name).is_file():
            yield f"{name} is missing: write it"


def locks(checkout: Path) -> Iterator[str]:
    """Yield what the locks do not hold of what is asked for in requirements/*.in, and differences between locks."""
    folder = checkout / "requirements"
    try:
        held = {
            name: {package: version for package, version, _ in sbom.locked_python(folder / f"{name}.lock")}
            for name in LOCKS
        }
    except sbom.LockError as error:
        yield str(error)
        return
    for name in LOCKS:
        for wanted in asked_for(folder / f"{name}.in"):
            version = held[name].get(canonicalize_name(wanted.name))
            if version is None or not wanted.specifier.contains(version, prereleases=True):
                held_as = f"{wanted.name} {version}" if version else f"no {wanted.name}"
                yield f"{name}.lock has {held_as}, {name}.in asks for {wanted}: run `make lock`"
    for package, version in held["runtime"].items():
        if held["dev"].get(package) != version:
            yield f"{package} is {version} in runtime.lock and not in dev.lock: run `make lock`"


def asked_for(path: Path) -> Iterator[Requirement]:
    """Yield the requirements of a file, those of the files it includes first."""
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            yield from asked_for(path.parent / text.removeprefix("-r ").strip())
        elif text:
            yield Requirement(text)


def bill_of_materials(checkout: Path) -> Iterator[str]:
    """Yield why no bill of materials can be made."""
    try:
        sbom.document(checkout)
    except sbom.LockError as error:
        yield str(error)


def version_and_changelog(checkout: Path) -> Iterator[str]:
    """Yield where the version of shared/runtime/version.py is not the one that stands."""
    path = checkout / "CHANGELOG.md"
    headings = _HEADING.findall(path.read_text()) if path.is_file() else []
    released = [(version, day) for version, day in headings if version != _UNRELEASED]
    if not released or released[0][0] != VERSION:
        newest = released[0][0] if released else "no version"
        yield f"CHANGELOG.md begins with {newest}, the release is {VERSION}: add `## {VERSION} (YYYY-MM-DD)`"
    for version, day in released:
        if not _is_day(day):
            yield f"CHANGELOG.md gives {version} no day: write `## {version} (YYYY-MM-DD)`"
    for name in ("package.json", "package-lock.json"):
        version = json.loads((checkout / "ui" / name).read_text())["version"]
        if version != VERSION:
            yield f"ui/{name} has version {version}, the release is {VERSION}: `npm version {VERSION}` in ui/"


def secrets(checkout: Path) -> Iterator[str]:
    """Yield what looks like a secret."""
    found = secret_scan.found(checkout)
    if found:
        yield f"{found}{secret_scan.ADVICE}"


def image_labels(checkout: Path) -> Iterator[str]:
    """Yield the labels that the Dockerfile does not give the image.  Source: OCI image specification, annotations."""
    text = (checkout / "deploy" / "docker" / "Dockerfile").read_text()
    last_stage = text[text.rfind("\nFROM ") :]
    given = {
        label
        for instruction in re.findall(r"^LABEL ((?:.*\\\n)*.*)", last_stage, re.MULTILINE)
        for label in re.findall(r'"?([a-z0-9.-]+)"?=', instruction)
    }
    for label in LABELS:
        if label not in given:
            yield f"the Dockerfile's last stage has no LABEL {label}"


def known_weaknesses(checkout: Path, service: str = advisories.SERVICE) -> Iterator[str]:
    """Yield what is known against a locked package, or that nobody has said.  Source: deploy.advisories."""
    try:
        components = sbom.document(checkout)["components"]
        found = advisories.known([component["purl"] for component in components], service)
    except sbom.LockError as error:
        yield str(error)
        return
    except advisories.NotScanned as error:
        yield (
            f"NOT LOOKED AT: {error}. Run this where the service can be reached, or with --without-advisories"
            " (make release-check ARGS=--without-advisories)"
        )
        return
    runs = {component["purl"] for component in components if component["scope"] == "required"}
    for package, ids in found.items():
        where = "it runs with the system" if package in runs else "it builds and tests only"
        yield f"{package} ({where}) has {', '.join(ids)}: raise it in its lock, or take it out"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.release", description=__doc__)
    parser.add_argument("--version", action="version", version=f"rebalancer {VERSION}")
    parser.add_argument(
        "--advisories", metavar="URL", default=advisories.SERVICE, help="where to ask (default: %(default)s)"
    )
    parser.add_argument(
        "--without-advisories", action="store_true", help="do not ask for known weaknesses of dependencies"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
