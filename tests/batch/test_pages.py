"""What is shown: the queue with tiles, filters and sorting; a batch with totals; one account with both logics."""

from collections.abc import Callable
from datetime import date

import httpx
import pytest

from services.batch.app import routed
from shared.contracts.api_queue import TileCounts
from shared.contracts.codes import FlagState, Tile
from shared.contracts.events import AdvisorCounts, AnalysisCompleted
from tests.batch import build
from tests.batch.harness import Harness

pytestmark = pytest.mark.integration

FIRST, HIGH, LOW, DRIFT = (int(tile) for tile in Tile)


async def _book(harness: Harness) -> None:
    """Flag six accounts in all ways, one held, one settling, one clear."""
    await harness.queue("A1", tiles=FIRST | HIGH, value_cents=300)
    await harness.queue("A2", tiles=HIGH, value_cents=100, portfolio_id="P2")
    await harness.queue("A3", tiles=LOW, value_cents=200, max_drift_ppb=90_000_000)
    await harness.queue("A4", tiles=DRIFT, value_cents=200, drifted=4)
    await harness.queue("A5", tiles=FIRST, value_cents=None, source="REBALANCER_ON")
    await harness.queue("A6", tiles=0, state=int(FlagState.NO_TARGET), portfolio_id=None, value_cents=50)
    await harness.queue("H1", state=int(FlagState.HELD), tiles=0, hold_code="BAD_SIGN", hold_text="line 3: negative")
    await harness.queue("S1", state=int(FlagState.SETTLING), tiles=0)
    await harness.queue("C1", state=int(FlagState.CLEAR), tiles=0)


async def test_tiles_count_their_own_and_the_total_what_is_chosen(harness: Harness) -> None:
    pat = harness.user()
    await _book(harness)
    wanted = {
        "first_rebalance": 2, "high_cash": 2, "low_cash": 1, "position_drift": 1, "no_target": 1, "total": 6, "held": 1,
        "settling": 1, "in_batches": 0, "last_analysis": None, "analysed_accounts": None,
    }  # fmt: skip
    assert await pat.get("/v1/queue/tiles") == wanted
    chosen = await pat.get("/v1/queue/tiles", tile="FIRST_REBALANCE")
    assert (chosen["total"], chosen["first_rebalance"], chosen["high_cash"], chosen["no_target"]) == (2, 2, 2, 1)
    filtered = await pat.get("/v1/queue/tiles", f="market_value.gte.2")
    assert (filtered["total"], filtered["high_cash"], filtered["low_cash"]) == (3, 1, 1)
    await pat.propose("A1")
    assert ((await pat.get("/v1/queue/tiles"))["total"], (await pat.get("/v1/queue/tiles"))["in_batches"]) == (5, 1)
    counts = [
        AdvisorCounts(advisor_id=name, accounts=number, flagged=3, held=0) for name, number in (("D1", 7), ("D2", 2))
    ]
    done = AnalysisCompleted(
        run_id="r", enterprise_id="E1", business_date=date(2026, 6, 12), version=1, price_set=1, accounts=9, flagged=6,
        held=0, advisors=counts,
    )  # fmt: skip
    await harness.handlers.on_analysis([done])
    harness.clock.forward(hours=1)
    await harness.handlers.on_analysis([done])  # delivered once more
    tiles = await pat.get("/v1/queue/tiles")
    assert (tiles["last_analysis"], tiles["analysed_accounts"]) == ("2026-06-12T14:00:00Z", 9)
    dora, bob = harness.user("Dora", advisors=["D2"]), harness.user("Bob", enterprises=["E2"])
    assert (await dora.get("/v1/queue/tiles"))["analysed_accounts"] == 2
    assert (await bob.get("/v1/queue/tiles"))["analysed_accounts"] is None
    assert (await bob.get("/v1/queue/tiles"))["last_analysis"] is None


