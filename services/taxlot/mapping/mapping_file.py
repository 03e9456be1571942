"""Read a mapping from its YAML file; what is wrong with it is named with its path and where it stands."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from services.taxlot.mapping.model import FormatMapping


class MappingRefused(Exception):
    """A mapping cannot be put in force.  The message names file, place and remedy."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path.name}: {detail}")


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key that stands twice: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping node as a dictionary.  Raises ConstructorError if a key stands twice."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path) -> FormatMapping:
    """Return the mapping.  Raises MappingRefused if the file is no mapping, and OSError if it cannot be read."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingRefused(path, f"is no YAML: {error}") from error
    try:
        return FormatMapping.model_validate(content)
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(step) for step in each['loc']) or 'mapping'}: {each['msg']}" for each in error.errors()
        ]
        raise MappingRefused(path, "; ".join(problems)) from error
