"""Who sends a request, and whether their own page sent it. What they may do: shared.contracts.roles."""

import hmac
from typing import Annotated

from fastapi import Depends, Request

from services.gateway.dependencies import parts_of
from services.gateway.sessions import SignedIn
from shared.contracts.principal import Principal
from shared.contracts.problems import Forbidden, NotSignedIn
from shared.postgres.commits import before_it_begins

_SAFE = ("GET", "HEAD", "OPTIONS")
CSRF_HEADER = "X-CSRF-Token"


class NotFromOurPage(Forbidden):
    """The request does not prove that a page of ours sent it."""

    code, title = "not_from_our_page", "The request did not come from this application's own page"


async def door(request: Request) -> Principal:
    """Return who is behind the request, by their session.

    Raises NotSignedIn, NotFromOurPage for commands, and TooManyRequests.
    """
    parts = parts_of(request)
    session_id = parts.cookies.session_of(request)
    parts.rates.enter(parts.sessions.key_in(session_id), request)
    with before_it_begins():
        found = await parts.sessions.use(session_id)
    if found is None:
        parts.rates.stranger(request)
        raise NotSignedIn("there is no session, or it has ended; sign in again at /auth/login")
    if request.method not in _SAFE:
        check_origin(request)
        check_csrf(request.headers.get(CSRF_HEADER), found)
    request.state.signed_in = found
    return found.principal


def _signed_in(request: Request) -> SignedIn:
    found: SignedIn = request.state.signed_in
    return found


def check_origin(request: Request) -> None:
    """Refuse a command another site's page sent. A browser always says where a command comes from; a program that says
    nothing at all still needs the token."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is not None and origin != parts_of(request).settings.gateway_url:
        raise NotFromOurPage(f"the Origin header names {origin}, not {parts_of(request).settings.gateway_url}")
    if origin is None and site not in (None, "same-origin"):
        raise NotFromOurPage(f"the browser says the request is {site}")


def check_csrf(given: str | None, found: SignedIn) -> None:
    """Refuse a command without the session's token (api.Me.csrf)."""
    if given is None or not hmac.compare_digest(given.encode(), found.csrf.encode()):
        raise NotFromOurPage(f"the {CSRF_HEADER} header is missing or of another session; /api/v1/me gives it")


Caller = Annotated[SignedIn, Depends(_signed_in)]
