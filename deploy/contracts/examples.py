"""Golden events: committed examples of what is published and taken, one JSON file each, by topic.

Files are indented for readers.  On Kafka the same value travels without white space, in the same order of fields.
"""

import json
from pathlib import Path
from typing import Any, Final

import orjson

from deploy.stack.layout import CHECKOUT

EVENTS: Final = CHECKOUT / "docs" / "events"
FOLDER: Final = "examples"

Examples = dict[str, dict[str, Any]]


def examples(topic: str, root: Path = EVENTS) -> Examples:
    """Return the golden events of a topic by name of their file, without suffix.  root: of this or a former release."""
    return {path.stem: json.loads(path.read_text()) for path in sorted((root / FOLDER / topic).glob("*.json"))}


def as_published(body: dict[str, Any]) -> bytes:
    """Return the value of the message that carries this event."""
    return orjson.dumps(body)


def as_committed(body: object) -> str:
    """Return the text of a file that is committed: indented, with a line break at its end."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