@pytest.mark.parametrize(
    ("query", "accounts"),
    [
        ({"tile": ["FIRST_REBALANCE", "HIGH_CASH"]}, ["A1"]),
        ({"tile": "HIGH_CASH"}, ["A1", "A2"]),
        ({"f": "market_value.gte.2.00"}, ["A1", "A3", "A4"]),
        ({"f": ["market_value.gte.1", "market_value.lte.2"]}, ["A2", "A3", "A4"]),
        ({"f": "portfolio_id.in.P2|P9"}, ["A2"]),
        ({"f": "source.eq.REBALANCER_ON"}, ["A5"]),
        ({"f": "max_drift.gte.0.09"}, ["A3"]),
        ({"f": "drifted.gte.4"}, ["A4"]),
        ({"q": "00a3"}, ["A3"]),
        ({"q": "Account A4"}, ["A4"]),
        ({"q": "%"}, []),
        ({"sort": "market_value"}, ["A6", "A2", "A3", "A4", "A1", "A5"]),
        ({"sort": "-market_value"}, ["A1", "A3", "A4", "A2", "A6", "A5"]),
        ({"sort": "-market_value", "size": 2, "page": 2}, ["A4", "A2"]),
        ({"page": 9}, []),
    ],
)
async def test_the_queue_is_filtered_sorted_and_paged(
    harness: Harness, query: dict[str, object], accounts: list[str]
) -> None:
    await _book(harness)
    page = await harness.user().get("/v1/queue/accounts", **query)
    assert [row["account_id"] for row in page["rows"]] == accounts
    assert page["total"] == (6 if {"sort", "page"} & set(query) else len(accounts))


@pytest.mark.parametrize(
    "query", [{"f": "size.gte.1"}, {"sort": "size"}, {"tile": "WIDE"}, {"page": 0}, {"size": 1001}]
)
async def test_a_query_that_cannot_be_understood_says_so(harness: Harness, query: dict[str, object]) -> None:
    response = await harness.user().ask("GET", "/v1/queue/accounts", params=query)
    assert (response.status_code, response.json()["code"]) == (422, "bad_input")
    assert response.json()["errors"][0]["pointer"].startswith(f"/query/{next(iter(query))}")
    assert "_" not in response.json()["detail"], "people are told in words"


async def test_an_account_says_why_it_is_in_the_queue(harness: Harness) -> None:
    await _book(harness)
    pat = harness.user()
    account = await pat.get("/v1/accounts/A1")
    assert account["why"][0]["sentence"] == (
        "Cash is 8.00% of the account, above its band of 2.40% to 3.60% around the target of 3.00%."
    )
    assert account["causes"] == [
        {"business_date": "2026-06-12", "source": "DRIFT_ANALYSIS", "detail": "daily analysis"}
    ]
    held = await pat.get("/v1/accounts/H1")
    assert (held["state"], held["hold_code"], held["hold_text"]) == ("HELD", "BAD_SIGN", "line 3: negative")
    await harness.handlers.on_accounts([build.an_account("N1")])
    assert (await pat.get("/v1/accounts/N1"))["state"] == "OFF"  # nothing is known of it yet
    batch = await pat.propose("A1")
    assert (await pat.get("/v1/accounts/A1"))["open_batch"] == batch["batch_id"]


