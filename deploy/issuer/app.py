"""The issuer's endpoints: discovery, keys, authorize, token, end of session."""

import base64
import binascii
import hmac
from typing import Annotated, Any
from urllib.parse import unquote_plus, urlencode

from fastapi import FastAPI, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from deploy.issuer import pages
from deploy.issuer.flow import ASK_TTL_S, CODE_TTL_S, Asked, Granted, Kept, Refused, asked_for, redeem
from deploy.issuer.keys import ALGORITHM, LIFETIME, SigningKey
from deploy.issuer.settings import IssuerSettings
from deploy.issuer.users import user_of
from shared.http.app import create_app
from shared.http.routing import open_router
from shared.runtime.clock import clock_of

FORM_REDIRECT = 303


def build_app(settings: IssuerSettings) -> FastAPI:
    """Return the issuer's app, after reading or making its key."""
    issuer = _Issuer(settings, SigningKey.kept_in(settings.state_dir / "issuer"))

    async def ready() -> list[str]:
        return []

    routes = open_router()
    routes.get("/.well-known/openid-configuration")(issuer.discovery)
    routes.get("/jwks")(issuer.jwks)
    routes.get("/authorize")(issuer.ask)
    routes.post("/authorize")(issuer.sign_in)
    routes.post("/token")(issuer.token)
    routes.get("/end_session")(issuer.end_session)
    return create_app("issuer", ready, routers=[routes])


class _Issuer:
    def __init__(self, settings: IssuerSettings, key: SigningKey) -> None:
        self._settings = settings
        self._key = key
        self._clock = clock_of(settings.clock_file)
        self._asked: Kept[Asked] = Kept(ASK_TTL_S)
        self._granted: Kept[Granted] = Kept(CODE_TTL_S)

    async def discovery(self) -> dict[str, Any]:
        """Return the endpoints and what is supported (OpenID Connect Discovery 1.0)."""
        base = self._settings.issuer
        return {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/jwks",
            "end_session_endpoint": f"{base}/end_session",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "profile", "email"],
            "claims_supported": ["sub", "email", "name"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    async def jwks(self) -> dict[str, Any]:
        """Return the public key."""
        return self._key.public()

    async def ask(self, request: Request) -> Response:
        """Show the sign-in form; a request of an unknown client is never redirected."""
        query = dict(request.query_params)
        home = self._settings.gateway_url
        if query.get("client_id") != self._settings.oidc_client_id:
            return pages.notice("Unknown application", "The client_id is not known here.", 400, home)
        if query.get("redirect_uri") != self._settings.redirect_uri:
            return pages.notice(
                "Wrong return address", "The redirect_uri is not on the list of this client.", 400, home
            )
        try:
            asked = asked_for(query, self._settings.redirect_uri)
        except Refused as error:
            response = {"error": error.code, "error_description": error.detail, "state": query.get("state", "")}
            return _redirect(self._settings.redirect_uri, response)
        return self._form(self._asked.put(asked))

    async def sign_in(
        self,
        ticket: Annotated[str, Form()],
        login: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
    ) -> Response:
        """Check the password and send the browser back with a code, or show the form again."""
        asked = self._asked.look(ticket)
        if asked is None:
            text = "This sign-in page is too old, or was tried too often. Begin again."
            return pages.notice("Please begin again", text, 400, self._settings.gateway_url)
        user = user_of(login, password)
        if user is None:
            return self._form(ticket, login, "The user name or the password is wrong.")
        self._asked.take(ticket)
        code = self._granted.put(Granted(asked, user))
        return _redirect(asked.redirect_uri, {"code": code, "state": asked.state, "iss": self._settings.issuer})

    async def token(self, request: Request) -> Response:
        """Give an id token for a code, once."""
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        try:
            self._check_client(request.headers.get("authorization", ""), form)
            if form.get("grant_type") != "authorization_code":
                raise Refused("unsupported_grant_type", "only grant_type=authorization_code is offered")
            granted = redeem(
                self._granted.take(form.get("code", "")), form.get("redirect_uri", ""), form.get("code_verifier", "")
            )
        except Refused as error:
            status = 401 if error.code == "invalid_client" else 400
            return _token_response({"error": error.code, "error_description": error.detail}, status)
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.oidc_client_id,
            "nonce": granted.asked.nonce,
            "sub": granted.user.subject,
            "email": granted.user.email,
            "name": granted.user.name,
        }
        signed = self._key.sign(claims, self._clock.now())
        return _token_response(
            {
                "token_type": "Bearer",
                "access_token": signed,
                "expires_in": int(LIFETIME.total_seconds()),
                "id_token": signed,
            }
        )

    async def end_session(self, post_logout_redirect_uri: str = "", state: str = "") -> Response:
        """Send the browser back to the application; the issuer keeps no session that would have to end."""
        home = self._settings.gateway_url
        if post_logout_redirect_uri == home or post_logout_redirect_uri.startswith(f"{home}/"):
            return _redirect(post_logout_redirect_uri, {"state": state} if state else {})
        return pages.notice("You are signed out", "You may close this page.", 200, home)

    def _form(self, ticket: str, login: str = "", problem: str = "") -> Response:
        return pages.sign_in(ticket, f"'self' {self._settings.gateway_url}", login, problem)

    def _check_client(self, authorization: str, form: dict[str, str]) -> None:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization.lower().startswith("basic "):
            client, secret = _basic(authorization[6:])
        known = client == self._settings.oidc_client_id
        expected = self._settings.oidc_client_secret.get_secret_value()
        if not (hmac.compare_digest(secret.encode(), expected.encode()) and known):
            raise Refused("invalid_client", "the client id or its secret is wrong")


def _basic(encoded: str) -> tuple[str, str]:
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Refused("invalid_client", "the Authorization header is malformed") from error
    return unquote_plus(client), unquote_plus(secret)


def _redirect(address: str, query: dict[str, str]) -> Response:
    joined = f"{address}{'&' if '?' in address else '?'}{urlencode(query)}" if query else address
    return RedirectResponse(
        joined, FORM_REDIRECT, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )


def _token_response(body: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
