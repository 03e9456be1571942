"""The HTTP API beside queue and batches: files, analyses, the signed-in user, what is pushed."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from shared.contracts.types import OutboundModel


class FileView(OutboundModel):
    file_id: str
    file_name: str
    custodian: str | None
    as_of: date | None
    status: Literal["LOADING", "LOADED", "PUBLISHED", "REFUSED", "DUPLICATE"]
    reason: str | None
    rows: int
    rows_done: int
    accounts: int
    held: int
    received_at: datetime
    problems: list["RowProblem"] = Field(default_factory=list)


class RowProblem(OutboundModel):
    line: int
    account_number: str | None
    column: str | None
    code: str
    message: str


class FileList(OutboundModel):
    rows: list[FileView]


class RunView(OutboundModel):
    """Progress of an analysis: of the whole book, or of what a change of targets or prices touches when it is much."""

    run_id: str
    business_date: date
    price_set: int
    kind: Literal["DAILY", "ON_DEMAND", "TARGET", "PRICES"]
    started_at: datetime
    finished_at: datetime | None
    accounts: int
    accounts_done: int
    flagged: int


class Me(OutboundModel):
    """The signed-in user; csrf goes back in the X-CSRF-Token header of every command."""

    subject: str
    name: str
    roles: list[str]
    enterprises: list[str]
    advisors: list[str] | None
    csrf: str


class Pushed(OutboundModel):
    """One server-sent event: what changed, never its content (the client fetches, so entitlements hold)."""

    kind: Literal["batch", "queue", "analysis", "file"]
    id: str
    version: int
