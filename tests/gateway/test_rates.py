"""Request rates: who is too fast waits, others do not; memory for it is bounded."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.token_buckets import TokenBuckets
from tests.gateway.harness import Harness, harness_at, problem_of


@pytest.mark.fast
@given(st.lists(st.floats(0, 0.5), max_size=300), st.floats(0.5, 50), st.integers(1, 20))
def test_never_more_than_the_burst_and_what_time_brings(pauses: list[float], per_s: float, burst: int) -> None:
    buckets, now_s, taken = TokenBuckets(per_s, burst, 10), 100.0, 0
    for pause in pauses:
        now_s += pause
        wait_s = buckets.take("one", now_s)
        taken += wait_s == 0
        assert taken <= burst + (now_s - 100.0) * per_s + 1e-6
        if wait_s:
            assert buckets.wait_s("one", now_s + wait_s + 1e-6) == 0


@pytest.mark.fast
def test_what_is_kept_is_bounded_and_who_asks_most_is_kept() -> None:
    buckets = TokenBuckets(1, 2, most=100)
    for n in range(10_000):
        buckets.take(f"passer-by {n}", n / 1000)
        wait_s = buckets.take("regular", n / 1000)
    assert len(buckets) == 100 and wait_s > 0


@pytest.fixture
async def harness(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """A door at which four requests at once are many; time hardly brings more."""
    slow = {"session_per_s": 0.01, "session_burst": 4, "address_per_s": 0.01, "address_burst": 8}
    async with harness_at(database_url, tmp_path, **slow, trusted_proxies="") as built:
        await built.grant("pat", ("viewer", "trader"))
        yield built


@pytest.mark.integration
async def test_a_session_that_asks_too_fast_waits_and_no_other(harness: Harness) -> None:
    async with harness.client() as user, harness.client() as other:
        await harness.sign_in(user)
        await harness.sign_in(other)
        assert [(await user.get("/api/v1/me")).status_code for _ in range(5)] == [200] * 4 + [429]
        refused = await user.get("/api/v1/queue/accounts", headers={"X-Forwarded-For": "9.9.9.9"})
        problem = problem_of(refused)
        assert problem["code"] == "too_many_requests" and "nothing was done" in problem["detail"]
        assert refused.headers["retry-after"] == str(problem["retry_after_s"]) and 0 < problem["retry_after_s"] <= 100
        assert harness.inside.seen == []
        assert (await other.get("/api/v1/me")).status_code == 200


@pytest.mark.integration
async def test_strangers_and_attempts_to_sign_in_are_counted_by_address(harness: Harness) -> None:
    async with harness.client() as user, harness.client() as stranger:
        await harness.sign_in(user)  # two of eight
        for n in range(3):
            guess = {"Cookie": f"{harness.dependencies.cookies.session}=guessed-{n}", "X-Forwarded-For": f"9.9.9.{n}"}
            response = await stranger.get("/api/v1/me", headers=guess)
            assert response.status_code == 401
        assert [(await stranger.get("/auth/login")).status_code for _ in range(4)] == [303, 303, 303, 429]
        page = await stranger.get("/auth/callback?code=x&state=y")
        assert page.status_code == 429 and "Too many requests" in page.text and int(page.headers["retry-after"]) > 0
        assert problem_of(await stranger.get("/api/v1/me"))["code"] == "too_many_requests"
        assert (await user.get("/api/v1/me")).status_code == 200, "who has a session is not a stranger"


@pytest.mark.integration
async def test_only_a_proxy_of_ours_is_believed_about_addresses(database_url: str, tmp_path: Path) -> None:
    settings = {"address_per_s": 0.01, "address_burst": 2, "trusted_proxies": "127.0.0.1, 10.0.0.1"}
    async with harness_at(database_url, tmp_path, **settings) as harness, harness.client() as visitor:

        async def status(forwarded: str) -> int:
            return (await visitor.get("/api/v1/me", headers={"X-Forwarded-For": forwarded})).status_code

        assert [await status("8.8.8.8") for _ in range(3)] == [401, 401, 429]
        assert await status("1.2.3.4, 8.8.8.8, 10.0.0.1") == 429, "the client wrote the first, our proxy the last"
        assert await status("8.8.8.8, 9.9.9.9") == 401
        assert [await status(f"2001:db8::{n}") for n in range(3)] == [401, 401, 429], "one network"


@pytest.mark.integration
async def test_an_id_that_was_not_made_here_is_known_without_the_database(
    harness: Harness, visitor: httpx.AsyncClient
) -> None:
    await harness.sign_in(visitor)
    given = visitor.cookies[harness.dependencies.cookies.session]
    assert harness.dependencies.sessions.key_in(given) is not None
    drawn, _, tag = given.partition(".")
    for made_up in (drawn, f"{drawn}.", f"{drawn}.{'0' * 32}", f"x{drawn}.{tag}", f"{given}.", "caf\xe9", "", None):
        assert harness.dependencies.sessions.key_in(made_up) is None
