"""How the routes of services behind the gateway are forwarded."""

from fastapi import Request, Response

from services.gateway.dependencies import dependencies_of
from services.gateway.sessions.sessions import SignedIn
from services.gateway.upstream import Service


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
