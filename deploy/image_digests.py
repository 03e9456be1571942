"""`python -m deploy.image_digests [--no-pull]`: name every image of others by its digest.

docker-compose.yml and the Dockerfile name tags, which their makers may move, and which machines without a registry give
to images of their own (deploy/engine).  Where a registry is reached this asks the engine for the digests that it
answered for these tags, and writes docker-compose.digests.yml, which puts them in force:

    docker compose -f docker-compose.yml -f docker-compose.digests.yml up

Base images of the Dockerfile are replaced as BuildKit's named contexts.  An image without a digest was made here: then
nothing is written, and the command ends with 1.

Source: Compose specification, `image` and `build.additional_contexts`; BuildKit, named contexts of kind docker-image.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.stack.layout import CHECKOUT
from shared.runtime.version import VERSION

COMPOSE: Final = CHECKOUT / "docker-compose.yml"
DOCKERFILE: Final = CHECKOUT / "deploy" / "docker" / "Dockerfile"
PINNED: Final = "docker-compose.digests.yml"
_OURS: Final = "rebalancer:"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD: Final = "# Written by `python -m deploy.image_digests`: run it again to take newer images.\n"


class NoDigest(Exception):
    """An image has no digest of a registry; the sentence says which and why."""


def main() -> int:
    """Write the file; return 1 and leave it as it was if an image has no digest."""
    options = _parser().parse_args()
    compose = yaml.safe_load(COMPOSE.read_text())
    bases = based_on(DOCKERFILE.read_text())
    try:
        digests = {
            image: digest_of(image, pull=not options.no_pull) for image in sorted({*started(compose).values(), *bases})
        }
    except NoDigest as problem:
        print(f"{problem}: nothing was written", file=sys.stderr)
        return 1
    options.out.write_text(_HEAD + yaml.safe_dump(override(compose, bases, digests), sort_keys=False))
    print(f"{options.out}: {len(digests)} images by digest")
    return 0


def started(compose: Mapping[str, Any]) -> dict[str, str]:
    """Return of each service that runs an image of others that image, with its tag."""
    services = {name: service.get("image", _OURS) for name, service in compose["services"].items()}
    return {name: image for name, image in services.items() if not image.startswith(_OURS)}


def based_on(dockerfile: str) -> list[str]:
    """Return the images that a Dockerfile builds upon, without its own stages."""
    found = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", dockerfile, re.MULTILINE)
    stages = {stage for _, stage in found}
    return sorted({image for image, _ in found if image not in stages})


def digest_of(image: str, *, pull: bool) -> str:
    """Return the digest that a registry gave for an image with a tag.  Raises NoDigest.

    pull: ask the registry first; otherwise the image that is here is taken.
    """
    if pull and (refused := _docker("pull", "--quiet", image)).returncode:
        raise NoDigest(f"{image} cannot be had: {_last(refused.stderr)}")
    looked = _docker("image", "inspect", "--format", "{{json .RepoDigests}}", image)
    if looked.returncode:
        raise NoDigest(f"{image} is not here: {_last(looked.stderr)}")
    repository = image.rpartition(":")[0]
    for named in json.loads(looked.stdout) or ():
        name, _, digest = named.partition("@")
        if name == repository and _DIGEST.fullmatch(digest):
            return str(digest)
    raise NoDigest(f"{image} has no digest of a registry: it was made on this machine")


def override(compose: Mapping[str, Any], bases: Iterable[str], digests: Mapping[str, str]) -> dict[str, Any]:
    """Return what a second compose file says: every image of others by tag and digest, also those built upon."""
    services: dict[str, Any] = {
        name: {"image": f"{image}@{digests[image]}"} for name, image in started(compose).items()
    }
    contexts = [f"{image}=docker-image://{image}@{digests[image]}" for image in bases]
    for name, service in compose["services"].items():
        if "build" in service:
            services[name] = {"build": {"additional_contexts": contexts}}
    return {"services": services}


def _docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoDigest("docker is not installed") from error


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.image_digests", description=__doc__)
    parser.add_argument("--version", action="version", version=f"rebalancer {VERSION}")
    parser.add_argument("--no-pull", action="store_true", help="take the images that are here; ask no registry")
    parser.add_argument("--out", type=Path, default=CHECKOUT / PINNED, help="the file to write (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
