"""Counts of units at the last millionth, cent and step, by hand.  Source: product 4, "Cents" and "Whole steps".

Weights in 1e-18 of the account, cents, prices in millionths of a dollar, units in millionths; parts in 1e-10 of a cent.
"""

import pytest

from services.proposer.domain.apportion import apportion
from services.proposer.domain.codes import TO_TARGET
from services.proposer.domain.netting import BUYS, SELLS, settle
from services.proposer.domain.records import POSITION, SECURITY
from services.proposer.domain.sizing import (
    affordable,
    needed,
    order_change,
    reaching,
    units_ceil,
    units_floor,
    within,
)
from shared.fixed_point.amounts import weight_of_value
from shared.fixed_point.records import records
from tests.proposer.builders import MT, account, position
from tests.proposer.harness import proposal

pytestmark = pytest.mark.fast

DOLLAR = UNIT = 1_000_000
HALF_CENT = 5_000_000_000
THIRD = 333_333_333_333_333_333  # a hair below 1/3, with more than nine decimals


@pytest.mark.parametrize(
    ("weight", "value", "price", "floor", "ceil"),
    [
        # 50 % of $100 at $3: 16.6666..
        (500_000_000 * 10**9, 10_000, 3 * DOLLAR, 16_666_666, 16_666_667),
        (500_000_000 * 10**9, 10_000, 2 * DOLLAR, 25 * UNIT, 25 * UNIT),
        # 1/3 of $10,000 at $7: 3,333.33.. / 7 = 476.190476190..
        (THIRD, 1_000_000, 7 * DOLLAR, 476_190_476, 476_190_477),
        # a hair less than $100,000 at $50,000, of which the price x 10^8 would not fit in the calculation
        (THIRD, 30_000_000, 50_000 * DOLLAR, 1_999_999, 2 * UNIT),
        # half of 1e-9 of $100 thousand million is $50: at $50,000 a thousandth, exactly
        (500_000_000, 10**13, 50_000 * DOLLAR, 1_000, 1_000),
        # at the highest price there is, $1,000,000
        (500_000_000, 10**13, 1_000_000 * DOLLAR, 50, 50),
        # and a hair more
        (500_000_001, 10**13, 50_000 * DOLLAR, 1_000, 1_001),
    ],
)
def test_units_of_a_weight(weight: int, value: int, price: int, floor: int, ceil: int) -> None:
    cents, part = weight_of_value(weight, value)
    assert (units_floor(cents, part, price), units_ceil(cents, part, price)) == (floor, ceil)


@pytest.mark.parametrize(
    ("cents", "price", "step", "units"),
    [
        (100, 3 * DOLLAR, 1, 333_333),
        (300, 3 * DOLLAR, UNIT, UNIT),
        (299, 3 * DOLLAR, UNIT, 0),
        (1, DOLLAR, 1, 10_000),
        (0, DOLLAR, 1, 0),
        (-1, DOLLAR, 1, 0),
    ],
)
def test_what_can_be_paid(cents: int, price: int, step: int, units: int) -> None:
    assert affordable(cents, price, step) == units


@pytest.mark.parametrize(
    ("cents", "part", "price", "step", "units"),
    [
        # a cent at $3: 0.003333.., rounded up, then to the step
        (1, 0, 3 * DOLLAR, 1, 3_334),
        (1, 0, 3 * DOLLAR, 10, 3_340),
        (1, 0, 3 * DOLLAR, UNIT, UNIT),
        # 3,333 millionths at $3 are worth 10^-4 of a cent less than one, 1,000,000 parts
        (1, 1_000_000, 3 * DOLLAR, 1, 3_333),
        (1, 999_999, 3 * DOLLAR, 1, 3_334),
        # half a cent at $1
        (1, HALF_CENT, DOLLAR, 1, 5_000),
        (1, HALF_CENT - 1, DOLLAR, 1, 5_001),
        (0, 0, DOLLAR, 1, 0),
        (-1, 0, DOLLAR, 1, 0),
    ],
)
def test_what_is_needed(cents: int, part: int, price: int, step: int, units: int) -> None:
    assert needed(cents, part, price, step) == units


