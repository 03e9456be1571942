"""Routes that authenticate and authorise before anything else, in the gateway and in the services behind it.

Routes of `router()` are guarded: the app's door authenticates the request, contracts.roles decides by role. Routes of
`open_router()` are for everybody. An app with any other route cannot be built.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator
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
PROBES: Final = ("/healthz", "/readyz", "/metrics")


class RouteWithoutRule(Exception):
    """An app has a route that is neither open nor in the role table."""


class Guarded(APIRoute):
    """A route for the roles that shared.contracts.roles lists under its operation id."""

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
                raise Forbidden(f"this is for the role {needed}; you have {', '.join(principal.roles) or 'none'}")
            request.state.principal = principal
            return await handle(request)

        return admitted


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
