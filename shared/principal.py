"""Who asks, vouched for by the gateway: a short signed token that goes with every forwarded request.

A compact JWS (HS256, key shared by gateway and services) whose payload is api.Principal with `iat` and `exp`.
Source: architecture "Rules of the house", Tenancy.
"""

from datetime import datetime
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from pydantic import ValidationError

from shared.contracts.api import Principal
from shared.problems import NotSignedIn

HEADER: Final = "X-Principal"
_ALGORITHMS: Final = ["HS256"]
_TYPE: Final = "principal+jwt"  # no other token signed with the same key passes for a principal
_MIN_KEY_BYTES: Final = 32
_SKEW_S: Final = 5


def sign(principal: Principal, key: str, now: datetime, ttl_s: int = 60) -> str:
    """Return the compact token of `principal`, valid for `ttl_s` seconds from `now`.

    Raises ValueError when the key is shorter than 32 bytes.
    """
    issued = int(now.timestamp())
    payload = principal.model_dump(mode="json") | {"iat": issued, "exp": issued + ttl_s}
    token: str = jws.serialize_compact(
        {"alg": "HS256", "typ": _TYPE}, orjson.dumps(payload), _key(key), algorithms=_ALGORITHMS
    )
    return token


def verify(token: str, key: str, now: datetime) -> Principal:
    """Return the principal of a token this key signed and that is valid at `now`.

    Raises NotSignedIn when the signature, algorithm, type, time or content is wrong, ValueError for a short key.
    """
    secret = _key(key)
    try:
        signed = jws.deserialize_compact(token, secret, algorithms=_ALGORITHMS)
        claims = orjson.loads(signed.payload)
        if signed.protected.get("typ") != _TYPE:
            raise NotSignedIn("the principal is of another type of token")
        _check_times(claims, now)
        return Principal.model_validate({name: claims.get(name) for name in Principal.model_fields})
    except (JoseError, ValidationError, ValueError, TypeError, AttributeError) as error:
        raise NotSignedIn(f"the principal cannot be trusted: {type(error).__name__}") from error


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    issued, expires, at = int(claims.get("iat", 0)), int(claims.get("exp", 0)), now.timestamp()
    if at >= expires:
        raise NotSignedIn("the principal has expired; the gateway signs a new one for every request")
    if issued > at + _SKEW_S:
        raise NotSignedIn("the principal is from the future; the clocks of gateway and service differ")


def _key(key: str) -> OctKey:
    if len(key.encode()) < _MIN_KEY_BYTES:
        raise ValueError(f"the principal key is shorter than {_MIN_KEY_BYTES} bytes; set REBALANCER_PRINCIPAL_KEY")
    return OctKey.import_key(key)
