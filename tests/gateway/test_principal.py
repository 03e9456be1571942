"""The signed principal: what a service may believe."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from joserfc import jws
from joserfc.jwk import OctKey

from shared.contracts.api import Principal
from shared.principal import sign, verify
from shared.problems import NotSignedIn

pytestmark = pytest.mark.fast
KEY = "k" * 32
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAT = Principal(subject="pat", name="Pat", roles=["trader"], enterprises=["E1"], advisors=["A1"])


def test_what_was_signed_is_read_back() -> None:
    assert verify(sign(PAT, KEY, NOW), KEY, NOW + timedelta(seconds=59)) == PAT


def _made(header: dict[str, str], key: str = KEY, **claims: object) -> str:
    stamp = int(NOW.timestamp())
    payload = PAT.model_dump(mode="json") | {"iat": stamp, "exp": stamp + 60} | claims
    return str(
        jws.serialize_compact(header, orjson.dumps(payload), OctKey.import_key(key), algorithms=["HS256", "HS512"])
    )


GOOD = {"alg": "HS256", "typ": "principal+jwt"}


def _unsigned() -> str:
    parts = ({"alg": "none", "typ": "principal+jwt"}, PAT.model_dump(mode="json") | {"exp": 99_999_999_999})
    return ".".join(base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in parts) + "."


@pytest.mark.parametrize(
    "make",
    [
        _unsigned,
        lambda: _made(GOOD, "another-key-of-at-least-32-bytes-length"),
        lambda: _made(GOOD | {"alg": "HS512"}),
        lambda: _made(GOOD | {"typ": "sign-in+jwt"}),
        lambda: _made({"alg": "HS256"}),
        lambda: _made(GOOD, exp=int(NOW.timestamp())),
        lambda: _made(GOOD, exp=None),
        lambda: _made(GOOD, iat=int(NOW.timestamp()) + 60),
        lambda: _made(GOOD, roles=["king"]),
        lambda: _made(GOOD, enterprises=None),
        lambda: sign(PAT, KEY, NOW - timedelta(seconds=60)),
        lambda: sign(PAT, KEY, NOW)[:-2],
        lambda: "",
        lambda: "a.b.c",
    ],
)
def test_what_is_not_believed(make: Callable[[], str]) -> None:
    with pytest.raises(NotSignedIn):
        verify(make(), KEY, NOW)


def test_a_short_key_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="PRINCIPAL_KEY"):
        sign(PAT, "short", NOW)
