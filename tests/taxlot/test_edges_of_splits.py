"""The edges of what looks like a split: the last millionth, the fraction paid in cash, a day's movement of the price.

Source: product 2, "A jump of quantity or price that matches a split ratio".
"""

import numpy as np
import pytest

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
        # 3 for 2 of 8 is 12 and of 7 is 10.5: a whole share less than 12 is no split, half a share less than 10.5 is
        (8 * UNIT, 11 * UNIT, False),
        (7 * UNIT, 10 * UNIT, True),
        (7 * UNIT, 11 * UNIT, False),
        # 5 x 1.5 is 7.5: 7.2 is neither that nor whole
        (5 * UNIT, 7_200_000, False),
        # 2 for 1 leaves nothing to round
        (10 * UNIT, 20 * UNIT + 1, False),
        (10 * UNIT, 20 * UNIT - 1, False),
        # 3 for 2 of an odd millionth: 1.5 x 333,335 = 500,002.5, cut or rounded up, and no further
        (333_335, 500_002, True),
        (333_335, 500_003, True),
        (333_335, 500_001, False),
        (333_335, 500_004, False),
        # nothing happened, though one unit x 1.25 cut to whole ones is one again, as three x 1.25 are
        (UNIT, UNIT, False),
        (3 * UNIT, 3 * UNIT, False),
        (1, 1, False),
        # 1 for 10: 9 millionths over are lost in rounding, 10 are a millionth of the new units
        (100 * UNIT + 9, 10 * UNIT, True),
        (100 * UNIT + 10, 10 * UNIT, False),
        (100 * UNIT - 9, 10 * UNIT, True),
        (100 * UNIT - 10, 10 * UNIT, False),
        # a reverse split does not cut to whole ones: 1 for 10 of 15 is 1.5
        (15 * UNIT, UNIT, True),  # but 1 for 15 is 1
        (19 * UNIT, UNIT, False),
    ],
)
def test_a_lots_units(old: int, new: int, found: bool) -> None:
    assert jumped((old, new)) == [found]
    # whatever happens to the lots beside it
    assert jumped((UNIT, 2 * UNIT), (old, new), (UNIT, UNIT)) == [True, found, False]


def test_the_usual_ratios_are_known_and_no_others() -> None:
    def known(new: int, old: int) -> bool:
        return jumped((720_720 * UNIT * old, 720_720 * UNIT * new)) == [True]

    usual = {*SPLITS, *REVERSE}
    tried = {(new, 1) for new in range(2, 101)} | {(1, old) for old in range(2, 101)} | {(3, 2), (4, 3), (5, 2), (5, 4)}
    tried |= {(5, 3), (6, 5), (7, 2), (7, 4), (9, 4), (2, 3), (3, 4), (2, 5), (4, 5)}
    assert {ratio for ratio in tried if known(*ratio)} == usual


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
