"""Who is signed in, and the stream of what changes for them."""

from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.dependencies import parts_of
from services.gateway.routes.authentication import Caller
from shared.contracts.api_work import Me
from shared.contracts.principal import Principal
from shared.contracts.roles import may
from shared.http import routing

router = routing.router(prefix="/api/v1", tags=["session"])
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=60, description="Where to go on.")]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: the event's name is Pushed.kind, its data is Pushed as JSON. The event "
        "`reset` says that something may have been missed: fetch everything again.",
        "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Pushed"}}},
    }
}


@router.get("/me", operation_id="get_me", response_model=Me)
async def get_me(caller: Caller) -> Me:
    """Say who is signed in, with the token that commands must carry."""
    who = caller.principal
    return Me(
        subject=who.subject,
        name=who.name,
        roles=list(who.roles),
        enterprises=list(who.enterprises),
        advisors=who.advisors,
        csrf=caller.csrf,
    )


@router.get("/events", operation_id="stream_events", responses=_STREAM, response_class=StreamingResponse)
async def stream_events(request: Request, caller: Caller, last_event_id: LastEventId = None) -> Response:
    """Push what changed: ids and versions only, of the caller's enterprises. Ends with the session."""
    parts = parts_of(request)

    async def look() -> Principal | None:
        who = await parts.sessions.look(caller.key)
        return who if who is not None and may(who.roles, "stream_events") else None

    stream = parts.hub.listen(caller.key, caller.principal, last_event_id, look)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
