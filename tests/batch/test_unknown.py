"""What is not known: absent from the API, met by no number filter, last in both directions, in no total."""

from typing import Any

import pytest

from services.batch.domain.figures import FIGURE_OF
from shared.contracts.codes import FlagState
from shared.contracts.filter_fields import BATCH_FIELDS, QUEUE_FIELDS, FieldKind
from tests.batch import build
from tests.batch.harness import Harness, User

pytestmark = pytest.mark.integration

Json = dict[str, Any]
NUMBERS = [name for name, kind in BATCH_FIELDS.items() if kind.is_number]


def with_failed(result: Json, *logics: int, code: str = "CASH_SHORTFALL") -> Json:
    """Return a RESULT row as the proposer leaves one that it could not propose for: with zeros, under these logics."""
    for logic in logics:
        proposal, tax = result["proposals"][logic], result["taxes"][logic]
        zeros = {name: 0 for name in proposal if isinstance(proposal[name], int) and name != "logic"}
        proposal |= zeros | {"failure_code": code, "failure_text": "Sells cannot reach the reserve."}
        tax |= {name: 0 for name in tax if name != "logic"}
    for name in ("orders", "sleeve_trades", "slices", "transfers"):
        result[name] = [entry for entry in result[name] or () if entry["logic"] not in logics]
    return result


async def _answered(harness: Harness, pat: User, *failed: int) -> Json:
    """Return a pending batch of A1 to A3 in which A2 failed under these logics."""
    await harness.queue("A1", "A2", "A3")
    batch = await pat.propose("A1", "A2", "A3")
    ((rows, attempt),) = harness.requested(batch["batch_id"])
    made = [build.a_result(row) for row in rows]
    made[1] = with_failed(made[1], *failed)
    await harness.handlers.on_results([build.results(made, batch["batch_id"], attempt)])
    return await pat.get(f"/v1/batches/{batch['batch_id']}")


def _earlier_release(harness: Harness) -> None:
    """Leave the zeros that earlier releases kept of a failed account."""
    zeros = ", ".join(f"{name} = '{{0,0}}'" for name in FIGURE_OF.values())
    harness.sql(f"UPDATE batch_account SET {zeros} WHERE account_id = 'A2' RETURNING 1")  # noqa: S608  # names


@pytest.mark.parametrize("by", ["this release", "an earlier release"])
async def test_figures_of_a_failed_account_are_not_known(harness: Harness, by: str) -> None:
    pat = harness.user()
    batch = await _answered(harness, pat, 0, 1)
    if by == "an earlier release":
        _earlier_release(harness)
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    page = await pat.get(path)
    failed = page["rows"][1]
    assert (failed["account_id"], failed["state"]) == ("A2", "FAILED")
    assert {name: failed[name] for name in NUMBERS} == dict.fromkeys(NUMBERS)
    others = await pat.get(path, f="result.in.COMPLETE")
    assert {name: page["totals"][name] for name in page["totals"] if name != "failed"} == {
        name: value for name, value in others["filtered"].items() if name != "failed"
    }
    for name in NUMBERS:
        limits = [f"{name}.gte.-90000000000", f"{name}.lte.90000000000", f"{name}.eq.0"]
        if BATCH_FIELDS[name] is FieldKind.COUNT:
            limits = [f"{name}.gte.-1", f"{name}.lte.2000000000", f"{name}.eq.0"]
        for limit in limits:
            assert "A2" not in [row["account_id"] for row in (await pat.get(path, f=limit))["rows"]], limit
        for sort in (name, f"-{name}"):
            assert (await pat.get(path, sort=sort))["rows"][-1]["account_id"] == "A2", sort
    shown = await pat.get(f"{path}/A2")
    assert [proposal["row"]["market_value"] for proposal in shown["proposals"]] == [None, None]
    assert {shown["account"][name] for name in NUMBERS} == {None}


async def test_figures_under_a_logic_that_could_not_propose_are_not_known(harness: Harness) -> None:
    pat = harness.user()
    batch = await _answered(harness, pat, 1)
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    shown = await pat.get(f"{path}/A2")
    assert [proposal["row"]["market_value"] for proposal in shown["proposals"]] == ["100000.00", None]
    switched = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    assert (switched["counts"]["proposed"], switched["counts"]["stale"]) == (3, 1)
    page = await pat.get(path, f="market_value.lte.300000")
    assert [row["account_id"] for row in page["rows"]] == ["A1", "A3"]
    stale = (await pat.get(path, f="result.in.STALE"))["rows"]
    assert [(row["account_id"], row["market_value"], row["sells"]) for row in stale] == [("A2", None, None)]
    assert page["totals"]["market_value"] == "200000.00"


async def test_figures_are_not_known_while_an_account_is_worked_on(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.propose("A1")
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    for name in NUMBERS:
        assert (await pat.get(path, f=f"{name}.lte.0"))["total"] == 0, name


async def test_what_was_not_checked_meets_no_filter(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    assert (await pat.get(path, f="wash_earlier.eq.0"))["total"] == 1
    harness.sql("UPDATE batch SET wash_seen = NULL RETURNING 1")
    page = await pat.get(path)
    assert (page["rows"][0]["wash_earlier"], page["rows"][0]["wash_disallowed"]) == (None, "0.00")
    assert (await pat.get(path, f="wash_earlier.eq.0"))["total"] == 0


async def test_what_was_not_evaluated_in_the_queue_is_not_known(harness: Harness) -> None:
    pat = harness.user()
    nothing = dict.fromkeys(
        ("value_cents", "cash_cents", "cash_ppb", "cash_target_ppb", "cash_low_ppb", "cash_high_ppb", "max_drift_ppb")
    )
    await harness.queue("A1", max_drift_ppb=0, drifted=0, last_rebalanced=build.TRADE_DATE)
    await harness.queue("N1", state=int(FlagState.NO_TARGET), tiles=0, drifted=0, needed_since=None, **nothing)
    await harness.queue("H1", state=int(FlagState.HELD), tiles=0, drifted=0, **nothing)
    assert (await pat.get("/v1/accounts/H1"))["drifted_components"] is None
    numbers = {name: kind for name, kind in QUEUE_FIELDS.items() if kind is not FieldKind.TEXT}
    for name, kind in numbers.items():
        row = (await pat.get("/v1/queue/accounts", q="N1"))["rows"][0]
        assert row["drifted_components" if name == "drifted" else name] is None, name
        least, most = ("1990-01-01", "2100-01-01") if kind is FieldKind.DAY else ("-1", "90000000")
        for limit in (f"{name}.gte.{least}", f"{name}.lte.{most}"):
            assert await pat.queued(f=limit) == ["A1"], limit
        for sort in (name, f"-{name}"):
            assert await pat.queued(sort=sort) == ["A1", "N1"], sort
