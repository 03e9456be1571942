"""Approved between the exchange's close and the cut-off: traded on the next session, which orders and answers say."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.contracts.codes import Term
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration

FRIDAY, MONDAY = build.TRADE_DATE, date(2026, 6, 15)
BEFORE_CLOSE = datetime(2026, 6, 12, 19, 59, 59, tzinfo=UTC)  # 15:59:59 in New York
CLOSE = datetime(2026, 6, 12, 20, 0, 0, tzinfo=UTC)
AFTER_CLOSE = datetime(2026, 6, 12, 20, 30, tzinfo=UTC)  # 16:30


def a_slice(term: Term, first_long_term_day: date | None, logic: int = 0) -> dict[str, Any]:
    """Ten units of AAA, or five under Min Transaction, sold at a gain of $10 a unit."""
    request = dict.fromkeys(("enterprise_id", "advisor_id", "epoch", "liquidate")) | {"account_id": "A"}
    made: dict[str, Any] = build.a_result(request)["slices"][logic]
    return made | {"term": int(term), "first_long_term_day": first_long_term_day}


@pytest.mark.parametrize(("approved_at", "session"), [(BEFORE_CLOSE, FRIDAY), (CLOSE, MONDAY), (AFTER_CLOSE, MONDAY)])
async def test_the_session_is_told_and_the_business_date_stays(
    harness: Harness, approved_at: datetime, session: date
) -> None:
    """Proposed at 10:00 on Friday; cancel time, batch date and last-rebalanced stay those of Friday."""
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    assert batch["session"] == FRIDAY.isoformat()
    harness.clock.instant = approved_at
    shown = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (shown["session"], shown["cancel_at"]) == (session.isoformat(), batch["cancel_at"])
    approved = await pat.done(shown, "approve")
    assert (approved["session"], approved["trade_date"]) == (session.isoformat(), FRIDAY.isoformat())
    (orders,) = harness.sent("rebalancer.orders.v1")
    dates = ("trade_date", "session", "business_date")
    assert [orders[name] for name in dates] == [session.isoformat(), session.isoformat(), FRIDAY.isoformat()]
    (((row,), _),) = harness.sent_chunks("batch.rebalanced")
    assert (row["trade_date"], row["session"]) == (FRIDAY, session)
    assert harness.sql("SELECT last_rebalanced FROM account WHERE account_id = 'A1'") == [(FRIDAY,)]
    harness.clock.instant = datetime(2026, 6, 22, 15, tzinfo=UTC)  # it stays what it was
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["session"] == session.isoformat()


async def test_a_batch_without_approval_has_no_session(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    assert (await pat.done(batch, "cancel"))["session"] is None


@pytest.mark.parametrize(
    ("shown", "first_long_term_day", "is_stale"),
    [
        (Term.SHORT, date(2026, 6, 13), True),  # long-term on Monday
        (Term.SHORT, date(2026, 6, 15), True),
        (Term.SHORT, date(2026, 6, 16), False),  # still short-term on Monday
        (Term.LONG, date(2026, 6, 12), False),
        (Term.UNKNOWN, None, False),
    ],
)
async def test_a_term_that_is_another_on_the_day_of_the_trades_makes_stale(
    harness: Harness, shown: Term, first_long_term_day: date | None, is_stale: bool
) -> None:
    """Approved at 16:30 on Friday it would be traded on Monday; the term stands as of Friday."""
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    (((first, second), attempt),) = harness.requested(batch["batch_id"])
    rows = [build.a_result(first, slices=[a_slice(shown, first_long_term_day)]), build.a_result(second)]
    await harness.handlers.on_results([build.results(rows, batch["batch_id"], attempt)])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    harness.clock.instant = AFTER_CLOSE
    response = await pat.do(batch, "approve")
    if not is_stale:
        assert response.status_code == 200, response.text
        return
    assert (response.status_code, response.json()["code"]) == (409, "stale_proposals")
    assert "traded on 2026-06-15, and 1 account shows a term that is another on that day" in response.json()["detail"]
    assert harness.sent("rebalancer.orders.v1") == []
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert batch["counts"]["stale"] == 1
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.STALE")
    assert [row["account_id"] for row in page["rows"]] == ["A1"]
    assert page["rows"][0]["result"] == (
        "A lot it sells has another term on the day on which its orders would be traded (2026-06-15):"
        " remove it or have it proposed again before approving."
    )
    batch = await pat.done(batch, "repropose", {})
    again = harness.sent_chunks("work.request.small")[-1]
    assert again[1]["trade_date"] == MONDAY.isoformat()
    result = build.a_result(again[0][0], slices=[a_slice(Term.LONG, first_long_term_day)])
    await harness.handlers.on_results([build.results([result], batch["batch_id"], int(again[1]["attempt"]))])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (await pat.done(batch, "approve"))["session"] == MONDAY.isoformat()


async def test_only_the_logic_in_force_is_looked_at(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    slices = [a_slice(Term.LONG, date(2021, 1, 3)), a_slice(Term.SHORT, MONDAY, logic=1)]
    batch = await pat.propose("A1")
    await harness.reply(batch["batch_id"], slices=slices)
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    harness.clock.instant = AFTER_CLOSE
    await pat.done(batch, "approve")


async def test_proposed_after_the_close_terms_are_those_of_the_next_session(harness: Harness) -> None:
    """Its business date is still Friday; asked for at 16:30, terms are Monday's, and an approval at once holds."""
    pat = harness.user()
    harness.clock.instant = AFTER_CLOSE
    await harness.queue("A1")
    batch = await pat.propose("A1")
    ((_, meta),) = harness.sent_chunks("work.request.small")
    assert (batch["trade_date"], meta["trade_date"]) == (FRIDAY.isoformat(), MONDAY.isoformat())
    await harness.reply(batch["batch_id"])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (await pat.done(batch, "approve"))["session"] == MONDAY.isoformat()
