"""Field types of events and API models: exact text for money, quantities and weights, identities, bounds of the rest.

Digits are ASCII digits: other readers do not accept the digits of other scripts.
"""

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Identity = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:@-]+$")]
IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]  # as a UUID is written
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]  # a digest in hexadecimal digits
Usd = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,13}\.[0-9]{2}$")]  # dollars and cents
Price = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}(\.[0-9]{1,6})?$")]  # dollars a unit
Quantity = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,10}(\.[0-9]{1,6})?$")]  # units
Weight = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,9})?$")]  # fraction: 0.125 is 12.5 %
ExactWeight = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}(\.[0-9]{1,18})?$")]  # with every decimal it has


def _utc(value: datetime) -> datetime:
    """Return the time in UTC.  Raises ValueError if it has no zone."""
    if value.tzinfo is None:
        raise ValueError("a time needs its zone, e.g. 2026-01-02T15:04:05Z")
    return value.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_utc)]

MAX_VERSION: Final = 2**53 - 1  # the largest integer that every JSON reader keeps exactly
MAX_COUNT: Final = 10**9  # a count in an `integer` column, with room above it
FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date(2099, 12, 31)
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_TEXT: Final = frozenset(("Cc", "Cs", "Zl", "Zp"))  # control characters, lone surrogates, line and paragraph breaks


def shown_text(value: str) -> str:
    """Return the text unchanged.  Raises ValueError for control characters, lone surrogates and line breaks."""
    if value.isprintable():
        return value
    for index, letter in enumerate(value):
        if unicodedata.category(letter) in _NO_TEXT:
            raise ValueError(f"character {index + 1} is U+{ord(letter):04X}: control characters are not allowed")
    return value


def _iso_day(value: Any) -> Any:
    """Accept a date or its text only, because pydantic would read a number as seconds since 1970.

    Raises ValueError for anything else.
    """
    if isinstance(value, datetime) or not (
        isinstance(value, date) or (isinstance(value, str) and _ISO_DAY.fullmatch(value))
    ):
        raise ValueError("a date is YYYY-MM-DD")
    return value


def _sane_day(value: date) -> date:
    """Return the date.  Raises ValueError if it is before FIRST_DAY or after LAST_DAY."""
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"a date is from {FIRST_DAY} to {LAST_DAY}")
    return value


Version = Annotated[int, Field(ge=1, le=MAX_VERSION)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(shown_text)]
Remark = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(shown_text)]
LotName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(shown_text)]
Day = Annotated[date, BeforeValidator(_iso_day), Field(strict=False), AfterValidator(_sane_day)]


class OutboundModel(BaseModel):
    """Base of everything we publish: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InboundModel(BaseModel):
    """Base of everything others publish: frozen, unknown fields are passed over, and what is no number is none:
    neither "5" nor true nor 5.0 stands for 5."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
