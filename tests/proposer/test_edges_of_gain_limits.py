"""Gain limits by hand, where one step more or less, a tie, or lots that lack decide.  Source: product 4, "Tax-aware".

Unless a case says otherwise V = $10,000, cash target 2 % ($200), whole shares, FIFO, long-term lots; dollars and units.
"""

from dataclasses import replace

import pytest

from shared.contracts.codes import LotMethod
from shared.fixed_point.text import scaled
from tests.proposer.build import (
    FRACTIONAL,
    TA,
    WHOLE,
    Account,
    account,
    lot,
    position,
    proposals,
    security,
)
from tests.proposer.test_tax_aware import booked
from tests.proposer.test_tax_aware_tables import A20, NEW, sells_a

pytestmark = pytest.mark.fast


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
        found = proposals([sells_a(*lots, gain_budget_total="199.99")])[0][TA]
        assert found.orders == {"A": -9 * WHOLE, "B": 18 * WHOLE}


LATER = "2021-01-04"
COUNTED = [
    # 5 would be 500.
    ("an unknown basis counts to the cent", sells_a(lot("A", "70", None), gain_budget_total="499.99"), -4, "400"),
    ("short-term gains too", sells_a(lot("A", "70", "80", NEW), gain_budget_short="199.99"), -9, "180"),
    ("a cent of unknown term is short-term", sells_a(lot("A", "70", "99.99", None), gain_budget_short="0"), 0, "0"),
    ("an unknown basis may be a short-term gain", sells_a(lot("A", "70", None, NEW), no_short_term_gains=True), 0, "0"),
    ("but no long-term one", sells_a(lot("A", "70", None), no_short_term_gains=True), -10, "1000"),
    # 5 at a loss of 20, 5 at a gain of 20: in all nothing.
    ("a short-term gain is one whatever else is lost", sells_a(lot("A", "5", "120", NEW),
     lot("A", "65", "80", "2025-07-02"), no_short_term_gains=True), -5, "-100"),
    # 70 units for 6,999.93: 6 of them are 599.994, in cents 599.99, 5 are 499.995, in cents 500.00.
    ("a cent of short-term gain is one", sells_a(replace(lot("A", "70", "99", NEW), basis_cents=699_993),
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
    given = sells_a(lot("A", "35", "60"), lot("A", "35", "100", LATER), lot_method=method, gain_budget_total="100")
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
    """As `sells_a`, but the buyer stands first: 5 x 20 = 100."""
    given = account(
        {"A": "50", "B": "100"},
        [position("A", "56", "38"), position("B", "70", "60")],
        lots=[lot("A", "56", "50"), lot("B", "70", "80")],
        cash="200",
        cash_target="2",
        gain_budget_total="100",
    )
    assert proposals([given])[0][TA].orders == {"A": 10 * WHOLE, "B": -5 * WHOLE}
