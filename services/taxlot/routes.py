"""The internal HTTP of taxlot: upload files, list them with their problems.  The gateway forwards to it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from services.taxlot.intake.uploads import Uploads
from services.taxlot.store import visible_files
from shared.contracts.api_work import FileList, FileView, RowProblem
from shared.contracts.problems import NotFound
from shared.contracts.query import Whole
from shared.contracts.tenancy import scope_of
from shared.http import routing
from shared.http.parameters import FileName, FilePath
from shared.postgres.pool import Requests
from shared.runtime.clock import Clock


def router(uploads: Uploads, clock: Clock, requests: Requests) -> APIRouter:
    """Return the routes of the service's HTTP."""
    routes = routing.router()

    @routes.post("/v1/files", operation_id="upload_file", status_code=202)
    async def upload(request: Request, caller: routing.Caller, name: FileName) -> FileView:
        """Store the body and its sender in the inbox, complete or not at all; it acts on the sender's rights only."""
        await uploads.receive(request.stream(), name, scope_of(caller), clock.now())
        return FileView(
            file_id=f"upload:{name}",  # the ledger numbers the file when its load begins
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
        file_id: FilePath,
        limit: Annotated[Whole, Query(ge=0, le=10_000)] = 200,
    ) -> FileView:
        """Return one file with what was wrong in it, as far as it concerns accounts the asker may see."""
        scope = scope_of(caller)
        async with requests.scoped(scope) as connection:
            row = await visible_files.get(connection, scope, file_id, limit)
        if row is None:
            raise NotFound(f"There is no file {file_id}, or it is not yours to see.")
        return _view(row)

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
                line=problem["line"],
                account_number=problem["account_number"] or None,
                column=None,
                code=problem["code"],
                message=problem["text"],
            )
            for problem in row.get("problems", ())
        ],
    )
