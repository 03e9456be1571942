"""The local issuer over HTTP: a whole sign-in, and everything it must refuse."""

import base64
import hashlib
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import SecretStr

from deploy.issuer.app import build_app
from deploy.issuer.settings import IssuerSettings
from deploy.issuer.users import USERS, entitlements

pytestmark = pytest.mark.fast
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
GATEWAY = "http://127.0.0.1:8000"
ISSUER = "http://127.0.0.1:9000"
ASK = {
    "response_type": "code", "client_id": "rebalancer-gateway", "redirect_uri": f"{GATEWAY}/auth/callback",
    "scope": "openid profile", "state": "st", "nonce": "no", "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}  # fmt: skip
SECRET = ("rebalancer-gateway", "s" * 32)


def the_settings(state: Path) -> IssuerSettings:
    return IssuerSettings(
        http_port=9000, oidc_client_secret=SecretStr(SECRET[1]), gateway_url=GATEWAY, state_dir=state, clock_file=None
    )


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(the_settings(tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as client:
        yield client


def ticket_in(page: httpx.Response) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def query_of(response: httpx.Response) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["location"]).query).items()}


async def a_code(issuer: httpx.AsyncClient, login: str = "ops", word: str = "rebalance-ops") -> str:
    page = await issuer.get("/authorize", params=ASK)
    form = {"ticket": ticket_in(page), "login": login, "password": word}
    response = await issuer.post("/authorize", data=form)
    assert response.status_code == 303, response.text
    return query_of(response)["code"]


def exchange(code: str, **changes: str) -> dict[str, str]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": ASK["redirect_uri"]}
    return form | {"code_verifier": VERIFIER} | changes


@pytest.mark.parametrize("user", USERS, ids=lambda user: user.login)
async def test_each_sample_user_signs_in_and_the_token_says_who_and_nothing_more(
    issuer: httpx.AsyncClient, user: Any
) -> None:
    found = (await issuer.get("/.well-known/openid-configuration")).json()
    assert found["issuer"] == ISSUER
    code = await a_code(issuer, user.email, user.word)
    response = (await issuer.post("/token", data=exchange(code), auth=SECRET)).json()
    keys = KeySet.import_key_set((await issuer.get(urlsplit(found["jwks_uri"]).path)).json())
    claims = jwt.decode(response["id_token"], keys, algorithms=["ES256"]).claims
    assert {name: claims[name] for name in ("iss", "aud", "nonce", "sub", "email", "name")} == {
        "iss": ISSUER, "aud": "rebalancer-gateway", "nonce": "no",
        "sub": user.subject, "email": user.email, "name": user.name,
    }  # fmt: skip
    assert set(claims) == {"iss", "aud", "nonce", "sub", "email", "name", "iat", "exp"}
    assert claims["exp"] - claims["iat"] == 300


async def test_the_answer_goes_to_the_gateway_with_its_state(issuer: httpx.AsyncClient) -> None:
    page = await issuer.get("/authorize", params=ASK)
    form = {"ticket": ticket_in(page), "login": "ops", "password": "rebalance-ops"}
    response = await issuer.post("/authorize", data=form)
    assert response.headers["location"].startswith(f"{GATEWAY}/auth/callback?")
    assert query_of(response)["state"] == "st"
    assert f"form-action 'self' {GATEWAY}" in page.headers["content-security-policy"]


async def test_a_wrong_password_shows_the_form_again_and_says_so(issuer: httpx.AsyncClient) -> None:
    page = await issuer.get("/authorize", params=ASK)
    form = {"ticket": ticket_in(page), "login": '"><script>', "password": "x"}
    response = await issuer.post("/authorize", data=form)
    assert response.status_code == 401
    assert 'role="alert"' in response.text
    assert "<script>" not in response.text
    form |= {"login": "ops", "password": "rebalance-ops"}  # pragma: allowlist secret
    assert (await issuer.post("/authorize", data=form)).status_code == 303


async def test_guessing_ends_after_ten_tries(issuer: httpx.AsyncClient) -> None:
    page = await issuer.get("/authorize", params=ASK)
    form = {"ticket": ticket_in(page), "login": "ops", "password": "wrong"}
    tries = [(await issuer.post("/authorize", data=form)).status_code for _ in range(11)]
    assert tries == [401] * 10 + [400]
    response = await issuer.post("/authorize", data=form | {"password": "rebalance-ops"})  # pragma: allowlist secret
    assert response.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"redirect_uri": "http://evil.test/auth/callback"},
        {"redirect_uri": f"{GATEWAY}/elsewhere"},
    ],
)
async def test_a_foreign_client_or_address_is_never_redirected_to(
    issuer: httpx.AsyncClient, changes: dict[str, str]
) -> None:
    response = await issuer.get("/authorize", params=ASK | changes)
    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
    ],
)
async def test_a_poor_request_goes_back_with_its_error(
    issuer: httpx.AsyncClient, changes: dict[str, str], error: str
) -> None:
    response = await issuer.get("/authorize", params=ASK | changes)
    assert (query_of(response)["error"], query_of(response)["state"]) == (error, "st")


@pytest.mark.parametrize(
    ("changes", "auth", "error"),
    [
        ({"code_verifier": "w" * 50}, SECRET, "invalid_grant"),
        ({"redirect_uri": GATEWAY}, SECRET, "invalid_grant"),
        ({"code": "unknown"}, SECRET, "invalid_grant"),
        ({"grant_type": "password"}, SECRET, "unsupported_grant_type"),
        ({}, (SECRET[0], "wrong"), "invalid_client"),
        ({}, ("other", SECRET[1]), "invalid_client"),
    ],
)
async def test_a_code_is_refused_to_who_may_not_have_it(
    issuer: httpx.AsyncClient, changes: dict[str, str], auth: tuple[str, str], error: str
) -> None:
    response = await issuer.post("/token", data=exchange(await a_code(issuer)) | changes, auth=auth)
    assert response.status_code in (400, 401)
    assert response.json()["error"] == error


async def test_a_code_works_once_and_the_secret_may_stand_in_the_form(issuer: httpx.AsyncClient) -> None:
    form = exchange(await a_code(issuer), client_id=SECRET[0], client_secret=SECRET[1])
    assert (await issuer.post("/token", data=form)).status_code == 200
    assert (await issuer.post("/token", data=form)).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("target", "status"),
    [(f"{GATEWAY}/signed-out", 303), (GATEWAY, 303), ("http://evil.test/", 200), (f"{GATEWAY}.evil.test/", 200)],
)
async def test_sign_out_leads_back_to_the_gateway_only(issuer: httpx.AsyncClient, target: str, status: int) -> None:
    assert (await issuer.get("/end_session", params={"post_logout_redirect_uri": target})).status_code == status


async def test_the_key_outlives_a_restart_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = (build_app(the_settings(tmp_path)) for _ in range(2))
    shown = []
    for app in (first, second):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER) as client:
            shown.append((await client.get("/jwks")).json())
            assert (await client.get("/readyz")).json() == {"ready": True, "waiting_for": []}
    assert shown[0] == shown[1]
    assert "d" not in shown[0]["keys"][0]
    assert stat.S_IMODE((tmp_path / "issuer" / "signing-key.json").stat().st_mode) == 0o600


def test_every_sample_user_has_entitlements() -> None:
    assert [entitlement.subject for entitlement in entitlements()] == [user.subject for user in USERS]
    for entitlement in entitlements():
        sees_accounts = set(entitlement.roles) != {"admin"}
        assert entitlement.roles and bool(entitlement.enterprises) == sees_accounts
