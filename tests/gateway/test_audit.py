"""The audit log: complete, ids only, never changed, and written before what it records takes effect."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import psycopg
import pytest

from services.gateway.domain.record import NO_CLIENT_DATA, Record, is_recorded, outcome_of, selected
from services.gateway.store import audit
from shared.contracts.roles import RULES
from tests.faults import card
from tests.faults.card import Outcome
from tests.gateway.harness import Harness, problem_of, records, run_command
from tests.waiting import until_so

Json = dict[str, Any]
_JSON = {"Content-Type": "application/json"}
pytestmark = pytest.mark.integration


def shown(found: list[Json]) -> list[tuple[Any, ...]]:
    return [
        (record["action"], record["outcome"], record["subject"], record["ids"], record["status"]) for record in found
    ]


def test_everything_but_reads_without_client_data_is_recorded() -> None:
    for operation in RULES:
        method = "GET" if operation.startswith(("get_", "list_", "count_", "stream_", "export_")) else "POST"
        assert is_recorded(method, operation, 200) is (operation not in NO_CLIENT_DATA)
        assert all(is_recorded(method, operation, status) for status in (401, 403, 404))
    assert RULES.keys() >= NO_CLIENT_DATA
    assert [outcome_of(status) for status in (200, 202, 304, 404, 422, 499, 500, 503)] == [
        "DONE", "DONE", "DONE", "REFUSED", "REFUSED", "FAILED", "FAILED", "FAILED",
    ]  # fmt: skip


def test_of_a_body_ids_and_decisions_are_recorded_and_neither_amounts_nor_names() -> None:
    filter_of_names = {"kind": "matching", "q": "Jane Doe", "f": ["market_value.gte.50000"], "exclude": ["A9"]}
    ids, more = selected({"selection": filter_of_names, "expected_count": 7, "label": "for Jane"})
    assert (ids, more) == ([], {"expected_count": 7, "selection": "matching", "tiles": [], "except": ["A9"]})
    assert selected({"selection": {"kind": "ids", "ids": ["A1"]}}) == (["A1"], {})
    oddities: list[Any] = [None, [], "x", 5, {"selection": []}, {"selection": "x"}]
    for odd in oddities:
        assert selected(odd) == ([], {})


async def test_who_came_saw_did_and_was_refused(harness: Harness, visitor: httpx.AsyncClient) -> None:
    await harness.sign_in(visitor)
    page = await harness.csrf(visitor) | {"Idempotency-Key": "key-1", "If-Match": '"3"'}
    await visitor.get("/api/v1/positions/A1?x=1")
    await visitor.get("/api/v1/batches/7/accounts/A2")
    await visitor.get("/api/v1/queue/tiles")
    harness.inside.status = 404
    await visitor.get("/api/v1/accounts/OTHER")
    harness.inside.status, harness.inside.headers["Location"] = 202, "/v1/batches/8"
    propose = {"selection": {"kind": "ids", "ids": ["A1", "A2"]}, "expected_count": 2}
    await visitor.post("/api/v1/batches", headers=page | _JSON, content=json.dumps(propose).encode("utf-16"))
    harness.inside.status = 409
    removal = {"selection": {"kind": "matching", "q": "Jane"}, "expected_count": 3}
    await visitor.post("/api/v1/batches/7/removals", headers=page, json=removal)
    await visitor.post("/api/v1/files?name=lots.psv", headers=page, content=b"x")
    await harness.grant("pat", ("viewer",))
    await visitor.post("/api/v1/batches/7/approve", headers=page)
    await visitor.post("/auth/logout", headers=page)
    await visitor.get("/api/v1/positions/A1")
    harness.issuer.subject = "nobody-knows"
    await harness.sign_in(visitor, "nobody-knows")
    await visitor.get("/auth/callback?code=1&state=2")

    found = await records(harness)
    assert shown(found) == [
        ("grant", "DONE", "command line", ["pat"], None),
        ("sign_in", "DONE", "pat", [], None),
        ("get_positions", "DONE", "pat", ["A1"], 200),
        ("get_batch_account", "DONE", "pat", ["7", "A2"], 200),
        ("get_account", "REFUSED", "pat", ["OTHER"], 404),
        ("propose_batch", "ASKED", "pat", ["A1", "A2"], None),
        ("propose_batch", "DONE", "pat", ["8"], 202),
        ("remove_accounts", "ASKED", "pat", ["7"], None),
        ("remove_accounts", "REFUSED", "pat", ["7"], 409),
        ("upload_file", "ASKED", "pat", [], None),
        ("upload_file", "REFUSED", "pat", [], 409),
        ("grant", "DONE", "command line", ["pat"], None),
        ("approve_batch", "REFUSED", "pat", ["7"], 403),
        ("sign_out", "DONE", "pat", [], None),
        ("get_positions", "REFUSED", None, ["A1"], 401),
        ("sign_in", "REFUSED", "nobody-knows", [], None),
        ("sign_in", "REFUSED", None, [], 400),
    ]
    by_action = {(record["action"], record["outcome"]): record for record in found}
    asked, done = by_action["propose_batch", "ASKED"], by_action["propose_batch", "DONE"]
    assert asked["request_id"] == done["request_id"] and asked["more"] == {"expected_count": 2, "key": "key-1"}
    assert (done["roles"], done["enterprises"], done["address"]) == (asked["roles"], ["E1"], "127.0.0.1")
    assert "operator" in done["roles"]
    assert by_action["upload_file", "ASKED"]["more"]["file"] == "lots.psv"
    assert found[11]["more"]["before"]["roles"] != found[11]["more"]["after"]["roles"] == ["viewer"]
    text = json.dumps(found)
    assert "Jane" not in text and '"Pat"' not in text


async def test_a_command_that_cannot_be_recorded_is_not_sent_on(
    harness: Harness, pat: httpx.AsyncClient, database_url: str
) -> None:
    page = await harness.csrf(pat)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("ALTER TABLE gateway.audit_head RENAME TO audit_head_away")
        refused = await pat.post("/api/v1/batches/7/approve", headers=page)
        await connection.execute("ALTER TABLE gateway.audit_head_away RENAME TO audit_head")
    assert refused.status_code >= 500 and harness.inside.seen == []
    assert problem_of(refused)


async def test_reads_wait_for_a_database_that_is_away_and_are_refused_when_too_many_do(
    harness: Harness, pat: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of = harness.dependencies.audit
    monkeypatch.setattr(log_of, "flush", _nothing)
    monkeypatch.setattr("services.gateway.audit.audit_log.MOST_WAITING", 2)
    assert [(await pat.get("/api/v1/positions/A1")).status_code for _ in range(3)] == [200, 200, 503]
    monkeypatch.undo()
    assert shown(await records(harness, id="A1")) == [("get_positions", "DONE", "pat", ["A1"], 200)] * 2
    assert (await pat.get("/api/v1/positions/A1")).status_code == 200


async def _nothing() -> None: ...


async def test_what_stands_there_cannot_be_changed_and_a_change_by_force_is_found(
    harness: Harness, database_url: str
) -> None:
    for n in range(5):
        await harness.grant(f"user-{n}", ("viewer",))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for statement in ("UPDATE gateway.audit SET body = '{}'", "DELETE FROM gateway.audit", "TRUNCATE gateway.audit",
                          "DELETE FROM gateway.audit_head"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="never changed"):
                await connection.execute(statement.encode())
        assert run_command(harness, "audit", "--verify").returncode == 0
        for force, first_bad in (
            ('UPDATE gateway.audit SET body = body || \'{"action": "x"}\' WHERE seq = 3', 3),
            ("DELETE FROM gateway.audit WHERE seq = 2", 3),
            ("DELETE FROM gateway.audit WHERE seq > 4", 6),
        ):
            async with connection.transaction(force_rollback=True):
                await connection.execute("ALTER TABLE gateway.audit DISABLE TRIGGER ALL")
                await connection.execute(force.encode())
                await connection.execute("SET LOCAL search_path TO gateway")
                assert await audit.broken_at(connection) == first_bad, force
            assert await _broken(connection) is None


async def test_any_change_by_force_is_found(harness: Harness, database_url: str) -> None:
    many = card.trials(20, 400)
    for n in range(many):
        await harness.grant(f"user-{n}", ("viewer",))
    chance, unnoticed = random.Random(card.SEED), 0
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        for _ in range(many):
            seq = chance.randint(1, many)
            force = chance.choice(
                (
                    f'UPDATE gateway.audit SET body = body || \'{{"action": "x"}}\' WHERE seq = {seq}',
                    f"UPDATE gateway.audit SET prev = hash WHERE seq = {seq}",
                    f"DELETE FROM gateway.audit WHERE seq = {seq}",
                    f"DELETE FROM gateway.audit WHERE seq >= {seq}",
                )
            )
            async with connection.transaction(force_rollback=True):
                await connection.execute("ALTER TABLE gateway.audit DISABLE TRIGGER ALL")
                await connection.execute(force.encode())
                await connection.execute("SET LOCAL search_path TO gateway")
                unnoticed += await audit.broken_at(connection) is None
    card.keep(Outcome("F16", many, leaked=unnoticed))


async def _broken(connection: psycopg.AsyncConnection[Any]) -> int | None:
    async with connection.transaction():
        await connection.execute("SET LOCAL search_path TO gateway")
        return await audit.broken_at(connection)


async def test_many_at_once_make_one_chain(harness: Harness) -> None:
    async def some(n: int) -> None:
        for _ in range(5):
            await harness.grant(f"user-{n}", ("viewer",))

    tasks: list[Callable[[], Awaitable[None]]] = [lambda n=n: some(n) for n in range(6)]  # type: ignore[misc]
    await asyncio.gather(*(task() for task in tasks))
    assert sorted(record["seq"] for record in await records(harness)) == list(range(1, 32))
    assert run_command(harness, "audit", "--verify").stdout.startswith("whole: 31 records")


async def test_many_commands_at_once_are_few_transactions_and_a_busy_door_holds_no_other_up(
    harness: Harness, pat: httpx.AsyncClient, database_url: str
) -> None:
    page, many = await harness.csrf(pat), 50
    lock = "SELECT FROM gateway.audit_head FOR UPDATE"
    with psycopg.connect(database_url, autocommit=True) as other:  # which stops the loop while it asks
        await harness.dependencies.audit.flush()
        with other.transaction():
            other.execute(lock)
            approvals = [pat.post(f"/api/v1/batches/{n}/approve", headers=page) for n in range(1, many + 1)]
            given = asyncio.gather(*approvals)
            await until_so(
                lambda: len(harness.dependencies.audit._writes), lambda waiting: waiting >= many - 6, within_s=20
            )
            assert harness.inside.seen == []
        # The door's loop stands still here; its transaction ends all the same.
        other.execute("SET lock_timeout = '10s'")
        other.execute(lock)
        assert {response.status_code for response in await given} == {200}
        made = other.execute(
            "SELECT body->>'outcome', count(*), count(DISTINCT xmin::text) FROM gateway.audit"
            " WHERE body->>'action' = 'approve_batch' GROUP BY 1 ORDER BY 1"
        ).fetchall()
    assert [(outcome, count) for outcome, count, _ in made] == [("ASKED", many), ("DONE", many)]
    assert made[0][2] <= 7, "of those who waited all but a few are written together"
    assert await _broken_in(database_url) is None


async def test_a_record_that_the_database_refuses_is_refused_alone(harness: Harness) -> None:
    log_of, now = harness.dependencies.audit, harness.clock.now()
    good, bad = (Record(now, action, "ASKED") for action in ("good", "bad\x00"))
    written = await asyncio.gather(*(log_of.write(record) for record in (good, bad, good)), return_exceptions=True)
    assert [type(record) for record in written] == [type(None), psycopg.errors.UntranslatableCharacter, type(None)]
    assert [record["action"] for record in await records(harness)] == ["grant", "good", "good"]


async def _broken_in(database_url: str) -> int | None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        return await _broken(connection)


async def test_the_command_line_reads_it_by_user_id_and_time(harness: Harness, pat: httpx.AsyncClient) -> None:
    await pat.get("/api/v1/positions/A1")
    await pat.get("/api/v1/positions/A2")
    await harness.dependencies.audit.flush()

    def read(*arguments: str) -> list[str]:
        lines = run_command(harness, "audit", *arguments).stdout.splitlines()
        return [f"{record['action']} {','.join(record['ids'])}" for record in map(json.loads, lines)]

    assert read("--id", "A1") == ["get_positions A1"]
    assert read("--subject", "pat") == ["get_positions A2", "get_positions A1", "sign_in "]
    assert read("--subject", "pat", "--limit", "1") == ["get_positions A2"]
    assert read("--since", "2100-01-01T00:00:00Z") == [] and len(read("--until", "2100-01-01T00:00:00+02:00")) == 4
