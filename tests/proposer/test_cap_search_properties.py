"""What gain limits leave of a full exit is the most that fits: compared with the plain model of lot relief.

Source: product 4, "Tax-aware"; services/proposer/domain/tax_aware/breakpoints.py and cap_search.py.
"""

import random
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.codes import LotMethod
from tests.proposer.builders import (
    BF,
    FRACTIONAL,
    TA,
    TRADE_DATE,
    TRADE_DAY,
    WHOLE,
    Account,
    Lot,
    Position,
    Security,
    lots_of,
)
from tests.proposer.harness import booked
from tests.proposer.strategies import picking, seeds
from tests.relief import build as relief
from tests.relief.model import relieve

pytestmark = pytest.mark.fast

METHODS = list(LotMethod)
lots_at_a_gain = st.lists(st.tuples(st.integers(1, 200 * WHOLE), st.integers(1, 90)), min_size=1, max_size=3)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 99))
def test_of_sleeves_that_sell_together_one_share_more_would_pass_the_budget(
    method: LotMethod, seed: int, percent: int
) -> None:
    """Sleeves that sell out together are cut pro rata; of the cut that is found one share more is too much.

    Nor is a larger cut allowed at which another lot would begin to leave: what lies behind losses is found too.
    """
    given = picking(replace(_sold_out(seed), lot_method=method))
    full = booked([given])[0][BF].total_cents
    if full <= 0:
        return
    budget = full * percent // 100
    found = booked([replace(given, gain_budget_total_cents=budget)])[0][TA]
    count = -found.proposal.orders.get("A", 0) // WHOLE
    assert found.total_cents <= budget
    assert _gain_of(given, _pro_rata(given, count)) == found.total_cents
    assert _gain_of(given, _pro_rata(given, count + 1)) > budget
    if method != LotMethod.SPECIFIC:
        assert all(point <= count or _gain_of(given, _pro_rata(given, point)) > budget for point in _breakpoints(given))


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 400), st.integers(100, 90_000), st.integers(1, 2_000_000), st.integers(0, 500_000), st.booleans())
def test_of_one_lot_the_most_shares_are_sold_that_the_budget_allows(
    held: int, price_cents: int, basis_cents: int, budget_cents: int, is_long: bool
) -> None:
    """A full exit of one lot sells the most whole shares whose gain, rounded as booked, is within the budget."""
    acquired = TRADE_DATE - timedelta(days=400 if is_long else 30)
    given = Account(
        [Security("A", price_cents * 10_000)],
        [Position("A", "S1", held * WHOLE, 0)],
        cash_target_ppb=10**9,
        liquidate=True,
        lots=[Lot("A", "S1", "L1", acquired, held * WHOLE, basis_cents)],
    )
    gains = [count * price_cents - half_up(Fraction(basis_cents * count, held)) for count in range(held + 1)]
    most = max(count for count, gain in enumerate(gains) if gain <= budget_cents)
    budget: dict[str, Any] = {"gain_budget_total_cents" if is_long else "gain_budget_short_cents": budget_cents}
    found = booked([replace(given, **budget)])[0][TA]
    assert (found.proposal.orders.get("A", 0), found.estimated_cents) == (-most * WHOLE, gains[most])


