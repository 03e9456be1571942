"""Planted faults on real stores and a real topic: each is found under its name, and a sound system gives none."""

from datetime import timedelta

import psycopg
import pytest
from psycopg import errors

from services.auditor.domain.invariants import Invariant
from shared.contracts.codes import FlagState
from shared.runtime import metrics
from tests.auditor.harness import PATIENCE_S, AuditHarness
from tests.batch import build
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration


async def test_a_day_with_queue_batches_approvals_and_holds_breaks_nothing(audit: AuditHarness) -> None:
    await audit.approved("A1", "A2")
    await audit.batch.queue("A3", "A4", "A5")
    await audit.batch.flag(
        build.a_flag("A4", flag_version=2, state=int(FlagState.HELD), hold_code="STALE_PRICE"),
        build.a_flag("A5", flag_version=2, state=int(FlagState.CLEAR), tiles=0),
    )
    await audit.batch.handlers.on_accounts([build.an_account("A6")])  # its first flag has not come yet
    user = audit.batch.user()
    pending = await user.pending("A3")
    await audit.publish()
    audit.analyze()
    assert await audit.found() == []

    await user.done(pending, "cancel")
    await audit.send_order("A1")  # a second delivery
    assert await audit.found() == []
    restarted = audit.new_passes()
    await restarted.look()
    await restarted.close()
    assert restarted.troubles() == []


async def test_orders_in_the_outbox_are_in_flight_and_no_fault(audit: AuditHarness) -> None:
    await audit.approved("A1")
    audit.analyze()
    await audit.passes.look()
    audit.passed_s += PATIENCE_S / 2  # the oldest message is a moment old: the difference is not older by the patience
    await audit.passes.look()
    assert audit.passes.broken() == []
    await audit.publish()
    assert await audit.found() == []


async def test_an_order_that_is_lost_is_named_with_what_history_says(audit: AuditHarness) -> None:
    batch_id = await audit.approved("A1", "A2")
    audit.analyze()
    audit.hurt("DELETE FROM batch.outbox WHERE topic = 'rebalancer.orders.v1' AND convert_from(key, 'UTF8') = 'A2'")
    await audit.publish()
    await audit.passes.look()
    assert audit.passes.broken() == [], "one pass is not enough"
    audit.passed_s += PATIENCE_S
    await audit.passes.look()
    (difference,) = audit.passes.broken()
    assert difference.invariant == Invariant.ORDERS_PUBLISHED
    assert difference.says == (
        f"batch {batch_id}: history has 2 accounts with 2 orders, 0 bought and 20 sold units, $2000;"
        " the topic has 1 accounts with 1 orders, 0 bought and 10 sold units, $1000. missing: A2"
    )
    assert metrics.INVARIANT_BROKEN.labels("orders_published")._value.get() == 1
    assert audit.passes.troubles() == [f"orders_published: {difference.says}"]


async def test_what_is_broken_is_over_when_it_is_mended(audit: AuditHarness) -> None:
    await audit.approved("A1")
    audit.analyze()
    audit.hurt("UPDATE batch.outbox SET published_at = clock_timestamp()")
    assert await audit.names() == ["orders_published"]
    await audit.send_order("A1")
    await audit.passes.look()
    assert audit.passes.broken() == []
    assert metrics.INVARIANT_BROKEN.labels("orders_published")._value.get() == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"account_id": "A9"}, "not approved: A9"),
        ({"orders": []}, "altered: A1"),
        ({"version": 7}, "altered: A1"),
        ({"enterprise_id": "E2"}, "altered: A1"),
        ({"business_date": "2026-06-15"}, "altered: A1"),
        ({"trade_date": "2026-06-15"}, "altered: A1"),
        ({"batch_id": 4711}, "history has 0 accounts"),
    ],
    ids=[
        "added",
        "emptied",
        "another epoch",
        "another enterprise",
        "another business date",
        "another trade date",
        "another batch",
    ],
)
async def test_an_order_that_nobody_approved_so_is_found(
    audit: AuditHarness, changes: dict[str, object], says: str
) -> None:
    await audit.approved("A1")
    audit.analyze()
    await audit.publish()
    assert await audit.found() == []
    await audit.send_order("A1", **changes)
    (difference,) = await audit.found()
    assert difference.invariant == Invariant.ORDERS_PUBLISHED
    assert says in difference.says


