"""What enterprises ask of decisions: another person, a second one, a note; how staff change it.  Source: product 6."""

import subprocess
import sys
from typing import Any

import pytest

from services.batch.domain.approval_rules import ApprovalRules
from services.batch.store import approval_rules
from shared.contracts.tenancy import SYSTEM
from shared.runtime.clock import SystemClock
from tests.batch import build
from tests.batch.harness import Harness, User

pytestmark = pytest.mark.integration

Json = dict[str, Any]


async def rule(harness: Harness, enterprise: str = "E1", **values: Any) -> None:
    """Put rules in force."""
    async with harness.database.transaction(SYSTEM) as connection:
        await approval_rules.add(connection, enterprise, ApprovalRules(**values), "ops", SystemClock().now())


async def seen(user: User, batch: Json) -> Json:
    return await user.get(f"/v1/batches/{batch['batch_id']}")


async def test_another_person_approves_and_the_screen_says_so_before(harness: Harness) -> None:
    await rule(harness, approver_differs=True)
    ann, bob = harness.user("Ann"), harness.user("Bob")
    await harness.queue("A1")
    batch = await ann.pending("A1")
    assert batch["rules"]["barred"] == "Somebody else must approve: this request is yours."
    assert (await ann.do(batch, "approve")).json()["code"] == "same_person"
    assert (await seen(bob, batch))["rules"]["barred"] is None
    done = await bob.done(batch, "approve")
    assert (done["decided_by"], done["rules"], (await seen(bob, done))["rules"]) == ("Bob", None, None)


async def test_two_people_approve_what_is_above_a_limit(harness: Harness) -> None:
    await rule(harness, two_above_cents=1_500_00)
    ann, bob = harness.user("Ann"), harness.user("Bob")
    await harness.queue("A1", "A2")
    batch = await ann.pending("A1", "A2")
    assert (batch["turnover"], batch["rules"]["two_above"], batch["rules"]["approvers"]) == ("2000.00", "1500.00", 2)
    first = await ann.done(batch, "approve", {"note": "checked the sells"})
    assert (first["status"], first["version"], first["decided_by"]) == ("PENDING_APPROVAL", batch["version"] + 1, None)
    assert harness.sent("rebalancer.orders.v1") == []
    assert harness.sent("rebalancer.batch.v1")[-1]["first_approved_by"] == "ann"
    shown = await seen(ann, batch)
    assert {key: shown["first_approval"][key] for key in ("by", "note", "stands")} == {
        "by": "Ann", "note": "checked the sells", "stands": True,
    }  # fmt: skip
    assert "second person" in shown["rules"]["barred"]
    again = await ann.do(shown, "approve")
    assert (again.status_code, again.json()["code"]) == (403, "approved_already")
    assert (await bob.do(batch, "approve")).json()["code"] == "version_changed"
    second = await bob.done(await seen(bob, batch), "approve", {"note": "and the buys"})
    assert (second["status"], second["decided_by"], second["note"]) == ("APPROVED", "Bob", "and the buys")
    assert (second["first_approval"]["by"], second["first_approval"]["stands"]) == ("Ann", True)
    assert len(harness.sent("rebalancer.orders.v1")) == 2
    manifest = harness.decision(batch["batch_id"])
    assert b'"first_by":"ann"' in manifest and b'"first_note":"checked the sells"' in manifest
    assert b'"note":"and the buys"' in manifest


async def test_a_first_approval_counts_for_what_was_approved_alone(harness: Harness) -> None:
    await rule(harness, two_above_accounts=1)
    ann, bob = harness.user("Ann"), harness.user("Bob")
    await harness.queue("A1", "A2", "A3")
    batch = await ann.done(await ann.pending("A1", "A2", "A3"), "approve")
    changed = await bob.remove(batch, "A3")
    assert (await seen(bob, changed))["first_approval"]["stands"] is False
    first = await bob.done(changed, "approve")  # the first one again: what Ann approved is not there any more
    assert (first["status"], first["first_approval"]["by"]) == ("PENDING_APPROVAL", "Bob")
    await harness.flag(build.a_flag("A1", flag_version=2, lots_version=2))
    stale = await seen(ann, batch)
    assert stale["first_approval"]["stands"] is False
    alone = await ann.done(stale, "approve-rest", {"selection": {"kind": "ids", "ids": ["A1"]}, "expected_count": 1})
    assert (alone["status"], alone["first_approval"]) == ("APPROVED", None), "one account is not above the limit"


async def test_the_first_of_two_may_remove_and_approve_the_rest(harness: Harness) -> None:
    await rule(harness, two_above_accounts=1)
    ann, bob = harness.user("Ann"), harness.user("Bob")
    await harness.queue("A1", "A2", "A3")
    batch = await ann.pending("A1", "A2", "A3")
    body = {"selection": {"kind": "ids", "ids": ["A3"]}, "expected_count": 1, "note": "without A3"}
    first = await ann.done(batch, "approve-rest", body)
    assert (first["status"], first["counts"]["removed"], first["version"]) == (
        "PENDING_APPROVAL",
        1,
        batch["version"] + 1,
    )
    assert first["first_approval"]["note"] == "without A3"
    assert (await bob.done(await seen(bob, batch), "approve"))["counts"]["approved"] == 2


