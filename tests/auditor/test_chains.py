"""Chains that are changed by force: of the audit log and of decisions, on real stores, in parts and at their ends."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY
from psycopg import errors

from services.auditor.domain.invariants import Invariant
from services.auditor.operations.kept_heads import KeptHeads
from shared.rules.history_chain import End
from tests.auditor.harness import AuditHarness
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration
RECORDS, DECISIONS, PART = 60, 60, 25
ENTERPRISES = ("E1", "E2", "E3")
_CHAINS = (Invariant.AUDIT_LOG_WHOLE, Invariant.HISTORY_WHOLE)
TABLES = ("gateway.audit", "gateway.audit_head", "batch.decision", "batch.decision_link", "batch.decision_head")

Hurts = str | Callable[[AuditHarness], None]
"""A statement or a function that changes rows."""


def add_records(audit: AuditHarness, many: int) -> None:
    """Append records to the audit log as the gateway does."""
    with psycopg.connect(audit.batch.admin_url) as connection:
        connection.execute(
            "SELECT gateway.audit_append(jsonb_agg(jsonb_build_object('subject', 'pat', 'ids', ARRAY[i])))"
            " FROM generate_series(1, %s) AS i",
            [many],
        )


def add_decisions(audit: AuditHarness, numbers: range) -> None:
    """Add decisions, each a link of the chain of one enterprise, every tenth of two; the trigger appends them."""
    with psycopg.connect(audit.batch.admin_url) as connection:
        for number in numbers:
            names = [ENTERPRISES[number % 3], *([ENTERPRISES[(number + 1) % 3]] if number % 10 == 0 else [])]
            manifest = f"decision {number}".encode()
            connection.execute(
                "INSERT INTO batch.decision (batch_id, enterprise_ids, advisor_ids, decided_at, sha256, manifest)"
                " VALUES (%s, %s, '{D1}', now(), %s, %s)",
                [number, names, hashlib.sha256(manifest).digest(), manifest],
            )


def hurt_so(audit: AuditHarness, by: Hurts) -> None:
    """Change rows by force, by a statement or a function."""
    if isinstance(by, str):
        audit.hurt(by)
    else:
        by(audit)


async def whole_walk(audit: AuditHarness) -> None:
    """Make so many passes that every part of both chains had its turn, and time passes with each."""
    for _ in range(6):
        await audit.passes.look()
        audit.passed_s += 60.0


@pytest.fixture
async def chained(audit: AuditHarness) -> AuditHarness:
    """Both chains, longer than two parts, followed to their ends and found whole."""
    audit.hurt("ALTER TABLE batch.decision DROP CONSTRAINT decision_batch_id_fkey")  # decisions without their batches
    add_records(audit, RECORDS)
    add_decisions(audit, range(1, DECISIONS + 1))
    await audit.passes.close()
    audit.passes = audit.new_passes(audit_links=PART)
    await whole_walk(audit)
    assert audit.passes.broken() == []
    return audit


def rewrite_log(audit: AuditHarness) -> None:
    """Change a record and make all that follow it fit, with the head: only who saw the head before knows."""
    audit.hurt(
        """
        DO $$
        DECLARE
            before bytea;
            one gateway.audit;
        BEGIN
            SELECT prev INTO before FROM gateway.audit WHERE seq = 40;
            UPDATE gateway.audit SET body = '{"subject": "nobody"}' WHERE seq = 40;
            FOR one IN SELECT * FROM gateway.audit WHERE seq >= 40 ORDER BY seq LOOP
                UPDATE gateway.audit SET prev = before, hash = sha256(before || int8send(seq)
                    || convert_to(body::text, 'UTF8')) WHERE seq = one.seq RETURNING hash INTO before;
            END LOOP;
            UPDATE gateway.audit_head SET hash = before;
        END $$
        """
    )


LOG: dict[str, tuple[Hurts, str]] = {
    "changed": (
        """UPDATE gateway.audit SET body = body || '{"subject": "x"}' WHERE seq = 3""",
        "record 3 of the audit log does not fit",
    ),
    "changed, in a later part": (
        """UPDATE gateway.audit SET body = body || '{"subject": "x"}' WHERE seq = 55""",
        "record 55 of the audit log does not fit",
    ),
    "changed with its hash": (
        """UPDATE gateway.audit SET body = '{}', hash = sha256(prev || int8send(seq) || convert_to('{}', 'UTF8'))
        WHERE seq = 30""",
        "record 31 of the audit log does not fit",
    ),
    "missing": ("DELETE FROM gateway.audit WHERE seq = 30", "record 31 of the audit log does not fit"),
    "missing, where a part ended": ("DELETE FROM gateway.audit WHERE seq = 25", "record 26 of the audit log does not"),
    "missing, the first": ("DELETE FROM gateway.audit WHERE seq = 1", "record 2 of the audit log does not fit"),
    "added": (
        "INSERT INTO gateway.audit SELECT 61, body, hash, sha256('x') FROM gateway.audit WHERE seq = 60",
        "audit log: the head of the chain is not its last link, 61",
    ),
    "cut off": (
        "DELETE FROM gateway.audit WHERE seq > 50",
        "audit log: the last links are missing: the chain ends at 50, and its head is 60",
    ),
    "cut off with the head": (
        """WITH gone AS (DELETE FROM gateway.audit WHERE seq > 50)
        UPDATE gateway.audit_head SET (seq, hash) = (SELECT seq, hash FROM gateway.audit WHERE seq = 50)""",
        "audit log: record 60, which was its last, is missing",
    ),
    "emptied with the head": (
        """WITH gone AS (DELETE FROM gateway.audit) UPDATE gateway.audit_head SET seq = 0, hash = sha256('')""",
        "audit log: record 60, which was its last, is missing",
    ),
    "without a head": ("DELETE FROM gateway.audit_head", "audit log: the head of the chain is missing"),
    "written anew": (rewrite_log, "audit log: record 60, which was its last, is another one"),
}
HISTORY: dict[str, tuple[Hurts, str]] = {
    "a link changed": (
        "UPDATE batch.decision_link SET decision_sha256 = sha256('x') WHERE batch_id = 4",
        "history of E2, batch 4: link 2 was changed",
    ),
    "a link changed with its hash": (
        "UPDATE batch.decision_link SET decision_sha256 = sha256('x'), sha256 = sha256(previous || sha256('x'))"
        " WHERE batch_id = 4",
        "history of E2, batch 7: link 3 does not follow the one before it",
    ),
    "a link changed in a later part": (
        "UPDATE batch.decision_link SET sha256 = sha256('x') WHERE batch_id = 50",
        "history of E3, batch 50: link",
    ),
    "a decision changed": (
        "UPDATE batch.decision SET manifest = 'x', sha256 = sha256('x') WHERE batch_id = 31",
        "batch 31: its decision was changed",
    ),
    "a decision missing": ("DELETE FROM batch.decision WHERE batch_id = 31", "batch 31: its decision is missing"),
    "a link missing": (
        "DELETE FROM batch.decision_link WHERE batch_id = 31",
        "batch 31: its decision was added: a chain has no link of it",
    ),
    "a link and its decision missing": (
        "WITH gone AS (DELETE FROM batch.decision WHERE batch_id = 4) DELETE FROM batch.decision_link"
        " WHERE batch_id = 4",
        "history of E2, batch 7: link 2 is missing from the chain",
    ),
    "a link missing of one of two chains": (
        "DELETE FROM batch.decision_link WHERE batch_id = 20 AND enterprise_id = 'E1'",
        "batch 20: its decision was added",
    ),
    "a decision added": (
        "INSERT INTO batch.decision SELECT 99, enterprise_ids, advisor_ids, decided_at, sha256, manifest"
        " FROM batch.decision WHERE batch_id = 5",
        "batch 99: its decision was added: a chain has no link of it",
    ),
    "a link added": (
        "INSERT INTO batch.decision_link SELECT enterprise_id, position + 1, 99, sha256, sha256('x'),"
        " sha256(sha256 || sha256('x')) FROM batch.decision_link WHERE enterprise_id = 'E1'"
        " ORDER BY position DESC LIMIT 1",
        "history of E1: the head of the chain is not its last link",
    ),
    "cut off": (
        "DELETE FROM batch.decision_link WHERE batch_id > 50",
        "history of E1: the last links are missing: the chain ends at",
    ),
    "cut off with the head": (
        """WITH gone AS (DELETE FROM batch.decision WHERE batch_id > 50 RETURNING batch_id), links AS (
            DELETE FROM batch.decision_link WHERE batch_id > 50
        ) UPDATE batch.decision_head AS h SET (position, sha256) = (
            SELECT position, sha256 FROM batch.decision_link AS l
            WHERE l.enterprise_id = h.enterprise_id AND l.batch_id <= 50 ORDER BY position DESC LIMIT 1
        )""",
        "which was its last, is missing",
    ),
    "a whole history taken away": (
        """WITH a AS (DELETE FROM batch.decision), b AS (DELETE FROM batch.decision_link)
        DELETE FROM batch.decision_head""",
        "history of E3: link 22, which was its last, is missing",
    ),
    "without a head": (
        "DELETE FROM batch.decision_head WHERE enterprise_id = 'E2'",
        "history of E2: the head of the chain is missing",
    ),
}


@pytest.mark.parametrize(
    ("invariant", "hurts", "says"),
    [
        pytest.param(invariant, hurts, says, id=f"{invariant}: {name}")
        for invariant, cases in ((Invariant.AUDIT_LOG_WHOLE, LOG), (Invariant.HISTORY_WHOLE, HISTORY))
        for name, (hurts, says) in cases.items()
    ],
)
async def test_what_was_done_to_a_chain_is_found_and_over_once_it_is_undone(
    chained: AuditHarness, invariant: Invariant, hurts: Hurts, says: str
) -> None:
    for table in TABLES:
        chained.hurt(f"CREATE TABLE {table}_kept AS TABLE {table}")
    hurt_so(chained, hurts)
    await whole_walk(chained)
    found = chained.passes.broken()
    assert {difference.invariant for difference in found} == {invariant}
    assert any(says in difference.says for difference in found), [difference.says for difference in found]
    for table in TABLES:
        chained.hurt(f"DELETE FROM {table}")
        chained.hurt(f"INSERT INTO {table} TABLE {table}_kept")
    await chained.passes.look()
    assert chained.passes.broken() == [], "parts with a fault are followed in every pass"


async def test_chains_that_grow_while_they_are_followed_stay_whole(chained: AuditHarness) -> None:
    for number in range(8):
        add_records(chained, 10)
        add_decisions(chained, range(100 + number * 10, 110 + number * 10))
        await chained.passes.look()
        chained.passed_s += 60.0
    await whole_walk(chained)
    assert chained.passes.broken() == []


async def test_what_grew_over_an_end_that_was_cut_off_is_found(chained: AuditHarness) -> None:
    hurt_so(chained, LOG["cut off with the head"][0])
    hurt_so(chained, HISTORY["cut off with the head"][0])
    add_records(chained, 30)
    add_decisions(chained, range(51, 91))
    await whole_walk(chained)
    says = [difference.says for difference in chained.passes.broken()]
    assert any("audit log: record 60, which was its last, is another one" in text for text in says), says
    assert not any("does not fit" in text for text in says), "the links fit one another"


async def start_again(audit: AuditHarness, **values: Any) -> None:
    """End the auditor, memory and all, and start another."""
    await audit.passes.close()
    audit.passes = audit.new_passes(audit_links=PART, **values)


@pytest.mark.parametrize(
    ("invariant", "hurts", "says"),
    [
        pytest.param(invariant, *cases[name], id=f"{invariant}: {name}")
        for invariant, cases in ((Invariant.AUDIT_LOG_WHOLE, LOG), (Invariant.HISTORY_WHOLE, HISTORY))
        for name in ("cut off with the head", "emptied with the head", "written anew", "a whole history taken away")
        if name in cases
    ],
)
async def test_an_end_that_is_cut_off_while_no_auditor_runs_is_found_at_its_start(
    chained: AuditHarness, invariant: Invariant, hurts: Hurts, says: str
) -> None:
    await chained.passes.close()
    hurt_so(chained, hurts)
    await start_again(chained)
    await whole_walk(chained)
    await start_again(chained)
    await whole_walk(chained)
    found = chained.passes.broken()
    assert {difference.invariant for difference in found} == {invariant}, "a further start forgets nothing"
    lost = [difference.says for difference in found if says in difference.says]
    assert lost, [difference.says for difference in found]
    assert all("Keep the database as it is" in text for text in lost)


async def test_chains_without_links_have_no_end_to_keep(audit: AuditHarness) -> None:
    await whole_walk(audit)
    await start_again(audit)
    await whole_walk(audit)
    assert (audit.passes.broken(), audit.passes.troubles()) == ([], [])


async def test_an_auditor_that_starts_again_over_chains_that_grew_finds_them_whole(chained: AuditHarness) -> None:
    await chained.passes.close()
    add_records(chained, 10)
    add_decisions(chained, range(100, 110))
    await start_again(chained)
    await whole_walk(chained)
    assert (chained.passes.broken(), chained.passes.troubles()) == ([], [])


async def test_a_restore_that_was_dealt_with_alarms_no_more_and_chains_are_followed_from_there(
    chained: AuditHarness,
) -> None:
    hurt_so(chained, LOG["cut off with the head"][0])
    hurt_so(chained, HISTORY["cut off with the head"][0])
    await start_again(chained)
    await whole_walk(chained)
    assert {found.invariant for found in chained.passes.broken()} == set(_CHAINS)
    looked_at = chained.batch.clock.now()
    chained.batch.clock.forward(minutes=1)
    for _ in range(2):  # the setting may stay
        await start_again(chained, audit_orders_from=looked_at)
        await whole_walk(chained)
        assert chained.passes.broken() == []
    chained.hurt("DELETE FROM gateway.audit WHERE seq > 40")
    chained.hurt("UPDATE gateway.audit_head SET (seq, hash) = (SELECT seq, hash FROM gateway.audit WHERE seq = 40)")
    await start_again(chained, audit_orders_from=looked_at)
    await whole_walk(chained)
    assert any("record 50, which was its last, is missing" in found.says for found in chained.passes.broken())


async def test_what_was_kept_is_read_later_where_the_broker_is_away_at_the_start(
    chained: AuditHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await chained.passes.close()
    hurt_so(chained, LOG["cut off with the head"][0])
    await start_again(chained)

    async def away(_: KeptHeads) -> Mapping[str, End]:
        raise KafkaConnectionError

    with monkeypatch.context() as broker:
        broker.setattr(KeptHeads, "read", away)
        await whole_walk(chained)
    assert any("ends of chains are not kept" in trouble for trouble in chained.passes.troubles())
    assert chained.passes.broken() == []
    for invariant in Invariant:
        age_s = REGISTRY.get_sample_value("rebalancer_invariant_look_age_seconds", {"invariant": str(invariant)})
        assert age_s is not None
        assert (age_s > 300) == (invariant in _CHAINS), "what is not proved is not said to have been looked at"
    await whole_walk(chained)
    assert any("record 60, which was its last, is missing" in found.says for found in chained.passes.broken())


async def test_decisions_of_before_the_chains_are_no_fault(chained: AuditHarness) -> None:
    chained.hurt(
        "INSERT INTO batch.decision SELECT 99, enterprise_ids, advisor_ids, decided_at, sha256, manifest"
        " FROM batch.decision WHERE batch_id = 5"
    )
    chained.hurt("INSERT INTO batch.decision_before SELECT batch_id, enterprise_ids, sha256 FROM batch.decision")
    await whole_walk(chained)
    assert chained.passes.broken() == []


def test_the_auditor_calls_what_nobody_else_may_and_is_shown_numbers_and_hashes(audit: AuditHarness) -> None:
    with psycopg.connect(audit.batch.admin_url) as connection:
        shown = connection.execute(
            "SELECT n.nspname || '.' || p.proname, pg_get_function_result(p.oid), p.prosecdef,"
            " p.proconfig, array(SELECT grantee::regrole::text FROM aclexplode(p.proacl) WHERE privilege_type"
            " = 'EXECUTE' ORDER BY 1) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE has_function_privilege('auditor', p.oid, 'EXECUTE') AND n.nspname IN ('batch', 'gateway')"
            " AND p.prosecdef AND p.proname <> 'manifest_fits' ORDER BY 1"
        ).fetchall()
    assert [name for name, *_ in shown] == [
        "batch.history_beside",
        "batch.history_ends",
        "batch.history_links",
        "gateway.audit_ends",
        "gateway.audit_follow",
        "gateway.audit_hash_of",
    ]
    for name, result, is_definer, settings, grantees in shown:
        assert is_definer and settings == ["search_path=pg_catalog, pg_temp"], name
        schema = name.partition(".")[0]
        served = {"gateway"} if schema == "gateway" else set()
        assert set(grantees) == {"auditor", f"{schema}_migrator"} | served, name
        assert "json" not in result, name
        texts = [column for column in result.split(", ") if "text" in column]
        assert all("enterprise_id text" in column for column in texts), (name, result)
    others = (("batch", "batch.history_links('', 0, 1)"), ("batch_requests", "batch.history_ends()"))
    for role, call in (*others, ("gateway_requests", "gateway.audit_ends()")):
        with (
            psycopg.connect(as_role(audit.batch.admin_url, role)) as connection,
            pytest.raises(errors.InsufficientPrivilege),
        ):
            connection.execute(f"SELECT {call}".encode())
