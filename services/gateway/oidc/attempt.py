"""One attempt to sign in: the secrets that the browser must bring back, kept in a signed cookie for ten minutes."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

TTL_S: Final = 600
_TYPE: Final = "sign-in+jwt"
_ALGORITHMS: Final = ["HS256"]


@dataclass(frozen=True)
class Attempt:
    """Secrets of one attempt.

    state ties the issuer's redirect to this browser, nonce the id token to this attempt; verifier proves that we began
    it (PKCE).
    """

    state: str
    nonce: str
    verifier: str
    return_to: str
    started_s: int

    @property
    def challenge(self) -> str:
        """Return the S256 challenge of the verifier (RFC 7636, 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def matches(self, state: str) -> bool:
        """Whether the issuer's redirect belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode())


def begin(return_to: str, now: datetime) -> Attempt:
    """Return a new attempt with fresh secrets."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Attempt(state, nonce, verifier, return_to, int(now.timestamp()))


def seal(attempt: Attempt, key: str) -> str:
    """Return the attempt as a signed cookie value."""
    token: str = jws.serialize_compact(
        {"alg": "HS256", "typ": _TYPE}, orjson.dumps(asdict(attempt)), OctKey.import_key(key), algorithms=_ALGORITHMS
    )
    return token


def unseal(value: str | None, key: str, now: datetime) -> Attempt | None:
    """Return the attempt a cookie holds; None when it is missing, was tampered with, or is older than TTL_S."""
    try:
        signed = jws.deserialize_compact(value or "", OctKey.import_key(key), algorithms=_ALGORITHMS)
        if signed.protected.get("typ") != _TYPE:
            return None
        attempt = Attempt(**orjson.loads(signed.payload))
    except (JoseError, ValueError, TypeError):
        return None
    return attempt if abs(now.timestamp() - attempt.started_s) <= TTL_S else None
