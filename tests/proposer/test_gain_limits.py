"""Gain limits by hand, where one step more or less, a tie, or lots that lack decide.  Source: product 4, "Tax-aware".

Unless a case says otherwise V = $10,000, cash target 2 % ($200), whole shares, FIFO, long-term lots; dollars and units.
"""

from dataclasses import replace

import pytest

from shared.contracts.codes import LotMethod
from shared.fixed_point.text import scaled
from tests.proposer.accounts import A20, LATER, NEW, sells_a
from tests.proposer.builders import BF, FRACTIONAL, MT, TA, WHOLE, Account, account, lot, position, security
from tests.proposer.harness import booked, proposals

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


def test_what_the_limits_hold_back_stands_with_the_trades_and_in_sentences() -> None:
    """10 of A would be sold at a gain of 20 each; 100 allow 5: 5 are held back, and 10 of B find no cash."""
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "70", "60"), position("B", "56", "38")],
        lots=[lot("A", "70", "80"), lot("B", "56", "50")],
        cash="200",
        cash_target="2",
    )
    texts = {}
    for budget in ("100.00", "0.00"):
        found = proposals([replace(given, gain_budget_total_cents=scaled(budget, 2))])[0][TA]
        texts[budget] = found.summary["limit_text"], found.summary["no_trade_text"]
        held_back = [trade["held_back_micro"] for trade in found.rows["sleeve_trades"] if trade["logic"] == TA]
        assert held_back == ([5 * WHOLE, 10 * WHOLE] if budget == "100.00" else [])
        assert not any(trade["held_back_micro"] for trade in found.rows["sleeve_trades"] if trade["logic"] != TA)
    says = "do not allow all of Best Fit's sells, which would count $0.00 short-term and $200.00 in all against them; "
    assert texts["100.00"] == (
        f"The account's gain limits (at most $100.00 in all) {says}sells of $500.00 are held back.",
        None,
    )
    assert texts["0.00"] == (
        None,
        "Tax-aware trades nothing because there is no cash to buy with above the reserve and the cash the target keeps;"
        " and because gain limits do not allow what would be sold. The account's gain limits (at most $0.00 in all)"
        f" {says}sells of $1000.00 are held back.",
    )


def test_a_reserve_that_the_limits_do_not_allow_to_reach_fails_this_logic_alone() -> None:
    """Cash is 0 and 200 must stay: 2 of A would have to be sold, for a gain of 40."""
    limits = {"reserve": "200", "gain_budget_total": "39.99"}
    given = account({"A": "100"}, [position("A", "100", "100")], lots=[lot("A", "100", "80")], **limits)
    found = proposals([given, replace(given, gain_budget_total_cents=4_000)])
    assert [found[0][logic].failure for logic in (BF, MT, TA)] == [None, None, "CASH_SHORTFALL"]
    assert found[0][TA].summary["failure_text"] == (
        "account A-1: the sells that its gain limits allow bring cash to $100.00 only, below the reserve of $200.00."
        " The account's gain limits (at most $39.99 in all) do not allow all of Best Fit's sells, which would count"
        " $0.00 short-term and $40.00 in all against them; sells of $100.00 are held back."
    )
    assert [result.failure for result in found[1].values()] == [None, None, None]


def test_lots_that_do_not_suffice_fail_only_what_needs_them() -> None:
    """10 of 70 units would be sold, of 5 in lots: with a limit nothing can be shown, without one it trades."""
    given = account(
        {"A": "100", "B": "50"}, [position("A", "70", "60"), position("B", "56", "38")], lots=[lot("A", "5", "80")],
        cash="200", cash_target="2",
    )  # fmt: skip
    free, limited = proposals([given, replace(given, gain_budget_total_cents=0)])
    assert (free[TA].failure, free[TA].trades) == (None, free[BF].trades)
    assert (limited[BF].failure, limited[TA].failure) == (None, "LOTS_DO_NOT_FIT")
    assert "its gain limits cannot be kept" in limited[TA].summary["failure_text"]