async def test_a_note_is_required_where_the_enterprise_asks_for_one(harness: Harness) -> None:
    await rule(harness, note_required=True)
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    batch = await pat.pending("A1", "A2")
    assert batch["rules"]["note_required"] is True
    for what in ("approve", "cancel"):
        for body in (None, {"note": ""}, {"note": "  "}):
            refused = await pat.do(batch, what, body)
            assert (refused.status_code, refused.json()["code"]) == (422, "note_missing"), (what, body)
    everything = {"selection": {"kind": "ids", "ids": ["A1", "A2"]}, "expected_count": 2}
    refused = await pat.do(batch, "removals", everything)
    assert (refused.status_code, refused.json()["code"]) == (422, "note_missing")
    assert "Cancel the request" in refused.json()["detail"]
    assert (await pat.remove(batch, "A1"))["counts"]["removed"] == 1
    done = await pat.done(await seen(pat, batch), "cancel", {"note": " the client asked "})
    assert (done["status"], done["note"]) == ("CANCELLED", "the client asked")
    working = await pat.propose("A3")
    harness.clock.instant = build.EVENING
    assert await harness.sweeps.end_days() == 1, "the end of the day needs no note"
    assert (await seen(pat, working))["note"] is None


async def test_a_note_is_a_short_plain_text(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    for note in ("x" * 501, "two\nlines", "a\x00b", 7):
        assert (await pat.do(batch, "cancel", {"note": note})).status_code == 422, note
    done = await pat.done(batch, "cancel", {"note": "x" * 500})
    history = await pat.get("/v1/batches", state="history")
    assert history["rows"][0]["note"] == done["note"] == "x" * 500


async def test_rules_of_others_do_not_hold_and_are_not_seen(harness: Harness) -> None:
    await rule(harness, "E2", approver_differs=True, note_required=True, two_above_accounts=0)
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    assert batch["rules"] == {
        "approver_differs": False, "note_required": False, "two_above": None, "two_above_accounts": None,
        "approvers": 1, "barred": None,
    }  # fmt: skip
    assert (await pat.done(batch, "approve"))["status"] == "APPROVED"


async def test_of_a_batch_of_two_enterprises_the_stricter_rule_holds(harness: Harness) -> None:
    await rule(harness, "E2", note_required=True)
    pat = harness.user(enterprises=["E1", "E2"])
    await harness.queue("A1")
    await harness.queue("B1", enterprise_id="E2")
    batch = await pat.pending("A1", "B1")
    assert (await pat.do(batch, "approve")).json()["code"] == "note_missing"


async def test_nobody_changes_a_rule_that_was_kept(harness: Harness) -> None:
    await rule(harness, note_required=True)
    for statement in (
        "UPDATE approval_rule SET note_required = false",
        "DELETE FROM approval_rule",
        "TRUNCATE approval_rule",
    ):
        with pytest.raises(Exception, match="cannot be changed"):
            harness.sql(statement)


def _command(harness: Harness, *arguments: str) -> tuple[int, str]:
    settings = harness.settings
    environment = {
        "REBALANCER_KAFKA_URL": "127.0.0.1:1",
        "REBALANCER_DATABASE_URL": settings.database_url,
        "REBALANCER_REQUESTS_DATABASE_URL": settings.requests_database_url,
        "REBALANCER_HTTP_PORT": "1",
        "REBALANCER_PRINCIPAL_PUBLIC_KEY": settings.principal_public_key,
    }
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "services.batch", "rules", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


async def test_staff_change_rules_by_a_command_and_every_change_is_kept(harness: Harness) -> None:
    await harness.queue("A1")
    assert _command(harness) == (0, "no enterprise has rules\n")
    assert _command(harness, "E1", "--note-required")[0] == 2, "a change says who makes it"
    assert _command(harness, "E7", "--note-required", "--by", "kim")[0] == 1, "a misspelt enterprise"
    assert _command(harness, "E1", "--two-above-usd", "-5", "--by", "kim")[0] == 2
    assert _command(harness, "E1", "--two-above-usd", "1e6", "--by", "kim")[0] == 2
    code, _ = _command(harness, "E1", "--approver-differs", "--two-above-usd", "250000", "--by", "kim")
    assert code == 0
    code, said = _command(harness, "E1", "--two-above-usd", "none", "--two-above-accounts", "40", "--by", "lee")
    assert (code, said.splitlines()[0]) == (0, "E1: nobody approves what they requested; two approve above 40 accounts")
    assert ["by kim" in said.splitlines()[1], "by lee" in said.splitlines()[2]] == [True, True]
    assert "two approve above $250000.00 of buys and sells" in said.splitlines()[1]
    assert (await harness.user().pending("A1"))["rules"]["two_above_accounts"] == 40