async def test_after_a_restore_was_looked_at_only_later_decisions_are_compared(audit: AuditHarness) -> None:
    await audit.approved("A1")
    audit.analyze()
    await audit.publish()
    await audit.send_order("A1", batch_id=4711)  # of an approval that the database has forgotten
    assert await audit.names() == ["orders_published"]
    await audit.passes.close()
    audit.passes = audit.new_passes(audit_orders_from=audit.batch.clock.now())
    assert await audit.found() == []
    audit.batch.clock.forward(minutes=1)
    batch_id = await audit.approved("A2")
    audit.hurt("UPDATE batch.outbox SET published_at = clock_timestamp()")
    audit.analyze()
    (difference,) = await audit.found()
    assert difference.subject == f"batch {batch_id}" and "missing: A2" in difference.says


async def test_what_is_no_order_event_is_found(audit: AuditHarness) -> None:
    await audit.send([(b"A1", b"\xff", {}), (b"A1", b'{"batch_id": 1}', {})])
    found = await audit.found()
    assert [difference.invariant for difference in found] == [Invariant.ORDERS_PUBLISHED] * 2


async def test_a_proposal_that_was_changed_after_its_approval_is_found(audit: AuditHarness) -> None:
    batch_id = await audit.approved("A1")
    audit.analyze()
    await audit.publish()
    assert await audit.found() == []
    audit.hurt("UPDATE batch.decision SET manifest = 'x'")
    audit.hurt("UPDATE batch.result_chunk SET sha256 = 'x'")
    audit.hurt("UPDATE batch.batch_account SET frozen = false")
    (difference,) = await audit.found()
    assert difference.invariant == Invariant.HISTORY_FROZEN
    assert difference.subject == f"batch {batch_id}"
    for part in ("manifest does not have its digest", "1 of its accounts", "1 of its result chunks"):
        assert part in difference.says
    audit.hurt("DELETE FROM batch.decision")
    audit.hurt("DELETE FROM batch.result_chunk")
    found = {of.invariant: of for of in await audit.found()}
    assert found.keys() == {Invariant.HISTORY_FROZEN, Invariant.HISTORY_WHOLE}
    difference = found[Invariant.HISTORY_FROZEN]
    assert "no manifest" in difference.says and "1 of its result chunks are missing" in difference.says


async def test_history_that_cannot_be_read_stops_no_other_look(audit: AuditHarness) -> None:
    await audit.approved("A1")
    audit.analyze()
    await audit.publish()
    audit.hurt("DELETE FROM batch.result_chunk")
    assert await audit.names() == ["history_frozen"]
    (age,) = metrics.INVARIANT_AGE.labels(Invariant.ORDERS_PUBLISHED).collect()
    assert age.samples[0].value == PATIENCE_S, "orders could not be compared, and their age says so"


async def test_an_account_in_two_states_or_none_is_named(audit: AuditHarness) -> None:
    await audit.batch.queue("A1", "A2", "A3", "B1", enterprise_id="E1")
    user = audit.batch.user()
    first, second = await user.pending("A1"), await user.pending("A2")
    await audit.publish()
    audit.analyze()
    assert await audit.found() == []
    audit.hurt("DROP INDEX batch.batch_account_open")
    audit.hurt(
        "INSERT INTO batch.batch_account (batch_id, account_id, enterprise_id, advisor_id, place, account_number, name,"
        " custodian, taxable, epoch, liquidate, state, open, sent_at) SELECT %s, account_id, enterprise_id, advisor_id,"
        " 99, account_number, name, custodian, taxable, epoch, liquidate, state, open, sent_at"
        " FROM batch.batch_account WHERE batch_id = %s",
        second["batch_id"],
        first["batch_id"],
    )
    found = await audit.found()
    assert {difference.invariant for difference in found} == {Invariant.ACCOUNTS_CONSERVED, Invariant.BATCHES_COUNTED}
    (sums,) = (difference for difference in found if difference.invariant == Invariant.ACCOUNTS_CONSERVED)
    assert sums.says == (
        "enterprise E1: queue 2 + open batches 3 + settling 0 + held 0 + off 0 + clear 0 + not yet evaluated 0 = 5,"
        " but it has 4 accounts. Look at A1."
    )

    audit.hurt("DELETE FROM batch.batch_account WHERE place = 99")
    audit.hurt("UPDATE batch.flag SET epoch = 5 WHERE account_id = 'A3'")
    found = await audit.found()
    assert [difference.invariant for difference in found] == [Invariant.ACCOUNTS_CONSERVED]
    assert found[0].says.endswith("= 3, but it has 4 accounts. Look at A3.")


