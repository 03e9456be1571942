"""Releases of the contract: schemas, AsyncAPI document and golden events as they were, under docs/events/released.

A release is never changed: `SHA256SUMS` in it names the digest of each of its files, as `sha256sum` does.
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, Final

from deploy.contracts.compatibility import breaking
from deploy.contracts.examples import EVENTS, FOLDER
from deploy.contracts.files import SCHEMAS
from shared.contracts.asyncapi import document
from shared.contracts.catalogue import published
from shared.contracts.event_schemas import schemas
from shared.contracts.topics import Topic

RELEASED: Final = EVENTS / "released"
DIGESTS: Final = "SHA256SUMS"
DOCUMENT: Final = "asyncapi.json"


def releases(root: Path = RELEASED) -> list[Path]:
    """Return the folders of all releases, the oldest first."""
    return sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: int(path.name))


def cut(number: int, root: Path = RELEASED, events: Path = EVENTS) -> Path:
    """Keep the committed contract as release `number` and return its folder.

    Raises FileExistsError if there is such a release: what is released stays as it is.
    """
    folder = root / str(number)
    folder.mkdir(parents=True)
    for name in (SCHEMAS, FOLDER):
        shutil.copytree(events / name, folder / name)
    shutil.copyfile(events / DOCUMENT, folder / DOCUMENT)
    seal(folder)
    return folder


def seal(folder: Path) -> None:
    """Write the digests of a release."""
    (folder / DIGESTS).write_text(digests(folder))


def digests(folder: Path) -> str:
    """Return a line with SHA-256 and path of every file of a release, the list itself left out."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != DIGESTS)
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in paths
    )


def schemas_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the schemas of a release by topic; none of one from before the contract had a number."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((folder / SCHEMAS).glob("*.json"))}


def broken_since(folder: Path) -> list[str]:
    """Return a sentence for each promise of a release that the present contract breaks."""
    found: list[str] = []
    topics, present = {topic.name: topic for topic in published()}, schemas()
    was = json.loads((folder / DOCUMENT).read_text())
    for name, schema in schemas_of(folder).items():
        if name not in topics:
            found.append(f"{name} is gone: publish it on until nobody reads it, and say so in a release")
            continue
        audience = topics[name].audience
        found += [f"{name}: {difference}" for difference in breaking(audience, schema, present[name])]
        found += [f"{name}: {change}" for change in broken_topic(was, document(), topics[name])]
    return found


def broken_topic(before: dict[str, Any], after: dict[str, Any], topic: Topic) -> list[str]:
    """Return what readers of a topic notice beside its values: key, partitions, and how long events are kept."""
    found = []
    keys = [_key(document, topic) for document in (before, after)]
    if keys[0] != keys[1]:
        found.append(f"its key was {keys[0]}, is {keys[1]}")
    old, new = (document["channels"][topic.name]["bindings"]["kafka"] for document in (before, after))
    if old["partitions"] != new["partitions"]:
        found.append(f"it had {old['partitions']} partitions, has {new['partitions']}: the order within a key is lost")
    was, is_now = old["topicConfiguration"], new["topicConfiguration"]
    if was.get("cleanup.policy") != is_now.get("cleanup.policy"):
        found.append("it was compacted" if "cleanup.policy" in was else "it is compacted now")
    elif was.get("retention.ms", 0) > is_now.get("retention.ms", 0):
        found.append(f"it kept {was['retention.ms']} ms, keeps {is_now['retention.ms']}")
    if was["max.message.bytes"] < is_now["max.message.bytes"]:
        found.append(f"a message had at most {was['max.message.bytes']} bytes, has {is_now['max.message.bytes']}")
    return found


def _key(document: dict[str, Any], topic: Topic) -> str:
    (message,) = document["channels"][topic.name]["messages"]
    return str(document["components"]["messages"][message]["bindings"]["kafka"]["key"]["description"])
