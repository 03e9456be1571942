"""Authentication of requests: the session, and the proof that a page of ours sent a command.

Which role may do what is decided by shared.contracts.roles.
"""

import hmac
from typing import Annotated, Final

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


_ELSEWHERE: Final = "Another site sent this, so nothing was done. Open the Rebalancer by its own address and repeat it."


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
        raise NotSignedIn("You are not signed in, or your session has ended. Sign in again.", sign_in="/auth/login")
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
        ours = dependencies_of(request).settings.gateway_url
        raise NotFromOurPage(_ELSEWHERE, hint=f"the Origin header names {origin}, not {ours}")
    if origin is None and site not in (None, "same-origin"):
        raise NotFromOurPage(_ELSEWHERE, hint=f"Sec-Fetch-Site says {site}")


def check_csrf(given: str | None, found: SignedIn) -> None:
    """Raise NotFromOurPage for a command without the session's token (api_work.Me.csrf)."""
    if given is None or not hmac.compare_digest(given.encode(), found.csrf.encode()):
        raise NotFromOurPage(
            "It was sent for another session than yours, so nothing was done. Load the page again, then repeat it.",
            hint=f"the {CSRF_HEADER} header is missing or of another session; /api/v1/me gives it",
        )


SignedInUser = Annotated[SignedIn, Depends(_signed_in)]
