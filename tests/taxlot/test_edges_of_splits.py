"""The edges of what looks like a split: the last millionth, the fraction paid in cash, a day's movement of the price.

Source: product 2, "A jump of quantity or price that matches a split ratio".
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.taxlot.domain.splits import price_jumps, quantity_jumps

pytestmark = pytest.mark.fast

UNIT = 1_000_000
DOLLAR = 1_000_000
SPLITS = [(new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50)] + [(3, 2), (4, 3), (5, 2), (5, 4)]
REVERSE = [(1, old) for old in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)]


def jumped(*changes: tuple[int, int]) -> list[bool]:
    """Say of each change of a lot's micro-units, its basis staying, whether it looks like a split."""
    old, new = (np.array(side, np.int64) for side in zip(*changes, strict=True))
    basis = np.full(len(changes), 100, np.int64)
    return [bool(jumped) for jumped in quantity_jumps(old, new, basis, basis)]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        # written with six decimals: 3 for 2 of 80 is 120, and no unit less; of 70.3 it is 105.45, or 105 and cash
        (80 * UNIT, 119 * UNIT, False),
        (80 * UNIT, 120 * UNIT, True),
        (70_300_000, 105 * UNIT, True),
        (70_300_000, 105_200_000, False),
        (70_300_000, 106 * UNIT, False),
        # 2 for 1 leaves nothing to round but what the old one lacks: half a millionth, twice
        (10 * UNIT, 20 * UNIT + 1, True),
        (10 * UNIT, 20 * UNIT - 1, True),
        (10 * UNIT, 20 * UNIT + 2, False),
        (10 * UNIT, 20 * UNIT - 2, False),
        # nothing happened
        (UNIT, UNIT, False),
        (3 * UNIT, 3 * UNIT, False),
        (1, 1, False),
        # 1 for 10: five millionths of the old are half a millionth of the new
        (105 * UNIT + 5, 10_500_000, True),
        (105 * UNIT + 6, 10_500_000, False),
        (105 * UNIT - 5, 10_500_000, True),
        (105 * UNIT - 6, 10_500_000, False),
        # the largest there may be
        (10**15, 10**12, True),
        (10**12, 10**15, True),
        (10**12, 10**15 - 10**12, True),  # 999 : 1
        (10**12, 10**15 - 10**6, False),
        (10**12 - 10**6, 10**15, False),
        (10**15, 10**15 - 1, False),
    ],
)
def test_a_lots_units(old: int, new: int, found: bool) -> None:
    assert jumped((old, new)) == [found]
    # whatever happens to the lots beside it
    assert jumped((UNIT, 2 * UNIT), (old, new), (UNIT, UNIT)) == [True, found, False]


ANY = {(p, q) for q in range(1, 11) for p in range(q + 1, 1001)}


def model(old: int, new: int, shown: int) -> bool:
    """Say of a lot of unchanged basis whether it looks like a split, ratio by ratio in exact fractions."""
    half = Fraction(10 ** (6 - shown), 2)
    for p, q in ANY:
        if new > old:
            exact = Fraction(old * p, q)
            close = abs(new - exact) <= half or (old % (2 * half) == 0 and abs(Fraction(new * q, p) - old) <= half)
            cut = new % UNIT == 0 and new <= exact < new + UNIT
        else:
            exact = Fraction(old * q, p)
            close, cut = abs(new - exact) <= half, new % UNIT == 0 and new < exact < new + UNIT
        if new != old and (close or cut):
            return True
    return False


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_it_is_what_exact_fractions_say(data: st.DataObject) -> None:
    shown = data.draw(st.sampled_from([0, 1, 2, 4, 6]), "shown")
    step = 10 ** (6 - shown)
    old = data.draw(st.one_of(st.integers(1, 500).map(lambda units: units * step), st.integers(1, 10**9)), "old")
    p, q = data.draw(st.sampled_from(sorted(ANY)), "ratio")
    if data.draw(st.booleans(), "reverse"):
        p, q = q, p
    new = step * max(1, old * p // q // step + data.draw(st.integers(-2, 2), "off"))
    arrays = (np.array([value], np.int64) for value in (old, new, 100, 100, shown))
    assert bool(quantity_jumps(*arrays)[0]) is model(old, new, shown)


@pytest.mark.parametrize("ratio", [*SPLITS, *REVERSE])
def test_a_price_that_moved_by_it_is_noticed(ratio: tuple[int, int]) -> None:
    new, old = ratio
    assert price_jumps({"A": 420 * DOLLAR * new}, {"A": 420 * DOLLAR * old}) == [("A", ratio)]


@pytest.mark.parametrize(
    ("now", "ratio"),
    [
        # 4 % about half of $100 are $48 to $52, edges inside; then 3 : 2, which is $64 to $69.33..
        (52 * DOLLAR, (2, 1)),
        (52_001_000, None),
        # the slack ends at a millionth of the price it is held against: $52.00005 x 2 is 4.0001 % above $100
        (52_000_050, None),
        (48 * DOLLAR, (2, 1)),
        (47_999_000, None),
        (64 * DOLLAR, (3, 2)),
        (63_999_000, None),
        # 1 for 2: $192 to $208
        (208 * DOLLAR, (1, 2)),
        (208_001_000, None),
        (192 * DOLLAR, (1, 2)),
        (191_999_000, None),
        # 4 : 3 is $72 to $78 and 5 : 4 is $76.80 to $83.20; what fits both goes to the nearer: 77.42 is 3.226 % above
        # 75 and as much below 80
        (77_400_000, (4, 3)),
        (77_430_000, (5, 4)),
        (83_200_000, (5, 4)),
        (83_201_000, None),
    ],
)
def test_a_days_movement_on_top_of_a_split(now: int, ratio: tuple[int, int] | None) -> None:
    assert price_jumps({"A": 100 * DOLLAR}, {"A": now}) == ([("A", ratio)] if ratio else [])


def test_securities_stand_in_order_and_only_where_both_prices_are_known() -> None:
    before = {"C": 10, "A": 10, "B": 10, "GONE": 10}
    assert price_jumps(before, {"B": 10, "NEW": 5, "C": 5, "A": 20}) == [("A", (1, 2)), ("C", (2, 1))]
    many = [f"S{number:02}" for number in range(20)]  # so many do not stand in order by chance
    halved = price_jumps(dict.fromkeys(reversed(many), 10), dict.fromkeys(many, 5))
    assert halved == [(name, (2, 1)) for name in many]
