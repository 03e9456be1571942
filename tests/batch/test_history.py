"""The chain of history: every decision is a link, under any concurrency, and what is changed afterwards is found."""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from services.batch.cli import verify
from services.batch.operations import history
from services.batch.operations.history import Cursor
from shared.contracts.tenancy import SYSTEM
from shared.rules.history_chain import beginning, linked
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration

Json = dict[str, Any]
PATH = "/v1/history/check"


def hurt(harness: Harness, statement: str, *values: Any) -> None:
    """Change what nobody may change, as somebody with the rights to switch triggers off."""
    with psycopg.connect(harness.admin_url, options="-c search_path=batch") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement.encode(), values)


async def checked(harness: Harness, enterprise: str = "E1") -> Json:
    """Check a whole history over the API, part after part."""
    auditor = harness.user("Avi", roles=["auditor"], enterprises=[enterprise])
    found: Json = {"checked": 0, "before": 0, "findings": []}
    cursor: str | None = None
    while True:
        response = await auditor.ask("POST", PATH, json={"enterprise_id": enterprise, "cursor": cursor})
        assert response.status_code == 200, response.text
        part = response.json()
        found["checked"] += part["checked"]
        found["before"] += part["before"]
        found["findings"] += [(of["batch_id"], of["sentence"]) for of in part["findings"]]
        found |= {"position": part["position"], "sha256": part["sha256"]}
        cursor = part["cursor"]
        if cursor is None:
            return found


async def a_history(harness: Harness, decisions: int = 3) -> list[int]:
    """Approve, cancel, approve, ...; each request of two accounts, of which the last one removed one."""
    pat, made = harness.user(), []
    for number in range(decisions):
        ids = [f"A{number}.{part}" for part in range(2)]
        await harness.queue(*ids)
        batch = await pat.pending(*ids)
        if number == decisions - 1:
            batch = await pat.remove(batch, ids[0])
        made.append((await pat.done(batch, "approve" if number % 2 == 0 else "cancel"))["batch_id"])
    return made


async def test_each_decision_is_hashed_with_the_one_before_and_published(harness: Harness) -> None:
    made = await a_history(harness)
    previous, heads = beginning("E1"), []
    for position, batch_id in enumerate(made, 1):
        previous = linked(previous, hashlib.sha256(harness.decision(batch_id)).digest())
        heads.append({"enterprise_id": "E1", "position": position, "sha256": previous.hex()})
    decided = [event for event in harness.sent("rebalancer.batch.v1") if event.get("decided_at")]
    assert [event["history"] for event in decided] == [[head] for head in heads]
    assert all("history" not in event for event in harness.sent("rebalancer.batch.v1") if not event.get("decided_at"))
    assert await checked(harness) == {
        "checked": 3, "before": 0, "findings": [], "position": 3, "sha256": previous.hex(),
    }  # fmt: skip


async def test_whatever_ends_a_batch_is_a_link(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "B1", "C1")
    failing = await pat.propose("A1")
    await harness.reply(failing["batch_id"], failing=["A1"])
    await pat.remove(await pat.pending("B1"), "B1")
    await pat.propose("C1")
    harness.clock.instant = build.EVENING
    assert await harness.sweeps.end_days() == 1
    assert (await checked(harness))["position"] == 3


FAULTS: list[tuple[str, str, str]] = [
    ("a figure of an account", "UPDATE batch_account SET long_cents[1] = 1 WHERE batch_id = %s AND state <> 'REMOVED'",
     "was changed: long_cents"),
    ("who decided", "UPDATE batch SET decided_by = 'mallory' WHERE batch_id = %s",
     "the row of the batch was changed: decided_by"),
    ("a note", "UPDATE batch SET note = 'never said' WHERE batch_id = %s", "the row of the batch was changed: note"),
    ("an account's state", "UPDATE batch_account SET state = 'FAILED', open = false WHERE batch_id = %s",
     "was changed: state"),
    ("a missing account", "DELETE FROM batch_account WHERE batch_id = %s AND place = 1", "the row of account A"),
    ("an added account",
     "INSERT INTO batch_account (batch_id, account_id, enterprise_id, advisor_id, place, account_number, name,"
     " custodian, taxable, epoch, liquidate, state, open, sent_at) SELECT batch_id, 'X', enterprise_id, advisor_id, 99,"
     " 'X', 'X', custodian, taxable, epoch, liquidate, 'REMOVED', false, sent_at FROM batch_account WHERE batch_id = %s"
     " LIMIT 1", "the row of account X is added"),
    ("a result chunk", "UPDATE result_chunk SET value = value || 'x'::bytea WHERE batch_id = %s", "was changed"),
    ("a missing chunk", "DELETE FROM result_chunk WHERE batch_id = %s", "is missing"),
    ("a manifest", "UPDATE decision SET manifest = manifest || ' '::bytea WHERE batch_id = %s",
     "its decision was changed"),
    ("a manifest with its digest",
     "UPDATE decision SET manifest = manifest || ' '::bytea, sha256 = sha256(manifest || ' '::bytea)"
     " WHERE batch_id = %s",
     "its decision was changed"),
    ("a missing decision", "DELETE FROM decision WHERE batch_id = %s", "its decision is missing"),
    ("a missing batch", "DELETE FROM batch WHERE batch_id = %s", "the row of the batch is missing"),
    ("a link", "UPDATE decision_link SET decision_sha256 = sha256('x') WHERE batch_id = %s", "was changed"),
    ("a missing link", "DELETE FROM decision_link WHERE batch_id = %s", "the chain has no link of it"),
]  # fmt: skip


