"""Gain limits by hand, where one step more or less, a tie, or lots that lack decide.  Source: product 4, "Tax-aware".

Unless a case says otherwise V = $10,000, cash target 2 % ($200), whole shares, FIFO, long-term lots; dollars and units.
"""

from dataclasses import replace
from typing import Any

import pytest

from shared.contracts.chunks import LotMethod
from shared.exact.text import scaled
from tests.proposer.build import (
    BF,
    FRACTIONAL,
    MT,
    TA,
    WHOLE,
    Account,
    Lot,
    account,
    lot,
    position,
    proposals,
    security,
)
from tests.proposer.test_tax_aware import booked
from tests.proposer.test_tax_aware_tables import A20, CASES, NEW, Case, one

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_it_is_the_same_whether_the_other_logics_are_asked_for_or_not(case: Case) -> None:
    together, alone = (proposals([case.given], logics)[0][TA] for logics in ((BF, MT, TA), (TA,)))
    assert (alone.summary, alone.trades, alone.orders) == (together.summary, together.trades, together.orders)


def short_of_cash(basis: str | None, **other: Any) -> Account:
    """V = 7,000 of A + 2,800 of B + 100 = $9,900: A may be 6,930, B 2,772, cash at least 148.50.

    Best Fit sells nothing, for A is 70 above its target, less than a share.  Min Transaction sells a share for cash's
    sake.  Drift 70 + 28 = 98, with that share sold 30 + 28.
    """
    return account(
        {"A": "100", "B": "50"},
        [position("A", "70", "70"), position("B", "56", "28")],
        lots=[lot("A", "70", basis), lot("B", "56", "50")],
        **{"cash": "100", "cash_target": "2", **other},
    )


@pytest.mark.parametrize(
    ("basis", "sold"),
    [("120", 1), ("100.01", 1), ("100", 0), ("99.99", 0), (None, 0)],
    ids=["a loss", "a cent of loss", "neither", "a cent of gain", "nothing that is known"],
)
def test_without_limits_what_ends_nearer_is_taken_only_if_it_realises_less(basis: str | None, sold: int) -> None:
    best, least, found = (proposals([short_of_cash(basis)])[0][logic] for logic in (BF, MT, TA))
    assert best.trades == {} and least.trades == {("A", "S1"): -WHOLE}
    assert found.trades == ({("A", "S1"): -WHOLE} if sold else {})
    assert found.summary["limit_text"] is None


@pytest.mark.parametrize("limits", [{}, {"gain_budget_total": "0"}, {"no_short_term_gains": True}])
def test_limits_that_hold_nothing_back_are_not_what_is_told(limits: dict[str, Any]) -> None:
    best, found = (proposals([short_of_cash("100", **limits)])[0][logic] for logic in (BF, TA))
    assert found.trades == {} and found.summary["limit_text"] is None
    assert found.summary["no_trade_text"] == best.summary["no_trade_text"].replace("Best Fit", "Tax-aware")


def short_of_reserve(*lots: Lot) -> Account:
    """A at $10, 400 of 390; B at $50, 116 of 118; 1,800 are to be raised.

    Best Fit: A to target and then to its lower edge of 312, 88; then 19 of B: 1,830.  Min Transaction: what has most
    room to its edge first, B (1,080) to 94.4, 21, then A for the other 750, 75.  Drift 780 + 1,050, and 650 + 1,150.
    """
    return account(
        {"A": "10", "B": "50"},
        [position("A", "400", "39"), position("B", "116", "59")],
        lots=lots,
        cash="200",
        cash_target="2",
        reserve="2000",
    )


# Gains of 4 a share, or losses: the 75 of A that Min Transaction sells realise less than 88, or more.  Where A has lots
# of 80 the 88 cannot be told, where B has lots of 20 the 21 cannot: what is Best Fit's stays.
@pytest.mark.parametrize(
    ("a", "b", "taken"),
    [(("400", "6"), "116", MT), (("400", "14"), "116", BF), (("80", "14"), "116", BF), (("400", "6"), "20", BF)],
)
def test_what_cannot_be_told_is_not_compared(a: tuple[str, str], b: str, taken: Any) -> None:
    found = proposals([short_of_reserve(lot("A", *a), lot("B", b, "50"))])[0]
    assert found[BF].orders == {"A": -88 * WHOLE, "B": -19 * WHOLE}
    assert found[MT].orders == {"A": -75 * WHOLE, "B": -21 * WHOLE}
    assert (found[TA].failure, found[TA].orders) == (None, found[taken].orders)


