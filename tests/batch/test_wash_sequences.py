"""Over any sequence of batches every unit bought disallows at most one loss: as a plain model of single units says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.batch.columns.wash_earlier import Used, unused
from shared.contracts.codes import Bought
from shared.rules.relief.wash import WASH_DAYS, Losses, Purchases, match

pytestmark = pytest.mark.fast


@dataclass(frozen=True)
class Batch:
    """Approved so many days after the one before; what it sells at a loss of $1 a unit, and what it buys."""

    days: int
    sells: int
    buys: int


lots = st.lists(st.tuples(st.integers(-40, 90), st.integers(1, 4)), max_size=5)  # day, units; the index is the lot's id
batches = st.lists(st.builds(Batch, st.integers(0, 35), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6)
PROPOSED, LOT = int(Bought.PROPOSED), int(Bought.LOT)


def columns(rows: Sequence[tuple[int, ...]], width: int) -> list[Any]:
    """Columns of rows of so many integers."""
    return list(np.array(rows, np.int64).reshape(-1, width).T)


def by_rule(known: list[tuple[int, int]], sequence: list[Batch]) -> list[tuple[int, int]]:
    """What each batch displays: cents disallowed of its own losses, and of earlier ones by what it buys."""
    displayed: list[tuple[int, int]] = []
    sold: list[tuple[int, int, int]] = []
    matched: list[tuple[int, ...]] = []
    day = 0  # sold: day, units, batch; matched: batch of the loss, kind, id, ...
    for number, batch in enumerate(sequence):
        day += batch.days
        held = [(0, 0, when, LOT, 0, lot, 0, units) for lot, (when, units) in enumerate(known) if when <= day]
        earlier_buys = [(0, 0, when, LOT, 0, 100 + of, 0, units) for of, when, units in _bought(sequence, number)]
        seen = Purchases(*columns(held + earlier_buys, 8))
        uses = [(0, 0, lot, kind, when, when, units) for _, kind, lot, when, units in matched]
        seen = seen._replace(units=unused(seen, Used(*columns(uses, 7))))
        own = (0, 0, day, PROPOSED, 0, 999, 0, batch.buys)
        purchases = Purchases(*(np.append(column, value) for column, value in zip(seen, own, strict=True)))
        left = [
            (when, units - sum(use[4] for use in matched if use[0] == of), of)
            for when, units, of in sold
            if day - when <= 2 * WASH_DAYS
        ]
        left = [entry for entry in left if entry[1] > 0] + ([(day, batch.sells, number)] if batch.sells else [])
        losses = [(0, 0, when, of, 0, of, 0, units, units * 100) for when, units, of in left]
        found = match(Losses(*columns(losses, 9)), purchases)
        mine = earlier = 0
        for loss, purchase, units, cents in zip(*(column.tolist() for column in found), strict=True):
            of, kind = left[loss][2], int(purchases.kind[purchase])
            if of == number or kind == PROPOSED:  # displayed, so kept at the approval
                matched.append((of, kind, int(purchases.lot[purchase]), int(purchases.day[purchase]), units))
                mine, earlier = (mine + cents, earlier) if of == number else (mine, earlier + cents)
        displayed.append((mine, earlier))
        sold.append((day, batch.sells, number))
    for lot, (_, units) in enumerate(known):
        assert sum(use[4] for use in matched if use[1:3] == (LOT, lot)) <= units
    for number, batch in enumerate(sequence):
        assert sum(use[4] for use in matched if use[0] == number) <= batch.sells
    return displayed


def _bought(sequence: list[Batch], number: int) -> list[tuple[int, int, int]]:
    """What earlier batches bought, as the custodian shows it: batch, day, units."""
    day = 0
    found: list[tuple[int, int, int]] = []
    for of, batch in enumerate(sequence[:number]):
        day += batch.days
        if batch.buys:
            found.append((of, day, batch.buys))
    return found


def by_model(known: list[tuple[int, int]], sequence: list[Batch]) -> list[tuple[int, int]]:
    """The same with a list of single units, each of which remembers whether its loss was displayed."""
    units: list[Any] = [[when, (0, lot), False] for lot, (when, count) in enumerate(known) for _ in range(count)]
    losses: list[list[int]] = []  # day, batch, 1 while nothing disallows it
    displayed: list[tuple[int, int]] = []
    day = 0
    for number, batch in enumerate(sequence):
        day += batch.days
        today: list[Any] = [[day, (1, number), False] for _ in range(batch.buys)]
        losses += [[day, number, 1] for _ in range(batch.sells)]
        units += today
        taken: set[int] = set()
        mine = earlier = 0
        for loss in losses:
            if not loss[2] or day - loss[0] > 2 * WASH_DAYS:
                continue
            free = [
                unit
                for unit in units
                if not unit[2] and id(unit) not in taken and unit[0] <= day and abs(unit[0] - loss[0]) <= WASH_DAYS
            ]
            if not free:
                continue
            unit = min(free, key=lambda unit: (unit[0], unit in today, unit[1]))
            taken.add(id(unit))
            if loss[1] == number or any(unit is bought for bought in today):
                unit[2], loss[2] = True, 0
                mine, earlier = (mine + 100, earlier) if loss[1] == number else (mine, earlier + 100)
        displayed.append((mine, earlier))
    return displayed


@given(lots, batches)
@settings(max_examples=300, deadline=None)
def test_every_unit_disallows_at_most_one_loss_over_any_sequence_of_batches(
    known: list[tuple[int, int]], sequence: list[Batch]
) -> None:
    assert by_rule(known, sequence) == by_model(known, sequence)
