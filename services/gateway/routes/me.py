"""Who is signed in, and the stream of what changes for them."""

from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.dependencies import dependencies_of
from services.gateway.routes.door import SignedInUser
from shared.contracts.api_work import Me
from shared.contracts.principal import Principal
from shared.contracts.roles import may
from shared.http import routing

router = routing.router(prefix="/api/v1", tags=["session"])
LastEventId = Annotated[
    str | None,
    Header(alias="Last-Event-ID", max_length=60, description="Id of the last event seen: the stream resumes after it."),
]
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: the event's name is Pushed.kind, its data is Pushed as JSON. The event "
        "`reset` says that something may have been missed: fetch everything again. The event `alive` comes at the "
        "start and every five seconds: a client that hears nothing for longer has lost the connection.",
        "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Pushed"}}},
    }
}


@router.get("/me", operation_id="get_me", response_model=Me)
async def get_me(caller: SignedInUser) -> Me:
    """Return the signed-in user, with the token that commands must carry."""
    user = caller.principal
    return Me(
        subject=user.subject,
        name=user.name,
        roles=list(user.roles),
        enterprises=list(user.enterprises),
        advisors=user.advisors,
        csrf=caller.csrf,
    )


@router.get("/events", operation_id="stream_events", responses=_STREAM, response_class=StreamingResponse)
async def stream_events(request: Request, caller: SignedInUser, last_event_id: LastEventId = None) -> Response:
    """Push what changed: ids and versions only, of the caller's enterprises. Ends with the session."""
    dependencies = dependencies_of(request)

    async def check_session() -> Principal | None:
        user = await dependencies.sessions.look(caller.key)
        return user if user is not None and may(user.roles, "stream_events") else None

    stream = dependencies.hub.listen(caller.key, caller.principal, last_event_id, check_session)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)
