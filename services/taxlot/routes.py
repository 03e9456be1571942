"""The internal HTTP of taxlot: uploads, and what became of files.  The gateway forwards to it."""

import asyncio
import re
import uuid
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request

from services.taxlot.intake.inbox import UPLOADS
from services.taxlot.intake.load import connected
from services.taxlot.settings import TaxlotSettings
from services.taxlot.store import ledger
from shared.contracts.types import Ours
from shared.problems import BadInput, Conflict, NotFound, Problem, Unavailable

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,120}$")


class TooLarge(Problem):
    """The upload is larger than the settings allow."""

    status, code, title = 413, "too_large", "The file is too large"


class Accepted(Ours):
    """An upload that is complete and safe; `name` is how the ledger will show it."""

    name: str
    size_bytes: int


class FileView(Ours):
    """A file of the ledger: n of N records read, and how it ended."""

    file_id: int
    name: str
    source: str
    status: str
    custodian: str | None
    data_date: date | None
    kind: str | None
    records_total: int | None
    records_done: int
    accounts: int
    changed: int
    held: int
    unknown: int
    reason_code: str | None
    reason: str | None
    duplicate_of: int | None
    received_at: datetime
    loaded_at: datetime | None
    published_at: datetime | None


class ProblemView(Ours):
    """What was wrong (HOLD) or worth a look (NOTE); line 0: the file as a whole."""

    line: int
    severity: str
    code: str
    account_number: str
    account_id: str | None
    text: str


class FileDetail(FileView):
    """A file with its problems, holds first."""

    problems: list[ProblemView]


def add_routes(app: FastAPI, settings: TaxlotSettings) -> None:
    """Add the routes to the service's HTTP."""

    @app.post("/files", status_code=202)
    async def upload(request: Request, x_file_name: Annotated[str, Header()]) -> Accepted:
        """Store the body in the inbox, complete or not at all; from there it is taken in like any other file."""
        if settings.inbox_dir is None:
            raise Unavailable("uploads need an inbox folder (REBALANCER_INBOX_DIR); none is set")
        if not _NAME.match(x_file_name) or x_file_name.endswith(".part"):
            raise BadInput(f"the file name {x_file_name[:130]!r} must be letters, digits and . _ @ -")
        size = await _receive(request, settings.inbox_dir / UPLOADS / x_file_name, settings.max_upload_bytes)
        return Accepted(name=x_file_name, size_bytes=size)

    @app.get("/files")
    async def files(limit: Annotated[int, Query(ge=1, le=500)] = 50) -> list[FileView]:
        """Return the newest files, newest first."""

        def read() -> list[dict[str, Any]]:
            with connected(settings.database_url, autocommit=True) as connection:
                return ledger.newest(connection, limit)

        return [FileView(**row) for row in await asyncio.to_thread(read)]

    @app.get("/files/{file_id}")
    async def file(file_id: int, limit: Annotated[int, Query(ge=0, le=10_000)] = 200) -> FileDetail:
        """Return one file with what was wrong in it."""

        def read() -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
            with connected(settings.database_url, autocommit=True) as connection:
                return ledger.get(connection, file_id), ledger.problems_of(connection, file_id, limit)

        found, problems = await asyncio.to_thread(read)
        if found is None:
            raise NotFound(f"no file has the number {file_id}")
        return FileDetail(**found, problems=[ProblemView(**one) for one in problems])


async def _receive(request: Request, target: Path, most_bytes: int) -> int:
    """Write the body to a hidden file, then give it its name in one step; return its size."""
    if target.exists():
        raise Conflict(f"a file named {target.name} is waiting already; give this one another name")
    unfinished = target.with_name(f".{uuid.uuid4().hex}.part")
    size = 0
    try:
        with unfinished.open("wb") as file:
            async for piece in request.stream():
                size += len(piece)
                if size > most_bytes:
                    raise TooLarge(f"the file is larger than {most_bytes} bytes")
                await asyncio.to_thread(file.write, piece)
        if not size:
            raise BadInput("the body is empty; send the file itself as the body")
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return size
