"""Authentication of requests: the session, and the proof that a page of ours sent a command.

Which role may do what is decided by shared.contracts.roles.
"""

import hmac
from typing import Annotated

from fastapi import Depends, Request

from services.gateway.dependencies import dependencies_of
from services.gateway.sessions.sessions import SignedIn
from shared.contracts.principal import Principal
from shared.contracts.problems import Forbidden, NotSignedIn
from shared.postgres.commits import before_it_begins

_SAFE = ("GET", "HEAD", "OPTIONS")
CSRF_HEADER = "X-CSRF-Token"


class NotFromOurPage(Forbidden):
    """The request does not prove that a page of ours sent it."""

    code, title = "not_from_our_page", "The request did not come from this application's own page"


async def door(request: Request) -> Principal:
    """Return the principal of the request's session and count the request against its rate.

    Raises NotSignedIn without a session, NotFromOurPage for a command of another page, TooManyRequests.
    """
    dependencies = dependencies_of(request)
    session_id = dependencies.cookies.session_of(request)
    dependencies.rates.enter(dependencies.sessions.key_in(session_id), request)
    with before_it_begins():
        found = await dependencies.sessions.use(session_id)
    if found is None:
        dependencies.rates.stranger(request)
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
    """Raise NotFromOurPage for a command that another site's page sent.

    Browsers always state the origin of a command; a program that states none still needs the CSRF token.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is not None and origin != dependencies_of(request).settings.gateway_url:
        raise NotFromOurPage(f"the Origin header names {origin}, not {dependencies_of(request).settings.gateway_url}")
    if origin is None and site not in (None, "same-origin"):
        raise NotFromOurPage(f"the browser says the request is {site}")


def check_csrf(given: str | None, found: SignedIn) -> None:
    """Raise NotFromOurPage for a command without the session's token (api_work.Me.csrf)."""
    if given is None or not hmac.compare_digest(given.encode(), found.csrf.encode()):
        raise NotFromOurPage(f"the {CSRF_HEADER} header is missing or of another session; /api/v1/me gives it")


SignedInUser = Annotated[SignedIn, Depends(_signed_in)]
