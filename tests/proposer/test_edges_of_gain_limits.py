"""Gain limits by hand, where one step more or less, a tie, or lots that lack decide.  Source: product 4, "Tax-aware".

Unless a case says otherwise V = $10,000, cash target 2 % ($200), whole shares, FIFO, long-term lots; dollars and units.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.proposer.accounts import NO_SELL
from tests.proposer.build import BF, MT, TA, WHOLE, Account, Lot, account, lot, position, proposals, security
from tests.proposer.test_tax_aware_tables import A20, CASES, NEW, OLD, Case, one

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


def one_after_the_other(count: int, *last: Lot, acquired: str = OLD, **limits: Any) -> Account:
    """`count` securities at $10, 30 of 30 each (lower edge 24), at a gain of 2 a share; 60 are to be raised.

    X leaves for 10 without a gain.  The first of the others by id would be sold for the other 50; of what is given up
    the next is sold instead, and so on: one round each.  The lots of the last one are `last`.
    """
    names = [f"S{number:02}" for number in range(count)]
    rest = 98 - 3 * count
    return account(
        [*(security(name, "10") for name in [*names, "X"]), security("Z", "50", restriction=NO_SELL)],
        [
            *(position(name, "30", "3") for name in names),
            position("X", "1", "0"),
            position("Z", str(2 * rest), str(rest)),
        ],
        lots=[
            *(lot(name, "30", "8", acquired) for name in names[:-1]),
            *(replace(one, security_id=names[-1]) for one in last),
            lot("X", "1", "10", acquired),
        ],
        **{"cash": "190", "cash_target": "2", "reserve": "250", **limits},
    )


# 2 allow a share at a gain beside the last one's first, at cost: 190 + 10 of X + 10 + 10.  From the 25th round on what
# is too much is given up whole, and nothing of it is taken back: 190 + 10 of X, which never was too much.
@pytest.mark.parametrize(("count", "cash"), [(24, "220.00"), (25, "200.00")])
def test_after_24_rounds_what_is_too_much_is_given_up_whole(count: int, cash: str) -> None:
    last = [lot("L", "1", "10"), lot("L", "29", "8", "2021-01-04")]
    found = proposals([one_after_the_other(count, *last, gain_budget_total="2")])[0][TA]
    assert found.failure == "CASH_SHORTFALL" and f"bring cash to ${cash} only" in found.summary["failure_text"]


# No short-term gains: 2 of the last one are long-term, all others short-term.
@pytest.mark.parametrize(("count", "cash"), [(24, "220.00"), (25, "200.00")])
def test_after_24_rounds_the_guard_too_gives_up_whole(count: int, cash: str) -> None:
    last = [lot("L", "2", "8"), lot("L", "28", "8", NEW)]
    found = proposals([one_after_the_other(count, *last, acquired=NEW, no_short_term_gains=True)])[0][TA]
    assert found.failure == "CASH_SHORTFALL" and f"bring cash to ${cash} only" in found.summary["failure_text"]
