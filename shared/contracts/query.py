"""Types of values in queries, paths and bodies of the HTTP API; shared.http.parameters declares parameters of them."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.contracts.events import TileName
from shared.contracts.types import shown_text

LARGEST_ID: Final = 2**63 - 1
_DIGITS: Final = re.compile(r"-?[0-9]{1,19}")


def _plain_whole(value: object) -> object:
    """Return the value; raise ValueError if it is a text of anything but digits.

    Python would also parse " 5", "1_0", "5.0" and the digits of other scripts.
    """
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        raise ValueError("a whole number is written in at most 19 digits from 0 to 9")
    return value


TileChoiceName = Literal[TileName, "NO_TARGET"]  # what a list of accounts can be narrowed to with one press
ListedState = Literal["HELD", "SETTLING", "IN_BATCH", "OFF", "CLEAR"]  # by which all accounts can be listed
Whole = Annotated[int, BeforeValidator(_plain_whole)]  # written as text, in a query or a path
Expected = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]  # in JSON, where true, "5" and 5.0 are refused
NoneOrMore = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Note = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True), AfterValidator(shown_text)]
Label = Annotated[str, StringConstraints(max_length=80), AfterValidator(shown_text)]
SearchText = Annotated[str, StringConstraints(max_length=200), AfterValidator(shown_text)]
ClauseText = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(shown_text)]
