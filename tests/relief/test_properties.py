"""What holds whatever the lots, the method and the trades; and that compiled and plain text give the same."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.fixed_point.arithmetic import value_cents
from shared.rules.relief import lots as r
from shared.rules.relief.records import BOOKED
from tests.relief.build import Lot, Move, Outcome, Sale, Slice, sell

pytestmark = pytest.mark.fast
units = st.one_of(st.integers(1, 5).map(lambda n: n * 1_000_000), st.integers(1, 10**9), st.integers(1, 10**15))
dates = st.one_of(st.none(), st.integers(17_000, 20_000), st.sampled_from([18_000, 18_001]))
basis = st.one_of(st.none(), st.just(0), st.integers(0, 10**7), st.integers(0, 10**13))
methods = st.sampled_from([r.FIFO, r.LIFO, r.HIFO, r.LOFO, r.MIN_TAX, r.AVERAGE, r.SPECIFIC])


@st.composite
def sales(draw: st.DrawFn) -> Sale:
    rows = draw(st.lists(st.tuples(dates, units, basis, st.integers(0, 3)), min_size=1, max_size=12))
    lots = [Lot(f"L{draw(st.integers(0, 99))}-{number}", *row) for number, row in enumerate(rows)]
    held = {sleeve: sum(lot.units for lot in lots if lot.sleeve == sleeve) for sleeve in range(4)}
    sells = {}
    for sleeve in draw(st.sets(st.sampled_from([0, 1, 2, 3]), min_size=1)):
        if held[sleeve]:
            sells[sleeve] = draw(st.one_of(st.just(held[sleeve]), st.integers(1, held[sleeve])))
    total = sum(sells.values())
    crossed: dict[int, int] = {}
    if total and draw(st.booleans()):
        crossed[7] = draw(st.integers(1, total))
        if crossed[7] < total and draw(st.booleans()):
            crossed[5] = draw(st.integers(1, total - crossed[7]))
    price = draw(st.integers(1, 10**9))
    picks = {lot.lot_id: draw(st.integers(0, lot.units)) for lot in lots} if draw(st.booleans()) else {}
    fund = draw(st.booleans())
    return Sale(lots, sells, crossed, draw(methods), price, draw(st.integers(0, 5_000)), 20_000, fund, picks)


def gone_from(done: Outcome) -> list[Slice | Move]:
    return [*done.slices, *done.moves]


@given(sales())
@settings(max_examples=400, deadline=None)
def test_units_and_basis_are_conserved(sale: Sale) -> None:
    """Units sold and moved add up by sleeve; each lot gives at most what it has; basis that leaves plus basis that
    stays is what there was, and all of a lot's units carry all of its basis."""
    done = sell(sale)
    assert done.code == BOOKED
    for sleeve, wanted in sale.sells.items():
        gone = sum(piece.units for piece in done.slices if piece.sleeve == sleeve)
        gone += sum(piece.units for piece in done.moves if piece.sleeve == sleeve)
        assert gone == wanted
    assert sum(piece.units for piece in done.slices) == sale.market()
    for to, wanted in sale.crossed_to.items():
        assert sum(piece.units for piece in done.moves if piece.to == to) == wanted
    pooled = sale.method == r.AVERAGE and sale.fund
    for lot in sale.lots:
        pieces = [(piece.units, piece.basis) for piece in gone_from(done) if piece.lot_id == lot.lot_id]
        gone = sum(part for part, _ in pieces)
        assert gone <= lot.units
        if lot.basis is None:
            assert all(cost is None for _, cost in pieces)
        elif not pooled:
            cost = sum(value for _, value in pieces if value is not None)
            assert 0 <= cost <= lot.basis
            assert gone < lot.units or cost == lot.basis
    if pooled:
        known = [lot for lot in sale.lots if lot.basis is not None]
        sold = [(piece.units, piece.basis) for piece in done.slices if piece.basis is not None]
        cost, whole = sum(value for _, value in sold), sum(lot.basis or 0 for lot in known)
        assert 0 <= cost <= whole
        assert sum(part for part, _ in sold) < sum(lot.units for lot in known) or cost == whole


@given(sales())
@settings(max_examples=200, deadline=None)
def test_what_moves_keeps_its_recorded_basis_whatever_the_method_says_of_sales(sale: Sale) -> None:
    """The parts that move out of a lot carry what of its own basis its sold units leave: as if no average held."""
    if sale.method == r.AVERAGE:
        assert sell(sale).moves == sell(replace(sale, fund=False)).moves


@given(sales())
@settings(max_examples=200, deadline=None)
def test_picked_lots_leave_first_and_in_the_order_of_the_picks(sale: Sale) -> None:
    """Of what a sleeve gives up no lot that is not picked leaves before a picked one, nor a later pick before one that
    has not left as far as it is picked."""
    sale = replace(sale, method=r.SPECIFIC, crossed_to={})
    ranks = {lot_id: rank for rank, lot_id in enumerate(lot_id for lot_id, units in sale.picks.items() if units)}
    slices = sell(sale).slices
    order = [ranks.get(part.lot_id, len(ranks)) for part in slices]
    assert order == sorted(order)
    for sleeve in sale.sells:
        mine = {lot.lot_id: lot.units for lot in sale.lots if lot.sleeve == sleeve}
        gone = {part.lot_id: part.units for part in slices if part.sleeve == sleeve}
        wanted = [min(sale.picks[lot_id], mine[lot_id]) for lot_id in ranks if lot_id in mine]
        left = [gone.get(lot_id, 0) for lot_id in ranks if lot_id in mine]
        short = next((index for index, units in enumerate(wanted) if left[index] < units), None)
        if short is not None:
            assert not any(left[short + 1 :])
            assert gone.keys() <= ranks.keys()


@given(sales())
@settings(max_examples=300, deadline=None)
def test_slices_add_up_to_the_order(sale: Sale) -> None:
    """Proceeds of the slices are the order's value less its fee, to the cent; crossing alone realises nothing."""
    done = sell(sale)
    if sale.market() == 0:
        assert done.slices == []
        return
    assert sum(part.proceeds for part in done.slices) == value_cents(sale.market(), sale.price) - sale.fee


@given(sales(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_of_input_changes_nothing(sale: Sale, random: object) -> None:
    """Lots given in another order leave alike."""
    shuffled = list(sale.lots)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    again = Sale(
        shuffled, sale.sells, sale.crossed_to, sale.method, sale.price, sale.fee, 20_000, sale.fund, sale.picks
    )
    assert sell(again) == sell(sale)


def _digest(plain: bool) -> str:
    environment = os.environ | {"REBALANCER_PLAIN_KERNELS": "1" if plain else "0"}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.relief.digest"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_compiled_and_plain_give_the_same_bytes() -> None:
    """The same text, compiled and as plain Python, books 300 random sales to the same bytes."""
    compiled = _digest(plain=False)
    assert compiled.startswith("compiled 300 ")
    assert compiled.removeprefix("compiled") == _digest(plain=True).removeprefix("plain")
