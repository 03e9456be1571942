"""How the routes of services behind the gateway are forwarded."""

from typing import Final

from fastapi import Request, Response

from services.gateway.dependencies import dependencies_of
from services.gateway.sessions.sessions import SignedIn
from services.gateway.upstream import Service

_PIECE_S: Final = 150.0  # a whole list is sorted before its first row; longer than the database takes at most


async def forward(request: Request, caller: SignedIn, service: Service) -> Response:
    """Forward the request to its service with the signed principal, and return the response as it is."""
    dependencies = dependencies_of(request)
    content = await request.body()
    if request.method != "GET":
        await dependencies.recorder.record_command(request, content)
    return await dependencies.upstream.forward(
        request,
        service,
        caller.principal,
        content=content,
        timeout_s=dependencies.settings.forward_timeout_s,
    )


async def stream(request: Request, caller: SignedIn, service: Service) -> Response:
    """Forward a read whose response is passed on while it is made, however long it is."""
    upstream = dependencies_of(request).upstream
    return await upstream.stream(request, service, caller.principal, timeout_s=_PIECE_S)
