"""Filters of both lists: every column, equal means what is shown, any case, tiles by themselves."""

from typing import Any

import pytest

from shared.contracts.codes import FlagState, Tile
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration

FIRST, HIGH, LOW, DRIFT = (int(tile) for tile in Tile)


async def _book(harness: Harness) -> None:
    """Flag accounts in all ways, one of them without a target."""
    await harness.queue("A1", tiles=FIRST | HIGH, value_cents=30_000_049, cash_ppb=124_500_000)
    await harness.queue("A2", tiles=HIGH, value_cents=29_999_950, cash_ppb=124_499_999, portfolio_id="Growth")
    await harness.queue("A3", tiles=LOW, value_cents=29_999_949, last_rebalanced=build.TRADE_DATE)
    await harness.queue("A4", tiles=DRIFT, value_cents=-50, needed_since=None)
    await harness.queue("N1", tiles=0, state=int(FlagState.NO_TARGET), portfolio_id=None)


@pytest.mark.parametrize(
    ("query", "accounts"),
    [
        ({"f": "market_value.eq.300000"}, ["A1", "A2"]),
        ({"f": "market_value.eq.300000.49"}, ["A1"]),
        ({"f": "market_value.eq.299999"}, ["A3"]),
        ({"f": "market_value.eq.-1"}, ["A4"]),
        ({"f": "market_value.gte.300000"}, ["A1"]),
        ({"f": "cash_weight.eq.0.125"}, ["A1"]),
        ({"f": "cash_weight.eq.0.124"}, ["A2"]),
        ({"f": "portfolio_id.in.gROWTH"}, ["A2"]),
        ({"f": "custodian.eq.schw"}, ["A1", "A2", "A3", "A4", "N1"]),
        ({"f": "name.in.ACCOUNT A3|account a4"}, ["A3", "A4"]),
        ({"f": "account_number.in.00a1|00N1"}, ["A1", "N1"]),
        ({"f": "last_rebalanced.eq.2026-06-12"}, ["A3"]),
        ({"f": "last_rebalanced.gte.2026-06-13"}, []),
        ({"f": "needed_since.lte.2026-06-12"}, ["A1", "A2", "A3", "N1"]),
        ({"tile": "NO_TARGET"}, ["N1"]),
        ({"tile": ["NO_TARGET", "HIGH_CASH"]}, []),
        ({"tile": ["FIRST_REBALANCE", "HIGH_CASH"]}, ["A1"]),
    ],
)
async def test_the_queue_is_filtered(harness: Harness, query: dict[str, Any], accounts: list[str]) -> None:
    await _book(harness)
    assert await harness.user().queued(**query) == accounts
    assert (await harness.user().get("/v1/queue/tiles", **query))["total"] == len(accounts)


async def test_text_matches_in_any_case_of_any_alphabet(harness: Harness) -> None:
    await harness.queue("A1", portfolio_id="Zürich Ärzte")
    pat = harness.user()
    assert await pat.queued(f="portfolio_id.in.ZÜRICH ÄRZTE") == ["A1"]
    assert await pat.queued(q="aCCOUNT a1") == ["A1"]


async def test_each_tile_counts_its_own_whatever_is_chosen(harness: Harness) -> None:
    await _book(harness)
    pat = harness.user()
    names = ("first_rebalance", "high_cash", "low_cash", "position_drift", "no_target")
    for chosen in ([], ["HIGH_CASH"], ["HIGH_CASH", "LOW_CASH"], ["NO_TARGET"]):
        counts = await pat.get("/v1/queue/tiles", tile=chosen)
        assert [counts[name] for name in names] == [1, 2, 1, 1, 1], chosen
    filtered = await pat.get("/v1/queue/tiles", tile="LOW_CASH", f="market_value.gte.300000")
    assert ([filtered[name] for name in names], filtered["total"]) == ([1, 1, 0, 0, 0], 0)


async def test_a_request_is_filtered_by_every_column(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    ((rows, attempt),) = harness.requested(batch["batch_id"])
    made = [build.a_result(rows[0]), build.a_result(rows[1], taxable=False)]
    await harness.handlers.on_results([build.results(made, batch["batch_id"], attempt)])
    path = f"/v1/batches/{batch['batch_id']}/accounts"

    async def found(clause: str) -> list[str]:
        return [row["account_id"] for row in (await pat.get(path, f=clause))["rows"]]

    assert await found("flats.gte.1") == ["A1", "A2"]
    assert await found("taxable.in.NO") == ["A2"]
    assert await found("taxable.in.YES|NO") == ["A1", "A2"]
    assert await found("advisor_id.in.d1") == ["A1", "A2"]
    assert await found("name.in.account A2") == ["A2"]
    assert await found("account_number.in.00a1") == ["A1"]
    assert [row["account_id"] for row in (await pat.get(path, sort="taxable"))["rows"]] == ["A2", "A1"]
    wrong = await pat.ask("GET", path, params={"f": "taxable.in.MAYBE"})
    assert (wrong.status_code, "there are YES, NO" in wrong.json()["errors"][0]["detail"]) == (422, True)


async def test_a_removal_by_filter_means_the_accounts_that_the_filter_shows(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    body = {"selection": {"kind": "matching", "f": ["name.in.ACCOUNT A2"]}, "expected_count": 1}
    after = await pat.done(batch, "removals", body)
    assert after["counts"]["removed"] == 1
