"""A sign-in issuer for tests: real HTTP, real keys; a test sets who signs in and may corrupt the tokens."""

import base64
import hashlib
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.runtime.clock import Clock

Claims = dict[str, Any]


class Issuer:
    """State of the issuer: `subject` signs in next; `spoil` may change claims; `make` may replace the whole token."""

    def __init__(self, url: str, client_id: str, client_secret: str, clock: Clock) -> None:
        self.url = url
        self.client_id = client_id
        self.client_secret = client_secret
        self.clock = clock
        self.subject = "pat"
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"}, auto_kid=False)
        self.spoil: Callable[[Claims], Claims] = lambda claims: claims
        self.make: Callable[[Claims], str] = self.signed
        self.key_reads = 0
        self._asked: dict[str, dict[str, str]] = {}

    def signed(self, claims: Claims) -> str:
        return str(jwt.encode({"alg": "RS256", "kid": self.key.kid, "typ": "JWT"}, claims, self.key))

    def app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/.well-known/openid-configuration", self._discovery)
        app.add_api_route("/jwks", self._jwks)
        app.add_api_route("/authorize", self._authorize, response_model=None)
        app.add_api_route("/token", self._token, methods=["POST"], response_model=None)
        return app

    async def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/leave",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    async def _jwks(self) -> dict[str, Any]:
        self.key_reads += 1
        return {"keys": [self.key.as_dict(private=False)]}

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._asked[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 303)

    async def _token(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        expected = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {expected}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._asked.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if asked is None or asked["code_challenge"] != base64.urlsafe_b64encode(digest).rstrip(b"=").decode():
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(self.clock.now().timestamp())
        claims = {
            "iss": self.url,
            "aud": self.client_id,
            "sub": self.subject,
            "nonce": asked["nonce"],
            "iat": now,
            "exp": now + 300,
        }
        return JSONResponse({"token_type": "Bearer", "id_token": self.make(self.spoil(claims))})
