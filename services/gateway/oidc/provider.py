"""The OpenID Connect issuer over HTTP: discovery, addresses of its pages, exchange of a code for an id token."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import httpx

from services.gateway.oidc.attempt import Attempt
from services.gateway.oidc.keys import KeyCache
from services.gateway.oidc.tokens import ExpectedClaims, TokenRefused, verify_id_token
from shared.contracts.problems import Problem, Unavailable
from shared.runtime.clock import Clock

_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_NOT_NAMED: Final = "The sign-in service did not say who you are. Sign in again; if it goes on, tell the help desk."


class SignInFailed(Problem):
    """The issuer refused the sign-in, or its token is not valid."""

    status, code, title = 400, "sign_in_failed", "You could not be signed in"


@dataclass(frozen=True)
class Client:
    """Our registration at the issuer. backchannel: where we reach it, if not where browsers do (`issuer`)."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    backchannel: str | None = None

    def reached_at(self, address: str) -> str:
        """Return the address at which we reach what the issuer names by `address`."""
        base = self.issuer.rstrip("/")
        if self.backchannel is None or not address.startswith(f"{base}/"):
            return address
        return self.backchannel.rstrip("/") + address.removeprefix(base)


@dataclass(frozen=True)
class Vouched:
    """The user whom the issuer authenticated, with the id token that says so."""

    subject: str
    id_token: str


class Provider:
    """One issuer. Its discovery document is fetched at the first sign-in and kept."""

    def __init__(self, client: Client, http: httpx.AsyncClient, clock: Clock) -> None:
        self._client = client
        self._http = http
        self._clock = clock
        self._found: dict[str, Any] | None = None
        self._keys = KeyCache(self._read_keys)

    async def sign_in_url(self, attempt: Attempt) -> str:
        """Return the address of the issuer's sign-in page.  Raises Unavailable while the issuer is away."""
        query = {
            "response_type": "code",
            "client_id": self._client.client_id,
            "redirect_uri": self._client.redirect_uri,
            "scope": "openid profile",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return _with_query((await self._discovered())["authorization_endpoint"], query)

    async def exchange(self, code: str, attempt: Attempt) -> Vouched:
        """Exchange a code for the user it stands for.

        Raises SignInFailed if the issuer or the token check refuses, Unavailable while the issuer is away.
        """
        found = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._client.redirect_uri,
            "code_verifier": attempt.verifier,
            "client_id": self._client.client_id,
        }
        reply = await self._request("POST", found["token_endpoint"], **self._credentials(form, found))
        token = reply.get("id_token")
        if not isinstance(token, str):
            raise SignInFailed(_NOT_NAMED, hint=f"the issuer gave no id token ({reply.get('error', 'no reason')})")
        expected = ExpectedClaims(self._client.issuer, self._client.client_id, attempt.nonce)
        try:
            subject = await verify_id_token(token, self._keys.find, expected, self._clock.now())
        except TokenRefused as error:
            raise SignInFailed(_NOT_NAMED, hint=f"the issuer's token is refused: {error}") from error
        return Vouched(subject, token)

    async def sign_out_url(self, id_token: str, return_to: str) -> str:
        """Return the address of the issuer's sign-out page; `return_to` if it has none or is away.

        Our own session has ended in any case.
        """
        try:
            end = (await self._discovered()).get("end_session_endpoint")
        except Unavailable:
            return return_to
        if not isinstance(end, str):
            return return_to
        query = {
            "id_token_hint": id_token,
            "client_id": self._client.client_id,
            "post_logout_redirect_uri": return_to,
        }
        return _with_query(end, query)

    def _credentials(self, form: dict[str, str], found: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the token request, with the client secret where the issuer expects it.

        Source: RFC 6749, 2.3.1.
        """
        methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            return {"data": form, "auth": (quote_plus(self._client.client_id), quote_plus(self._client.client_secret))}
        return {"data": form | {"client_secret": self._client.client_secret}}

    async def _discovered(self) -> dict[str, Any]:
        if self._found is None:
            address = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._request("GET", address)
            if found.get("issuer") != self._client.issuer or any(
                not isinstance(found.get(name), str) for name in _NEEDED
            ):
                raise Unavailable(
                    "Signing in is not set up as it should be. Tell operations.",
                    hint=f"the sign-in service at {address} is not the configured issuer; check OIDC_ISSUER_URL",
                )
            self._found = found
        return self._found

    async def _read_keys(self) -> dict[str, Any]:
        return await self._request("GET", (await self._discovered())["jwks_uri"])

    async def _request(self, method: str, address: str, **more: Any) -> dict[str, Any]:
        """Return the issuer's JSON, refusals (4xx) included.  Raises Unavailable for anything else."""
        try:
            reached = self._client.reached_at(address)
            response = await self._http.request(method, reached, headers={"Accept": "application/json"}, **more)
            reply = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("The sign-in service does not answer. Try again in a moment.") from error
        if response.status_code >= 500 or not isinstance(reply, dict):
            raise Unavailable("The sign-in service has a fault. Try again in a moment.")
        return reply


def _with_query(address: str, query: dict[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"
