"""The wash-sale rule: tables with written-out arithmetic, what holds whatever comes, and a plain slow model."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.rules.relief.wash import WASH_DAYS, Losses, Purchases, match

pytestmark = pytest.mark.fast
TODAY = 20_000
UNIT = 1_000_000


@dataclass(frozen=True)
class Loss:
    units: int
    cents: int
    security: int = 0
    account: int = 0
    lot: int = 0
    sleeve: int = 0
    group: int = 0
    day: int = TODAY
    turn: int = 0


@dataclass(frozen=True)
class Buy:
    units: int
    day: int = TODAY
    security: int = 0
    account: int = 0
    lot: int = 0
    sleeve: int = 0
    group: int = 0
    kind: int = 0


Part = tuple[Loss, Buy, int, int]  # units, cents


def washes(losses: Sequence[Loss], buys: Sequence[Buy]) -> list[Part]:
    """The rule over plain objects."""

    def columns(kind: type, rows: Sequence[object]) -> list[np.ndarray]:
        return [np.array([getattr(row, name) for row in rows], dtype=np.int64) for name in kind._fields]  # type: ignore[attr-defined]

    found = match(Losses(*columns(Losses, losses)), Purchases(*columns(Purchases, buys)))
    return [
        (losses[loss], buys[buy], units, cents)
        for loss, buy, units, cents in zip(*(column.tolist() for column in found), strict=True)
    ]


def amounts(losses: Sequence[Loss], buys: Sequence[Buy]) -> list[tuple[int, int]]:
    """(units, cents) of every part."""
    return [(units // UNIT, cents) for _, _, units, cents in washes(losses, buys)]


def test_share_for_share() -> None:
    """100 sold at a loss of $1,000; 40 bought: 1,000 x 40 / 100 = $400 is disallowed."""
    assert amounts([Loss(100 * UNIT, 100_000)], [Buy(40 * UNIT)]) == [(40, 40_000)]


def test_more_bought_than_sold_disallows_the_loss_and_no_more() -> None:
    assert amounts([Loss(100 * UNIT, 100_000)], [Buy(500 * UNIT)]) == [(100, 100_000)]


def test_earliest_purchase_first_and_the_last_part_takes_the_rest() -> None:
    """3 units lost $1.00; bought 1 + 1 + 1: 100/3 = 33, then 67/2 = 33.5 = 34 (away from zero), then the rest 33."""
    buys = [Buy(UNIT, TODAY + 1), Buy(UNIT, TODAY - 5), Buy(UNIT, TODAY)]
    found = washes([Loss(3 * UNIT, 100)], buys)
    assert [(buy.day - TODAY, cents) for _, buy, _, cents in found] == [(-5, 33), (0, 34), (1, 33)]


def test_a_purchase_is_used_once_over_all_losses() -> None:
    """By lot: a 6 units $6.00, b 6 units $9.00; 8 bought: a 6 = $6.00, b 2 of 6 = 9.00 x 2/6 = $3.00."""
    losses = [Loss(6 * UNIT, 900, lot=2), Loss(6 * UNIT, 600, lot=1)]
    found = washes(losses, [Buy(8 * UNIT)])
    assert [(loss.lot, units // UNIT, cents) for loss, _, units, cents in found] == [(1, 6, 600), (2, 2, 300)]


def test_losses_by_security_account_lot_sleeve() -> None:
    order = [
        Loss(UNIT, 1, security=0, account=1, lot=9, sleeve=9),
        Loss(UNIT, 1, security=0, account=2, lot=1, sleeve=5),
        Loss(UNIT, 1, security=0, account=2, lot=2, sleeve=1),
        Loss(UNIT, 1, security=0, account=2, lot=2, sleeve=3),
        Loss(UNIT, 1, security=1, account=0, lot=0, sleeve=0),
    ]
    buys = [Buy(9 * UNIT, security=0), Buy(9 * UNIT, security=1)]
    assert [loss for loss, *_ in washes(order[::-1], buys)] == order


@pytest.mark.parametrize(
    ("days", "counts"), [(-31, False), (-30, True), (-1, True), (0, True), (1, True), (30, True), (31, False)]
)
def test_thirty_days_before_or_after(days: int, counts: bool) -> None:
    """61 days with the day of the sale itself."""
    assert bool(washes([Loss(UNIT, 5)], [Buy(UNIT, TODAY + days)])) is counts


def test_the_earlier_loss_takes_the_units_first() -> None:
    """100 bought; 100 units sold on the 5th lost $1,000, 100 others on the 12th $700: $1,000, and $0 is left.

    Of one day, what was approved first comes first.
    """
    first, second = Loss(100 * UNIT, 100_000, lot=9), Loss(100 * UNIT, 70_000, lot=1, day=TODAY + 7)
    assert washes([second, first], [Buy(100 * UNIT, TODAY - 4)]) == [
        (first, Buy(100 * UNIT, TODAY - 4), 100 * UNIT, 100_000)
    ]
    later = Loss(100 * UNIT, 70_000, lot=1, turn=1)
    assert [loss for loss, *_ in washes([later, first], [Buy(100 * UNIT)])] == [first]


def test_each_loss_has_its_own_thirty_days() -> None:
    """Bought 20 days before the first loss: the first's; 40 days after it, 10 after the second: the second's."""
    first, second = Loss(UNIT, 500), Loss(UNIT, 700, day=TODAY + 30)
    found = washes([first, second], [Buy(UNIT, TODAY + 40), Buy(UNIT, TODAY - 20)])
    assert [(loss.cents, buy.day - TODAY) for loss, buy, *_ in found] == [(500, -20), (700, 40)]


def test_another_security_or_household_does_not_count() -> None:
    assert washes([Loss(UNIT, 5)], [Buy(UNIT, security=1), Buy(UNIT, group=1)]) == []


def test_fractions_of_units() -> None:
    """0.333333 of 1 unit lost $10.00: 1000 x 0.333333 = 333.333 = $3.33."""
    assert washes([Loss(UNIT, 1_000)], [Buy(333_333)])[0][2:] == (333_333, 333)


def test_nothing_sold_or_nothing_bought() -> None:
    assert washes([], [Buy(UNIT)]) == washes([Loss(UNIT, 5)], []) == washes([Loss(UNIT, 5)], [Buy(0)]) == []


small = st.integers(0, 2)
quantities = st.one_of(st.integers(1, 4).map(lambda units: units * UNIT), st.integers(1, 10**15))
loss_days = st.sampled_from([TODAY - 60, TODAY - 31, TODAY - 30, TODAY - 1, TODAY, TODAY + 1])
loss_rows = st.lists(
    st.builds(
        Loss, quantities, st.integers(1, 10**13), small, small, small, small, small, loss_days, st.integers(0, 1)
    ),
    max_size=8,
    unique_by=lambda row: (row.group, row.security, row.account, row.lot, row.sleeve),
)
buy_rows = st.lists(
    st.builds(Buy, quantities, st.integers(TODAY - 40, TODAY + 40), small, small, small, small, small, small),
    max_size=8,
    unique_by=lambda row: (row.group, row.security, row.day, row.kind, row.account, row.lot, row.sleeve),
)


def model(losses: Sequence[Loss], buys: Sequence[Buy]) -> list[Part]:
    """The rule read off the product's sentence, one unit of thought at a time, in fractions."""
    left = {index: buy.units for index, buy in enumerate(buys)}
    found: list[Part] = []
    in_turn = sorted(losses, key=lambda row: (row.account, row.lot, row.sleeve))
    for loss in sorted(in_turn, key=lambda row: (row.group, row.security, row.day, row.turn)):
        units, cents = loss.units, loss.cents
        same = [p for p in left if (buys[p].group, buys[p].security) == (loss.group, loss.security)]
        wanted = [p for p in same if abs(buys[p].day - loss.day) <= WASH_DAYS]
        for index in sorted(
            wanted, key=lambda p: (buys[p].day, buys[p].kind, buys[p].account, buys[p].lot, buys[p].sleeve)
        ):
            part = min(units, left[index])
            if part:
                share = int(Fraction(cents * part, units) + Fraction(1, 2))
                found.append((loss, buys[index], part, share))
                units, cents, left[index] = units - part, cents - share, left[index] - part
    return found


