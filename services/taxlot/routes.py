"""The internal HTTP of taxlot: uploads, and what became of files.  The gateway forwards to it."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from services.taxlot.intake.inbox import UPLOADS
from services.taxlot.intake.load import connected
from services.taxlot.intake.receiving import checked_name, receive
from services.taxlot.settings import TaxlotSettings
from services.taxlot.store import ledger
from shared import routing
from shared.clock import Clock
from shared.contracts.api_work import FileList, FileView, RowProblem
from shared.contracts.inputs import LARGEST_ID, Whole
from shared.problems import NotFound, Unavailable


def router(settings: TaxlotSettings, clock: Clock) -> APIRouter:
    """Return the routes of the service's HTTP."""
    routes = routing.router()

    @routes.post("/v1/files", operation_id="upload_file", status_code=202)
    async def upload(request: Request, caller: routing.Caller, name: str) -> FileView:
        """Store the body in the inbox, complete or not at all; from there it is taken in like any other file."""
        if settings.inbox_dir is None:
            raise Unavailable("uploads need an inbox folder (REBALANCER_INBOX_DIR); none is set")
        target = settings.inbox_dir / UPLOADS / checked_name(name)
        await receive(request.stream(), target, settings.max_upload_bytes)
        return FileView(
            file_id=f"upload:{name}",  # its number follows when it is read
            file_name=name,
            custodian=None,
            as_of=None,
            status="LOADING",
            reason=None,
            rows=0,
            rows_done=0,
            accounts=0,
            held=0,
            received_at=clock.now(),
        )

    @routes.get("/v1/files", operation_id="list_files")
    async def files(caller: routing.Caller, limit: Annotated[Whole, Query(ge=1, le=500)] = 50) -> FileList:
        """Return the newest files, newest first."""

        def read() -> list[dict[str, Any]]:
            with connected(settings.database_url, autocommit=True) as connection:
                return ledger.newest(connection, limit)

        return FileList(rows=[_view(row, []) for row in await asyncio.to_thread(read)])

    @routes.get("/v1/files/{file_id}", operation_id="get_file")
    async def file(
        caller: routing.Caller,
        file_id: Annotated[Whole, Path(ge=1, le=LARGEST_ID)],
        limit: Annotated[Whole, Query(ge=0, le=10_000)] = 200,
    ) -> FileView:
        """Return one file with what was wrong in it, as far as it concerns accounts the asker may see."""

        def read() -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
            with connected(settings.database_url, autocommit=True) as connection:
                found = ledger.get(connection, file_id)
                return found, ledger.problems_of(connection, file_id, caller.enterprises, caller.advisors, limit)

        found, problems = await asyncio.to_thread(read)
        if found is None:
            raise NotFound(f"no file has the number {file_id}")
        return _view(found, problems)

    return routes


def _view(row: dict[str, Any], problems: list[dict[str, Any]]) -> FileView:
    return FileView(
        file_id=str(row["file_id"]),
        file_name=row["name"],
        custodian=row["custodian"],
        as_of=row["data_date"],
        status=row["status"],
        reason=row["reason"],
        rows=row["records_total"] or 0,
        rows_done=row["records_done"],
        accounts=row["accounts"],
        held=row["held"],
        received_at=row["received_at"],
        problems=[
            RowProblem(
                line=one["line"],
                account_number=one["account_number"] or None,
                column=None,
                code=one["code"],
                message=one["text"],
            )
            for one in problems
        ],
    )
