"""Field types of events and API models: exact text for money, quantities and weights, and the identities."""

from datetime import UTC, datetime
from typing import Annotated, NewType

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

AccountId = NewType("AccountId", str)
BatchId = NewType("BatchId", int)

Identity = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:@-]+$")]
Usd = Annotated[str, StringConstraints(pattern=r"^-?\d{1,13}\.\d{2}$")]  # dollars and cents
Price = Annotated[str, StringConstraints(pattern=r"^\d{1,7}(\.\d{1,6})?$")]  # dollars a unit
Quantity = Annotated[str, StringConstraints(pattern=r"^-?\d{1,10}(\.\d{1,6})?$")]  # units
Weight = Annotated[str, StringConstraints(pattern=r"^-?\d{1,3}(\.\d{1,9})?$")]  # fraction: 0.125 is 12.5 %


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone, e.g. 2026-01-02T15:04:05Z")
    return value.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_utc)]


class Ours(BaseModel):
    """Base of everything we publish: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Foreign(BaseModel):
    """Base of everything others publish: frozen, and unknown fields are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")
