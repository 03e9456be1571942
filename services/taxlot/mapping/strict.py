"""What the models of a mapping have in common."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Column = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Strict(BaseModel):
    """Strict: YAML's `00123` and `yes` are no texts, they must be quoted; an unknown key is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def check_pattern(text: str) -> str:
    """Return the text.  Raises ValueError if it is no regular expression."""
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


def check_group(text: str) -> None:
    """Raise ValueError if the text is no regular expression with the group `value`."""
    if "value" not in re.compile(check_pattern(text)).groupindex:
        raise ValueError(f"the pattern {text!r} has no group (?P<value>...)")
