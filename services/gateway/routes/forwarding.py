"""How the routes of services behind the gateway are forwarded."""

from fastapi import Request, Response

from services.gateway.dependencies import parts_of
from services.gateway.recording import asked
from services.gateway.sessions import SignedIn
from services.gateway.upstream import Service


async def forward(request: Request, caller: SignedIn, service: Service) -> Response:
    """Send the request on to its service, with who asks, and return the answer as it is."""
    parts = parts_of(request)
    content = await request.body()
    if request.method != "GET":
        await asked(request, content)
    return await parts.upstream.forward(
        request,
        service,
        caller.principal,
        content=content,
        timeout_s=parts.settings.forward_timeout_s,
    )