@pytest.mark.parametrize("which", [0, 1, 2], ids=["first", "middle", "last"])
async def test_what_is_changed_missing_or_added_is_found(harness: Harness, which: int) -> None:
    made = await a_history(harness)
    tables = ("batch", "batch_account", "result_chunk", "decision", "decision_link", "decision_head")
    for name, statement, said in FAULTS:
        before = {table: harness.sql(f"SELECT {table}::text FROM {table} ORDER BY 1") for table in tables}
        hurt(harness, statement, made[which])
        found = (await checked(harness))["findings"]
        assert any(said in sentence for _, sentence in found), (name, found)
        assert made[which] in {batch_id for batch_id, _ in found}, name
        for table in reversed(tables):
            hurt(harness, f"DELETE FROM {table}")
        for table in tables:
            for (row,) in before[table]:
                hurt(harness, f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT (%s::{table}).*", row)
        assert (await checked(harness))["findings"] == [], f"restored after {name}"


async def test_a_batch_that_was_decided_beside_history_is_found(harness: Harness) -> None:
    made = await a_history(harness)
    hurt(
        harness,
        "INSERT INTO batch SELECT (jsonb_populate_record(b, '{\"batch_id\": 99}')).* FROM batch b WHERE batch_id = %s",
        made[0],
    )
    assert (await checked(harness))["findings"] == [(99, "it has no decision in history")]
    copied = "SELECT 99, enterprise_ids, advisor_ids, decided_at, sha256, manifest FROM decision WHERE batch_id = %s"
    hurt(harness, f"INSERT INTO decision {copied}", made[0])
    assert (await checked(harness))["findings"] == [(99, "its decision was added: the chain has no link of it")]


async def test_an_end_that_was_cut_off_is_found_by_its_head_and_else_by_what_was_published(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await a_history(harness)
    last = next(
        event for event in harness.sent("rebalancer.batch.v1") if event["batch_id"] == made[2] and event.get("history")
    )
    published = "E1:3:" + last["history"][0]["sha256"]
    assert await verify.run(harness.settings, ["E1"], verify.parse_heads([published])) == 0
    for table in ("decision", "batch_account", "result_chunk", "batch", "decision_link"):
        hurt(harness, f"DELETE FROM {table} WHERE batch_id = %s", made[2])
    assert (await checked(harness))["findings"] == [
        (None, "the last links are missing: the chain ends at 2, and its head is 3")
    ]
    hurt(
        harness, "UPDATE decision_head SET position = 2, sha256 = (SELECT sha256 FROM decision_link WHERE position = 2)"
    )
    assert (await checked(harness))["findings"] == [], "a whole tail without its head is known to those who read events"
    assert await verify.run(harness.settings, [], verify.parse_heads([published])) == 1
    assert "link 3, which was published, is missing" in capsys.readouterr().err


async def test_what_was_decided_before_the_chain_is_said_to_be_before_it_and_checked_too(harness: Harness) -> None:
    made = await a_history(harness)
    hurt(harness, "INSERT INTO decision_before SELECT batch_id, enterprise_ids, sha256 FROM decision")
    hurt(harness, "DELETE FROM decision_link")
    hurt(harness, "DELETE FROM decision_head")
    found = await checked(harness)
    assert (found["checked"], found["before"], found["position"], found["findings"]) == (3, 3, None, [])
    await harness.queue("N1")
    await harness.user().done(await harness.user().pending("N1"), "cancel")
    found = await checked(harness)
    assert (found["checked"], found["before"], found["position"], found["findings"]) == (4, 3, 1, [])
    hurt(harness, "UPDATE batch SET label = 'x' WHERE batch_id = %s", made[1])
    assert (await checked(harness))["findings"] == [(made[1], "the row of the batch was changed: label")]
    hurt(harness, "DELETE FROM decision WHERE batch_id = %s", made[0])
    assert (made[0], "its decision is missing") in (await checked(harness))["findings"]


async def test_nobody_changes_a_chain(harness: Harness) -> None:
    await a_history(harness, 1)
    for statement in ("UPDATE decision_link SET position = 9", "DELETE FROM decision_link", "TRUNCATE decision_link"):
        with pytest.raises(psycopg.Error, match="cannot be changed"):
            harness.sql(statement)
    for role in (harness.settings.database_url, harness.settings.requests_database_url):
        with psycopg.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "INSERT INTO batch.decision_link SELECT 'E1', 2, 9, sha256, sha256, sha256 FROM batch.decision"
            )
        with psycopg.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE batch.decision_head SET position = 0")


async def test_a_batch_of_two_enterprises_is_a_link_of_both_chains(harness: Harness) -> None:
    both = harness.user(enterprises=["E1", "E2"])
    await harness.queue("A1", "A2")
    await harness.queue("B1", "B2", enterprise_id="E2")
    await both.done(await both.pending("B1"), "approve")
    await both.done(await both.pending("A1", "B2"), "approve")
    event = harness.sent("rebalancer.batch.v1")[-1]
    assert [(head["enterprise_id"], head["position"]) for head in event["history"]] == [("E1", 1), ("E2", 2)]
    assert [(await checked(harness, name))["position"] for name in ("E1", "E2")] == [1, 2]


async def test_history_is_checked_by_those_who_see_all_of_it(harness: Harness) -> None:
    await a_history(harness, 1)
    body = {"enterprise_id": "E1"}
    for who, status in (
        (harness.user("V", roles=["viewer"]), 403),
        (harness.user("T", roles=["trader"]), 403),
        (harness.user("P", roles=["auditor"], advisors=["D1"]), 403),
        (harness.user("O", roles=["auditor"], enterprises=["E2"]), 404),
        (harness.user("A", roles=["approver"]), 200),
    ):
        assert (await who.ask("POST", PATH, json=body)).status_code == status, who.principal.subject
    auditor = harness.user("A", roles=["auditor"])
    for cursor in ("x", "chain.-1", "chain." + "9" * 30, "before.1.2"):
        assert (await auditor.ask("POST", PATH, json=body | {"cursor": cursor})).status_code == 422


async def test_a_long_history_is_checked_in_parts(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_DECISIONS", 2)
    made = await a_history(harness, 5)
    hurt(harness, "UPDATE batch SET label = 'x' WHERE batch_id = %s", made[3])
    found = await checked(harness)
    assert (found["checked"], found["position"], found["findings"]) == (
        5, 5, [(made[3], "the row of the batch was changed: label")],
    )  # fmt: skip
    async with harness.database.transaction(SYSTEM) as connection:
        assert (await history.check(connection, "E1", Cursor("chain", 4))).checked == 1


async def test_decisions_that_come_together_stand_in_one_order(make_harness: Callable[..., Harness]) -> None:
    replicas = [make_harness() for _ in range(3)]
    first = replicas[0]
    ids = [f"A{number:02d}" for number in range(24)]
    await first.queue(*ids[:16])
    await first.queue(*ids[16:], enterprise_id="E2")
    both: dict[str, Any] = {"enterprises": ["E1", "E2"]}
    seen = [await first.user(**both).pending(*pair) for pair in zip(ids[:12], ids[12:], strict=True)]
    decided: list[Any] = await asyncio.gather(
        *[
            replicas[number % 3].user(f"u{number}", **both).do(batch, "approve" if number % 2 else "cancel")
            for number, batch in enumerate(seen)
        ],
        *[checked(replicas[0]) for _ in range(4)],
    )
    assert [response.status_code for response in decided[: len(seen)]] == [200] * len(seen)
    assert [found["findings"] for found in decided[len(seen) :]] == [[]] * 4, "a check meanwhile finds nothing wrong"
    assert {name: (await checked(first, name))["position"] for name in ("E1", "E2")} == {"E1": 12, "E2": 8}
    heads = [head for event in first.sent("rebalancer.batch.v1") for head in event.get("history") or ()]
    for name, links in (("E1", 12), ("E2", 8)):
        assert sorted(head["position"] for head in heads if head["enterprise_id"] == name) == list(range(1, links + 1))