async def test_totals_are_the_sums_of_the_rows_with_taxable_and_other_accounts_apart(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3", "A4")
    batch = await pat.propose("A1", "A2", "A3", "A4")
    ((rows, attempt),) = harness.requested(batch["batch_id"])
    made = [build.a_result(row) for row in rows[:3]] + [build.a_failure(rows[3], text="Price of AAA is missing.")]
    made[2]["taxable"] = False
    await harness.handlers.on_results([build.results(made, batch["batch_id"], attempt)])
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    page = await pat.get(path)
    totals = page["totals"]
    assert (totals["accounts"], totals["failed"], totals["sells"], totals["sells_value"]) == (3, 1, 3, "3000.00")
    assert (totals["long_term"], totals["non_taxable_long_term"], totals["estimated"]) == ("200.00", "100.00", "200.00")
    assert page["batch"]["long_term"] == totals["long_term"]
    assert page["totals"] == page["filtered"]
    assert page["rows"][3]["result"] == "Price of AAA is missing."
    assert page["rows"][3]["market_value"] is None
    filtered = await pat.get(path, f=["result.in.COMPLETE|WORKING", "sells.gte.1"], q="A1", sort="-long_term")
    assert (filtered["total"], filtered["filtered"]["long_term"], filtered["totals"]) == (1, "100.00", totals)
    wrong = await pat.ask("GET", path, params={"f": "sells.in.1"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_input")


async def test_one_account_shows_both_logics_and_its_figures_add_up(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    batch = await pat.pending("A1", "A2", "A3")
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A2")
    assert (view["previous_id"], view["next_id"], view["position"], view["logic"]) == ("A1", "A3", 2, "BEST_FIT")
    assert [proposal["logic"] for proposal in view["proposals"]] == ["BEST_FIT", "MIN_TRANSACTION"]
    assert view["proposals"][0]["row"] == view["account"]
    for proposal in view["proposals"]:
        shown = proposal["row"]
        booked = [position for position in proposal["positions"] if position["long_term"] is not None]
        assert [position["long_term"] for position in booked] == [shown["long_term"]]
        assert sum(float(slice_["gain"]) for slice_ in proposal["slices"]) == float(shown["estimated"])
        assert sum(float(order["value"]) for order in proposal["orders"]) == float(shown["sells_value"])
    drifts = [(proposal["drift_before"], proposal["drift_after"]) for proposal in view["proposals"]]
    assert drifts == [("0.011", "0.001"), ("0.011", "0.006")]  # 1 point of AAA, 0.1 of BBB in M1; then 0.1 in APM
    best = view["proposals"][0]
    sold = best["positions"][0]
    assert (sold["quantity_before"], sold["quantity_after"]) == ("60", "50")
    assert (sold["value_before"], sold["weight_before"], sold["weight_after"]) == ("6000.00", "0.06", "0.05")
    assert (sold["low"], sold["high"]) == ("0.04", "0.06")
    assert best["trades"][0]["sentence"] == "It is 6.00%, above its target of 5.00%: sells from 6.00% to 5.00%."
    crossed = [(trade["sleeve_id"], trade["side"], trade["crossed"], trade["market"]) for trade in best["trades"][1:]]
    assert crossed == [("APM", "SELL", "2", "0"), ("M1", "BUY", "2", "0")]
    assert [
        (transfer["from_sleeve_id"], transfer["to_sleeve_id"], transfer["quantity"]) for transfer in best["transfers"]
    ] == [("APM", "M1", "2")]


async def test_a_failed_account_and_one_in_work_can_be_looked_at(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    path = f"/v1/batches/{batch['batch_id']}/accounts/A1"
    working = await pat.get(path)
    assert (working["account"]["state"], working["proposals"]) == ("WORKING", [])
    await harness.reply(batch["batch_id"], failing=["A1"])
    failed = await pat.get(path)
    assert (failed["account"]["failure_code"], failed["proposals"]) == ("MISSING_PRICE", [])


async def test_a_batch_carries_its_version_as_etag(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    made = await pat.try_propose("A1")
    number = made.json()["batch"]["batch_id"]
    assert (made.headers["Location"], made.headers["ETag"]) == (f"/v1/batches/{number}", '"1"')
    await harness.reply(number)
    shown = await pat.ask("GET", f"/v1/batches/{number}")
    assert shown.headers["ETag"] == f'"{shown.json()["version"]}"'
    assert shown.json()["only_account"] == "00A1"


async def test_the_document_names_every_operation_once(make_harness: Callable[..., Harness]) -> None:
    async def ready() -> list[str]:
        return []

    document = routed(ready).openapi()
    operations = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert sorted(operations) == [
        "approve_batch", "approve_rest", "cancel_batch", "check_history", "compare_logics", "count_tiles",
        "edit_trades", "export_batch_accounts", "export_batch_trades", "export_block_orders", "export_history",
        "export_orders",
        "export_queue", "find_accounts", "get_account", "get_batch", "get_batch_account", "list_batch_accounts",
        "list_batches", "list_queue", "list_security_trades", "list_trades", "propose_batch", "remove_accounts",
        "repropose_accounts", "switch_logic", "undo_removal",
    ]  # fmt: skip
    assert set(TileCounts.model_fields) == set(document["components"]["schemas"]["TileCounts"]["properties"])


async def test_a_database_that_is_away_is_said_plainly(harness: Harness) -> None:
    away = Harness("postgresql://nobody:x@127.0.0.1:9/none")
    response: httpx.Response = await away.user().ask("GET", "/v1/batches")
    assert (response.status_code, response.json()["code"], response.headers["Retry-After"]) == (503, "unavailable", "2")
    await away.database.close()
