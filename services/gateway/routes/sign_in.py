"""Signing in and out. The browser holds a random id only; tokens stay on the server."""

from typing import Annotated
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from services.gateway.dependencies import Dependencies, dependencies_of
from services.gateway.domain.return_address import safe_return
from services.gateway.oidc.attempt import TTL_S, begin, seal, unseal
from services.gateway.oidc.provider import SignInFailed
from services.gateway.routes.door import CSRF_HEADER, check_csrf, check_origin
from services.gateway.routes.pages import page
from services.gateway.sessions.sessions import UnknownUser
from shared.contracts.problems import NotSignedIn, Problem
from shared.http import routing
from shared.postgres.commits import CommitUnknown, OutcomeUnknown, before_it_begins
from shared.runtime import log

_log = log.get(__name__)
router = routing.open_router(prefix="/auth")
_AGAIN = ("/auth/login", "Sign in again")
_LOST = "The database went away while you were signed in: whether it was done is not known. Sign in again, it is safe."
_STILL_IN = "The database went away: whether your session has ended is not known. Sign out again, it is safe."
_Text = Annotated[str | None, Query(max_length=4000)]


@router.get("/login")
async def login(request: Request, return_to: _Text = None) -> Response:
    """Redirect the browser to the issuer's sign-in page; afterwards it returns to `return_to`, a page of ours."""
    dependencies = dependencies_of(request)
    wanted = safe_return(return_to)
    home = urlsplit(dependencies.settings.gateway_url)
    if request.headers.get("host", home.netloc) != home.netloc:
        # Cookies belong to one host name; the issuer sends browsers back to the configured one.
        return RedirectResponse(f"{dependencies.settings.gateway_url}/auth/login?return_to={quote(wanted)}", 303)
    attempt = begin(wanted, dependencies.clock.now())
    try:
        dependencies.rates.stranger(request)
        address = await dependencies.provider.sign_in_url(attempt)
    except Problem as problem:
        return _refused(problem)
    response = RedirectResponse(address, 303)
    key = dependencies.settings.session_key.get_secret_value()
    dependencies.cookies.set_attempt(response, seal(attempt, key), TTL_S)
    return response


@router.get("/callback")
async def callback(request: Request, code: _Text = None, state: _Text = None, error: _Text = None) -> Response:
    """Exchange the issuer's code, start a session under a fresh id, and redirect to the page the user asked for."""
    dependencies = dependencies_of(request)
    try:
        dependencies.rates.stranger(request)
        response = await _start_session(request, dependencies, code, state, error)
    except Problem as problem:
        _log.warning("sign_in.refused", code=problem.code, error=problem.__cause__)
        if problem.status != 429 and not isinstance(problem, UnknownUser):
            more = {"code": problem.code}
            dependencies.recorder.note(request, "sign_in", "REFUSED", status=problem.status, more=more)
        response = _refused(problem)
    except psycopg.OperationalError as error:
        _log.warning("sign_in.database_away", error=error)
        response = _refused(OutcomeUnknown(_LOST))  # the code is used up: repeating this request would fail
    dependencies.cookies.clear(response, dependencies.cookies.attempt)
    return response


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End the session and return {"location": ...}, the issuer's sign-out page.

    A form post (field `csrf`) is redirected there.
    """
    dependencies = dependencies_of(request)
    with before_it_begins():
        found = await dependencies.sessions.use(dependencies.cookies.session_of(request))
    is_form = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if found is None:
        if is_form:
            return RedirectResponse(f"{dependencies.settings.gateway_url}/", 303)
        raise NotSignedIn("You are signed out already: there is no session to end.")
    check_origin(request)
    check_csrf(await _given_csrf(request, is_form=is_form), found)
    request.state.signed_in = found
    with before_it_begins():
        await dependencies.recorder.write(request, "sign_out", "DONE")
    try:
        await dependencies.sessions.end(found.key)
    except CommitUnknown as error:
        raise OutcomeUnknown(_STILL_IN) from error
    dependencies.hub.end_session(found.key)
    address = await dependencies.provider.sign_out_url(found.id_token, f"{dependencies.settings.gateway_url}/")
    response = RedirectResponse(address, 303) if is_form else JSONResponse({"location": address})
    dependencies.cookies.clear(response, dependencies.cookies.session)
    return response


def _refused(problem: Problem) -> Response:
    response = page(problem.status, problem.title, problem.detail, _AGAIN)
    response.headers.update(problem.headers())
    return response


async def _start_session(
    request: Request, dependencies: Dependencies, code: str | None, state: str | None, error: str | None
) -> Response:
    """Return the redirect that sets the session's cookie.

    Raises SignInFailed or UnknownUser; psycopg.OperationalError if the database does not respond.
    """
    key = dependencies.settings.session_key.get_secret_value()
    attempt = unseal(dependencies.cookies.attempt_of(request), key, dependencies.clock.now())
    if attempt is None:
        raise SignInFailed("This sign-in was begun in another browser, or more than ten minutes ago. Sign in again.")
    if state is None or not attempt.matches(state):
        raise SignInFailed("The answer belongs to another attempt to sign in. Sign in again.")
    if error is not None:
        raise SignInFailed(f"The sign-in service refused: {error}. Sign in again; if it goes on, tell the help desk.")
    if code is None:
        raise SignInFailed(
            "The sign-in service did not say who you are. Sign in again; if it goes on, tell the help desk."
        )
    vouched = await dependencies.provider.exchange(code, attempt)
    previous = dependencies.cookies.session_of(request)
    try:
        session_id = await dependencies.sessions.start(vouched.subject, vouched.id_token, previous)
        await dependencies.recorder.write(request, "sign_in", "DONE", subject=vouched.subject)
    except UnknownUser as problem:
        more = {"code": problem.code}
        await dependencies.recorder.write(request, "sign_in", "REFUSED", subject=vouched.subject, more=more)
        raise
    response = RedirectResponse(f"{dependencies.settings.gateway_url}{attempt.return_to}", 303)
    dependencies.cookies.set_session(response, session_id)
    return response


async def _given_csrf(request: Request, *, is_form: bool) -> str | None:
    if not is_form:
        return request.headers.get(CSRF_HEADER)
    fields = parse_qs((await request.body()).decode(errors="replace"))
    return fields["csrf"][0] if "csrf" in fields else None
