"""The signed principal: what a service accepts."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey

from shared.contracts.principal import Principal
from shared.contracts.problems import NotSignedIn
from shared.http.principal import Errand, make_keys, sign, verify
from tests.signing import PRIVATE_KEY, PUBLIC_KEY

pytestmark = pytest.mark.fast
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAT = Principal(subject="pat", name="Pat", roles=["trader"], enterprises=["E1"], advisors=["A1"])
ERRAND = Errand("batch", "POST", "/v1/batches/7/approve")


@pytest.mark.parametrize("seconds", [-60, 0, 30, 89])
def test_what_was_signed_is_read_back_though_the_clocks_differ(seconds: int) -> None:
    assert verify(sign(PAT, PRIVATE_KEY, NOW, ERRAND), PUBLIC_KEY, NOW + timedelta(seconds=seconds), ERRAND) == PAT


def _made(header: dict[str, str], key: str = PRIVATE_KEY, **claims: object) -> str:
    stamp = int(NOW.timestamp())
    payload = PAT.model_dump(mode="json") | {
        "service": "batch", "method": "POST", "path": ERRAND.path, "iat": stamp, "exp": stamp + 30,
    }  # fmt: skip
    signing = OKPKey.import_key(base64.b64decode(key))
    return str(jws.serialize_compact(header, orjson.dumps(payload | claims), signing, algorithms=["Ed25519"]))


GOOD = {"alg": "Ed25519", "typ": "principal+jwt"}


def _unsigned() -> str:
    dependencies = ({"alg": "none", "typ": "principal+jwt"}, PAT.model_dump(mode="json") | {"exp": 99_999_999_999})
    return ".".join(base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in dependencies) + "."


def _signed_with_what_everybody_knows() -> str:
    payload = orjson.dumps(PAT.model_dump(mode="json") | {"exp": 99_999_999_999})
    header = {"alg": "HS256", "typ": "principal+jwt"}
    return str(jws.serialize_compact(header, payload, OctKey.import_key(PUBLIC_KEY), algorithms=["HS256"]))


def _for(**changed: str) -> str:
    return sign(PAT, PRIVATE_KEY, NOW, replace(ERRAND, **changed))


def test_the_making_of_tokens_in_these_tests_is_right() -> None:
    assert verify(_made(GOOD), PUBLIC_KEY, NOW, ERRAND) == PAT


@pytest.mark.parametrize(
    "make",
    [
        _unsigned,
        _signed_with_what_everybody_knows,
        lambda: _made(GOOD, make_keys()[0]),
        lambda: _made(GOOD | {"typ": "sign-in+jwt"}),
        lambda: _made({"alg": "Ed25519"}),
        lambda: _made(GOOD, exp=int(NOW.timestamp()) - 60),
        lambda: _made(GOOD, exp=None),
        lambda: _made(GOOD, iat=int(NOW.timestamp()) + 61),
        lambda: _made(GOOD, roles=["king"]),
        lambda: _made(GOOD, enterprises=None),
        lambda: _made(GOOD, path=None),
        lambda: _for(service="analyzer"),
        lambda: _for(method="GET"),
        lambda: _for(path="/v1/batches/8/approve"),
        lambda: sign(PAT, PRIVATE_KEY, NOW - timedelta(seconds=90), ERRAND),
        lambda: sign(PAT, PRIVATE_KEY, NOW, ERRAND)[:-2],
        lambda: "",
        lambda: "a.b.c",
    ],
)
def test_what_is_not_believed(make: Callable[[], str]) -> None:
    with pytest.raises(NotSignedIn):
        verify(make(), PUBLIC_KEY, NOW, ERRAND)


def test_each_side_has_its_own_half_of_the_key() -> None:
    with pytest.raises(ValueError, match="needs the private one"):
        sign(PAT, PUBLIC_KEY, NOW, ERRAND)
    with pytest.raises(ValueError, match="only the gateway may have"):
        verify("", PRIVATE_KEY, NOW, ERRAND)
    for wrong in ("", "short", base64.b64encode(b"x" * 44).decode()):
        with pytest.raises(ValueError, match="principal key"):
            verify("", wrong, NOW, ERRAND)
