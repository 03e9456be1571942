"""The database fails at COMMIT: sign-in, sign-out, grants and audit log act once; no response claims the unknown."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from services.gateway.cli import grants
from shared.contracts.principal import Principal
from shared.postgres.commits import CommitUnknown
from tests.cutting import Way, When, way_to
from tests.gateway.harness import Harness, harness_at, problem_of, records, run_command

pytestmark = pytest.mark.integration
BOTH = pytest.mark.parametrize("when", ["before", "after"])
ROLES = ("viewer", "trader", "approver", "operator")


@pytest.fixture
async def cut(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Harness, Way]]:
    """A gateway that reaches its database by a way that can be cut; pat may do everything at enterprise E1."""
    with way_to(database_url) as (way, url):
        async with harness_at(url, tmp_path) as built:
            await built.grant("pat", ROLES)
            yield built, way


async def _rows(harness: Harness, query: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(harness.settings.database_url) as connection:
        return await (await connection.execute(query.encode())).fetchall()


async def _sessions(harness: Harness) -> int:
    return int((await _rows(harness, "SELECT count(*) FROM gateway.session"))[0][0])


@BOTH
async def test_signing_in_and_out_outlives_a_lost_answer_to_commit(cut: tuple[Harness, Way], when: When) -> None:
    harness, way = cut
    async with harness.client() as browser:
        way.lose(when, of="INSERT INTO session")
        assert (await harness.sign_in(browser)).status_code == 303
        assert (way.cuts, await _sessions(harness)) == ([when], 1)
        page = await harness.csrf(browser)
        way.lose(when, of="DELETE FROM session WHERE id_hash")
        assert (await browser.post("/auth/logout", headers=page)).status_code == 200
        assert (way.cuts, await _sessions(harness)) == ([when, when], 0)


@BOTH
async def test_what_stays_unknown_is_said_and_done_again_it_is_done_once(cut: tuple[Harness, Way], when: When) -> None:
    harness, way = cut
    async with harness.client() as browser:
        way.lose(when, of="INSERT INTO session", times=2)
        lost = await harness.sign_in(browser)
        assert lost.status_code == 503 and "Sign in again, it is safe" in lost.text and "nothing was" not in lost.text
        assert (await browser.get("/api/v1/me")).status_code == 401
        assert (await harness.sign_in(browser)).status_code == 303
        page = await harness.csrf(browser)
        before = await _sessions(harness)
        way.lose(when, of="DELETE FROM session WHERE id_hash", times=2)
        left = problem_of(await browser.post("/auth/logout", headers=page))
        assert (left["code"], "Sign out again, it is safe" in left["detail"]) == ("outcome_unknown", True)
        again = await browser.post("/auth/logout", headers=page)
        assert again.status_code == (401 if when == "after" else 200), "the session is gone already, or goes now"
        assert await _sessions(harness) == before - 1
        assert (await browser.get("/api/v1/me")).status_code == 401
        assert len(way.cuts) == 4


@BOTH
async def test_a_record_whose_commit_is_not_answered_stands_once(cut: tuple[Harness, Way], when: When) -> None:
    harness, way = cut
    async with harness.client() as browser:
        await harness.sign_in(browser)
        page = await harness.csrf(browser) | {"Idempotency-Key": "key-1", "If-Match": '"3"'}
        way.lose(when, of="ASKED")
        assert (await browser.post("/api/v1/batches/7/approve", headers=page)).status_code == 200
        way.lose(when, of='"outcome":"DONE"')
        assert (await browser.post("/api/v1/batches/8/approve", headers=page)).status_code == 200
        way.lose(when, of="get_positions")
        await browser.get("/api/v1/positions/A1")
        await browser.get("/api/v1/positions/A2")
        recorded = [(record["action"], record["outcome"], record["ids"]) for record in await records(harness)]
        assert sorted(recorded[2:]) == [
            ("approve_batch", "ASKED", ["7"]),
            ("approve_batch", "ASKED", ["8"]),
            ("approve_batch", "DONE", ["7"]),
            ("approve_batch", "DONE", ["8"]),
            ("get_positions", "DONE", ["A1"]),
            ("get_positions", "DONE", ["A2"]),
        ]
        assert way.cuts == [when] * 3
    assert run_command(harness, "audit", "--verify").returncode == 0


async def test_a_command_of_which_not_even_the_asking_could_be_recorded_has_not_begun(cut: tuple[Harness, Way]) -> None:
    harness, way = cut
    async with harness.client() as browser:
        await harness.sign_in(browser)
        page = await harness.csrf(browser)
        way.lose("before", of="ASKED", times=2)
        refused = problem_of(await browser.post("/api/v1/batches/7/approve", headers=page))
        assert (refused["code"], "nothing was changed" in refused["detail"]) == ("unavailable", True)
        assert harness.inside.seen == []


async def test_what_a_service_does_not_know_is_recorded_as_unknown(harness: Harness, pat: httpx.AsyncClient) -> None:
    page = await harness.csrf(pat) | {"Idempotency-Key": "key-1"}
    harness.inside.status = 503
    harness.inside.headers["Content-Type"] = "application/problem+json"
    harness.inside.content = (
        b'{"type":"/problems/outcome_unknown","title":"t","status":503,"detail":"d","code":"outcome_unknown"}'
    )
    assert problem_of(await pat.post("/api/v1/runs", headers=page))["code"] == "outcome_unknown"
    harness.inside.content = harness.inside.content.replace(b"outcome_unknown", b"unavailable")
    await pat.post("/api/v1/batches/7/cancel", headers=page)
    found = [(record["action"], record["outcome"]) for record in await records(harness) if record["status"] == 503]
    assert found == [("start_run", "UNKNOWN"), ("cancel_batch", "FAILED")]


async def test_a_service_that_ends_without_an_answer_may_have_done_it(harness: Harness, pat: httpx.AsyncClient) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    page = await harness.csrf(pat) | {"Idempotency-Key": "key-1"}
    port = int(harness.settings.batch_url.rpartition(":")[2])
    await harness.halt_inside()
    async with await asyncio.start_server(hang_up, "127.0.0.1", port):
        approved = problem_of(await pat.post("/api/v1/batches/7/approve", headers=page))
        uploaded = problem_of(await pat.post("/api/v1/files?name=a.lots", headers=page, content=b"x"))
        asked = problem_of(await pat.get("/api/v1/batches"))
    assert (approved["code"], "done only once" in approved["detail"]) == ("outcome_unknown", True)
    assert (uploaded["code"], "same file again" in uploaded["detail"]) == ("outcome_unknown", True)
    assert asked["code"] == "unavailable"
    assert [record["outcome"] for record in await records(harness) if record["action"] == "approve_batch"] == [
        "ASKED",
        "UNKNOWN",
    ]


@BOTH
async def test_a_grant_whose_commit_is_not_answered_is_given_once(cut: tuple[Harness, Way], when: When) -> None:
    harness, way = cut
    lee = Principal(subject="lee", name="Lee", roles=["viewer"], enterprises=["E2"])
    way.lose(when, of="INSERT INTO app_user")
    await grants.store(harness.settings.database_url, [lee], harness.clock)
    assert (await _rights(harness), await _granted(harness)) == ([(["viewer"],)], [None])
    more = lee.model_copy(update={"roles": ["viewer", "auditor"]})
    way.lose(when, of="INSERT INTO app_user", shuts=True)
    with pytest.raises(CommitUnknown):
        await grants.store(harness.settings.database_url, [more], harness.clock)
    way.shut = False
    await grants.store(harness.settings.database_url, [more], harness.clock)
    assert (await _rights(harness), len(way.cuts)) == ([(["viewer", "auditor"],)], 2)


def _rights(harness: Harness) -> Any:
    return _rows(harness, "SELECT roles FROM gateway.app_user WHERE subject = 'lee'")


async def _granted(harness: Harness) -> list[Any]:
    return [record["more"]["before"] for record in await records(harness, id="lee")]