@pytest.mark.parametrize(
    ("cents", "part", "before", "step", "units"),
    [
        # At $1.  Half a cent is enough unrounded; alone it rounds to the cent that is wanted.
        (1, HALF_CENT, 0, 1, 5_000),
        # After 0.4999 cents, which round to 0, one millionth more would round to a cent: the count stays unrounded.
        (1, HALF_CENT, 4_999, 1, 5_000),
        # After half a cent, which counts as one, half a cent more is still one: 1.5 are needed, 10,000 more.
        (1, HALF_CENT, 5_000, 1, 10_000),
        (1, HALF_CENT, 5_000, 3_000, 12_000),
        # A sell of 1.4999 cents, which is one: half a cent less of it is one still; 0.4999 of it, which are none, stay.
        (1, HALF_CENT, -14_999, 1, 10_000),
        (1, HALF_CENT, -14_999, 3_000, 12_000),
        # of 1.5 cents, which are two, half a cent is a cent
        (1, HALF_CENT, -15_000, 1, 5_000),
    ],
)
def test_what_reaches_when_the_whole_order_is_rounded(
    cents: int, part: int, before: int, step: int, units: int
) -> None:
    assert reaching(cents, part, before, DOLLAR, step) == units
    assert order_change(before, units, DOLLAR) >= cents


@pytest.mark.parametrize(
    ("cents", "before", "price", "step", "units"),
    [
        # 1.4999 cents round to 1, 1.5 to 2
        (1, 0, DOLLAR, 1, 14_999),
        (1, 0, DOLLAR, 1_000, 14_000),
        # half a cent before counts as 1, so the order may go to 2.4999
        (1, 5_000, DOLLAR, 1, 19_999),
        # at $3, 1.5 cents are 5,000 millionths, one too many
        (1, 0, 3 * DOLLAR, 1, 4_999),
        (0, 0, DOLLAR, 1, 0),
        (-1, 0, DOLLAR, 1, 0),
    ],
)
def test_what_stays_within(cents: int, before: int, price: int, step: int, units: int) -> None:
    assert within(cents, before, price, step) == units
    assert order_change(before, units, price) <= max(0, cents)


def apportioned(asked: list[int], total: int, step: int = 10) -> list[int]:
    """Divide the total in proportion to what is asked, whatever the sleeves have left of an earlier division."""
    sleeves = records(POSITION, len(asked))
    for field in ("share", "spare", "below_step", "remainder"):
        sleeves[field] = 99
    sleeves.asked = asked
    apportion(sleeves, total, step)
    return [int(units) for units in sleeves.share]


def test_whole_steps_by_largest_remainder_and_what_is_less_to_the_next() -> None:
    # 32 of 60 + 40 are 19.2 and 12.8: 10 and 10, then 10 to the 9.2 that are lost and 2 to the 2.8, not to the same
    assert apportioned([60, 40], 32) == [20, 12]
    # 15 of 50 + 50 are 7.5 each: of two as much the first
    assert apportioned([50, 50], 15) == [10, 5]
    assert apportioned([50, 0, 50], 15) == [10, 0, 5]
    # nobody gets more than it had: 38 of 5 + 5 + 30 are 4.75, 4.75 and 28.5
    assert apportioned([5, 5, 30], 38) == [5, 3, 30]
    assert apportioned([5, 5, 30], 40) == [5, 5, 30]
    # 2 of 1 + 2 are 0.67 and 1.33: a millionth each
    assert apportioned([1, 2], 2, step=1) == [1, 1]


def test_what_sleeves_sell_does_not_take_part_in_what_others_buy() -> None:
    """30 of 20 + 60 + 40 sold are 5, 15 and 10: the first gets the step.  24 of 50 + 50 bought are 12 each.

    A position of another security stands before them.
    """
    security = records(SECURITY, 1)[0]
    security.first, security.end, security.step = 1, 6, 10
    positions = records(POSITION, 6)
    positions.want = [99, -20, -60, -40, 50, 50]
    settle(security, positions, SELLS, 30, TO_TARGET)
    settle(security, positions, BUYS, 24, TO_TARGET)
    assert positions.trade.tolist() == [0, -10, -10, -10, 14, 10]


def test_no_more_whole_steps_are_sold_to_an_edge_than_there_are() -> None:
    """1.9 of a $1,000 share, target 2 % (to 2.5 %, a quarter of one): 1.65 too many are two, but one can be sold."""
    given = account(
        {"A": "1000", "B": "10"},
        [position("A", "1.9", "2"), position("B", "800", "96")],
        cash="100",
        cash_target="2",
    )
    assert proposal(given, MT).trades[("A", "S1")] == -(10**6)
