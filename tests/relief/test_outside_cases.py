"""The 88 outside cases of lot selection and gain, and the 3 transfers, through the engine that proposals use."""

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.rules.relief import lots as r
from shared.rules.relief.records import BOOKED, LOTS_LACKING
from tests.relief.build import Lot, Outcome, Sale, day, sell

pytestmark = pytest.mark.fast
DOCUMENT = json.loads((Path(__file__).parent / "cases" / "lot_relief.json").read_text())
METHODS = {"FIFO": r.FIFO, "LIFO": r.LIFO, "HIFO": r.HIFO, "LOFO": r.LOFO, "SPECIFIC": r.SPECIFIC}
TERMS = {"ST": r.SHORT, "LT": r.LONG}


def decimals_of(case: dict[str, Any]) -> int:
    """The case's own scale of quantity, at least six decimals."""
    texts = [lot["quantity"] for lot in case["lots"]] + [case["sell"]["quantity"]]
    return max(6, *(len(text.partition(".")[2]) for text in texts))


def at(text: str, decimals: int) -> int:
    return int(Decimal(text).scaleb(decimals).quantize(Decimal(1), ROUND_HALF_UP))


def run(case: dict[str, Any]) -> tuple[Outcome, int]:
    scale = decimals_of(case)
    order = case["sell"]
    lots = [
        Lot(lot["lot_id"], day(lot["acquired"]), at(lot["quantity"], scale), at(lot["cost_basis"], 2))
        for lot in case["lots"]
        if (lot["account"], lot["security"]) == (order["account"], order["security"])
    ]
    # Units times price is always in 1e-12 dollars, so a finer quantity goes with a coarser price.
    price = at(order.get("price", "1"), 12 - scale)
    sale = Sale(
        lots,
        sells={0: at(order["quantity"], scale)},
        method=METHODS[order["method"]],
        price=price,
        fee=at(order.get("fees", "0"), 2),
        trade_day=day(order["trade_date"]) or 0,
        picks={pick["lot_id"]: at(pick["quantity"], scale) for pick in order.get("picks", [])},
    )
    return sell(sale), scale


@pytest.mark.parametrize("case", DOCUMENT["cases"], ids=lambda case: case["id"])
def test_outside_case(case: dict[str, Any]) -> None:
    done, scale = run(case)
    for stated in (case["expected"], case["derived"]):
        if "error" in stated:
            assert stated["error"] == "insufficient_lots"
            assert done.code == LOTS_LACKING
            continue
        assert done.code == BOOKED
        if "relieved" in stated:
            assert done.left == [(slice_["lot_id"], at(slice_["quantity"], scale)) for slice_ in stated["relieved"]]
            check_slices(done, stated["relieved"], priced="price" in case["sell"])
        if "price" in case["sell"]:
            check_sums(done, stated)


def check_slices(done: Outcome, stated: list[dict[str, str]], *, priced: bool) -> None:
    for got, expected in zip(done.slices, stated, strict=True):
        if "cost_basis" in expected:
            assert got.basis == at(expected["cost_basis"], 2)
        if "gain" in expected and priced:
            # A source that states fractions of a cent is met within the rounding of proceeds and basis.
            exact = Decimal(expected["gain"])
            slack = 0 if exact == exact.quantize(Decimal("0.01")) else 1
            assert got.basis is not None
            assert abs(got.proceeds - got.basis - at(expected["gain"], 2)) <= slack
        if "term" in expected:
            assert got.term == TERMS[expected["term"]]


def check_sums(done: Outcome, stated: dict[str, str]) -> None:
    for name, term in (("st_gain", r.SHORT), ("lt_gain", r.LONG), ("total_gain", None)):
        if name in stated:
            assert done.gain(term) == at(stated[name], 2), name
    if "cost_basis" in stated:
        assert sum(relieved.basis or 0 for relieved in done.slices) == at(stated["cost_basis"], 2)


@pytest.mark.parametrize("case", DOCUMENT["transfer_cases"], ids=lambda case: case["id"])
def test_outside_transfer(case: dict[str, Any]) -> None:
    """A transfer between accounts in the source is a crossing between sleeves here: dates and basis go along."""
    order = case["transfer"]
    lots = [
        Lot(row["lot_id"], day(row["acquired"]), at(row["quantity"], 6), at(row["cost_basis"], 2))
        for row in case["lots"]
    ]
    units = at(order["quantity"], 6)
    done = sell(Sale(lots, sells={0: units}, crossed_to={1: units}, trade_day=day(order["date"]) or 0))
    if "error" in case["expected"]:
        assert done.code == LOTS_LACKING
        return
    assert done.slices == []  # nothing sold, nothing gained
    acquired = {lot.lot_id: lot.acquired for lot in lots}
    got = [(move.lot_id, acquired[move.lot_id], move.units, move.basis) for move in done.moves]
    assert got == [
        (row["lot_id"], day(row["acquired"]), at(row["quantity"], 6), at(row["cost_basis"], 2))
        for row in case["expected"]["lots_after"]
    ]


def test_all_cases_are_here() -> None:
    assert (len(DOCUMENT["cases"]), len(DOCUMENT["transfer_cases"])) == (88, 3)
