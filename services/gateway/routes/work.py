"""Custodian files and analysis runs."""

from typing import Any

from fastapi import Request, Response

from services.gateway.dependencies import dependencies_of
from services.gateway.routes.door import SignedInUser
from services.gateway.routes.forwarding import forward
from shared.contracts.api_work import FileList, FileView, RunView
from shared.http import routing
from shared.http.parameters import FileName, FilePath, IdempotencyKey

router = routing.router(prefix="/api/v1", tags=["work"])
_RAW_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/files", operation_id="list_files", response_model=FileList)
async def list_files(request: Request, caller: SignedInUser) -> Response:
    """List the custodian files taken in, newest first."""
    return await forward(request, caller, "taxlot")


@router.post("/files", operation_id="upload_file", response_model=FileView, status_code=202, openapi_extra=_RAW_BODY)
async def upload_file(request: Request, caller: SignedInUser, name: FileName) -> Response:
    """Take in a custodian file; its bytes are the body, streamed through and never held here as a whole."""
    dependencies = dependencies_of(request)
    await dependencies.recorder.record_command(request)
    return await dependencies.upstream.forward(
        request,
        "taxlot",
        caller.principal,
        content=request.stream(),
        timeout_s=dependencies.settings.upload_timeout_s,
    )


@router.get("/files/{file_id}", operation_id="get_file", response_model=FileView)
async def get_file(request: Request, caller: SignedInUser, file_id: FilePath) -> Response:
    """Show what became of a file, row problems included."""
    return await forward(request, caller, "taxlot")


@router.post("/runs", operation_id="start_run", response_model=RunView, status_code=202)
async def start_run(request: Request, caller: SignedInUser, idempotency_key: IdempotencyKey = None) -> Response:
    """Analyse the whole book now."""
    return await forward(request, caller, "analyzer")


@router.get("/runs/latest", operation_id="get_latest_run", response_model=RunView)
async def get_latest_run(request: Request, caller: SignedInUser) -> Response:
    """Show the newest analysis of the whole book."""
    return await forward(request, caller, "analyzer")
