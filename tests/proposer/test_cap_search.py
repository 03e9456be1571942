"""How much of a sell gain limits allow: cut among sleeves as Best Fit sells, in whole steps, to the last that fits.

V = $10,000, cash target 2 % ($200), FIFO, long-term lots unless a case says otherwise; units and dollars.
Source: product 4, "Tax-aware"; services/proposer/domain/tax_aware/breakpoints.py and cap_search.py.
"""

from dataclasses import replace

import pytest

from shared.contracts.codes import LotMethod
from tests.proposer.accounts import LATER, NEW, NO_TRADE, OLD, both_at, sells_a
from tests.proposer.builders import BF, TA, WHOLE, account, lot, position, security
from tests.proposer.harness import booked, proposals

pytestmark = pytest.mark.fast


# A/S1, 25 of 20, sells 5, and both sleeves 4 more, down to their edges of 16, for the reserve: 200 + 500 + 400 + 400.
# S1 gains 10 a share and S2 30, whichever lot is older: 9 x 10 + 4 x 30 = 210.  Of a cut the plan stays longest, then
# what S1 sells for the reserve: 11 are 9 + 2, 150; 10 are 120; 8 are 80, 5 are 50, 4 are 40, all of S1.
@pytest.mark.parametrize("older", ["S1", "S2"])
@pytest.mark.parametrize(
    ("budget", "sold"), [("209.99", 12), ("150", 11), ("149.99", 10), ("90", 9), ("80", 8), ("50", 5), ("49.99", 4)]
)
def test_of_what_is_sold_for_cash_the_first_sleeves_keep_theirs_longest(budget: str, sold: int, older: str) -> None:
    first, second = (LATER, OLD) if older == "S2" else (OLD, LATER)
    given = account(
        [security("A", "100"), security("B", "50", restriction=NO_TRADE)],
        [position("A", "25", "20"), position("A", "20", "20", sleeve="S2"), position("B", "106", "58")],
        lots=[lot("A", "25", "90", first), lot("A", "20", "70", second, sleeve="S2")],
        cash="200",
        cash_target="2",
        reserve="1500",
        gain_budget_total=budget,
    )
    found = proposals([given])[0][TA]
    assert found.failure == "CASH_SHORTFALL"
    assert f"bring cash to ${200 + 100 * sold}.00 only" in found.summary["failure_text"]


# A/S2, 25.5 of 20, sells 5 and, still half a share above its target, 4 more for the reserve before S1, which is at its
# own: 200 + 500 + 400.  All of it is S2's at a gain of 10: 8 for 80, 4 for 40.
@pytest.mark.parametrize(("budget", "sold"), [("80", 8), ("40", 4)])
def test_a_sleeve_that_is_not_sold_for_cash_keeps_its_own(budget: str, sold: int) -> None:
    given = account(
        [security("A", "100"), security("B", "50", restriction=NO_TRADE)],
        [position("A", "20", "20"), position("A", "25.5", "20", sleeve="S2"), position("B", "105", "58")],
        lots=[lot("A", "20", "70"), lot("A", "25.5", "90", LATER, sleeve="S2")],
        cash="200",
        cash_target="2",
        reserve="1100",
        gain_budget_total=budget,
    )
    found = proposals([given])[0]
    assert found[BF].trades == {("A", "S2"): -9 * WHOLE}
    assert f"bring cash to ${200 + 100 * sold}.00 only" in found[TA].summary["failure_text"]


# S1 sells 12 at a gain of 90 and S2 10 at a loss of 50: 580.  21 of the 22 are 11.45 and 9.55, so 11 and 10: 490.
def test_of_a_gain_and_a_loss_that_are_sold_together() -> None:
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "22", "10"), position("A", "20", "10", sleeve="S2"), position("B", "112", "78")],
        lots=[lot("A", "22", "10"), lot("A", "20", "150", LATER, sleeve="S2")],
        cash="200",
        cash_target="2",
        gain_budget_total="500",
    )
    found = booked([given])[0][TA]
    assert (found.proposal.trades[("A", "S1")], found.proposal.trades[("A", "S2")]) == (-11 * WHOLE, -10 * WHOLE)
    assert found.total_cents == 49_000


