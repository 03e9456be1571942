"""Sign-in and sign-out at a real issuer over HTTP."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from tests.gateway.harness import Harness, problem_of
from tests.gateway.issuer import Claims, Issuer

pytestmark = pytest.mark.integration


async def test_the_whole_way_in_and_out(harness: Harness, visitor: httpx.AsyncClient) -> None:
    assert problem_of(await visitor.get("/api/v1/me"))["code"] == "not_signed_in"

    entered = await harness.sign_in(visitor, return_to="/batches/7?tab=a")
    assert (entered.status_code, entered.headers["location"]) == (303, f"{harness.url}/batches/7?tab=a")
    me = (await visitor.get("/api/v1/me")).json()
    assert {key: me[key] for key in ("subject", "name", "roles", "enterprises", "advisors")} == {
        "subject": "pat",
        "name": "Pat",
        "roles": ["viewer", "trader", "approver", "operator"],
        "enterprises": ["E1"],
        "advisors": None,
    }

    left = await visitor.post("/auth/logout", headers={"X-CSRF-Token": me["csrf"], "Origin": harness.url})
    assert left.status_code == 200
    assert left.json()["location"].startswith(f"{harness.issuer.url}/leave?id_token_hint=")
    assert (await visitor.get("/api/v1/me")).status_code == 401


async def test_the_old_cookie_is_worthless_after_sign_out(harness: Harness, pat: httpx.AsyncClient) -> None:
    stolen = dict(pat.cookies)
    await pat.post("/auth/logout", headers=await harness.csrf(pat))
    async with harness.client() as thief:
        thief.cookies.update(stolen)
        assert (await thief.get("/api/v1/me")).status_code == 401


async def test_sign_out_by_a_form_leads_to_the_issuer(harness: Harness, pat: httpx.AsyncClient) -> None:
    csrf = (await pat.get("/api/v1/me")).json()["csrf"]
    left = await pat.post("/auth/logout", data={"csrf": csrf}, headers={"Origin": harness.url})
    assert left.status_code == 303 and left.headers["location"].startswith(f"{harness.issuer.url}/leave?")


async def test_sign_out_needs_the_token(harness: Harness, pat: httpx.AsyncClient) -> None:
    refused = await pat.post("/auth/logout", headers={"Origin": harness.url})
    assert problem_of(refused)["code"] == "not_from_our_page"
    assert (await pat.get("/api/v1/me")).status_code == 200


async def test_the_session_cookie_is_opaque_and_only_its_hash_is_kept(
    harness: Harness, visitor: httpx.AsyncClient
) -> None:
    entered = await harness.sign_in(visitor)
    cookie = next(
        header
        for header in entered.headers.get_list("set-cookie")
        if header.startswith(harness.dependencies.cookies.session)
    )
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie
    value = visitor.cookies[harness.dependencies.cookies.session]
    assert len(value) >= 43
    async with await psycopg.AsyncConnection.connect(harness.settings.database_url) as connection:
        rows = await (await connection.execute("SELECT to_jsonb(s)::text FROM gateway.session s")).fetchall()
    assert len(rows) == 1 and value not in rows[0][0]


async def test_signing_in_again_gives_a_new_id_and_ends_the_old(harness: Harness, pat: httpx.AsyncClient) -> None:
    old = pat.cookies[harness.dependencies.cookies.session]
    await harness.sign_in(pat)
    assert pat.cookies[harness.dependencies.cookies.session] != old
    async with harness.client() as other:
        other.cookies.set(harness.dependencies.cookies.session, old)
        assert (await other.get("/api/v1/me")).status_code == 401


async def test_a_session_ends_by_idleness_and_by_age(harness: Harness, pat: httpx.AsyncClient) -> None:
    idle, absolute = harness.settings.session_idle_s, harness.settings.session_absolute_s
    for elapsed in range(idle - 60, absolute, idle - 60):
        harness.pass_time(elapsed)
        assert (await pat.get("/api/v1/me")).status_code == 200, elapsed
    harness.pass_time(absolute + 1)
    assert (await pat.get("/api/v1/me")).status_code == 401


async def test_an_unused_session_ends(harness: Harness, pat: httpx.AsyncClient) -> None:
    harness.pass_time(harness.settings.session_idle_s - 5)
    assert (await pat.get("/api/v1/me")).status_code == 200
    harness.pass_time(2 * harness.settings.session_idle_s)
    assert (await pat.get("/api/v1/me")).status_code == 401


async def test_an_unknown_user_gets_a_page_that_says_so(harness: Harness, visitor: httpx.AsyncClient) -> None:
    entered = await harness.sign_in(visitor, "stranger")
    assert entered.status_code == 403 and entered.headers["content-type"].startswith("text/html")
    assert "grant access to the user stranger" in entered.text
    assert (await visitor.get("/api/v1/me")).status_code == 401


async def test_entitlements_follow_at_the_next_request(harness: Harness, pat: httpx.AsyncClient) -> None:
    await harness.grant("pat", ("auditor",), ("E2",))
    me = (await pat.get("/api/v1/me")).json()
    assert (me["roles"], me["enterprises"]) == (["auditor"], ["E2"])


async def test_the_answer_must_belong_to_this_browser_and_attempt(harness: Harness, visitor: httpx.AsyncClient) -> None:
    to_issuer = await visitor.get("/auth/login")
    back = (await visitor.get(to_issuer.headers["location"])).headers["location"]
    async with harness.client() as other:
        assert (await other.get(back)).status_code == 400
    assert (await visitor.get(back.split("&state=")[0] + "&state=other")).status_code == 400
    again = await visitor.get(back)
    assert again.status_code == 400, "the attempt was used up by the refusal"


async def test_an_attempt_is_good_for_ten_minutes(harness: Harness, visitor: httpx.AsyncClient) -> None:
    to_issuer = await visitor.get("/auth/login")
    back = (await visitor.get(to_issuer.headers["location"])).headers["location"]
    harness.pass_time(601)
    assert (await visitor.get(back)).status_code == 400


async def test_a_refusal_of_the_issuer_is_told(harness: Harness, visitor: httpx.AsyncClient) -> None:
    to_issuer = httpx.URL((await visitor.get("/auth/login")).headers["location"])
    state = to_issuer.params["state"]
    refused = await visitor.get("/auth/callback", params={"error": "access_denied", "state": state})
    assert refused.status_code == 400 and "access_denied" in refused.text


async def test_another_host_name_is_led_to_the_right_one(harness: Harness, visitor: httpx.AsyncClient) -> None:
    led = await visitor.get("/auth/login?return_to=/x", headers={"Host": "localhost:1"})
    assert led.headers["location"] == f"{harness.url}/auth/login?return_to=/x"


def _unsigned(_issuer: Issuer, claims: Claims) -> str:
    return str(jwt.encode({"alg": "none", "typ": "JWT"}, claims, OctKey.generate_key(256), algorithms=["none"]))


def _with_the_public_key(issuer: Issuer, claims: Claims) -> str:
    unsigned = ".".join(_segment(part) for part in ({"alg": "HS256", "kid": "first", "typ": "JWT"}, claims))
    signature = hmac.digest(issuer.key.as_pem(private=False), unsigned.encode(), "sha256")
    return f"{unsigned}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def _segment(part: Claims) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _with_another_key(_issuer: Issuer, claims: Claims) -> str:
    return str(jwt.encode({"alg": "RS256", "kid": "first", "typ": "JWT"}, claims, RSAKey.generate_key(2048)))


def _with_an_unknown_key(_issuer: Issuer, claims: Claims) -> str:
    return str(jwt.encode({"alg": "RS256", "kid": "second", "typ": "JWT"}, claims, RSAKey.generate_key(2048)))


def _as_access_token(issuer: Issuer, claims: Claims) -> str:
    return str(jwt.encode({"alg": "RS256", "kid": "first", "typ": "at+jwt"}, claims, issuer.key))


def _changed_payload(issuer: Issuer, claims: Claims) -> str:
    head, _, signature = issuer.signed(claims).split(".")
    payload = issuer.signed(claims | {"sub": "admin"}).split(".")[1]
    return f"{head}.{payload}.{signature}"


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # the test makes what nobody should make
@pytest.mark.parametrize(
    "make",
    [_unsigned, _with_the_public_key, _with_another_key, _with_an_unknown_key, _as_access_token, _changed_payload],
)
async def test_a_forged_token_is_refused(
    harness: Harness, visitor: httpx.AsyncClient, make: Callable[[Issuer, Claims], str]
) -> None:
    harness.issuer.make = lambda claims: make(harness.issuer, claims)
    entered = await harness.sign_in(visitor)
    assert entered.status_code == 400 and "You could not be signed in" in entered.text
    assert (await visitor.get("/api/v1/me")).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://other.example"},
        {"aud": "other-client"},
        {"aud": ["the-client", "other-client"]},
        {"nonce": "of-another-attempt"},
        {"exp": 1},
        {"iat": 1},
        {"iat": 9_999_999_999},
        {"iss": None},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"nonce": None},
    ],
    ids=str,
)
async def test_wrong_or_missing_claims_are_refused(
    harness: Harness, visitor: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    harness.issuer.spoil = lambda claims: {name: value for name, value in (claims | wrong).items() if value is not None}
    assert (await harness.sign_in(visitor)).status_code == 400
    assert (await visitor.get("/api/v1/me")).status_code == 401


async def test_a_new_key_of_the_issuer_is_read_but_not_at_will(harness: Harness, pat: httpx.AsyncClient) -> None:
    assert harness.issuer.key_reads == 1
    harness.issuer.key = RSAKey.generate_key(2048, {"kid": "second"}, auto_kid=False)
    assert (await harness.sign_in(pat)).status_code == 400, "the keys were read less than 30 s ago"
    assert harness.issuer.key_reads == 1
