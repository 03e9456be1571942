"""Routes that authenticate and authorise before anything else, in the gateway and in the services behind it.

Routes of `router()` are guarded: the app's door authenticates the request, contracts.roles decides by role. Routes of
`open_router()` are for everybody. An app with any other route cannot be built.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from shared.contracts.principal import Principal
from shared.contracts.problems import Forbidden, NotSignedIn
from shared.contracts.roles import may, roles_for
from shared.http.principal import HEADER, Errand, verify, verifying_key
from shared.runtime.clock import Clock

Door = Callable[[Request], Awaitable[Principal]]  # authenticates; raises NotSignedIn, or Forbidden
_SINCE, _UNTIL = "x-deprecated-since", "x-sunset"
PROBES: Final = ("/healthz", "/readyz", "/readyz/api", "/metrics")


class RouteWithoutRule(Exception):
    """An app has a route that is neither open nor in the role table."""


class Guarded(APIRoute):
    """A route for the roles that shared.contracts.roles lists under its operation id.

    One that is deprecated says in each response since when (RFC 9745) and when it ends (RFC 8594); see `deprecated`.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler behind the door: nothing of the request is parsed before its principal is known.

        It raises what the door raises, and Forbidden if no role of the principal may use the route.
        """
        handle = super().get_route_handler()

        async def admitted(request: Request) -> Response:
            door: Door = request.app.state.door
            principal = await door(request)
            if not may(principal.roles, self.operation_id):
                needed = " or ".join(sorted(roles_for(self.operation_id))) or "nobody"
                yours = " and ".join(sorted(principal.roles)) or "none"
                raise Forbidden(
                    f"This is for the role {needed}; your role is {yours}. Ask an administrator if you need it."
                )
            request.state.principal = principal
            response = await handle(request)
            response.headers.update(parting)
            return response

        parting = _parting(self)
        return admitted


def deprecated(since: date, until: date) -> dict[str, Any]:
    """Return the arguments of a route that is deprecated since a day and is taken away on another, both UTC."""
    return {"deprecated": True, "openapi_extra": {_SINCE: since.isoformat(), _UNTIL: until.isoformat()}}


def _parting(route: APIRoute) -> dict[str, str]:
    """Return the headers of a route that is deprecated, none for another.

    Raises RouteWithoutRule if it does not say since when, and until when.
    """
    if not route.deprecated:
        return {}
    days = [(route.openapi_extra or {}).get(name) for name in (_SINCE, _UNTIL)]
    if None in days:
        raise RouteWithoutRule(f"{route.path}: it is deprecated; make it with **deprecated(since=..., until=...)")
    since, until = (datetime.combine(date.fromisoformat(str(day)), time(), UTC) for day in days)
    return {"Deprecation": f"@{int(since.timestamp())}", "Sunset": format_datetime(until, usegmt=True)}


class Open(APIRoute):
    """A route for everybody: pages, and sign-in itself."""


def router(prefix: str = "", tags: list[str] | None = None) -> APIRouter:
    """Return a router of guarded routes; each needs an operation id that shared.contracts.roles lists."""
    return APIRouter(prefix=prefix, tags=[*(tags or ())], route_class=Guarded)


def open_router(prefix: str = "") -> APIRouter:
    """Return a router of routes for everybody, which no API document shows."""
    return APIRouter(prefix=prefix, include_in_schema=False, route_class=Open)


def check(app: FastAPI) -> None:
    """Raise RouteWithoutRule if the app has a route that is neither open nor in the role table."""
    for path, route in routes_of(app):
        if path in PROBES or (path and path == app.openapi_url) or isinstance(route, Open):
            continue
        if not isinstance(route, Guarded):
            raise RouteWithoutRule(f"{path or route}: make it by shared.http.routing.router(), so that it is guarded")
        if not roles_for(route.operation_id):
            missing = f"shared/contracts/roles.py has no rule for the operation {route.operation_id!r}"
            raise RouteWithoutRule(f"{path}: {missing}")
        if getattr(app.state, "door", None) is None:
            raise RouteWithoutRule(f"{path}: the app has no door that says who asks; give create_app one")


def routes_of(app: FastAPI) -> Iterator[tuple[str, BaseRoute]]:
    """Yield every route of the app with its full path, those of included routers too."""
    for context in iter_route_contexts(app.routes):
        yield context.path or "", context.original_route


def vouched(service: str, public_key: str, clock: Clock) -> Door:
    """Return the door of a service behind the gateway: it accepts principals that the gateway signed for the request.

    It raises NotSignedIn without such a principal.  Raises ValueError if the key is no public Ed25519 key.
    """
    verifying_key(public_key)

    async def door(request: Request) -> Principal:
        token = request.headers.get(HEADER)
        if token is None:
            raise NotSignedIn(f"the request carries no {HEADER}; ask the gateway, it adds one")
        return verify(token, public_key, clock.now(), Errand(service, request.method, request.scope["path"]))

    return door


def _principal_of(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(_principal_of)]
