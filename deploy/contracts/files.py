"""Every file of docs/events that is made from the contracts: schemas, the AsyncAPI document, pages."""

from pathlib import Path

from deploy.contracts import pages
from deploy.contracts.examples import EVENTS, as_committed
from shared.contracts.asyncapi import document
from shared.contracts.catalogue import published
from shared.contracts.event_schemas import schemas

SCHEMAS = "schemas"


def generated() -> dict[str, str]:
    """Return the text of every file by its path below docs/events."""
    made = {f"{SCHEMAS}/{topic}.json": as_committed(schema) for topic, schema in schemas().items()}
    made["asyncapi.json"] = as_committed(document())
    made["README.md"] = pages.index()
    return made | {f"{topic.name}.md": pages.page(topic) for topic in published()}


def committed(root: Path = EVENTS) -> dict[str, str]:
    """Return the text of every file that stands where generated ones do, by its path below `root`."""
    paths = [*root.glob("*.md"), *root.glob("*.json"), *(root / SCHEMAS).glob("*.json")]
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def write(root: Path = EVENTS) -> list[str]:
    """Bring `root` up to date and return the paths that changed; what is no longer generated is deleted."""
    wanted, there = generated(), committed(root)
    for name in there.keys() - wanted.keys():
        (root / name).unlink()
    for name, text in wanted.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
