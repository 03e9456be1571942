"""Jumps by a split ratio are flagged for a look, in quantity and in price; lots stay as the custodian reports them."""

import numpy as np
import pytest

from services.taxlot.columns import documents
from services.taxlot.domain.splits import RATIOS, price_jumps, quantity_jumps
from shared.fixed_point.text import scaled
from shared.rules.relief.lots import NO_BASIS
from tests.relief.build import day
from tests.taxlot.files import File, cash, lot
from tests.taxlot.harness import Book

UNIT = 1_000_000
DOLLAR = 1_000_000


def jumped(old: int, new: int, old_basis: int = 100, new_basis: int = 100, shown: int = 6) -> bool:
    """Whether one lot's change in micro-units and cents looks like a split."""
    arrays = [np.array([value], np.int64) for value in (old, new, old_basis, new_basis, shown)]
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
    ("old", "new", "shown"),
    [
        ("33.33333", "50.00000", 5),  # 3:2 is 49.999995, half of the last decimal less
        ("33.333", "50.000", 3),
        ("100", "16.66667", 5),  # 1:6
        ("100", "16.6667", 4),
        ("119", "356", 0),  # 3:1 of 118 2/3, which was shown as 119: 356 / 3 is a third of a unit from it
        ("180", "10", 0),  # 1:18
        ("1500", "10", 0),  # 1:150
        ("10", "33", 0),  # 33:10
        ("1", "1000", 0),
        ("1000", "1", 0),
        ("100", "99.9", 1),  # but 999:1000 is none
    ],
)
def test_any_ratio_of_small_parts_as_far_as_the_row_shows(old: str, new: str, shown: int) -> None:
    assert jumped(scaled(old, 6), scaled(new, 6), shown=shown) is (new != "99.9")


@pytest.mark.fast
@pytest.mark.parametrize(
    ("old", "new", "old_basis", "new_basis", "found"),
    [
        # 1:100 of 250 is 2.5: two units, and the basis less the half unit's share, less what was paid for it, or whole
        ("250", "2", 100_000, 80_000, True),
        ("250", "2", 100_000, 77_500, True),
        ("250", "2", 100_000, 100_000, True),
        ("250", "2", 100_000, 100_001, False),
        ("250", "2", 100_000, 800, False),  # 248 of them were sold
        ("1009", "2", 0, 0, False),  # so they may have been here; of 504 to 1 it would be the whole part
        ("1009", "2", 10_090, 10_090, True),
        ("250", "2", NO_BASIS, NO_BASIS, True),  # exactly 1:125, and of an unknown basis only the units can tell
        ("251", "2", NO_BASIS, NO_BASIS, False),  # a fraction paid in cash is known by the basis alone
        ("250", "2", NO_BASIS, 80_000, False),
        ("115", "11", 115_000, 110_000, True),  # 1:10 is 11.5
        ("109", "99", 109_000, 108_900, True),  # 10:11 is 99.09, the ratio that raises the cost of a unit least
        ("109", "99", 109_000, 99_000, False),
        ("100", "50", 100_000, 90_000, False),  # 1:2 leaves no fraction to be paid
        ("250", "2.4", 100_000, 96_000, False),  # nor is this the whole part of 2.5
    ],
)
def test_a_reverse_split_whose_fraction_was_paid_in_cash(
    old: str, new: str, old_basis: int, new_basis: int, found: bool
) -> None:
    assert jumped(scaled(old, 6), scaled(new, 6), old_basis, new_basis) is found


@pytest.mark.fast
@pytest.mark.parametrize(
    ("old", "new", "old_basis", "new_basis", "found"),
    [
        (10 * UNIT, 20 * UNIT, 100, 200, True),  # growth by a usual ratio is looked at whatever its basis is now
        (10 * UNIT, 33 * UNIT, 100, 330, False),  # by another it is where units were added to the lot
        (10 * UNIT, 33 * UNIT, 100, 100, True),
        (10 * UNIT, 33 * UNIT, NO_BASIS, 330, True),
        (10 * UNIT, 33 * UNIT, 100, NO_BASIS, True),
        (-10 * UNIT, -20 * UNIT, 100, 100, False),  # what is short is not compared
        (-10 * UNIT, 20 * UNIT, 100, 100, False),
        (0, 20 * UNIT, 100, 100, False),
        (10 * UNIT, 0, 100, 100, False),
        (10 * UNIT, 20 * UNIT, NO_BASIS, NO_BASIS, True),  # growth of a lot is a split whatever its basis
        (10 * UNIT, 20 * UNIT, 100, 99, True),
        (10 * UNIT, 5 * UNIT, 100, 50, False),  # half of it was sold
        (100 * UNIT, 10 * UNIT, NO_BASIS, NO_BASIS, True),  # may be a sale too: it is looked at
        (10 * UNIT, 5 * UNIT, NO_BASIS, NO_BASIS, True),
        (100 * UNIT, 16_666_670, NO_BASIS, NO_BASIS, False),  # 1:6 would be 16.666667
        (10 * UNIT, 9 * UNIT, NO_BASIS, NO_BASIS, False),  # 9:10: where the basis is unknown, whole numbers only
        (10 * UNIT, 5 * UNIT, NO_BASIS, 100, False),  # it became known: another lot
        (10 * UNIT, 5 * UNIT, 100, 100, True),
        (10 * UNIT, 10 * UNIT, 100, 100, False),
        (10 * UNIT, 10_900_000, 100, 100, False),
        (10 * UNIT, 19_999_998, 100, 100, False),
        (10 * UNIT, 18 * UNIT, 100, 100, True),  # 9:5
        (10 * UNIT, 18_100_000, 100, 100, False),
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
        (70 * DOLLAR, 40 * DOLLAR, (7, 4)),  # any ratio, to the last decimal
        (70 * DOLLAR, 40 * DOLLAR + 10_000, None),
        (100 * DOLLAR, 30_303_030, (33, 10)),
        (1 * DOLLAR, 18_230_000, (1, 18)),  # whole numbers, within a day's movement
        (1 * DOLLAR, 150 * DOLLAR, (1, 150)),
        (3 * DOLLAR, 3_600 * DOLLAR, None),
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


@pytest.mark.integration
@pytest.mark.parametrize(
    ("quantity", "basis", "found"),
    [("33.3333", "1000.00", True), ("33.33333", "1000.00", True), ("33.3", "1000.00", True), ("33", "990.00", True),
     ("33.333", "333.33", False), ("33.2", "1000.00", False), ("33.30", "1000.00", False)],
)  # fmt: skip
def test_a_lot_without_sleeve_is_compared_whole(book: Book, quantity: str, basis: str, found: bool) -> None:
    """1:3 of 100 that two sleeves share, 51 to 49; the row says how far it shows."""
    book.add_accounts(["1"])
    shares = [
        lot("1", quantity="51", basis="510.00", sleeve="S1"),
        lot("1", quantity="49", basis="490.00", sleeve="S2"),
    ]
    book.load(File([*shares, cash("1")], day="2026-06-10"))
    book.load(File([lot("1", quantity=quantity, basis=basis, sleeve=""), cash("1")]))
    assert book.rows("SELECT code FROM file_problem") == ([("SPLIT_RATIO",)] if found else [])