# No short-term gains.  S1's 10 are long-term, of S2's 10 the last 2 are not.  17 of the 20 are 8.5 and 8.5, the odd one
# is S1's; of 18 each would sell 9.
def test_a_short_term_gain_ends_a_cut_where_the_first_sleeve_comes_to_it() -> None:
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "10", "0"), position("A", "10", "0", sleeve="S2"), position("B", "156", "98")],
        lots=[lot("A", "10", "80"), lot("A", "8", "80", sleeve="S2"), lot("A", "2", "80", NEW, sleeve="S2")],
        cash="200",
        cash_target="2",
        no_short_term_gains=True,
    )
    trades = proposals([given])[0][TA].trades
    assert (trades[("A", "S1")], trades[("A", "S2")]) == (-9 * WHOLE, -8 * WHOLE)


def test_one_of_many_shares_more_would_be_too_much() -> None:
    """700 leave at a gain of 1 each."""
    given = account(
        {"A": "10", "B": "50"},
        [position("A", "700", "0"), position("B", "56", "98")],
        lots=[lot("A", "700", "9")],
        cash="200",
        cash_target="2",
    )
    for budget in (0, 1, 99, 100, 349, 350, 699):
        orders = proposals([replace(given, gain_budget_total_cents=100 * budget)])[0][TA].orders
        assert orders.get("A", 0) == -budget * WHOLE


def test_what_is_too_small_after_the_cut_was_not_too_small_before() -> None:
    """4 of A, 400, would be allowed: not sold, because of the limits, not because of the least trade of 450."""
    given = sells_a(lot("A", "70", "80"), gain_budget_total="99.99", min_trade="450")
    found = proposals([given])[0][TA]
    assert found.trades == {} and "gain limits do not allow" in found.summary["no_trade_text"]
    assert "minimum trade size" not in found.summary["no_trade_text"]


# A leaves, 10.5 x 20; B: 10 x 30.  510 against 300: 7 of B go, and A's half unit leaves with the others.
def test_what_is_not_cut_keeps_its_fraction() -> None:
    given = account(
        {"A": "100", "B": "100", "C": "50"},
        [position("A", "10.5", "0"), position("B", "40", "30"), position("C", "95", "68")],
        lots=[lot("A", "10.5", "80"), lot("B", "40", "70")],
        cash="200",
        cash_target="2",
        gain_budget_total="300",
    )
    found = booked([given])[0][TA]
    assert (found.proposal.units, found.total_cents) == ({"A": -10.5, "B": -3, "C": 27}, 30_000)


# A: 10 x 20 short-term, 100 are allowed.  B's 10 are long-term: the 6 that are picked, then 4 of an older lot.
def test_what_is_not_cut_stays_whole_whatever_is_picked() -> None:
    picked = replace(lot("B", "36", "80", LATER), picked_micro=6 * WHOLE)
    given = both_at(
        lot("A", "40", "80", NEW), lot("B", "4", "90"), picked, gain_budget_short="100", lot_method=LotMethod.SPECIFIC
    )
    found = booked([given])[0][TA]
    assert (found.proposal.units, found.total_cents) == ({"A": -5, "B": -10, "C": 30}, 26_000)


# The same without picks: the 4 alone would be below the least trade of 450, with the other 6 they are not.
def test_what_is_not_cut_stays_whole_whatever_its_lots_would_be_alone() -> None:
    lots = [lot("A", "40", "80", NEW), lot("B", "4", "90"), lot("B", "36", "80", LATER)]
    found = booked([both_at(*lots, gain_budget_short="100", min_trade="450")])[0][TA]
    assert (found.proposal.units, found.total_cents) == ({"A": -5, "B": -10, "C": 30}, 26_000)
