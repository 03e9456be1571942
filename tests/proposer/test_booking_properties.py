"""Proposal, lots and orders together: whatever is proposed can be relieved, and all three say the same of every sleeve.

Seeds are fixed: accounts with several sleeves a security, lots of a few dates and some without basis.
"""

import random
from collections import Counter
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from services.proposer.columns.proposals import propose
from services.taxlot.columns.bookings import book_trades
from shared.contracts import chunks
from shared.contracts.codes import Logic, LotMethod
from tests.proposer.builders import lots_row
from tests.proposer.strategies import Shape, edges, generated

pytestmark = pytest.mark.fast

TODAY = 20_000
Units = Counter[tuple[int, str]]  # (security, sleeve) -> micro-units


@pytest.fixture(scope="module")
def booked() -> list[dict[str, Any]]:
    """600 accounts proposed and booked, each with a lot method of its own."""
    shape = Shape(most_securities=3, sleeves=4)
    accounts = [generated(seed, shape) for seed in range(300)] + [edges(seed) for seed in range(300)]
    rows = [_with_lots(lots_row(account), random.Random(seed)) for seed, account in enumerate(accounts)]
    return book_trades(propose(pa.RecordBatch.from_pylist(rows, schema=chunks.LOTS), TODAY), TODAY).to_pylist()


def _with_lots(row: dict[str, Any], dice: random.Random) -> dict[str, Any]:
    """Split every position into up to three lots."""
    lots = []
    for whole in sorted(row["lots"], key=lambda whole: (whole["security"], whole["sleeve_id"])):
        left, count = whole["quantity_micro"], dice.randint(1, 3)
        for number in range(count):
            units = left if number == count - 1 else dice.randint(0, left)
            left -= units
            bought = dice.choice((None, date(2020, 1, 2), date(2024, 3, 1), date(2024, 9, 9)))
            basis = None if dice.random() < 0.1 else dice.randint(0, 1_000_000)
            if units:
                more = {"lot_id": f"L{number}", "quantity_micro": units, "acquired": bought, "basis_cents": basis}
                lots.append(whole | more)
    lots.sort(key=lambda lot: (lot["security"], lot["sleeve_id"], lot["acquired"] or date.min, lot["lot_id"]))
    return row | {"lots": lots, "lot_method": int(dice.choice(list(LotMethod)))}


def _proposed(rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Logic, dict[str, Any]]]:
    """Every account and logic that did not fail: row, logic, and its nested rows of that logic."""
    found = []
    for row in rows:
        for proposal in row["proposals"]:
            logic = proposal["logic"]
            if proposal["failure_code"] is None:
                names = ("sleeve_trades", "orders", "slices", "transfers", "taxes")
                mine = {name: [nested for nested in row[name] if nested["logic"] == logic] for name in names}
                found.append((row, Logic(logic), mine | {"proposal": proposal}))
    return found


def _by_sleeve(row: dict[str, Any], trades: list[dict[str, Any]], units: Any) -> Units:
    out: Units = Counter()
    for trade in trades:
        position = row["positions"][trade["position"]]
        out[position["security"], position["sleeve_id"]] += units(trade)
    return out


def test_every_proposal_can_be_relieved(booked: list[dict[str, Any]]) -> None:
    """No trade of any logic asks for units that the lots do not hold."""
    assert not [
        row["account_id"]
        for row in booked
        for proposal in row["proposals"]
        if proposal["failure_code"] == "LOTS_DO_NOT_FIT"
    ]
    assert sum(len(mine["transfers"]) > 0 for _, _, mine in _proposed(booked)) > 100


def test_a_sleeve_ends_alike_by_trades_by_orders_and_by_lots(booked: list[dict[str, Any]]) -> None:
    """A sleeve's market sell is its slices, its crossed part transfers from it, a crossed buy transfers to it."""
    for row, logic, mine in _proposed(booked):
        sold: Units = Counter()
        out: Units = Counter()
        into: Units = Counter()
        for booked_slice in mine["slices"]:
            sold[booked_slice["security"], booked_slice["sleeve_id"]] += booked_slice["quantity_micro"]
        for transfer in mine["transfers"]:
            out[transfer["security"], transfer["from_sleeve_id"]] += transfer["quantity_micro"]
            into[transfer["security"], transfer["to_sleeve_id"]] += transfer["quantity_micro"]
        sells = [trade for trade in mine["sleeve_trades"] if trade["quantity_micro"] < 0]
        buys = [trade for trade in mine["sleeve_trades"] if trade["quantity_micro"] > 0]
        where = f"{row['account_id']} {logic.name}"
        assert +_by_sleeve(row, sells, lambda trade: trade["crossed_micro"] - trade["quantity_micro"]) == sold, where
        assert +_by_sleeve(row, sells, lambda trade: -trade["crossed_micro"]) == out, where
        assert +_by_sleeve(row, buys, lambda trade: trade["crossed_micro"]) == into, where


def test_sums_are_equal_at_every_level(booked: list[dict[str, Any]]) -> None:
    """Slices add up to orders, orders to the summary, gains of slices to the account's taxes, accounts to the batch."""
    batch: Counter[str] = Counter()
    by_slice: Counter[str] = Counter()
    names = ("short_cents", "long_cents", "unknown_term_cents")
    for row, logic, mine in _proposed(booked):
        orders = {order["security"]: order["value_cents"] for order in mine["orders"] if order["quantity_micro"] < 0}
        proceeds: Counter[int] = Counter()
        gains: Counter[str] = Counter()
        for booked_slice in mine["slices"]:
            proceeds[booked_slice["security"]] += booked_slice["proceeds_cents"]
            if booked_slice["gain_cents"] is None:
                gains["no_basis_proceeds_cents"] += booked_slice["proceeds_cents"]
            else:
                assert booked_slice["gain_cents"] == booked_slice["proceeds_cents"] - booked_slice["basis_cents"]
                gains[names[booked_slice["term"]]] += booked_slice["gain_cents"]
        (taxes,) = mine["taxes"]
        where = f"{row['account_id']} {logic.name}"
        assert +proceeds == +Counter(orders), where
        assert sum(orders.values()) == mine["proposal"]["sells_cents"], where
        assert all(taxes[name] == gains[name] for name in (*names, "no_basis_proceeds_cents")), where
        assert taxes["estimated_cents"] == sum(taxes[name] for name in names), where
        batch.update({name: taxes[name] for name in names})
        by_slice.update(gains)
    assert all(batch[name] == by_slice[name] for name in names)
