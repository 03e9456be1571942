"""The database goes at COMMIT: nobody is told that nothing was changed, and sending the command again acts once."""

import uuid
from urllib.parse import urlsplit

import psycopg
import pytest

from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM, Scope
from shared.kafka.faults import is_transient
from shared.postgres.commits import CommitUnknown
from tests.batch import build
from tests.batch.harness import Harness
from tests.batch.oncall import on_call
from tests.cutting import When, way_to
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("when", "is_done"), [("before", False), ("after", True)])
async def test_an_approval_whose_commit_gets_no_reply_is_sent_again_and_acts_once(
    batch_url: str, when: When, is_done: bool
) -> None:
    with way_to(batch_url) as (way, url):
        harness = Harness(batch_url, way=url)
        pat, key = harness.user(), str(uuid.uuid4())
        await harness.queue("A1", "A2")
        batch = await pat.pending("A1", "A2")
        way.lose(when, of="INSERT INTO decision")
        lost = await pat.do(batch, "approve", key=key)
        assert (lost.status_code, lost.json()["code"], way.cuts) == (503, "outcome_unknown", [when])
        assert lost.headers["Retry-After"] == "2"
        assert "not known" in lost.json()["detail"] and "nothing was changed" not in lost.text
        assert harness.sql("SELECT status = 'APPROVED' FROM batch") == [(is_done,)]
        again = await pat.do(batch, "approve", key=key)
        assert (again.status_code, again.json()["batch"]["status"]) == (200, "APPROVED")
        assert again.headers.get("Idempotency-Replayed") == ("true" if is_done else None)
        assert [body["account_id"] for body in harness.sent("rebalancer.orders.v1")] == ["A1", "A2"]
        await harness.database.close()


async def test_what_is_written_before_an_approval_leaves_no_doubt_about_it(batch_url: str) -> None:
    with way_to(batch_url) as (way, url):
        harness = Harness(batch_url, way=url)
        pat = harness.user()
        await harness.queue("A1")
        batch = await pat.pending("A1")
        way.lose("after", of="wash_recorded")
        refused = await pat.do(batch, "approve")
        assert (refused.status_code, refused.json()["code"], way.cuts) == (503, "unavailable", ["after"])
        assert "nothing was changed" in refused.json()["detail"]
        assert harness.sql("SELECT status FROM batch") == [("PENDING_APPROVAL",)]
        await harness.database.close()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_handler_whose_commit_gets_no_reply_is_run_again(batch_url: str, when: When) -> None:
    with way_to(batch_url) as (way, url):
        harness = Harness(batch_url, way=url)
        way.cut = when
        with pytest.raises(CommitUnknown):
            await harness.handlers.on_accounts([build.an_account("A1")])
        await harness.handlers.on_accounts([build.an_account("A1")])
        assert harness.sql("SELECT account_id, version FROM account") == [("A1", 1)]
        await harness.database.close()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_release_by_a_person_on_call_holds_though_the_reply_is_lost(
    batch_url: str, when: When, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with way_to(batch_url) as (way, url):
        harness = Harness(batch_url, way=url)
        await harness.queue("A1")
        ((row,),) = harness.sql("UPDATE outbox SET parked_reason = 'too large' RETURNING id")
        release = (harness, monkeypatch, capsys, "release", "message", str(row))
        way.lose(when, of="parked_reason = NULL", times=2)
        assert on_call(*release)[0] == 1
        assert on_call(*release) == ((0, "") if when == "before" else (1, f"message {row}: is not put aside\n"))
        assert harness.sql("SELECT parked_reason FROM outbox") == [(None,)]
        assert len(way.cuts) == 2
        await harness.database.close()


async def test_what_the_database_refuses_at_commit_is_known_not_to_be_done(harness: Harness) -> None:
    with pytest.raises(Exception, match="batch_account_batch_id_fkey"):
        async with harness.database.transaction(SYSTEM) as connection:
            await connection.exec_driver_sql(
                "INSERT INTO batch_account (batch_id, account_id, enterprise_id, advisor_id, place, account_number,"
                " name, custodian, taxable, epoch, liquidate, state, open, sent_at)"
                " VALUES (7, 'A1', 'E1', 'D1', 1, '1', 'x', 'c', true, 0, false, 'WORKING', true, now())"
            )


async def test_a_server_that_takes_no_changes_any_more_is_left_for_the_one_that_does(harness: Harness) -> None:
    """As after a failover: the old server goes on answering, and refuses every change."""
    await harness.queue("A1")
    pat = harness.user()
    batch = await pat.pending("A1")
    await harness.database.requests.dispose()
    async with harness.database.requests.connect() as connection:  # the only one of the pool
        await connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        await connection.commit()
    refused = await pat.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert (await pat.do(batch, "approve")).status_code == 200


def test_neither_is_taken_for_poison() -> None:
    assert is_transient(CommitUnknown("lost"))
    assert is_transient(psycopg.errors.ReadOnlySqlTransaction("demoted"))


async def test_of_several_servers_in_the_address_the_reachable_writable_server_is_used(
    batch_url: str,
) -> None:
    url = urlsplit(as_role(batch_url, "batch"))
    who, _, here = url.netloc.rpartition("@")
    several = f"{who}@127.0.0.1:1,{here}"
    as_requests = several.replace("batch:", "batch_requests:", 1)
    database = Database(*(url._replace(netloc=netloc).geturl() for netloc in (several, as_requests)))
    async with database.transaction(SYSTEM) as connection:
        await connection.exec_driver_sql("SELECT count(*) FROM account")
    async with database.transaction(Scope("ann", ("E1",), None)) as connection:
        await connection.exec_driver_sql("SELECT count(*) FROM account")
    await database.close()
