"""The evaluation against product 1 and 3: every edge with its arithmetic, and what holds for every account."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analyzer.domain import kernel
from services.analyzer.domain.layout import (
    AIM,
    HOLDING,
    OFF_SETTINGS,
    OWN_ROLE,
    REASON,
    RESTRICTION,
    Setting,
    Target,
    stack_targets,
)
from services.analyzer.domain.substitution import JUDGED
from shared.contracts.codes import FlagState, HoldingRole
from shared.fixed_point.limits import EDGE, PPB
from shared.fixed_point.records import as_records, records
from shared.rules.bands import band, position_band, position_side, shown_weight, side
from tests.analyzer import model
from tests.analyzer.arrays import as_shown, result, results, run
from tests.analyzer.books import generated
from tests.analyzer.model import Aim, Book, Master, Name

pytestmark = pytest.mark.fast

A, B, C = (0, 0), (1, 0), (2, 0)  # securities in one sleeve
ONE_DOLLAR = {0: F(1), 1: F(1)}


@pytest.mark.parametrize(
    ("target", "threshold", "floor", "low", "high"),
    [
        # half-width max(20 % x 10 % = 2 %, 0.5 %) = 2 %: 8 % to 12 %
        ("0.1", "0.2", "0.005", "0.08", "0.12"),
        # max(20 % x 2 % = 0.4 %, 0.5 %) = 0.5 %: 1.5 % to 2.5 %
        ("0.02", "0.2", "0.005", "0.015", "0.025"),
        # equal: 20 % x 2.5 % = 0.5 %: 2 % to 3 %
        ("0.025", "0.2", "0.005", "0.02", "0.03"),
        # clipped below: 0.3 % - 0.5 % -> 0 %; 0.8 %
        ("0.003", "0.2", "0.005", "0", "0.008"),
        # clipped above: 99.8 % + 19.96 % -> 100 %
        ("0.998", "0.2", "0.005", "0.7984", "1"),
        # finer than ppb: 10 % of 0.000000001 = 1e-10, no floor
        ("0.000000001", "0.1", "0", "0.0000000009", "0.0000000011"),
        # no width at all
        ("0.25", "0", "0", "0.25", "0.25"),
    ],
)
def test_band_edges(target: str, threshold: str, floor: str, low: str, high: str) -> None:
    relative, least = int(F(threshold) * PPB), int(F(floor) * PPB)
    edges = (int(F(low) * EDGE), int(F(high) * EDGE))
    weight = int(F(target) * EDGE)
    assert band(weight, relative, least) == position_band(weight, relative, least) == edges


def test_a_position_with_target_0_has_no_band_but_cash_keeps_the_floor() -> None:
    assert position_band(0, 200_000_000, 5_000_000) == (0, 0)
    assert band(0, 200_000_000, 5_000_000) == (0, 5_000_000 * PPB)


def two_halves(cash: str, a: str, b: str, **more: object) -> Book:
    """45 % A, 45 % B, 10 % cash; prices are one dollar, so quantities are dollars."""
    aims = {A: Aim(F("0.45")), B: Aim(F("0.45"))}
    book = Book(held={A: F(a), B: F(b)}, aims=aims, prices=ONE_DOLLAR, cash=F(cash), cash_target=F("0.1"))
    for name, value in more.items():
        setattr(book, name, value)
    return book


@pytest.mark.parametrize(
    ("book", "tiles", "triggering"),
    [
        # 10 % cash of 10-band 8..12 %, A and B at 45 %: nothing
        (two_halves("100", "450", "450"), set(), set()),
        # cash 120 of 1,000 = 12 %, the edge is inside
        (two_halves("120", "440", "440"), set(), set()),
        # 120.01 of 1,000 = 12.001 % > 12 %
        (two_halves("120.01", "440", "439.99"), {"HIGH_CASH"}, {None}),
        # 80 of 1,000 = 8 %, the edge is inside
        (two_halves("80", "460", "460"), set(), set()),
        # 79.99 of 1,000 = 7.999 % < 8 %
        (two_halves("79.99", "460", "460.01"), {"LOW_CASH"}, {None}),
        # A 540 of 1,000 = 54 % = 45 % + 20 % x 45 %: inside; B 36 % = 45 % - 9 %: inside
        (two_halves("100", "540", "360"), set(), set()),
        # A 54.001 %, B 35.999 %: both outside, cash in range
        (two_halves("100", "540.01", "359.99"), {"POSITION_DRIFT"}, {A, B}),
        # the same with cash at 12.001 %: High Cash hides Position Drift, the reasons name all three
        (two_halves("120.01", "540.01", "339.98"), {"HIGH_CASH"}, {None, A, B}),
        # never rebalanced: First Rebalance, with or without anything outside
        (two_halves("100", "450", "450", rebalanced=False), {"FIRST_REBALANCE"}, set()),
        (two_halves("100", "540.01", "359.99", rebalanced=False), {"FIRST_REBALANCE"}, {A, B}),
        (two_halves("120.01", "440", "439.99", rebalanced=False), {"FIRST_REBALANCE", "HIGH_CASH"}, {None}),
        (two_halves("79.99", "460", "460.01", rebalanced=False), {"FIRST_REBALANCE", "LOW_CASH"}, {None}),
        # cash out of band that may not trigger counts as in range and does not hide drift
        (two_halves("120.01", "440", "439.99", cash_can_trigger=False), set(), set()),
        (two_halves("120.01", "540.01", "339.98", cash_can_trigger=False), {"POSITION_DRIFT"}, {A, B}),
        # cash has its own threshold: 10 % +- 30 % of it = 7 to 13 %; positions keep theirs
        (two_halves("120.01", "440", "439.99", cash_threshold=F("0.3")), set(), set()),
        (two_halves("130.01", "440", "429.99", cash_threshold=F("0.3")), {"HIGH_CASH"}, {None}),
        # a position that may not trigger is passed over, in the list and for the tile
        (two_halves("100", "540.01", "359.99", aims={A: Aim(F("0.45"), can_trigger=False), B: Aim(F("0.45"))}),
         {"POSITION_DRIFT"}, {B}),
        (two_halves("100", "540.01", "359.99", aims=dict.fromkeys((A, B), Aim(F("0.45"), can_trigger=False))),
         set(), set()),
        # set-aside cash is not part of V: cash 120 - 20 = 100 of 1,000
        (two_halves("120", "450", "450", set_aside=F(20)), set(), set()),
        # 200 - 20 = 180 of 1,080 = 16.67 % > 12 %
        (two_halves("200", "450", "450", set_aside=F(20)), {"HIGH_CASH"}, {None}),
        # more set aside than there is: 50 - 60 = -10 of 990, the same as a debt of 10
        (two_halves("50", "500", "500", set_aside=F(60)), {"LOW_CASH"}, {None}),
        # negative available cash: -10 of 990 < 8 %; A 500 of 990 = 50.5 %
        (two_halves("-10", "500", "500"), {"LOW_CASH"}, {None}),
    ],
)  # fmt: skip
def test_tiles(book: Book, tiles: set[str], triggering: set[object]) -> None:
    found = result(book)
    assert (found.hold, found.tiles, found.triggering) == (None, tiles, triggering)
    assert as_shown(model.evaluate(book)) == found


def test_held_without_target_triggers_at_the_smallest_weight() -> None:
    """0.01 of 100.01 is above the band [0, 0]."""
    book = Book(held={A: F("0.01")}, prices=ONE_DOLLAR, cash=F(100), cash_target=F(1))
    assert result(book).triggering == {A}
    assert result(book).tiles == {"POSITION_DRIFT"}


def test_held_with_target_0_in_the_model_is_the_same_and_obeys_can_trigger() -> None:
    book = Book(held={A: F(1)}, aims={A: Aim(F(0))}, prices=ONE_DOLLAR, cash=F(99), cash_target=F(1))
    assert result(book).triggering == {A}
    book.aims[A].can_trigger = False
    assert result(book).triggering == set()


def test_targeted_and_not_held_is_below_its_band() -> None:
    book = Book(aims={A: Aim(F("0.02"))}, prices=ONE_DOLLAR, cash=F(100), cash_target=F("0.98"))
    assert result(book).triggering == {A}  # 0 % against 1.5 % to 2.5 %


def test_the_same_security_in_two_sleeves_is_two_positions() -> None:
    """A in sleeve 0 at 10 % of target 50 %, in sleeve 1 at 90 % of target 50 %: both outside 40..60 %."""
    other = (0, 1)
    aims = {A: Aim(F("0.5")), other: Aim(F("0.5"))}
    book = Book(held={A: F(10), other: F(90)}, aims=aims, prices=ONE_DOLLAR)
    assert result(book).triggering == {A, other}


def test_cash_at_target_0_keeps_the_floor() -> None:
    """0.5 points: 5 of 1,000 are in range, 5.01 are not; -0.01 is below 0 %."""
    for cash, tiles in (("5", set()), ("5.01", {"HIGH_CASH"}), ("0", set()), ("-0.01", {"LOW_CASH"})):
        book = Book(held={A: 1000 - F(cash)}, aims={A: Aim(F(1))}, prices=ONE_DOLLAR, cash=F(cash))
        assert result(book).tiles == tiles == model.evaluate(book).tiles, cash


def test_a_target_of_100_percent_is_clipped_at_100_percent() -> None:
    """A of 1,000 beside a debt of 1: 1,000 of 999 is 100.1 %, above 100 %, whatever 20 % of target would allow."""
    book = Book(held={A: F(1000)}, aims={A: Aim(F(1))}, prices=ONE_DOLLAR, cash=F(-1), cash_can_trigger=False)
    assert result(book).triggering == {A} == model.evaluate(book).triggering
    assert result(book).tiles == {"POSITION_DRIFT"}


def test_own_threshold_of_a_component_goes_before_the_portfolios() -> None:
    """A at 51 % of target 45 %: inside 36..54 %, outside 45 % +- 10 % of 45 % = 40.5..49.5 %."""
    book = two_halves("100", "510", "390")
    assert result(book).tiles == set()
    book.aims[A].own = F("0.1")
    assert result(book).triggering == {A}


def test_value_is_rounded_half_away_per_position() -> None:
    """0.5 x 0.01 = 0.005 -> 0.01, twice; 0.02 in all (0.01 were it rounded once)."""
    book = Book(held={A: F("0.5"), B: F("0.5")}, prices={0: F("0.01"), 1: F("0.01")}, cash=F(0))
    assert result(book).value == F("0.02")


@pytest.mark.parametrize(
    ("book", "hold"),
    [
        (Book(held={A: F(1)}, prices={0: F(0)}, cash=F(5)), "MISSING_PRICE"),
        (Book(held={B: F(1)}, prices={0: F(1)}, cash=F(5)), "MISSING_PRICE"),
        (Book(aims={A: Aim(F("0.5"))}, cash=F(5), cash_target=F("0.5")), "MISSING_PRICE"),
        (Book(), "VALUE_NOT_POSITIVE"),
        (Book(held={A: F(1)}, prices=ONE_DOLLAR, cash=F(-1)), "VALUE_NOT_POSITIVE"),
        (Book(held={A: F(1)}, prices=ONE_DOLLAR, cash=F(-2)), "VALUE_NOT_POSITIVE"),
        (Book(cash=F(5), set_aside=F(5)), "VALUE_NOT_POSITIVE"),
        (Book(has_target=False, cash=F(0)), "VALUE_NOT_POSITIVE"),
        (Book(has_target=False, held={A: F(1)}, cash=F(5)), "MISSING_PRICE"),
        (Book(held={A: F(1)}, prices=ONE_DOLLAR, cash=F(5), stale=True), "STALE_PRICE"),
        # it is the price of a millionth of a unit, too
        (Book(held={A: F(1, 10**6)}, cash=F(5)), "MISSING_PRICE"),
    ],
)
def test_what_cannot_be_valued_is_held(book: Book, hold: str) -> None:
    assert result(book).hold == hold == model.evaluate(book).hold


def test_a_price_is_not_needed_of_what_is_neither_held_nor_targeted() -> None:
    book = Book(held={A: F(0)}, aims={B: Aim(F(0))}, cash=F(5), cash_target=F(1), stale=True)
    assert result(book).hold is None


def gated(
    eligibility: int = 0, on: int = 1, target: int = 0, stale: int = 0, quantity: int = 10**6, price: int = 10**6
) -> tuple[int, int]:
    """Return (state, hold) of one account holding one unit at one dollar with an all-cash target."""
    row = OFF_SETTINGS.copy()
    row[Setting.REBALANCER_ON] = on
    head = np.array([PPB, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000, 0])
    heads, targets = stack_targets([Target(head, records(AIM, 0))])
    accounts = kernel.AccountChunk(
        as_records(kernel.SETTINGS, row[None]), np.array([eligibility]), np.array([500]), np.array([1]),
        np.array([0, 1]), as_records(HOLDING, [[0, quantity]]), np.array([target]),
        np.zeros(2, np.int64), records(OWN_ROLE, 0), np.zeros(2, np.int64), records(RESTRICTION, 0),
    )  # fmt: skip
    aims = kernel.Targets(as_records(kernel.HEAD, heads), targets.starts, targets.data)
    none = np.zeros(0, np.int64)
    found = kernel.Found(records(kernel.RESULT, 1), np.zeros(2, np.int64), records(REASON, 3), records(JUDGED, 1), none)
    kernel.evaluate(accounts, aims, kernel.SecurityTable(np.array([price]), none, none), stale, found)
    return int(found.results[0].state), int(found.results[0].hold)


@pytest.mark.parametrize(
    ("given", "state", "hold"),
    [
        ({}, FlagState.FLAGGED, kernel.H_NONE),
        ({"on": 0, "eligibility": kernel.G_HELD}, FlagState.OFF, kernel.H_NONE),
        ({"eligibility": kernel.G_HELD, "target": kernel.T_NONE}, FlagState.HELD, kernel.H_NONE),
        ({"eligibility": kernel.G_SETTLING, "target": kernel.T_NONE}, FlagState.SETTLING, kernel.H_NONE),
        ({"target": kernel.T_UNKNOWN}, FlagState.HELD, kernel.H_TARGET),
        ({"target": kernel.T_NONE}, FlagState.NO_TARGET, kernel.H_NONE),
        ({"target": kernel.T_NONE, "stale": 1}, FlagState.HELD, kernel.H_STALE_PRICE),
        ({"stale": 1}, FlagState.HELD, kernel.H_STALE_PRICE),
        ({"stale": 1, "quantity": 0}, FlagState.CLEAR, kernel.H_NONE),  # all cash needs no price
        ({"quantity": 10**15, "price": 10**12}, FlagState.HELD, kernel.H_VALUE_LIMIT),
    ],
)  # fmt: skip
def test_states(given: dict[str, int], state: FlagState, hold: int) -> None:
    assert gated(**given) == (state, hold)


def test_a_weight_beside_a_value_near_zero_is_shown_cut() -> None:
    assert shown_weight(10**13, 1) == 999 * PPB
    assert shown_weight(-(10**13), 1) == -999 * PPB
    assert shown_weight(1, 3) == 333_333_333


def digest() -> str:
    """Return a digest of all that the kernels of this process find of some books."""
    found = run([book for book in generated(7, 300) if all(book.prices.values())])
    return hashlib.sha256(b"".join(column.tobytes() for column in found)).hexdigest()


def test_compiled_and_plain_give_the_same_bytes() -> None:
    """The same text as plain Python, in a process of its own, without a warning (overflow would be one)."""
    code = "from tests.analyzer.test_kernel import digest; print(digest())"
    plain = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "REBALANCER_PLAIN_KERNELS": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert plain.stdout.strip() == digest()


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
@settings(max_examples=150, deadline=None)
def test_neighbours_do_not_matter(seed: int, count: int) -> None:
    """What is found of an account does not depend on who is beside it in the chunk, nor on their order."""
    books = [book for book in generated(seed, count) if all(book.prices.values())]
    assert results(books) == [result(book) for book in books] == results(books[::-1])[::-1]


@given(st.integers(0, 2**32 - 1), st.integers(2, 50))
@settings(max_examples=150, deadline=None)
def test_scaling_quantities_and_cash_changes_no_flag(seed: int, factor: int) -> None:
    """Whole dollars a unit and hundredths of units, so that no value is rounded: k times as much has the same tiles."""
    (book,) = generated(seed, 1)
    prices = {name: F(max(1, round(price))) for name, price in book.prices.items()}
    held = {name: F(round(units * 100), 100) for name, units in book.held.items()}
    small = replace(book, prices=prices, held=held)
    large = replace(
        small,
        held={name: units * factor for name, units in held.items()},
        cash=small.cash * factor,
        set_aside=small.set_aside * factor,
    )
    before, after = result(small), result(large)
    assert (after.hold, after.tiles, after.triggering) == (before.hold, before.tiles, before.triggering)
    assert after.value == before.value * factor


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_position_drift_stands_alone_and_cash_is_never_high_and_low(seed: int) -> None:
    """Position Drift excludes every other tile and needs an earlier rebalance; cash is on one side at most."""
    (book,) = generated(seed, 1)
    found = result(book)
    assert "POSITION_DRIFT" not in found.tiles or (found.tiles == {"POSITION_DRIFT"} and book.rebalanced)
    assert not {"HIGH_CASH", "LOW_CASH"} <= found.tiles
    assert ("FIRST_REBALANCE" in found.tiles) == (found.state in ("CLEAR", "FLAGGED") and not book.rebalanced)


THIRD_OF_THIRD = F(111_111_110_888_888_889, EDGE)  # 0.333333333 x 0.333333333, which is shown as 0.111111111


@pytest.mark.parametrize(
    ("value", "weight", "threshold", "units", "triggers"),
    [
        # + 50 %: up to 0.1666666663333333335 x 1,000,000,000 = 166,666,666.33; of what is shown 166,666,666.50
        (10**9, THIRD_OF_THIRD, F(1, 2), F("166666666.33"), False),
        (10**9, THIRD_OF_THIRD, F(1, 2), F("166666666.34"), True),
        # - 50 %: from 55,555,555.4444444445; of what is shown 55,555,555.50
        (10**9, THIRD_OF_THIRD, F(1, 2), F("55555555.45"), False),
        (10**9, THIRD_OF_THIRD, F(1, 2), F("55555555.44"), True),
        # 0.000000001 x 0.5: a cent of $20,000,000; + 100 % is two, exactly on the edge, or three
        (20_000_000, F(5, 10**10), F(1), F("0.02"), False),
        (20_000_000, F(5, 10**10), F(1), F("0.03"), True),
    ],
)
def test_a_position_is_judged_on_the_exact_target(
    value: int, weight: F, threshold: F, units: F, triggers: bool
) -> None:
    book = Book(
        held={A: units}, aims={A: Aim(weight, threshold)}, prices=ONE_DOLLAR, cash=value - units,
        cash_target=1 - weight, floor=F(0), cash_can_trigger=False,
    )  # fmt: skip
    found = result(book)
    assert found.triggering == ({A} if triggers else set())
    assert found == as_shown(model.evaluate(book))


@pytest.mark.parametrize(("cash", "tiles"), [("166666666.33", set()), ("166666666.34", {"HIGH_CASH"})])
def test_cash_is_judged_on_the_exact_sum_of_its_products(cash: str, tiles: set[str]) -> None:
    """As above, in two parts: 0.111111110 of the portfolio and 0.888888889e-9 of what counts as cash."""
    sweep = THIRD_OF_THIRD - F(111_111_110, PPB)
    book = Book(
        held={B: 10**9 - F(cash)}, aims={A: Aim(sweep), B: Aim(1 - THIRD_OF_THIRD, F(4))}, prices=ONE_DOLLAR,
        cash=F(cash), cash_target=F(111_111_110, PPB), cash_threshold=F(1, 2), floor=F(0),
        securities={A[0]: Master("FUND", is_cash=True)},
    )  # fmt: skip
    assert result(book).tiles == model.evaluate(book).tiles == tiles


@pytest.mark.parametrize(
    ("held", "prices", "triggering"),
    [
        # A 45 % is replaced by C: A 30 % stands at its target, C lacks the 15 % (band 12 to 18)
        ({A: F(300), B: F(450)}, {0: F(1), 1: F(1), 2: F(1)}, {C}),
        # C 15 % has them
        ({A: F(300), B: F(450), C: F(150)}, {0: F(1), 1: F(1), 2: F(1)}, set()),
        # A 60 % is above its target: nothing is handed over, and C, held without target, is outside [0, 0]
        ({A: F(600), B: F(399), C: F(1)}, {0: F(1), 1: F(1), 2: F(1)}, {A, C}),
        # C has no price: it counts as absent, and A lacks what it lacks
        ({A: F(300), B: F(450)}, {0: F(1), 1: F(1)}, {A}),
    ],
)
def test_flags_are_judged_on_targets_after_substitution(
    held: dict[Name, F], prices: dict[int, F], triggering: set[Name]
) -> None:
    """V = $1,000, 45 % A, 45 % B, 10 % cash that cannot trigger; C stands in for A; 20 % of target, no floor."""
    book = Book(
        held=held, aims={A: Aim(F("0.45")), B: Aim(F("0.45"))}, prices=prices, cash=F(1000) - sum(held.values()),
        cash_target=F("0.1"), floor=F(0), cash_can_trigger=False, substitutes={A[0]: C[0]},
    )  # fmt: skip
    assert result(book).triggering == model.evaluate(book).triggering == triggering


def test_what_locks_or_excludes_a_substitute_leaves_its_security_as_it_is() -> None:
    for role in (HoldingRole.LOCKED, HoldingRole.EXCLUDED):
        book = Book(
            held={A: F(300), B: F(450)}, aims={A: Aim(F("0.45")), B: Aim(F("0.45"))}, floor=F(0), cash=F(250),
            prices={0: F(1), 1: F(1), 2: F(1)}, cash_target=F("0.1"), cash_can_trigger=False,
            substitutes={A[0]: C[0]}, own_roles={C[0]: role},
        )  # fmt: skip
        assert result(book).triggering == {A}


weights = st.one_of(st.integers(0, EDGE), st.integers(0, PPB).map(lambda ppb: ppb * PPB), st.integers(0, PPB))
relatives = st.one_of(st.integers(0, 4 * PPB), st.sampled_from([0, 100_000_000, 200_000_000, 333_333_333]))


@given(weights, relatives, st.integers(0, PPB), st.integers(1, 10**13), st.data())
@settings(max_examples=1000, deadline=None)
def test_side_is_the_comparison_of_exact_fractions(t: int, r: int, floor: int, total: int, data: st.DataObject) -> None:
    """Whatever the limits allow, the kernel compares as fractions do: on an edge, a cent beside it, and elsewhere."""
    target, half = F(t, EDGE), max(F(t * r, EDGE * PPB), F(floor, PPB))
    low, high = max(F(0), target - half), min(F(1), target + half)
    near = [int(edge * total) + more for edge in (low, high, target) for more in (-1, 0, 1)]
    value = data.draw(st.one_of(st.sampled_from(near), st.integers(-(10**13), 10**13)))
    weight = F(value, total)
    where = -1 if weight < low else 1 if weight > high else 0
    assert side(value, total, t, r, floor) == where
    shown = band(t, r, floor)
    assert shown == (int(low * EDGE), -int(-high * EDGE // 1)), "rounded away from the target"
    if value >= 0:
        of_position = where if t else int(value > 0)
        assert position_side(value, shown_weight(value, total), total, t, r, floor) == of_position


@pytest.mark.parametrize(
    ("book", "drift", "drifted"),
    [
        (two_halves("100", "450", "450"), "0", 0),
        (two_halves("131", "435", "434"), "0.031", 1),  # cash 3.1 points over, A 1.5, B 1.6 below, inside their bands
        (two_halves("69", "465", "466"), "0.031", 1),
        (two_halves("131", "435", "434", cash_can_trigger=False), "0.031", 0),  # it drifts, and may not trigger
        (two_halves("131", "560", "309"), "0.141", 3),
    ],
)
def test_max_drift_and_drifted_count_cash(book: Book, drift: str, drifted: int) -> None:
    found, _, reasons = run([book])
    assert (int(found[0].max_drift), int(found[0].drifted)) == (int(F(drift) * PPB), drifted)
    assert len(reasons) == drifted