@given(loss_rows, buy_rows)
@settings(max_examples=400, deadline=None)
def test_the_rule_is_the_plain_model(losses: list[Loss], buys: list[Buy]) -> None:
    assert washes(losses, buys) == model(losses, buys)


@given(loss_rows, buy_rows)
@settings(max_examples=300, deadline=None)
def test_nothing_is_matched_twice_or_disallowed_beyond_the_loss(losses: list[Loss], buys: list[Buy]) -> None:
    """By slice: units matched <= sold, cents <= the loss, and all of it exactly when all units are matched."""
    found = washes(losses, buys)
    for loss in losses:
        mine = [(units, cents) for matched, _, units, cents in found if matched is loss]
        units, cents = sum(part[0] for part in mine), sum(part[1] for part in mine)
        assert 0 <= units <= loss.units
        assert 0 <= cents <= loss.cents
        assert units < loss.units or cents == loss.cents
    for buy in buys:
        assert sum(units for _, matched, units, _ in found if matched is buy) <= buy.units


@given(loss_rows, buy_rows, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_order_of_input_changes_nothing(losses: list[Loss], buys: list[Buy], random: object) -> None:
    mixed, others = list(losses), list(buys)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    random.shuffle(others)  # type: ignore[attr-defined]
    assert washes(mixed, others) == washes(losses, buys)


PROGRAM = """
import numpy as np
from shared.rules.relief.wash import Losses, Purchases, match
rng = np.random.default_rng(7)
names, when = rng.integers(0, 5, (5, 4000)), rng.integers(19_940, 20_001, 4000)
turn, units, cents = rng.integers(0, 3, 4000), rng.integers(1, 10**15, 4000), rng.integers(1, 10**13, 4000)
losses = Losses(*names[:2], when, turn, *names[2:], units, cents)
days = rng.integers(19_965, 20_035, 4000)
buys = Purchases(*rng.integers(0, 5, (2, 4000)), days, *rng.integers(0, 5, (4, 4000)), rng.integers(0, 10**15, 4000))
print([column.tolist() for column in match(losses, buys)])
"""


def test_compiled_and_plain_give_the_same() -> None:
    def run(plain: str) -> str:
        root, environment = Path(__file__).parents[2], os.environ | {"REBALANCER_PLAIN_KERNELS": plain}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=root, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    compiled = run("0")
    assert len(compiled) > 10_000
    assert compiled == run("1")
