"""Lot relief against the slow, plain model of tests/relief/model.py, on generated sales with all methods.

2,000 sales; REBALANCER_MODEL_ACCOUNTS=100000 for a nightly run (some minutes).
"""

import os
import random

import pytest

from shared.rules.relief import lots as r
from shared.rules.relief.records import BOOKED
from tests.relief.build import Lot, Sale, sell
from tests.relief.model import relieve

pytestmark = pytest.mark.fast

PARTS = range(max(1, int(os.environ.get("REBALANCER_MODEL_ACCOUNTS", "2000")) // 2000))  # of 2,000 sales
METHODS = (r.FIFO, r.LIFO, r.HIFO, r.LOFO, r.MIN_TAX, r.AVERAGE, r.SPECIFIC)
UNIT = 1_000_000


def generated(seed: int) -> Sale:
    """Return the sale of this seed: few dates, costs and ids, so that ties of every kind are common."""
    dice = random.Random(seed)
    scale = dice.choice((UNIT, UNIT, 1, 333_333))
    price = dice.choice((10, 10, 7, 3)) * UNIT + dice.choice((0, 0, 1, 333_333))
    lots = []
    for number in range(dice.randint(1, 9)):
        units = dice.randint(1, 12) * scale
        cost = round(units * price / 10**10 * dice.choice((0, 0.5, 1, 1, 1, 1.1, 2)))
        acquired = dice.choice((None, 17_000, 19_633, 19_634, 19_635, 19_999, 20_000))
        basis = None if dice.random() < 0.15 else cost
        lots.append(Lot(f"{dice.choice('ab')}{number}", acquired, units, basis, dice.randint(0, 3)))
    held = {sleeve: sum(lot.units for lot in lots if lot.sleeve == sleeve) for sleeve in {lot.sleeve for lot in lots}}
    sells = {
        sleeve: dice.choice((units, dice.randint(1, units))) for sleeve, units in held.items() if dice.random() < 0.7
    }
    crossed: dict[int, int] = {}
    left = dice.choice((0, sum(sells.values()), dice.randint(0, sum(sells.values()))))
    for sleeve in dice.sample((4, 5, 6), 3):
        crossed[sleeve] = left if sleeve == 5 and left else dice.randint(0, left)
        left -= crossed[sleeve]
    picks = {lot.lot_id: dice.randint(1, lot.units) for lot in dice.sample(lots, len(lots)) if dice.random() < 0.6}
    method = dice.choice(METHODS)
    return Sale(
        lots, sells, {sleeve: units for sleeve, units in crossed.items() if units}, method, price,
        dice.choice((0, 0, 5, 99)), 20_000, dice.random() < 0.7, picks if method == r.SPECIFIC else {},
    )  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_lots_leave_as_the_plain_model_says(part: int) -> None:
    """Lots, units, proceeds, basis and term of every slice, and every move between sleeves, are the model's."""
    for seed in range(part * 2000, (part + 1) * 2000):
        sale = generated(seed)
        done = sell(sale)
        assert done.code == BOOKED, seed
        # The kernel is given the lots in the order of the contract; the model does not care.
        assert (done.slices, done.moves) == relieve(sale, sale.lots), seed
