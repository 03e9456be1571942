"""What a request trades by security over its accounts, the accounts that trade one, and each logic beside another."""

from fractions import Fraction

import pytest

from tests.batch import build
from tests.batch.build import an_order, trading
from tests.batch.harness import Harness, Json, User, reply

pytestmark = pytest.mark.integration


async def _request(harness: Harness, pat: User) -> Json:
    """A request: A1 sells 10 AAA, A2 buys 4 AAA and 100 BBB, A3 sells 6 AAA, A4 fails, A5 trades nothing."""
    accounts = {
        "A1": trading(an_order(0, -10)),
        "A2": trading(an_order(0, 4), an_order(1, 100)),
        "A3": trading(an_order(0, -6)),
        "A4": {"failure_code": "MISSING_PRICE", "failure_text": "Price of AAA is missing."},
        "A5": trading(),
    }
    await harness.queue(*accounts)
    batch = await pat.propose(*accounts)
    await reply(harness, batch["batch_id"], accounts)
    return await pat.get(f"/v1/batches/{batch['batch_id']}")


def _dollars(rows: list[Json], field: str) -> Fraction:
    return sum((Fraction(row[field]) for row in rows), Fraction())


async def test_trades_by_security_add_up_to_the_sums_of_the_accounts(harness: Harness) -> None:
    pat = harness.user()
    batch = await _request(harness, pat)
    path = f"/v1/batches/{batch['batch_id']}"
    trades = await pat.get(f"{path}/trades")
    assert [row["security_id"] for row in trades["rows"]] == ["BBB", "AAA"], "the largest value first"
    assert trades["rows"][1]["filtered"] == {
        "buys": "4", "buys_value": "400.00", "buy_accounts": 1, "sells": "16", "sells_value": "1600.00",
        "sell_accounts": 2, "net": "-12", "net_value": "-1200.00", "accounts": 3, "value": "2000.00",
    }  # fmt: skip
    totals = (await pat.get(f"{path}/accounts"))["totals"]
    filtered = [row["filtered"] for row in trades["rows"]]
    for field in ("buys_value", "sells_value"):
        assert _dollars(filtered, field) == Fraction(trades["all"][field]) == Fraction(totals[field])
    assert trades["all"] == trades["filtered"]
    assert (trades["all"]["orders"], trades["all"]["securities"]) == (totals["buys"] + totals["sells"], 2)
    assert (trades["version"], trades["logic"]) == (batch["version"], "BEST_FIT")


async def test_a_filter_leaves_its_accounts_and_shows_all_beside(harness: Harness) -> None:
    pat = harness.user()
    batch = await _request(harness, pat)
    path = f"/v1/batches/{batch['batch_id']}"
    everything = await pat.get(f"{path}/trades")
    trades = await pat.get(f"{path}/trades", f="sells.gte.1")
    (row,) = trades["rows"]
    assert (row["security_id"], row["filtered"]["net"], row["all"]["net"]) == ("AAA", "-16", "-12")
    assert (trades["all"], trades["filtered"]["value"]) == (everything["all"], "1600.00")
    totals = (await pat.get(f"{path}/accounts", f="sells.gte.1"))["filtered"]
    assert trades["filtered"]["sells_value"] == totals["sells_value"]
    assert (await pat.get(f"{path}/trades", q="nobody"))["rows"] == []
    wrong = await pat.ask("GET", f"{path}/trades", params={"f": "sells.in.1"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_input")


async def test_the_accounts_of_a_security_are_listed_with_their_orders(harness: Harness) -> None:
    pat = harness.user()
    batch = await _request(harness, pat)
    path = f"/v1/batches/{batch['batch_id']}/trades"
    page = await pat.get(f"{path}/AAA")
    shown = [(row["account_number"], row["side"], row["quantity"], row["value"]) for row in page["rows"]]
    assert shown == [
        ("00A1", "SELL", "10", "1000.00"), ("00A3", "SELL", "6", "600.00"), ("00A2", "BUY", "4", "400.00"),
    ]  # fmt: skip
    second = await pat.get(f"{path}/AAA", size=1, page=2)
    assert (second["rows"], second["total"]) == (page["rows"][1:2], 3)
    assert [row["account_id"] for row in (await pat.get(f"{path}/AAA", q="A2"))["rows"]] == ["A2"]
    assert (await pat.get(f"{path}/NONE"))["total"] == 0


async def test_removed_accounts_do_not_trade_and_history_keeps_what_was_decided(harness: Harness) -> None:
    pat = harness.user()
    batch = await pat.remove(await _request(harness, pat), "A3")
    path = f"/v1/batches/{batch['batch_id']}/trades"
    opened = await pat.get(path)
    assert [row["filtered"]["sells"] for row in opened["rows"]] == ["0", "10"]
    await pat.done(batch, "approve", {"note": "as shown"})
    await harness.queue("A1", "A2", flag_version=2, price_set=2)
    frozen = await pat.get(path)
    assert (frozen["rows"], frozen["all"]) == (opened["rows"], opened["all"])


async def test_trades_are_those_of_the_logic_in_force(harness: Harness) -> None:
    pat = harness.user()
    batch = await _request(harness, pat)
    await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    trades = await pat.get(f"/v1/batches/{batch['batch_id']}/trades")
    assert [(row["security_id"], row["filtered"]["sells"]) for row in trades["rows"]] == [("AAA", "20")]


async def test_each_logic_shows_what_it_would_do_before_it_is_put_in_force(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    path = f"/v1/batches/{batch['batch_id']}"
    seen = await pat.get(f"{path}/logics")
    best, fewest = seen["logics"]
    assert (best["logic"], fewest["logic"], seen["version"]) == ("BEST_FIT", "MIN_TRANSACTION", batch["version"])
    assert (best["totals"]["long_term"], fewest["totals"]["long_term"]) == ("200.00", "100.00")
    # As the page of one account says: a drift of 0.1 % and of 0.6 % of $100,000 each.
    assert [(logic["drift"], logic["drift_value"]) for logic in (best, fewest)] == [
        ("0.001", "200.00"), ("0.006", "1200.00"),
    ]  # fmt: skip
    assert [(logic["is_available"], logic["unproposed"], logic["drift_unknown"]) for logic in (best, fewest)] == [
        (True, 0, 0), (True, 0, 0),
    ]  # fmt: skip
    await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    after = await pat.get(f"{path}/accounts")
    assert after["totals"] == fewest["totals"], "what was shown before is what is in force then"


async def test_a_logic_that_did_not_propose_for_an_account_says_so(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    whole = build.a_result(dict.fromkeys(("account_id", "enterprise_id", "advisor_id", "epoch", "liquidate"), ""))
    refused = whole["proposals"][1] | {"failure_code": "CASH_SHORTFALL", "failure_text": "Too little cash."}
    only_best = {name: whole[name][:1] for name in ("orders", "slices", "taxes")}
    accounts = {"A1": {}, "A2": {"proposals": [whole["proposals"][0], refused], **only_best}}
    await reply(harness, batch["batch_id"], accounts)
    _, fewest = (await pat.get(f"/v1/batches/{batch['batch_id']}/logics"))["logics"]
    assert (fewest["is_available"], fewest["unproposed"], fewest["drift_unknown"]) == (True, 1, 1)
    assert (fewest["totals"]["sells"], fewest["drift"]) == (1, "0.006")