async def test_a_batch_that_does_not_end_is_found(audit: AuditHarness) -> None:
    await audit.batch.queue("A1", "A2")
    user = audit.batch.user()
    pending, working = await user.pending("A1"), await user.propose("A2")
    await audit.publish()
    audit.analyze()
    assert await audit.found() == []
    audit.batch.clock.forward(minutes=20)
    assert [difference.says for difference in await audit.found()] == [
        f"batch {working['batch_id']} (WORKING) works and gets no result since 2026-06-12T14:00:00+00:00"
    ]
    audit.batch.clock.instant = build.EVENING + timedelta(minutes=4)
    assert len(await audit.found()) == 1, "the sweep has five minutes"
    audit.batch.clock.instant = build.EVENING + timedelta(minutes=6)
    found = await audit.found()
    assert {difference.subject for difference in found} == {
        f"batch {pending['batch_id']}",
        f"batch {working['batch_id']}",
    }
    await audit.batch.sweeps.end_days()
    await audit.publish()
    await audit.passes.look()
    assert audit.passes.broken() == []


async def test_services_that_disagree_are_found_once_nothing_is_in_flight(audit: AuditHarness) -> None:
    await audit.batch.queue("A1", "A2", "A3")
    await audit.publish()
    audit.analyze()
    assert await audit.found() == []
    audit.hurt("UPDATE analyzer.flag SET flag_version = 9 WHERE account_id = 'A1'")
    audit.hurt("UPDATE batch.account SET epoch = 1 WHERE account_id = 'A2'")
    audit.hurt("DELETE FROM analyzer.account_facts WHERE account_id = 'A3'")
    audit.lag.age = 1e6  # the group has been behind for longer
    assert await audit.found() == []
    audit.lag.age = 0.0
    await audit.passes.look()
    assert [difference.says for difference in audit.passes.broken()] == [
        "account A2: batch has epoch 1, analyzer has epoch 0, taxlot has booked no approval",
        "account A3: batch has epoch 0, analyzer does not know it",
        "account A1: batch has flag version 1, the analyzer 9",
    ]


async def test_an_approval_that_taxlot_has_not_booked_is_found(audit: AuditHarness) -> None:
    await audit.approved("A1", "A2", "A3")
    await audit.publish()
    audit.analyze()
    assert await audit.found() == []
    audit.hurt("DELETE FROM taxlot.approval WHERE account_id = 'A1'")
    audit.hurt("UPDATE taxlot.approval SET epoch = 2 WHERE account_id = 'A2'")
    audit.hurt("INSERT INTO taxlot.approval VALUES ('A9', 1)")
    audit.lag.age = 1e6  # taxlot's group has been behind for longer
    assert await audit.found() == []
    audit.lag.age = 0.0
    await audit.passes.look()
    assert [difference.says for difference in audit.passes.broken()] == [
        "account A1: batch has epoch 1, analyzer has epoch 1, taxlot has booked no approval",
        "account A2: batch has epoch 1, analyzer has epoch 1, taxlot has booked approvals up to epoch 2",
        "account A9: batch does not know it, analyzer does not know it, taxlot has booked approvals up to epoch 1",
    ]
    audit.analyze()
    audit.hurt("DELETE FROM taxlot.approval WHERE account_id = 'A9'")
    await audit.passes.look()
    assert audit.passes.broken() == []


async def test_flags_that_move_from_pass_to_pass_are_work_and_no_fault(audit: AuditHarness) -> None:
    await audit.batch.queue("A1")
    await audit.publish()
    audit.analyze()
    for version in range(2, 6):
        audit.hurt("UPDATE analyzer.flag SET flag_version = %s", version)
        await audit.passes.look()
        audit.passed_s += PATIENCE_S
        assert audit.passes.broken() == []


