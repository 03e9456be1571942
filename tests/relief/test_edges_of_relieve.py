"""The pool of one sell, piece by piece: what an earlier sell left behind, sleeves that sell nothing, one unit too few.

Units in millionths, basis in cents.  Source: product 4 ("Which lots"), 5.
"""

import numpy as np
import pytest

from shared.rules.relief import lots as r
from shared.rules.relief.relieve import Relief, fill_pool, open_average, relief_of
from tests.relief.build import Lot, Sale, sell

pytestmark = pytest.mark.fast

UNIT = DOLLAR = 1_000_000
TODAY = 20_000
ROWS: list[tuple[str, int | None, int, int | None]] = [
    ("a", 18_000, 4, 400),
    ("b", 18_001, 5, 500),
    ("c", 18_002, 6, 600),
]
NONE = np.zeros(3, np.int64)


def used() -> Relief:
    """Return the scratch as another security's sell left it."""
    work = relief_of(3)
    for column in work:
        column[:] = 7
    return work


def pool(sleeves: list[int], selling: dict[int, int], lots_in: list[int], work: Relief) -> bool:
    """Fill the pool from lots a, b, c in these sleeves; `selling`: units by sleeve of the positions."""
    sells = np.array([selling.get(one, 0) for one in sleeves], np.int64)
    lots = r.lots_of(ROWS, lots_in)
    return bool(
        fill_pool(
            r.FIFO, DOLLAR, TODAY, 0, len(sleeves), np.array(sleeves, np.int64), sells, 0, 3, NONE, lots, work
        )
    )  # fmt: skip


def test_what_an_earlier_sell_left_in_the_scratch_counts_for_nothing() -> None:
    work = used()
    assert pool([0], {0: 5}, [0, 0, 0], work)
    assert work.pooled.tolist() == [4, 1, 0]
    assert work.sold.tolist() == [0, 0, 0] and work.basis_gone.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("sleeves", "selling", "lots_in", "pooled"),
    [
        # lots of sleeves before, between and after those that sell, with a position of their own or without
        ([2], {2: 6}, [0, 1, 2], [0, 0, 6]),
        ([1], {1: 5}, [0, 1, 2], [0, 5, 0]),
        ([0, 2], {0: 4, 2: 1}, [0, 1, 2], [4, 0, 1]),
        ([0, 1, 2], {0: 1, 2: 1}, [0, 1, 2], [1, 0, 1]),
        # positions without lots, which sell nothing
        ([0, 1, 3], {1: 7}, [1, 1, 2], [4, 3, 0]),
    ],
)
def test_each_sleeve_gives_its_own_lots(
    sleeves: list[int], selling: dict[int, int], lots_in: list[int], pooled: list[int]
) -> None:
    work = used()
    assert pool(sleeves, selling, lots_in, work)
    assert work.pooled.tolist() == pooled


def test_a_millionth_that_no_lot_has_is_lacking() -> None:
    assert pool([0, 1], {0: 9, 1: 6}, [0, 0, 1], used())
    assert not pool([0, 1], {0: 10, 1: 5}, [0, 0, 1], used())
    assert not pool([0, 1, 2], {2: 1}, [0, 0, 1], used())


def test_the_average_of_a_fund_begins_anew() -> None:
    """All three lots: 15 millionths at 1,500 cents; no fund: no average."""
    work = used()
    open_average(True, 0, 3, r.lots_of(ROWS, [0, 1, 2]), work)
    assert work.state.tolist() == [15, 1_500]
    open_average(False, 0, 3, r.lots_of(ROWS, [0, 1, 2]), work)
    assert work.state[0] == -1


def test_the_average_of_a_few_millionths() -> None:
    """3 millionths at 301 cents in all: one costs 100.33, which is 100; two are left at 201, one of them 100.5."""
    lots = [Lot("a", 18_000, 1, 100), Lot("b", 18_001, 2, 201)]
    one = sell(Sale(lots, {0: 1}, method=r.AVERAGE, price=DOLLAR, fund=True))
    assert [(part.lot_id, part.units, part.basis) for part in one.slices] == [("a", 1, 100)]
    two = sell(Sale(lots, {0: 2}, method=r.AVERAGE, price=DOLLAR, fund=True))
    assert [(part.lot_id, part.units, part.basis) for part in two.slices] == [("a", 1, 100), ("b", 1, 101)]


def test_a_pick_behind_a_lot_that_stays() -> None:
    """Lot b alone is picked, though a is older; and of 6 units 5 of b go first, then 1 of a: slices in FIFO order."""
    lots = [Lot("a", 18_000, 4 * UNIT, 400), Lot("b", 18_001, 5 * UNIT, 500)]
    picks = {"b": 5 * UNIT}
    assert sell(Sale(lots, {0: 5 * UNIT}, method=r.SPECIFIC, price=DOLLAR, picks=picks)).left == [("b", 5 * UNIT)]
    assert sell(Sale(lots, {0: 6 * UNIT}, method=r.SPECIFIC, price=DOLLAR, picks=picks)).left == [
        ("a", UNIT),
        ("b", 5 * UNIT),
    ]


def test_a_market_sell_that_skips_what_is_crossed() -> None:
    """9 leave the sleeve: 5 of b, picked, to market, and 4 of a, which is older, to the other sleeve."""
    lots = [Lot("a", 18_000, 4 * UNIT, 400), Lot("b", 18_001, 5 * UNIT, 500)]
    done = sell(Sale(lots, {0: 9 * UNIT}, {1: 4 * UNIT}, r.SPECIFIC, DOLLAR, picks={"b": 5 * UNIT}))
    assert done.left == [("b", 5 * UNIT)]
    assert [(one.lot_id, one.to, one.units, one.basis) for one in done.moves] == [("a", 1, 4 * UNIT, 400)]