@settings(deadline=None, max_examples=150)
@given(st.integers(100, 90_000), lots_at_a_gain, st.integers(0, 1_000))
def test_of_fractions_a_dollar_more_would_pass_the_budget(
    price_cents: int, held: list[tuple[int, int]], permille: int
) -> None:
    """A full exit in millionths of lots at gains of 1 to 90 % of their value, with a part of its gain as budget."""
    lots = [
        Lot("A", "S1", f"L{number}", date(2020, 1, 2), units, units * price_cents * (100 - gain) // 10**8)
        for number, (units, gain) in enumerate(held)
    ]
    given = Account(
        [Security("A", price_cents * 10_000, FRACTIONAL)],
        [Position("A", "S1", sum(units for units, _ in held), 0)],
        cash_target_ppb=10**9,
        cash_cents=1_000,
        liquidate=True,
        lots=lots,
    )
    whole = given.positions[0].quantity_micro
    budget = _gain_of(given, {1: whole}) * permille // 1_000
    found = booked([replace(given, gain_budget_total_cents=budget)])[0][TA]
    sold = -found.proposal.orders.get("A", 0)
    assert found.total_cents == _gain_of(given, {1: sold}) <= budget
    more = sold + 10**8 // price_cents + 1
    assert sold == whole or _gain_of(given, {1: min(more, whole)}) >= budget


def _breakpoints(given: Account) -> list[int]:
    """Return the counts of shares at which, one after the other, the lots of each sleeve are gone."""
    held = {int(position.sleeve_id[1:]): position.quantity_micro // WHOLE for position in given.positions}
    gone, breakpoints = dict.fromkeys(held, 0), []
    for sold in _slices(given, _pro_rata(given, sum(held.values()))):
        gone[sold.sleeve] += sold.units // WHOLE
        breakpoints.append(gone[sold.sleeve] * sum(held.values()) // held[sold.sleeve])
    return breakpoints


def _pro_rata(given: Account, count: int) -> dict[int, int]:
    """Return the micro-units of each sleeve, by its number, when all sleeves sell so many whole shares together."""
    held = {position.sleeve_id: position.quantity_micro // WHOLE for position in given.positions}
    shares = {sleeve: divmod(count * units, sum(held.values())) for sleeve, units in held.items()}
    left = count - sum(share for share, _ in shares.values())
    more = sorted(held, key=lambda sleeve: (-shares[sleeve][1], sleeve))[:left]
    return {int(sleeve[1:]): (share + (sleeve in more)) * WHOLE for sleeve, (share, _) in shares.items()}


def _gain_of(given: Account, sells: dict[int, int]) -> int:
    """Return the gain in cents of the micro-units that sleeves sell, by the plain model of lot relief."""
    return sum(sold.proceeds - (sold.basis or 0) for sold in _slices(given, sells))


def _slices(given: Account, sells: dict[int, int]) -> list[relief.Slice]:
    if not any(sells.values()):
        return []
    lots = [
        relief.Lot(lot.lot_id, _day(lot.acquired), lot.quantity_micro, lot.basis_cents, int(lot.sleeve_id[1:]))
        for lot in lots_of(given)
    ]
    picks = {lot.lot_id: lot.picked_micro for lot in sorted(lots_of(given), key=lambda lot: lot.pick_rank or 0)}
    price = given.securities[0].price_micro or 0
    sale = relief.Sale(lots, sells, {}, int(given.lot_method), price, 0, TRADE_DAY, False, picks)
    return relieve(sale, lots)[0]


def _day(acquired: date | None) -> int | None:
    return None if acquired is None else (acquired - date(1970, 1, 1)).days


def _sold_out(seed: int) -> Account:
    """Return an account whose one security is sold out of two or three sleeves, each of lots in whole shares."""
    dice = random.Random(seed)
    price = dice.randint(1_000, 40_000)
    lots = [
        Lot("A", f"S{sleeve}", f"L{dice.randint(10, 99)}{sleeve}{number}",
            TRADE_DATE - timedelta(days=dice.randint(1, 900)), units * WHOLE,
            units * price * dice.choice((20, 60, 90, 110, 150)) // 100)
        for sleeve in range(dice.randint(2, 3))
        for number, units in enumerate(dice.choices(range(1, 60), k=dice.randint(1, 3)))
    ]  # fmt: skip
    held = {lot.sleeve_id: 0 for lot in lots}
    for lot in lots:
        held[lot.sleeve_id] += lot.quantity_micro
    return Account(
        [Security("A", price * 10_000)], [Position("A", sleeve, units, 0) for sleeve, units in held.items()],
        cash_target_ppb=10**9, liquidate=True, lots=lots, account_id=f"O-{seed}",
    )  # fmt: skip


def half_up(cents: Fraction) -> int:
    return (2 * cents.numerator + cents.denominator) // (2 * cents.denominator)
