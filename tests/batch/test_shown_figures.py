"""Figures, reasons and identifiers as they are shown: rounding, bands, targets, days until a gain is long-term."""

from datetime import date
from fractions import Fraction
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.batch.views import sentences
from services.batch.views.proposals import band, days_to_long_term, positions_of
from shared.contracts.codes import Term
from shared.fixed_point.display import percent
from shared.fixed_point.limits import PPB
from shared.ids import event_id
from tests.batch import build

pytestmark = pytest.mark.fast


def test_percent_rounds_half_away_from_zero() -> None:
    cases = [
        (74_240_000, "7.42%"),
        (74_250_000, "7.43%"),
        (-74_250_000, "(7.43%)"),
        (49_999, "0.00%"),
        (50_000, "0.01%"),
    ]
    assert [percent(ppb) for ppb, _ in cases] == [text for _, text in cases]


@given(st.integers(0, PPB), st.integers(0, 4 * PPB), st.integers(0, PPB))
def test_a_band_holds_its_target_and_stays_within_the_account(target: int, threshold: int, floor: int) -> None:
    """0 <= low <= target <= high <= 1, and a target of 0 has the band [0, 0]."""
    low, high = band(target, threshold, floor)
    assert 0 <= low <= target <= high <= PPB
    assert target or (low, high) == (0, 0)
    width = max(int(Fraction(threshold * target, PPB) + Fraction(1, 2)), floor)
    assert not target or (low, high) == (max(0, target - width), min(PPB, target + width))


@pytest.mark.parametrize(
    ("target", "threshold", "edges"),
    [
        # 250,000,000.5 ppb on each side: to 250,000,001
        (500_000_001, 500_000_000, (250_000_000, 750_000_002)),
        # 1.25 ppb on each side: to 1
        (5, 250_000_000, (4, 6)),
        # 1.5 ppb on each side: to 2
        (6, 250_000_000, (4, 8)),
    ],
)
def test_the_edges_of_a_band_are_shown_with_halves_away_from_the_target(
    target: int, threshold: int, edges: tuple[int, int]
) -> None:
    assert band(target, threshold, 0) == edges


@pytest.mark.parametrize(
    ("target", "rest", "edges"),
    [
        # 0.111111110888888889 is shown as 0.111111111; + and - 50 % are 0.0555555554444.. each: 55,555,555
        (111_111_111, -111_111_111, (55_555_556, 166_666_666)),
        # 0.4 ppb shown as 1: from 0.2 to 0.6, never below 0
        (1, -600_000_000, (1, 1)),
        # 1 less 1e-18 shown as all of it: clipped at 100 %
        (PPB, -1, (500_000_000, PPB)),
    ],
)
def test_the_edges_of_the_band_of_an_exact_target_are_shown_around_the_shown_one(
    target: int, rest: int, edges: tuple[int, int]
) -> None:
    assert band(target, 500_000_000, 0, rest) == edges


@pytest.mark.parametrize(
    ("rest", "target", "exact"),
    [
        (-111_111_111, "0.111111111", "0.111111110888888889"),
        (0, "0.111111111", "0.111111111"),
        (None, "0.111111111", "0.111111111"),  # a result of an early release
    ],
)
def test_a_position_shows_its_target_to_nine_decimals_and_exactly(rest: int | None, target: str, exact: str) -> None:
    result = build.a_result(dict.fromkeys(("account_id", "enterprise_id", "advisor_id", "epoch", "liquidate"), "A1"))
    (position, *_) = result["positions"]
    position |= {"target_ppb": 111_111_111, "target_rest_edge": rest}
    result["securities"][0] |= {"role": None, "price_divisor": None}
    (view,) = positions_of(result, [position], [], [], 1_000_000)
    assert (view.target, view.target_exact) == (target, exact)


def test_every_reason_has_a_sentence() -> None:
    for reason in ("FULL_EXIT", "TO_TARGET", "TO_EDGE", "RAISE_CASH", "PLACE_CASH", "NETTED", "SUBSTITUTE"):
        made = sentences.TradeFacts(reason, -10_000_000, -2_500_000, 60_000_000, 50_000_000, 50_000_000, 0, PPB)
        text = sentences.trade(made)
        assert "6.00%" in text
        assert ("2.5 of 10 units are crossed" in text) == (reason != "NETTED")


@given(st.lists(st.one_of(st.text(), st.integers(), st.dates()), max_size=5))
def test_ids_are_version_5_uuids_of_their_parts(names: list[object]) -> None:
    """The id is what uuid.uuid5 gives."""
    namespace = UUID("6f0f3a4e-6a53-5d0a-9a55-2f1d2b1c7f10")
    assert event_id(*names) == str(uuid5(namespace, "\x1f".join(str(part) for part in names)))


@pytest.mark.parametrize(
    ("term", "gain", "first_day", "days"),
    [
        (Term.SHORT, 100, date(2026, 6, 17), 5),
        (Term.SHORT, 1, date(2026, 6, 13), 1),
        (Term.SHORT, 1, date(2026, 7, 12), 30),
        (Term.SHORT, 1, date(2026, 7, 13), None),  # 31 days: not soon
        (Term.SHORT, 0, date(2026, 6, 17), None),  # waiting saves nothing
        (Term.SHORT, -100, date(2026, 6, 17), None),  # a loss is worth more short-term
        (Term.SHORT, None, date(2026, 6, 17), None),  # no basis: no gain is known
        (Term.LONG, 100, date(2026, 6, 12), None),
        (Term.UNKNOWN, 100, None, None),
    ],
)
def test_days_until_a_short_term_gain_turns_long_term(
    term: Term, gain: int | None, first_day: date | None, days: int | None
) -> None:
    """Source: product 5, long-term iff trade date >= first long-term day; the trade date is Friday 12 June 2026."""
    slice_ = {"term": int(term), "gain_cents": gain, "first_long_term_day": first_day}
    assert days_to_long_term(slice_, build.TRADE_DATE) == days
