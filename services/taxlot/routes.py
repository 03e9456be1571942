"""The internal HTTP of taxlot: uploads, and what became of files.  The gateway forwards to it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from services.taxlot.domain.sender import Sender
from services.taxlot.intake import uploads
from services.taxlot.intake.inbox import UPLOADS
from services.taxlot.intake.receiving import checked_name
from services.taxlot.settings import Settings
from services.taxlot.store import visible_files
from shared.contracts.api_work import FileList, FileView, RowProblem
from shared.contracts.problems import NotFound, Unavailable
from shared.contracts.query import LARGEST_ID, Whole
from shared.contracts.tenancy import scope_of
from shared.http import routing
from shared.http.parameters import FileName
from shared.postgres.pool import Requests
from shared.runtime.clock import Clock


def router(settings: Settings, clock: Clock, requests: Requests) -> APIRouter:
    """Return the routes of the service's HTTP."""
    routes = routing.router()

    @routes.post("/v1/files", operation_id="upload_file", status_code=202)
    async def upload(request: Request, caller: routing.Caller, name: FileName) -> FileView:
        """Store the body and its sender in the inbox, complete or not at all; it acts on the sender's rights only."""
        if settings.inbox_dir is None:
            raise Unavailable("uploads need an inbox folder (REBALANCER_INBOX_DIR); none is set")
        scope = scope_of(caller)
        sender = Sender(scope.subject, scope.enterprises, scope.advisors)
        folder, most_bytes = settings.inbox_dir / UPLOADS, settings.max_upload_bytes
        await uploads.receive(request.stream(), folder, checked_name(name), sender, clock.now(), most_bytes)
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
        """Return the newest files that concern accounts of the asker, newest first."""
        scope = scope_of(caller)
        async with requests.scoped(scope) as connection:
            rows = await visible_files.newest(connection, scope, limit)
        return FileList(rows=[_view(row) for row in rows])

    @routes.get("/v1/files/{file_id}", operation_id="get_file")
    async def file(
        caller: routing.Caller,
        file_id: Annotated[Whole, Path(ge=1, le=LARGEST_ID)],
        limit: Annotated[Whole, Query(ge=0, le=10_000)] = 200,
    ) -> FileView:
        """Return one file with what was wrong in it, as far as it concerns accounts the asker may see."""
        scope = scope_of(caller)
        async with requests.scoped(scope) as connection:
            found = await visible_files.get(connection, scope, file_id, limit)
        if found is None:
            raise NotFound(f"there is no file {file_id}, or it is not yours to see")
        return _view(found)

    return routes


def _view(row: dict[str, Any]) -> FileView:
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
            for one in row.get("problems", ())
        ],
    )
