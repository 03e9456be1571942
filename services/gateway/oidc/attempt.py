"""One attempt to sign in: what must come back with the browser, kept in a signed cookie of its own for ten minutes."""

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
    """state ties the answer to this browser, nonce the token to this attempt, verifier proves we asked (PKCE)."""

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

    def is_answered_by(self, state: str) -> bool:
        """Say whether the issuer's answer belongs to this attempt."""
        return hmac.compare_digest(self.state.encode(), state.encode())


def begin(return_to: str, now: datetime) -> Attempt:
    """Return a new attempt with fresh secrets."""
    made = [secrets.token_urlsafe(32) for _ in range(3)]
    return Attempt(made[0], made[1], made[2], return_to, int(now.timestamp()))


def seal(attempt: Attempt, key: str) -> str:
    """Return the cookie's value."""
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
