"""Jumps by a split ratio are flagged for a look, in quantity and in price; lots stay as the custodian reports them."""

import numpy as np
import pytest

from services.taxlot.columns import documents
from services.taxlot.domain.splits import RATIOS, price_jumps, quantity_jumps
from shared.rules.relief.lots import NO_BASIS
from tests.relief.build import day
from tests.taxlot.files import File, cash, lot
from tests.taxlot.harness import Book

UNIT = 1_000_000
DOLLAR = 1_000_000


def jumped(old: int, new: int, old_basis: int = 100, new_basis: int = 100) -> bool:
    """Whether one lot's change in micro-units and cents looks like a split."""
    arrays = [np.array([value], np.int64) for value in (old, new, old_basis, new_basis)]
    return bool(quantity_jumps(*arrays)[0])


@pytest.mark.fast
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (10 * UNIT, 20 * UNIT),  # 2:1
        (10 * UNIT, 15 * UNIT),  # 3:2
        (8 * UNIT, 10 * UNIT),  # 5:4
        (7 * UNIT, 140 * UNIT),  # 20:1
        (5 * UNIT, 7_500_000),  # 3:2 of an odd lot, in fractions
        (5 * UNIT, 7 * UNIT),  # the same, the half share paid in cash
        (333_333, 500_000),  # 0.333333 x 1.5 = 0.4999995, the last millionth rounded up
        (333_333, 499_999),  # or cut
        (100 * UNIT, 10 * UNIT),  # reverse 1:10
        (15 * UNIT, 1_500_000),
        (30 * UNIT, 10 * UNIT),  # reverse 1:3
        (10**15, 2 * 10**15),  # the largest position there may be, doubled: no overflow
    ],
)
def test_quantities_that_match_a_split(old: int, new: int) -> None:
    assert jumped(old, new)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("old", "new", "old_basis", "new_basis", "found"),
    [
        (10 * UNIT, 20 * UNIT, NO_BASIS, NO_BASIS, True),  # growth of a lot is a split whatever its basis
        (10 * UNIT, 20 * UNIT, 100, 99, True),
        (10 * UNIT, 5 * UNIT, 100, 50, False),  # half of it was sold
        (10 * UNIT, 5 * UNIT, NO_BASIS, NO_BASIS, False),  # may be a sale: its price tells
        (10 * UNIT, 5 * UNIT, 100, 100, True),
        (10 * UNIT, 10 * UNIT, 100, 100, False),
        (10 * UNIT, 11 * UNIT, 100, 100, False),
        (10 * UNIT, 19_999_998, 100, 100, False),
        (10 * UNIT, 18 * UNIT, 100, 100, False),
    ],
)
def test_quantities_by_basis(old: int, new: int, old_basis: int, new_basis: int, found: bool) -> None:
    assert jumped(old, new, old_basis, new_basis) is found


@pytest.mark.fast
@pytest.mark.parametrize(
    ("before", "now", "ratio"),
    [
        (100 * DOLLAR, 50 * DOLLAR, (2, 1)),
        (100 * DOLLAR, 51 * DOLLAR, (2, 1)),  # 2 % above half: within a day's movement
        (100 * DOLLAR, 48 * DOLLAR, (2, 1)),
        (90 * DOLLAR, 60 * DOLLAR, (3, 2)),
        (100 * DOLLAR, 77 * DOLLAR, (4, 3)),  # nearer to 75 than to 80
        (100 * DOLLAR, 78 * DOLLAR, (5, 4)),
        (10 * DOLLAR, 100 * DOLLAR, (1, 10)),
        (2 * DOLLAR, 203 * DOLLAR, (1, 100)),
        (100 * DOLLAR, 53 * DOLLAR, None),
        (100 * DOLLAR, 100 * DOLLAR, None),
        (100 * DOLLAR, 88 * DOLLAR, None),  # a bad day
    ],
)
def test_prices_that_match_a_split(before: int, now: int, ratio: tuple[int, int] | None) -> None:
    assert price_jumps({"AAA": before, "GONE": 1}, {"AAA": now, "NEW": 1}) == ([("AAA", ratio)] if ratio else [])


@pytest.mark.fast
def test_every_ratio_is_found_in_both() -> None:
    """From 600 units at $120 (and their like) the change by each ratio is noticed."""
    for new, old in RATIOS:
        assert jumped(600 * UNIT * old, 600 * UNIT * new), (new, old)
        assert price_jumps({"A": 120 * DOLLAR * new}, {"A": 120 * DOLLAR * old}) == [("A", (new, old))]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("quantity", "price", "units", "text"), [("15", "68", 15 * UNIT, "3 for 2"), ("1", "1010", UNIT, "1 for 10")]
)
def test_lots_after_a_split_keep_basis_and_date(book: Book, quantity: str, price: str, units: int, text: str) -> None:
    """Ten units at $100 become 15 at $68, or 1 at $1,010: flagged once in quantity and once in price, never held."""
    book.add_accounts(["1"])
    book.load(File([lot("1", quantity="10", basis="700.00", price="100"), cash("1")], day="2026-06-10"))
    outcome = book.load(File([lot("1", quantity=quantity, basis="700.00", price=price), cash("1")]))
    assert outcome.held == 0
    notes = book.rows("SELECT account_number, text FROM file_problem WHERE code = 'SPLIT_RATIO' ORDER BY 1")
    assert notes == [
        ("", f"AAA: the price moved as after a split {text}"),
        ("1", "AAA: the units of a lot changed by a usual split ratio"),
    ]
    ((stored,),) = book.rows("SELECT document FROM lots")
    lots, _ = documents.joined([bytes(stored)])
    assert lots.column("quantity_micro").to_pylist() == [units]
    assert documents.bases(lots).tolist() == [70_000]
    assert documents.acquired_days(lots).tolist() == [day("2020-01-02")]