@pytest.mark.parametrize("lacking", ["A", "B"])
def test_lots_that_lack_in_one_of_two_sells(lacking: str) -> None:
    """Both sell 10, of one of them 5 are in lots."""
    given = account(
        {"A": "100", "B": "100", "C": "50"},
        [position("A", "40", "30"), position("B", "40", "30"), position("C", "36", "38")],
        lots=[lot(name, "5" if name == lacking else "40", "80") for name in "AB"],
        cash="200",
        cash_target="2",
        gain_budget_total="1000",
    )
    assert proposals([given])[0][TA].failure == "LOTS_DO_NOT_FIT"


def test_a_lot_of_a_security_that_is_not_listed_is_passed_over() -> None:
    """It names no security of the account, before or behind the others; 9 x 20 of 199.99 as without it."""
    stray = replace(lot("Q", "5", "1"), security_id="Q")
    for lots in ([stray, A20], [A20, stray]):
        found = proposals([one(*lots, gain_budget_total="199.99")])[0][TA]
        assert found.orders == {"A": -9 * WHOLE, "B": 18 * WHOLE}


LATER = "2021-01-04"
COUNTED = [
    # 5 would be 500.
    ("an unknown basis counts to the cent", one(lot("A", "70", None), gain_budget_total="499.99"), -4, "400"),
    ("short-term gains too", one(lot("A", "70", "80", NEW), gain_budget_short="199.99"), -9, "180"),
    ("a cent of unknown term is short-term", one(lot("A", "70", "99.99", None), gain_budget_short="0"), 0, "0"),
    ("an unknown basis may be a short-term gain", one(lot("A", "70", None, NEW), no_short_term_gains=True), 0, "0"),
    ("but no long-term one", one(lot("A", "70", None), no_short_term_gains=True), -10, "1000"),
    # 5 at a loss of 20, 5 at a gain of 20: in all nothing.
    ("a short-term gain is one whatever else is lost", one(lot("A", "5", "120", NEW),
     lot("A", "65", "80", "2025-07-02"), no_short_term_gains=True), -5, "-100"),
    # 70 units for 6,999.93: 6 of them are 599.994, in cents 599.99, 5 are 499.995, in cents 500.00.
    ("a cent of short-term gain is one", one(replace(lot("A", "70", "99", NEW), basis_cents=699_993),
     no_short_term_gains=True), -5, "0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "given", "sold", "total"), COUNTED, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_counts(rule: str, given: Account, sold: int, total: str) -> None:
    found = booked([given])[0][TA]
    assert (found.proposal.failure, found.proposal.orders.get("A", 0)) == (None, sold * WHOLE), rule
    assert found.total_cents == scaled(total, 2)


# 35 at a gain of 40, then 35 at none; on average 20.  100 are 5 x 20, and 2 x 40.
@pytest.mark.parametrize(
    ("method", "is_fund", "sold"),
    [(LotMethod.AVERAGE, True, 5), (LotMethod.AVERAGE, False, 2), (LotMethod.FIFO, True, 2)],
)
def test_only_a_fund_by_average_counts_its_average(method: LotMethod, is_fund: bool, sold: int) -> None:
    given = one(lot("A", "35", "60"), lot("A", "35", "100", LATER), lot_method=method, gain_budget_total="100")
    a, b = given.securities
    given = replace(given, securities=[replace(a, is_fund=is_fund), b])
    assert proposals([given])[0][TA].orders["A"] == -sold * WHOLE


def test_the_last_millionth_counts() -> None:
    """A millionth of A at $1,000,000, for which nothing was paid, is a gain of 1."""
    lots = [replace(lot("A", "0.000001", "1000000"), basis_cents=0)]
    for budget, sold in (("1", {"A": -1}), ("0.99", {})):
        given = account(
            [security("A", "1000000", step_micro=FRACTIONAL), security("B", "50")],
            [position("A", "0.000001", "0"), position("B", "196", "98")],
            lots=lots,
            cash="200",
            cash_target="2",
            gain_budget_total=budget,
        )
        assert proposals([given])[0][TA].orders == sold


def test_the_first_position_may_be_in_the_last_sleeve() -> None:
    """A is in S2, B in S1: 5 x 20 = 100."""
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "70", "60", sleeve="S2"), position("B", "56", "38")],
        lots=[lot("A", "70", "80", sleeve="S2"), lot("B", "56", "50")],
        cash="200",
        cash_target="2",
        gain_budget_total="100",
    )
    assert proposals([given])[0][TA].orders == {"A": -5 * WHOLE, "B": 10 * WHOLE}


def test_the_last_by_id_is_given_up_like_any_other() -> None:
    """As `one`, but the buyer stands first: 5 x 20 = 100."""
    given = account(
        {"A": "50", "B": "100"},
        [position("A", "56", "38"), position("B", "70", "60")],
        lots=[lot("A", "56", "50"), lot("B", "70", "80")],
        cash="200",
        cash_target="2",
        gain_budget_total="100",
    )
    assert proposals([given])[0][TA].orders == {"A": 10 * WHOLE, "B": -5 * WHOLE}
