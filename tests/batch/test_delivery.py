"""Messages that come twice, late or in another order than they were sent leave the same state, and the same orders.

Every trial has accounts of its own beside the others', and an order of its own; the first has each message once, in
order.  Staleness alone may depend on it: what was seen to be wrong once stays marked until it is proposed again.
Whatever the order, what is wrong in the end is stale, and what never was is not.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

import pytest

from shared.contracts.codes import FlagState
from shared.contracts.events import AdvisorCounts, AnalysisCompleted
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration

TRIALS = 8
CLEAN, LOTS, HELD, MOVED, LIFTED, FAILING, RENAMED = range(7)  # what happens to an account while it is in the batch
Delivery = Callable[[], Awaitable[None]]
_STATE = (
    "SELECT right(a.account_id, 1), a.version, a.enterprise_id, a.name, f.flag_version, f.state, f.lots_version,"
    " d.hold_code, m.state, m.open, m.failure_code, m.row_no, m.value_cents, m.estimated_cents, m.epoch, a.epoch"
    " FROM account a LEFT JOIN flag f USING (account_id) LEFT JOIN flag_detail d USING (account_id)"
    " LEFT JOIN batch_account m USING (account_id) WHERE a.account_id LIKE %s ORDER BY a.account_id"
)
_COUNTS = "SELECT status, working, proposed, failed, estimated_cents FROM batch WHERE batch_id = %s"
_STALE = "SELECT right(account_id, 1)::int FROM batch_account WHERE batch_id = %s AND stale_code IS NOT NULL ORDER BY 1"


def _disordered(deliveries: Sequence[Delivery], chance: random.Random | None) -> list[Delivery]:
    """Return every delivery at least once, in any order; without chance: once each, in order."""
    if chance is None:
        return list(deliveries)
    repeated = [delivery for delivery in deliveries for _ in range(chance.choice((1, 1, 2, 3)))]
    chance.shuffle(repeated)
    return repeated


def _before(harness: Harness, ids: Sequence[str]) -> list[Delivery]:
    """Return what comes before the batch: two versions of each account, three evaluations, one account a message."""
    cleared = {"state": int(FlagState.CLEAR), "tiles": 0}
    return [
        *(
            partial(harness.handlers.on_accounts, [build.an_account(account_id, version=1, name="Old")])
            for account_id in ids
        ),
        *(partial(harness.flag, build.a_flag(account_id, flag_version=1, **cleared)) for account_id in ids),
        *(
            partial(harness.handlers.on_accounts, [build.an_account(account_id, version=2, name="Of now")])
            for account_id in ids
        ),
        *(
            partial(harness.flag, build.a_flag(account_id, flag_version=number))
            for number in (2, 3)
            for account_id in ids
        ),
    ]


def _during(harness: Harness, ids: Sequence[str], batch_id: int) -> list[Delivery]:
    """Return what comes while the batch is open: the results, in two chunks, and what happens to the accounts."""
    held = {"state": int(FlagState.HELD), "hold_code": "X", "hold_text": "Line 7: bad.", "tiles": 0}
    ((rows, attempt),) = harness.requested(batch_id)
    results = [
        partial(harness.handlers.on_results, [harness.results_for(part, batch_id, attempt, failing=[ids[FAILING]])])
        for part in (rows[:4], rows[4:])
    ]
    return [
        *results,
        partial(harness.flag, build.a_flag(ids[LOTS], flag_version=4, lots_version=2)),
        partial(harness.flag, build.a_flag(ids[HELD], flag_version=4, **held)),
        partial(harness.flag, build.a_flag(ids[LIFTED], flag_version=4, **held)),
        partial(harness.flag, build.a_flag(ids[LIFTED], flag_version=5)),
        partial(
            harness.handlers.on_accounts, [build.an_account(ids[MOVED], version=3, name="Of now", enterprise_id="E2")]
        ),
        partial(harness.handlers.on_accounts, [build.an_account(ids[RENAMED], version=3, name="New")]),
        partial(harness.flag, build.a_flag(ids[CLEAN], flag_version=4, price_set=2)),
    ]


async def _trial(harness: Harness, tag: str, chance: random.Random | None) -> tuple[Any, set[int], list[Any]]:
    """Return the state in the end, which accounts are stale, and what is released once those are removed."""
    pat = harness.user()
    ids = [f"{tag}-{number}" for number in range(7)]
    for deliver in _disordered(_before(harness, ids), chance):
        await deliver()
    batch_id = (await pat.propose(*ids))["batch_id"]
    for deliver in _disordered(_during(harness, ids, batch_id), chance):
        await deliver()
    state = harness.sql(_STATE, f"{tag}-%"), harness.sql(_COUNTS, batch_id)
    stale = {row[0] for row in harness.sql(_STALE, batch_id)}
    batch = await pat.remove(await pat.get(f"/v1/batches/{batch_id}"), *(ids[number] for number in stale))
    await pat.done(batch, "approve")
    for deliver in _disordered(_during(harness, ids, batch_id), chance) if chance else []:
        await deliver()  # everything once more, late
    released = [
        (body["account_id"][-1], [(order["side"], order["security_id"], order["quantity"]) for order in body["orders"]])
        for body in harness.sent("rebalancer.orders.v1")
        if body["batch_id"] == batch_id
    ]
    return state, stale, released


async def test_whatever_the_order_of_delivery_the_state_and_the_orders_are_the_same(harness: Harness) -> None:
    state, stale, released = await _trial(harness, "T00", None)
    assert stale == {LOTS, HELD, MOVED, LIFTED}
    orders = dict(released)
    for number in range(1, TRIALS):
        again, marked, sent = await _trial(harness, f"T{number:02}", random.Random(number))
        assert again == state, f"trial {number}"
        assert {LOTS, HELD, MOVED} <= marked <= {LOTS, HELD, MOVED, LIFTED}, f"trial {number}"
        expected = set(range(7)) - marked - {FAILING}
        assert sorted(int(account) for account, _ in sent) == sorted(expected), f"trial {number}"
        assert all(sent_orders == orders.get(account, sent_orders) for account, sent_orders in sent), f"trial {number}"


@pytest.mark.parametrize("seed", range(10))
async def test_the_last_analysis_is_the_one_with_the_highest_number_whatever_the_order(
    harness: Harness, seed: int
) -> None:
    runs = [
        AnalysisCompleted(
            run_id=f"run-{number}", enterprise_id="E1", business_date=date(2026, 6, 12), version=number, price_set=1,
            accounts=number, flagged=0, held=0,
            advisors=[AdvisorCounts(advisor_id="D1", accounts=number, flagged=0, held=0)],
        )
        for number in range(1, 5)
    ]  # fmt: skip
    for deliver in _disordered([partial(harness.handlers.on_analysis, [run]) for run in runs], random.Random(seed)):
        await deliver()
    assert harness.sql("SELECT run_id, accounts FROM analysis") == [("run-4", 4)]
