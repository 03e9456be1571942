"""Each user sees what was granted and nothing else: by the predicate, and by the database when a query forgets it."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.contracts.events import AdvisorCounts, AnalysisCompleted
from shared.contracts.tenancy import SYSTEM, Scope
from shared.http.principal import HEADER
from tests.batch.harness import Harness, User

pytestmark = pytest.mark.integration


async def _two_tenants(harness: Harness) -> tuple[User, User, dict[str, object]]:
    ann = harness.user("Ann")
    bob = harness.user("Bob", enterprises=["E2"])
    await harness.queue("A1", "A2")
    await harness.queue("B1", enterprise_id="E2", advisor_id="D9")
    return ann, bob, await ann.pending("A1")


async def test_another_tenant_sees_nothing_and_can_do_nothing(harness: Harness) -> None:
    ann, bob, batch = await _two_tenants(harness)
    assert await bob.queued() == ["B1"]
    assert await ann.queued() == ["A2"]
    number = batch["batch_id"]
    for path in (
        f"/v1/batches/{number}",
        f"/v1/batches/{number}/accounts",
        f"/v1/batches/{number}/accounts/A1",
        "/v1/accounts/A1",
        "/v1/batches/999",
    ):
        response = await bob.ask("GET", path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path
        assert "Account A1" not in response.text
    selection = {"selection": {"kind": "ids", "ids": ["A1"]}, "expected_count": 1}
    bodies = {"approve": None, "cancel": None, "removals": selection, "logic": {"logic": "BEST_FIT"}, "repropose": {}}
    for what, body in bodies.items():
        assert (await bob.do(batch, what, body)).status_code == 404
    stolen = await bob.try_propose("A2")
    assert (stolen.status_code, stolen.json()["count"]) == (409, 0)
    assert (await bob.get("/v1/queue/tiles"))["total"] == 1
    assert (await bob.get("/v1/batches"))["total"] == 0
    assert (await ann.do(batch, "approve")).status_code == 200


async def test_an_advisor_sees_her_accounts_and_batches_that_hold_some_of_them(harness: Harness) -> None:
    ann = harness.user("Ann")
    dora = harness.user("Dora", advisors=["D2"])
    await harness.queue("A1", "A4")
    await harness.queue("A2", "A3", advisor_id="D2")
    assert await dora.queued() == ["A2", "A3"]
    mixed, hers, others = await ann.propose("A1", "A2"), await ann.propose("A3"), await ann.propose("A4")
    listed = (await dora.get("/v1/batches"))["rows"]
    assert [(row["batch_id"], row["part"] is None) for row in listed] == [
        (hers["batch_id"], True),
        (mixed["batch_id"], False),
    ]
    assert (await dora.ask("GET", f"/v1/batches/{others['batch_id']}")).status_code == 404


async def test_somebody_granted_two_enterprises_may_batch_them_together(harness: Harness) -> None:
    both = harness.user("Cleo", enterprises=["E1", "E2"])
    await harness.queue("A1")
    await harness.queue("B1", enterprise_id="E2")
    batch = await both.pending("A1", "B1")
    (seen,) = (await harness.user("Ann").get("/v1/batches"))["rows"]
    assert (seen["accounts"], seen["enterprise_id"], seen["part"] is None) == (1, "E1", False)
    await both.done(batch, "approve")
    assert [body["enterprise_id"] for body in harness.sent("rebalancer.orders.v1")] == ["E1", "E2"]


TABLES = ("account", "analysis", "flag", "flag_detail", "batch", "batch_account", "result_chunk", "decision")


async def test_the_database_shows_another_tenant_nothing_even_without_a_predicate(harness: Harness) -> None:
    ann, _, batch = await _two_tenants(harness)
    await ann.done(batch, "approve")
    counts = AdvisorCounts(advisor_id="D1", accounts=2, flagged=2, held=0)
    done = AnalysisCompleted(
        run_id="r", enterprise_id="E1", business_date=date(2026, 6, 12), version=1, price_set=1, accounts=2, flagged=2,
        held=0, advisors=[counts],
    )  # fmt: skip
    await harness.handlers.on_analysis([done])
    for table in TABLES:
        query = text(f"SELECT count(*) FROM {table}")
        seen = {}
        for name, scope in {
            "service": SYSTEM,
            "ann": Scope("ann", ("E1",), None),
            "stranger": Scope("x", ("E7",), None),
            "advisor": Scope("d", ("E1",), ("D7",)),
            "nobody": Scope("n"),
            "two enterprises in one name": Scope("t", ("E1,E2",), None),
        }.items():
            async with harness.database.transaction(scope) as connection:
                seen[name] = (await connection.execute(query)).scalar_one()
        assert seen["service"] >= seen["ann"] > 0, table
        assert [seen[name] for name in list(seen)[2:]] == [0] * 4, table
    async with harness.database.requests.connect() as connection:  # a transaction that never said on whose behalf
        for table in (*TABLES, "idempotency"):
            assert (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_the_database_refuses_to_write_for_another_tenant(harness: Harness) -> None:
    await harness.queue("A1")
    await harness.queue("B1", enterprise_id="E2")
    await harness.user("Bob", enterprises=["E2"]).pending("B1")
    for statement, refused in (
        ("INSERT INTO account VALUES ('X', 1, 'E1', 'D1', 'x', 'x', 'x', 'TAXABLE')", "permission denied"),
        ("UPDATE account SET enterprise_id = 'E1'", "permission denied"),
        (
            "INSERT INTO batch_account (batch_id, account_id, enterprise_id, advisor_id, place, account_number, name,"
            " custodian, taxable, epoch, liquidate, state, open, sent_at) SELECT batch_id, 'A1', 'E1', 'D1', 7, 'x',"
            " 'x', 'x', true, 0, false, 'WORKING', true, sent_at FROM batch_account",
            "row-level security",
        ),
        ("UPDATE batch_account SET enterprise_id = 'E1'", "permission denied"),
        ("UPDATE batch SET enterprise_ids = '{E1}'", "permission denied"),
        ("UPDATE batch SET enterprise_ids = '{}'", "permission denied"),
    ):
        with pytest.raises(DBAPIError, match=refused):
            async with harness.database.transaction(Scope("b", ("E2",), None)) as connection:
                await connection.execute(text(statement))


async def test_nobody_is_believed_without_the_gateways_word(harness: Harness) -> None:
    pat = harness.user()
    for token in ("", "x.y.z"):
        response = await pat.ask("GET", "/v1/batches", headers={HEADER: token})
        assert (response.status_code, response.json()["code"]) == (401, "not_signed_in")
    harness.clock.forward(minutes=-5)
    late = await pat.ask("GET", "/v1/batches")
    assert late.status_code == 200
