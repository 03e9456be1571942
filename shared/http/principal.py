"""The principal of a forwarded request: a short-lived token, signed by the gateway for this request only.

A compact JWS (Ed25519: the gateway alone holds the private key, the services its public half). Its payload is
api.Principal with the service, method and path for which it is valid, and the times between which it is.
Source: architecture "Rules of the house", Tenancy.
"""

import base64
import binascii
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from pydantic import ValidationError

from shared.contracts.principal import Principal
from shared.contracts.problems import NotSignedIn

HEADER: Final = "X-Principal"
SKEW_S: Final = 60  # how far the clocks of gateway and service may differ, either way
_ALGORITHM: Final = "Ed25519"
_TYPE: Final = "principal+jwt"  # so that no other token signed with this key passes for a principal


@dataclass(frozen=True)
class Errand:
    """The request for which a token is valid. path: decoded, without the query, as the service sees it."""

    service: str
    method: str
    path: str


def make_keys() -> tuple[str, str]:
    """Return a fresh private key and its public half, each as base64 of its DER form, as settings take them."""
    key = OKPKey.generate_key("Ed25519", private=True)
    private, public = (base64.b64encode(key.as_der(private=private)).decode() for private in (True, False))
    return private, public


def sign(principal: Principal, key: str, now: datetime, errand: Errand, ttl_s: int = 30) -> str:
    """Return the compact token of `principal` for one errand, valid for `ttl_s` seconds from `now`.

    Raises ValueError if the key is no private Ed25519 key.
    """
    issued = int(now.timestamp())
    payload = principal.model_dump(mode="json") | asdict(errand) | {"iat": issued, "exp": issued + ttl_s}
    header = {"alg": _ALGORITHM, "typ": _TYPE}
    token: str = jws.serialize_compact(header, orjson.dumps(payload), signing_key(key), algorithms=[_ALGORITHM])
    return token


def verify(token: str, public_key: str, now: datetime, errand: Errand) -> Principal:
    """Return the principal of a token that the gateway signed for this errand and that is valid at `now`.

    Raises NotSignedIn if the signature, algorithm, type, time, errand or content is wrong, ValueError if the key is no
    public Ed25519 key.
    """
    key = verifying_key(public_key)
    try:
        signed = jws.deserialize_compact(token, key, algorithms=[_ALGORITHM])
        claims = orjson.loads(signed.payload)
        if signed.protected.get("typ") != _TYPE:
            raise NotSignedIn("the principal is of another type of token")
        _check_times(claims, now)
        if {name: claims.get(name) for name in asdict(errand)} != asdict(errand):
            raise NotSignedIn("the principal was signed for another request")
        return Principal.model_validate({name: claims.get(name) for name in Principal.model_fields})
    except (JoseError, ValidationError, ValueError, TypeError, AttributeError) as error:
        raise NotSignedIn(f"the principal cannot be trusted: {type(error).__name__}") from error


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    """Raise NotSignedIn if the claims have expired or are from the future, SKEW_S of clock difference allowed."""
    issued, expires, at = int(claims.get("iat", 0)), int(claims.get("exp", 0)), now.timestamp()
    if at >= expires + SKEW_S:
        raise NotSignedIn("the principal has expired; the gateway signs a new one for every request")
    if issued > at + SKEW_S:
        raise NotSignedIn("the principal is from the future; the clocks of gateway and service differ")


@lru_cache(maxsize=8)
def signing_key(key: str) -> OKPKey:
    """Return the private key of a setting.  Raises ValueError if it is none."""
    found = _key(key)
    if not found.is_private:
        raise ValueError("REBALANCER_PRINCIPAL_KEY is a public key; the gateway needs the private one to sign with")
    return found


@lru_cache(maxsize=8)
def verifying_key(key: str) -> OKPKey:
    """Return the public key of a setting.

    Raises ValueError if it is none, and for a private key, which the gateway alone may hold.
    """
    found = _key(key)
    if found.is_private:
        raise ValueError("REBALANCER_PRINCIPAL_PUBLIC_KEY is a private key; only the gateway may have that")
    return found


def _key(text: str) -> OKPKey:
    """Return the key of a setting.  Raises ValueError if it is no Ed25519 key in DER form, base64."""
    try:
        found = OKPKey.import_key(base64.b64decode(text, validate=True))
    except (binascii.Error, JoseError, ValueError, TypeError) as error:
        raise ValueError("a principal key is base64 of the DER form of an Ed25519 key") from error
    if found.curve_name != "Ed25519":
        raise ValueError(f"a principal key is an Ed25519 key, not {found.curve_name}")
    return found