async def test_accounts_are_compared_in_turns_and_suspects_in_each(audit: AuditHarness) -> None:
    await audit.batch.queue(*(f"A{number}" for number in range(7)))
    await audit.publish()
    audit.analyze()
    await audit.passes.close()
    audit.passes = audit.new_passes(audit_accounts=2)
    audit.hurt("UPDATE analyzer.flag SET flag_version = 9 WHERE account_id = 'A6'")
    for _ in range(3):
        await audit.passes.look()  # A0 to A5
        audit.passed_s += PATIENCE_S
    assert [difference.subject for difference in await audit.found()] == ["A6"], "seen once in its turn, then again"


async def test_old_and_refused_messages_are_found(audit: AuditHarness) -> None:
    await audit.batch.queue("A1", "A2")
    audit.analyze()
    audit.hurt("UPDATE batch.outbox SET published_at = clock_timestamp()")
    audit.hurt("UPDATE batch.outbox SET published_at = NULL, created_at = created_at - interval '1 hour' WHERE id = 1")
    assert [difference.subject for difference in await audit.found()] == ["the outbox of batch"]
    audit.hurt("UPDATE batch.outbox SET parked_reason = 'too large' WHERE id = 1")
    found = await audit.found()
    assert [difference.says for difference in found] == [
        "message 1 of batch for batch.queue is refused by the broker for ever"
    ]


async def test_files_and_analyses_that_wait_are_found(audit: AuditHarness) -> None:
    early = build.MORNING - timedelta(hours=1)
    audit.hurt(
        "INSERT INTO taxlot.file (name, digest, source, status, received_at, loaded_at)"
        " VALUES ('x', 'x', 'INBOX', 'LOADED', %s, %s), ('y', 'y', 'INBOX', 'LOADING', %s, NULL)",
        *[early] * 3,
    )
    audit.hurt(
        "INSERT INTO analyzer.analysis_run (business_date, kind, seq, price_set, price_generation, started_at,"
        " finished_at, accounts, covers) VALUES ('2026-06-12', 'DAILY', 1, 1, 1, %s, %s, 0, 'BOOK')",
        early,
        early,
    )
    assert [difference.subject for difference in await audit.found()] == ["analysis 1", "file 1"]


async def test_while_the_broker_is_away_stores_are_still_looked_at(audit: AuditHarness) -> None:
    await audit.batch.queue("A1")
    audit.analyze()
    await audit.publish()
    passes = audit.new_passes("127.0.0.1:1")
    audit.hurt("UPDATE batch.flag SET epoch = 5")
    await passes.look()
    audit.passed_s += PATIENCE_S
    await passes.look()
    await passes.close()
    assert [difference.invariant for difference in passes.broken()] == [Invariant.ACCOUNTS_CONSERVED]
    assert any(trouble.startswith("topics are not read") for trouble in passes.troubles())
    gauges = {name: next(iter(metrics.INVARIANT_AGE.labels(name).collect())) for name in Invariant}
    unseen = {Invariant.ORDERS_PUBLISHED, Invariant.EPOCHS_AGREE, Invariant.FLAGS_AGREE}
    unseen |= {Invariant.HISTORY_WHOLE, Invariant.AUDIT_LOG_WHOLE}  # their ends are kept on a topic
    assert {name for name, gauge in gauges.items() if gauge.samples[0].value > 0} == unseen


def test_the_auditor_reads_columns_without_names_and_writes_nothing(audit: AuditHarness) -> None:
    refused = (
        "SELECT name FROM batch.account",
        "SELECT manifest FROM batch.decision",
        "SELECT key FROM batch.scope_key",
        "SELECT value FROM batch.outbox",
        "SELECT * FROM analyzer.account_facts",
        "UPDATE batch.account SET epoch = 0",
        "DELETE FROM batch.outbox",
        "SELECT count(*) FROM gateway.session",
        "SELECT body FROM gateway.audit",
        "SELECT seq FROM gateway.audit",
        "SELECT seq FROM gateway.audit_head",
        "SELECT gateway.audit_append('[]')",
        "SELECT previous FROM batch.decision_link",
        "SELECT batch_id FROM batch.decision_before",
        "SELECT position FROM batch.decision_head",
        "SELECT enterprise_ids FROM batch.decision",
        "CREATE TABLE batch.mine (x int)",
    )
    with psycopg.connect(as_role(audit.batch.admin_url, "auditor"), autocommit=True) as connection:
        for statement in refused:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())
