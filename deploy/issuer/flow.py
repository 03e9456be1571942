"""The authorization code flow with PKCE (RFC 6749, RFC 7636): pending requests and granted codes, each used once."""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from deploy.issuer.users import User

ASK_TTL_S: Final = 600.0
CODE_TTL_S: Final = 60.0
MOST_KEPT: Final = 1_000
MOST_TRIES: Final = 10

T = TypeVar("T")


class Refused(Exception):
    """The request is not valid; `code` is the OAuth error code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Asked:
    """A request to sign somebody in."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str


@dataclass(frozen=True)
class Granted:
    """A user who has signed in for a request."""

    asked: Asked
    user: User


def asked_for(query: dict[str, str], redirect_uri: str) -> Asked:
    """Return the authorization request of a browser.  Raises Refused if it is not valid."""
    if query.get("response_type") != "code":
        raise Refused("unsupported_response_type", "only response_type=code is offered")
    if "openid" not in query.get("scope", "").split():
        raise Refused("invalid_scope", "the scope must hold openid")
    if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
        raise Refused("invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256")
    if not query.get("state") or not query.get("nonce"):
        raise Refused("invalid_request", "state and nonce are required")
    return Asked(redirect_uri, query["state"], query["nonce"], query["code_challenge"])


def redeem(granted: Granted | None, redirect_uri: str, verifier: str) -> Granted:
    """Return what a code stands for.  Raises Refused when it is unknown, used, too old, or its verifier is wrong."""
    if granted is None:
        raise Refused("invalid_grant", "the code is unknown, was used, or is too old")
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    if not hmac.compare_digest(digest, granted.asked.challenge.encode()):
        raise Refused("invalid_grant", "code_verifier does not fit the code_challenge")
    if redirect_uri != granted.asked.redirect_uri:
        raise Refused("invalid_grant", "redirect_uri is not the one the code was asked for with")
    return granted


class Kept(Generic[T]):
    """Values under random names for a short time; the oldest go first when there are too many."""

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._values: dict[str, tuple[float, T]] = {}
        self._tries: dict[str, int] = {}

    def put(self, value: T) -> str:
        """Keep a value and return its name."""
        while len(self._values) >= MOST_KEPT:
            self._forget(next(iter(self._values)))
        name = secrets.token_urlsafe(32)
        self._values[name] = (time.monotonic() + self._ttl_s, value)
        return name

    def look(self, name: str) -> T | None:
        """Return the value, at most MOST_TRIES times, or None when it is unknown or too old."""
        until, value = self._values.get(name, (0.0, None))
        self._tries[name] = self._tries.get(name, 0) + 1
        if until < time.monotonic() or self._tries[name] > MOST_TRIES:
            self._forget(name)
            return None
        return value

    def take(self, name: str) -> T | None:
        """Return the value and forget it."""
        value = self.look(name)
        self._forget(name)
        return value

    def _forget(self, name: str) -> None:
        self._values.pop(name, None)
        self._tries.pop(name, None)
