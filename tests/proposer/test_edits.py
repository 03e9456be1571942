"""Orders that a person made larger or smaller: what the account becomes, and that nothing else moves.

Source: product 6 (edit); docs/decisions/0035-edited-trades.md.
"""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.batch.columns.edits import requests
from services.proposer.columns.proposals import propose
from services.taxlot.columns.bookings import book_trades
from shared.contracts import chunks, codec
from shared.contracts.codes import Logic
from shared.fixed_point.text import scaled
from tests.proposer.builders import BF, MT, TA, TRADE_DAY, Account, account, lot, position
from tests.proposer.harness import Proposal, batch_of, booked, proposal, proposals, read
from tests.proposer.strategies import Shape, generated

pytestmark = pytest.mark.fast


def two_sleeves() -> Account:
    """A at $10 is over its target in both sleeves, B at $20 is under it: V = 10,000, cash 0."""
    return account(
        {"A": "10", "B": "20"},
        [position("A", "500", "20", "S1"), position("A", "300", "10", "S2"), position("B", "100", "70", "S1")],
    )


def crossing() -> Account:
    """A at $10: S1 sells 600, S2 buys 200 of them: 400 go to market.  V = 10,000."""
    return account(
        {"A": "10", "B": "20"},
        [position("A", "800", "20", "S1"), position("A", "0", "20", "S2"), position("B", "100", "60", "S1")],
    )


def edited(given: Account, units: dict[str, str], logic: Logic = BF) -> Proposal:
    """Propose for the account with these orders made what is named, signed units."""
    edits = [(logic, name, scaled(text, 6)) for name, text in units.items()]
    return proposal(replace(given, edits=edits), logic)


def test_the_rows_start_from_what_is_proposed() -> None:
    found = proposal(two_sleeves(), BF)
    assert found.units == {"A": -500, "B": 250}
    assert found.trades == {("A", "S1"): -300_000_000, ("A", "S2"): -200_000_000, ("B", "S1"): 250_000_000}
    assert (proposal(crossing(), BF).units, found.cash) == ({"A": -400, "B": 200}, 0)


@pytest.mark.parametrize(
    ("units", "trades", "orders", "cash"),
    [
        ({"B": "0"}, {("A", "S1"): -300, ("A", "S2"): -200}, {"A": -500}, "5000"),
        ({"B": "249"}, {("A", "S1"): -300, ("A", "S2"): -200, ("B", "S1"): 249}, {"A": -500, "B": 249}, "20"),
        # A smaller sell is cut pro rata, whole units by largest remainder.
        ({"A": "-251", "B": "0"}, {("A", "S1"): -151, ("A", "S2"): -100}, {"A": -251}, "2510"),
        # A larger one grows with what the sleeves still hold, 200 and 100.
        ({"A": "-530"}, {("A", "S1"): -320, ("A", "S2"): -210, ("B", "S1"): 250}, {"A": -530, "B": 250}, "300"),
        ({"A": "-800"}, {("A", "S1"): -500, ("A", "S2"): -300, ("B", "S1"): 250}, {"A": -800, "B": 250}, "3000"),
        ({"A": "-540", "B": "270"}, {("A", "S1"): -327, ("A", "S2"): -213, ("B", "S1"): 270},
         {"A": -540, "B": 270}, "0"),
        ({"A": "0", "B": "0"}, {}, {}, "0"),
        ({"A": "-500", "B": "250"}, {("A", "S1"): -300, ("A", "S2"): -200, ("B", "S1"): 250},
         {"A": -500, "B": 250}, "0"),
    ],
)  # fmt: skip
def test_an_order_becomes_what_a_person_made_it_and_the_others_stay(
    units: dict[str, str], trades: dict[tuple[str, str], int], orders: dict[str, int], cash: str
) -> None:
    found = edited(two_sleeves(), units)
    assert found.failure is None
    assert {key: traded / 1e6 for key, traded in found.trades.items()} == trades
    assert (found.units, found.cash) == (orders, scaled(cash, 2))


@pytest.mark.parametrize(
    ("units", "trades", "cash"),
    [
        ("0", {("A", "S1"): -200, ("A", "S2"): 200}, "0"),
        ("-100", {("A", "S1"): -300, ("A", "S2"): 200}, "1000"),
        ("-600", {("A", "S1"): -800, ("A", "S2"): 200}, "6000"),
    ],
)
def test_what_sleeves_cross_stays_crossed(units: str, trades: dict[tuple[str, str], int], cash: str) -> None:
    found = edited(crossing(), {"A": units, "B": "0"})
    assert {key: traded / 1e6 for key, traded in found.trades.items()} == trades
    assert (found.crossed[("A", "S1")], found.crossed[("A", "S2")]) == (-200_000_000, 200_000_000)
    assert found.cash == scaled(cash, 2)


@pytest.mark.parametrize(
    ("units", "failure"),
    [
        ({"B": "251"}, "CASH_SHORTFALL"),  # $20 more than there is
        ({"A": "-499"}, "CASH_SHORTFALL"),
        ({"A": "-801"}, "EDIT_MISFITS"),  # more than is held
        ({"A": "100"}, "EDIT_MISFITS"),  # another side
        ({"B": "-10"}, "EDIT_MISFITS"),
        ({"A": "-10.5"}, "EDIT_MISFITS"),  # no whole units
    ],
)
def test_what_does_not_fit_is_refused(units: dict[str, str], failure: str) -> None:
    found = edited(two_sleeves(), units)
    assert (found.failure, found.trades, found.orders) == (failure, {}, {})


