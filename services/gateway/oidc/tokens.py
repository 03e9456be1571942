"""Verification of id tokens; the algorithm is checked before any key is looked up.

Source: OpenID Connect Core 3.1.3.7.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import Key

# Signatures with a public key only: never "none", never a shared secret.
ALGORITHMS: Final = ("RS256", "PS256", "ES256")
LEEWAY_S: Final = 60
MAX_AGE_S: Final = 600  # a token is used right after its issue; an older one comes from elsewhere

FindKey = Callable[[str | None], Awaitable[Key | None]]


class TokenRefused(Exception):
    """The id token is not valid for this sign-in."""


@dataclass(frozen=True)
class ExpectedClaims:
    """Values that the claims must have."""

    issuer: str
    client_id: str
    nonce: str


async def verify_id_token(token: str, find_key: FindKey, expected: ExpectedClaims, now: datetime) -> str:
    """Return the subject of a token that the issuer signed for this client and this sign-in.

    Raises TokenRefused with the reason, Unavailable if the key is unknown and the issuer is away.
    """
    try:
        header = jws.extract_compact(token.encode()).headers()
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise TokenRefused(f"the signature algorithm {algorithm!r} is not accepted")
        if str(header.get("typ", "JWT")).upper() != "JWT":
            raise TokenRefused(f"a token of type {header.get('typ')!r} is no id token")
        key = await find_key(header.get("kid"))
        if key is None:
            raise TokenRefused("it is signed with a key the issuer does not have")
        claims = jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims
        return _check(claims, expected, int(now.timestamp()))
    except (JoseError, ValueError, TypeError) as error:
        raise TokenRefused(f"{type(error).__name__}: {error}") from error


def _check(claims: dict[str, Any], expected: ExpectedClaims, now_s: int) -> str:
    registry = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": expected.issuer},
        aud={"essential": True, "value": expected.client_id},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
        nonce={"essential": True, "value": expected.nonce},
    )
    registry.validate(claims)
    if now_s - claims["iat"] > MAX_AGE_S + LEEWAY_S:
        raise TokenRefused("it was issued too long ago")
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != expected.client_id:
        raise TokenRefused("it is meant for several clients and not made for this one (azp)")
    return str(claims["sub"])
