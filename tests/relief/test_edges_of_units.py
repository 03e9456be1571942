"""Units taken lot by lot, and each slice's cents with its share of the fee, at the last millionth and half cent.

Units in millionths, prices in millionths of a dollar, cents.  Source: product 5, product 4 "Cents".
"""

import numpy as np
import pytest

from shared.fixed_point.records import records_of
from shared.rules.relief.lots import LOT, NO_BASIS, Lots
from shared.rules.relief.records import RELIEF
from shared.rules.relief.units import slice_proceeds, split_basis, take, take_picked

pytestmark = pytest.mark.fast

UNIT = 1_000_000


@pytest.mark.parametrize(
    ("units", "available", "picked", "before", "taken", "lacking"),
    [
        # in order, the last as far as needed; one millionth counts
        (6, [5, 4, 6], [0, 0, 0], [0, 0, 0], [5, 1, 0], 0),
        (1, [5, 4, 6], [0, 0, 0], [0, 0, 0], [1, 0, 0], 0),
        (16, [5, 4, 6], [0, 0, 0], [0, 0, 0], [5, 4, 6], 1),
        # what has been taken before is not there any more, for picks neither
        (4, [5, 4, 6], [0, 0, 0], [3, 4, 0], [5, 4, 2], 0),
        (4, [5, 4, 6], [4, 0, 0], [3, 0, 0], [5, 2, 0], 0),
        # picks first, the first of them too, and not more than is wanted or there
        (2, [5, 4, 6], [2, 2, 0], [0, 0, 0], [2, 0, 0], 0),
        (1, [5, 4, 6], [0, 1, 0], [0, 0, 0], [0, 1, 0], 0),
        (3, [5, 4, 6], [0, 0, 5], [0, 0, 0], [0, 0, 3], 0),
        (8, [5, 4, 6], [0, 9, 0], [0, 0, 0], [4, 4, 0], 0),
        (0, [5, 4, 6], [5, 5, 5], [0, 0, 0], [0, 0, 0], 0),
    ],
)
def test_take(
    units: int, available: list[int], picked: list[int], before: list[int], taken: list[int], lacking: int
) -> None:
    """The order is that of the lots; and the same when lots and order are turned round."""
    for order in ([0, 1, 2], [2, 1, 0]):

        def column(values: list[int], order: list[int] = order) -> list[int]:
            return [values[index] for index in order]

        relief = records_of(RELIEF, lot=order, available=column(available), taken=column(before))
        lots = Lots(records_of(LOT, picked=column(picked)), np.zeros(1, np.uint8))
        left = take(take_picked(units, 0, 3, lots, relief), 0, 3, relief)
        assert (left, relief.taken.tolist()) == (lacking, column(taken))


@pytest.mark.parametrize(
    ("left", "units_left", "units", "basis"),
    [
        (301, 3, 1, 100),  # 100.33..
        (201, 2, 1, 101),  # 100.5
        (302, 3, 3, 302),
        (0, 3, 1, 0),
        (NO_BASIS, 3, 1, NO_BASIS),
        (NO_BASIS, 3, 3, NO_BASIS),
    ],
)
def test_basis_of_the_next_units(left: int, units_left: int, units: int, basis: int) -> None:
    assert split_basis(left, units_left, units) == basis


@pytest.mark.parametrize(
    ("price", "fee", "order_units", "proceeds"),
    [
        # one unit; of two, with a fee of 2 cents: 1 cent off.  1.5 - 1 = 0.5, away from zero; 1.4 - 1, 1.6 - 1
        (15_000, 2, 2 * UNIT, 1),
        (14_000, 2, 2 * UNIT, 0),
        (16_000, 2, 2 * UNIT, 1),
        (10_000, 2, 2 * UNIT, 0),
        # worth less than its share of the fee: 0.5 - 1 = -0.5, away from zero; 0.4 - 1, 0.6 - 1; 0.0001 - 1
        (5_000, 2, 2 * UNIT, -1),
        (4_000, 2, 2 * UNIT, -1),
        (6_000, 2, 2 * UNIT, 0),
        (1, 2, 2 * UNIT, -1),
        # a third of a cent off: 1.83 - 0.333.. = 1.497, 1.84 - 0.333.. = 1.507, 0.3333 - 0.333.. = a hair below 0
        (18_300, 1, 3 * UNIT, 1),
        (18_400, 1, 3 * UNIT, 2),
        (3_333, 1, 3 * UNIT, 0),
        # two thirds off: 0.16 - 0.666.. = -0.507, 0.17 - 0.666.. = -0.497
        (1_600, 2, 3 * UNIT, -1),
        (1_700, 2, 3 * UNIT, 0),
        # no fee: 1.5 and 1.4999 cents
        (15_000, 0, 3 * UNIT, 2),
        (14_999, 0, 3 * UNIT, 1),
    ],
)
def test_proceeds_of_a_slice_less_its_share_of_the_fee(price: int, fee: int, order_units: int, proceeds: int) -> None:
    assert slice_proceeds(UNIT, price, fee, order_units) == proceeds
