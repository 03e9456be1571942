"""The order file of an approval: exactly what was approved, as it was sent, and as blocks that add up to it."""

import csv
import io
from collections import Counter
from fractions import Fraction

import pytest

from shared.tables.csv_file import END
from tests.batch.build import an_order, trading
from tests.batch.harness import Harness, Json, User, reply

pytestmark = pytest.mark.integration


async def _approved(harness: Harness, pat: User) -> Json:
    """An approved request: A1 sells 10 AAA, A2 buys 4 AAA and 100 BBB, A3 was removed, A4 failed, A5 trades nothing."""
    accounts = {
        "A1": trading(an_order(0, -10)),
        "A2": trading(an_order(0, 4), an_order(1, 100)),
        "A3": trading(an_order(0, -6)),
        "A4": {"failure_code": "MISSING_PRICE", "failure_text": "Price of AAA is missing."},
        "A5": trading(),
    }
    harness.sql("UPDATE incarnation SET begun_at = '2020-01-01' RETURNING 1")  # before the clock that tests set
    await harness.queue(*accounts)
    batch = await pat.propose(*accounts)
    await reply(harness, batch["batch_id"], accounts)
    batch = await pat.remove(await pat.get(f"/v1/batches/{batch['batch_id']}"), "A3")
    return await pat.done(batch, "approve")


async def _file(who: User, batch: Json, what: str) -> list[dict[str, str]]:
    """Return the rows of a file that is whole."""
    response = await who.ask("GET", f"/v1/batches/{batch['batch_id']}/{what}")
    assert response.status_code == 200, response.text
    name = f'attachment; filename="request-{batch["batch_id"]}-{what}.csv"'
    assert response.headers["content-disposition"] == name
    lines = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline=""), strict=True))
    header, rows, last = lines[0], lines[1:-1], lines[-1]
    assert last[:2] == [END, f"{len(rows)} rows"]
    return [dict(zip(header, row, strict=True)) for row in rows]


async def test_the_order_file_holds_the_orders_that_were_sent_and_no_others(harness: Harness) -> None:
    pat = harness.user()
    batch = await _approved(harness, pat)
    rows = await _file(pat, batch, "orders")
    sent = [
        {
            "Order id": order["order_id"], "Account id": body["account_id"], "Account number": body["account_number"],
            "Custodian": body["custodian"], "Security": order["security_id"], "Side": order["side"],
            "Quantity": order["quantity"], "Order type": order["order_type"], "Time in force": order["time_in_force"],
            "Trade date": body["trade_date"], "Currency": order["currency"],
        }
        for body in harness.sent("rebalancer.orders.v1")
        for order in body["orders"]
    ]  # fmt: skip
    assert sorted(rows, key=str) == sorted(sent, key=str)
    assert {row["Account id"] for row in rows} == {"A1", "A2"}, "what was removed or failed is not to be traded"


async def test_blocks_are_of_what_the_order_file_holds_and_say_whose_it_is(harness: Harness) -> None:
    pat = harness.user()
    batch = await _approved(harness, pat)
    orders, rows = await _file(pat, batch, "orders"), await _file(pat, batch, "block-orders")
    blocks = [row for row in rows if row["Row"] == "BLOCK"]
    shown = [(row["Security"], row["Side"], row["Block quantity"], row["Allocations"]) for row in blocks]
    assert shown == [("AAA", "BUY", "4", "1"), ("AAA", "SELL", "10", "1"), ("BBB", "BUY", "100", "1")]
    allocations = [row for row in rows if row["Row"] == "ALLOCATION"]
    for block in blocks:
        of_it = [row for row in allocations if row["Block id"] == block["Block id"]]
        assert sum(Fraction(row["Allocated quantity"]) for row in of_it) == Fraction(block["Block quantity"])
    same = ("Order id", "Account id", "Account number", "Custodian", "Security", "Side", "Trade date", "Currency")
    assert Counter(tuple(row[name] for name in same) for row in allocations) == Counter(
        tuple(row[name] for name in same) for row in orders
    )
    assert await _file(pat, batch, "block-orders") == rows, "taken out again it is the same, ids too"


@pytest.mark.parametrize("what", ["orders", "block-orders"])
async def test_there_is_no_order_file_of_what_is_not_approved(harness: Harness, what: str) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1")
    waiting = await pat.ask("GET", f"/v1/batches/{batch['batch_id']}/{what}")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "no_orders")
    assert "not approved yet, so it has sent no orders" in waiting.json()["detail"]
    await pat.done(batch, "cancel")
    cancelled = await pat.ask("GET", f"/v1/batches/{batch['batch_id']}/{what}")
    assert "was cancelled, so it sent no orders" in cancelled.json()["detail"]
    absent = await pat.ask("GET", f"/v1/batches/987654/{what}")
    assert absent.status_code == 404


@pytest.mark.parametrize("what", ["orders", "block-orders"])
async def test_ids_that_a_restored_database_does_not_know_are_not_made_up(harness: Harness, what: str) -> None:
    pat = harness.user()
    batch = await _approved(harness, pat)
    harness.sql("UPDATE incarnation SET name = '0123456789ab', begun_at = now() RETURNING 1")
    response = await pat.ask("GET", f"/v1/batches/{batch['batch_id']}/{what}")
    assert (response.status_code, response.json()["code"]) == (409, "no_orders")
    assert "before the database was restored" in response.json()["detail"]


async def test_strangers_find_no_order_file(harness: Harness) -> None:
    batch = await _approved(harness, harness.user())
    bob = harness.user("Bob", enterprises=["E2"])
    response = await bob.ask("GET", f"/v1/batches/{batch['batch_id']}/orders")
    assert response.status_code == 404