def test_a_security_without_an_order_gets_none_by_an_edit() -> None:
    at_target = account({"A": "10"}, [position("A", "100", "100")])
    assert edited(at_target, {"A": "-1"}).failure == "EDIT_MISFITS"


def test_the_reserve_stays_whatever_is_edited() -> None:
    given = replace(two_sleeves(), reserve_cents=scaled("100", 2))
    short = edited(given, {"A": "-490"})
    assert short.failure == "CASH_SHORTFALL"
    assert "$100.00" in short.summary["failure_text"]


def test_an_edit_is_of_one_logic_and_leaves_the_others_alone() -> None:
    plain = proposals([two_sleeves()])[0]
    found = proposals([replace(two_sleeves(), edits=[(BF, "B", 0)])])[0]
    assert found[BF].orders != plain[BF].orders
    assert [found[logic].orders for logic in (MT, TA)] == [plain[logic].orders for logic in (MT, TA)]


def test_gains_and_slices_are_those_of_the_edited_sell() -> None:
    given = replace(
        account({"A": "10", "B": "20"}, [position("A", "500", "20"), position("B", "100", "80")]),
        lots=[lot("A", "500", "4"), lot("B", "100", "20")],
    )
    found = booked([replace(given, edits=[(BF, "A", -100_000_000), (BF, "B", 0)])])[0][BF]
    assert (found.estimated_cents, found.short_cents) == (scaled("600", 2), 0)
    assert [part["quantity_micro"] for part in found.slices] == [100_000_000]


def test_the_kept_result_of_a_proposal_is_computed_again_with_the_edit_and_the_same_facts() -> None:
    """As it goes on: batch sends the facts of the result, taxlot attaches the lots, and the rest is as proposed."""
    lots = batch_of([crossing()])
    result = book_trades(propose(lots, TRADE_DAY), TRADE_DAY)
    edit = {"logic": 0, "chunk_id": 5, "row_no": 0, "orders": [{"security_id": "B", "quantity": 150_000_000}]}
    member = SimpleNamespace(account_id="A-1", attempt=2, edit=orjson.dumps(edit).decode())
    at = datetime(2026, 1, 2, 15, tzinfo=UTC)
    (sent,) = requests(SimpleNamespace(batch_id=7, accounts=1), [member], {5: codec.encode(result, {})}, at)  # type: ignore[arg-type, list-item]  # rows
    facts, meta = codec.decode(sent.value, chunks.FACTS)
    assert (meta["attempt"], meta["trade_date"]) == ("2", "2026-01-02")
    assert facts.drop_columns("edits").equals(lots.select(chunks.FACTS.names).drop_columns("edits"))
    again = pa.RecordBatch.from_arrays([*facts.columns, lots.column("lots")], schema=chunks.LOTS)
    computed = book_trades(propose(again, TRADE_DAY), TRADE_DAY)
    (row,) = computed.to_pylist()
    assert row["edits"] == [{"logic": 0, "security": 1, "quantity_micro": 150_000_000}]
    assert read(row, BF).units == {"A": -400, "B": 150}
    assert read(row, MT).trades == read(result.to_pylist()[0], MT).trades


def test_an_account_whose_orders_were_all_taken_out_says_so() -> None:
    found = edited(two_sleeves(), {"A": "0", "B": "0"})
    assert found.summary["no_trade_text"] == "Every order that Best Fit proposes was edited to nothing."


def _orders(of: Proposal) -> list[tuple[str, int]]:
    return sorted(of.orders.items())


@given(st.integers(0, 5_000), st.sampled_from([BF, MT, TA]), st.integers(0, 120), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_edited_balances_or_is_refused(seed: int, logic: Logic, percent: int, data: Any) -> None:
    """Units and cash are conserved, cash is never below the reserve, and an edit that changes nothing is none."""
    of = generated(seed, Shape(most_securities=4))
    plain = proposal(of, logic)
    assume(plain.failure is None and plain.orders)
    same = proposal(replace(of, edits=[(logic, name, units) for name, units in _orders(plain)]), logic)
    assert (same.trades, same.orders, same.summary) == (plain.trades, plain.orders, plain.summary)
    steps = {security.security_id: security.step_micro for security in of.securities}
    prices = {security.security_id: security.price_micro or 0 for security in of.securities}
    chosen = data.draw(st.sets(st.sampled_from([name for name, _ in _orders(plain)])))
    wanted = {
        name: (1 if units > 0 else -1) * (abs(units) * percent // 100 // steps[name] * steps[name])
        for name, units in _orders(plain)
        if name in chosen
    }
    found = proposal(replace(of, edits=[(logic, name, units) for name, units in wanted.items()]), logic)
    if found.failure is not None:
        assert found.failure in ("CASH_SHORTFALL", "EDIT_MISFITS")
        assert not found.orders
        return
    expected = {name: units for name, units in (plain.orders | wanted).items() if units}
    assert found.orders == expected
    for name in steps:
        moved = sum(units for (security, _), units in found.trades.items() if security == name)
        assert moved == expected.get(name, 0)
        assert sum(units for (security, _), units in found.crossed.items() if security == name) == 0
    cents = of.cash_cents - of.set_aside_cents
    for name, units in expected.items():
        cents -= (1 if units > 0 else -1) * ((abs(units) * prices[name] + 5 * 10**9) // 10**10)
    assert found.cash == cents >= of.reserve_cents
    held = {(part.security_id, part.sleeve_id): part.quantity_micro for part in of.positions}
    assert all(held[key] + units >= 0 for key, units in found.trades.items())
