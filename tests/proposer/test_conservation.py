"""Trades that do not balance are never used: the check before anything leaves the kernel, on trades made by hand.

Source: product 4, "Conservation".
"""

from dataclasses import replace

import pytest

from services.proposer.domain import codes
from services.proposer.domain.records import ACCOUNT, POSITION, SECURITY
from services.proposer.domain.summary import outcome
from shared.fixed_point.records import Records, records
from tests.proposer.accounts import near, plain
from tests.proposer.builders import BF, MT, TA, account, lot, position
from tests.proposer.harness import proposal

pytestmark = pytest.mark.fast

UNIT = DOLLAR = 1_000_000
A_S1, A_S2, B_S1 = 0, 1, 2


def tables() -> tuple[Records, Records, Records]:
    """A at $100: S1 sells all its 10, 4 of them crossed to S2; B at $50: buys 8.  Cash 1,000 + 600 - 400 = 1,200."""
    account = records(ACCOUNT, 1)[0]
    account.cash, account.cash_now, account.reserve = 100_000, 120_000, 120_000
    securities = records(SECURITY, 2)
    securities.price = (100 * DOLLAR, 50 * DOLLAR)
    securities.first, securities.end = (0, 2), (2, 3)
    securities[0].sell, securities[1].buy = 6 * UNIT, 8 * UNIT
    positions = records(POSITION, 3)
    positions[A_S1].quantity = 10 * UNIT
    positions.trade = (-10 * UNIT, 4 * UNIT, 8 * UNIT)
    positions.crossed = (-4 * UNIT, 4 * UNIT, 0)
    return account, securities, positions


def judged(
    account_changes: dict[str, int] | None = None,
    securities: dict[tuple[int, str], int] | None = None,
    positions: dict[tuple[int, str], int] | None = None,
) -> tuple[int, int]:
    """Return the outcome, and what it is about, of the tables with some figures moved by so much."""
    account_row, security_rows, position_rows = tables()
    for field, more in (account_changes or {}).items():
        account_row[field] += more
    for (index, field), more in (securities or {}).items():
        security_rows[index][field] += more
    for (index, field), more in (positions or {}).items():
        position_rows[index][field] += more
    return int(outcome(account_row, security_rows, position_rows)), int(account_row.failed_at)


def test_what_balances_is_used_and_the_reserve_itself_is_enough() -> None:
    assert judged() == (codes.OK, -1)
    assert judged({"reserve": 1}) == (codes.CASH_SHORTFALL, -1)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_millionth_or_a_cent_that_comes_from_nowhere(sign: int) -> None:
    assert judged({"cash_now": sign}) == (codes.UNBALANCED, -1)
    assert judged({"cash": sign}) == (codes.UNBALANCED, -1)
    assert judged(securities={(0, "sell"): sign}) == (codes.UNBALANCED, 0)
    assert judged(securities={(1, "buy"): sign}) == (codes.UNBALANCED, 1)
    assert judged(positions={(B_S1, "trade"): sign}) == (codes.UNBALANCED, 1)
    assert judged(positions={(A_S2, "trade"): sign}) == (codes.UNBALANCED, 0)


def test_nothing_is_held_below_zero() -> None:
    """S1 sells the 10 it has; of a millionth less it would sell more than there is.  More than 10 does no harm."""
    assert judged(positions={(A_S1, "quantity"): -1}) == (codes.UNBALANCED, 0)
    assert judged(positions={(A_S1, "quantity"): 1}) == (codes.OK, -1)


def test_what_is_crossed_is_part_of_the_trade_and_adds_up_to_nothing() -> None:
    # S2 gives a crossed unit less than S1 has given: 1 lost
    assert judged(positions={(A_S2, "crossed"): -1}) == (codes.UNBALANCED, 0)
    # both more than S2 trades in all
    more = {(A_S1, "crossed"): -1, (A_S2, "crossed"): 1}
    assert judged(positions=more) == (codes.UNBALANCED, 0)
    # S1 gives away 11 of the 10 it sells; what S2 gets is part of its 12
    given = {(A_S1, "crossed"): -7 * UNIT, (A_S2, "crossed"): 7 * UNIT, (A_S2, "trade"): 8 * UNIT}
    bought = {(0, "sell"): -6 * UNIT, (0, "buy"): 2 * UNIT}
    cash = {"cash_now": -80_000, "reserve": -80_000}
    assert judged(cash, bought, given) == (codes.UNBALANCED, 0)
    assert judged(cash, bought, {(A_S2, "trade"): 8 * UNIT}) == (codes.OK, -1)
    # S1 sells 10, and 4 to it are crossed; S2 buys 4, and crosses 4 away: sums are right, directions are not
    turned = {(A_S1, "crossed"): 8 * UNIT, (A_S2, "crossed"): -8 * UNIT}
    assert judged(positions=turned) == (codes.UNBALANCED, 0)
    # the netting may be left out of what is shown: whether it counts as crossed is not what conserves units
    assert judged(positions={(A_S1, "crossed"): 4 * UNIT, (A_S2, "crossed"): -4 * UNIT}) == (codes.OK, -1)


def test_who_buys_gives_nothing_away() -> None:
    """All three positions of one security: -10, +4 and +8, so 2 are bought; the second gives 4 to the third."""
    for crossed, expected in (((0, 4, -4), (codes.UNBALANCED, 0)), ((-4, 4, 0), (codes.OK, -1))):
        account_row, securities, positions = tables()
        account_row.cash_now, account_row.reserve = 80_000, 80_000
        securities.first, securities.end = (0, 3), (3, 3)
        securities.sell, securities.buy = 0, (2 * UNIT, 0)
        positions.crossed = [units * UNIT for units in crossed]
        assert (int(outcome(account_row, securities, positions)), int(account_row.failed_at)) == expected


def test_a_security_is_not_bought_and_sold_at_once() -> None:
    for security in (0, 1):
        both = {(security, "sell"): 1, (security, "buy"): 1}
        assert judged(securities=both) == (codes.UNBALANCED, security)


@pytest.mark.parametrize(
    ("units", "before_ppb"),
    [
        # A is $1 and V $100: 99,899 units are 998.99 times V, and from 999 times on the figure stands still
        (99_899, 998_990_000_000),
        (99_900, 999_000_000_000),
        (99_901, 999_000_000_000),
    ],
)
def test_a_weight_far_above_the_account_is_shown_as_999_at_most(units: int, before_ppb: int) -> None:
    given = account({"A": "1"}, [position("A", str(units), "98")], cash=str(100 - units), cash_target="2")
    shown = [row for row in proposal(given, BF).rows["sleeve_trades"] if row["logic"] == BF]
    assert [(row["before_ppb"], row["after_ppb"]) for row in shown] == [(before_ppb, 980_000_000)]


def test_every_figure_of_a_proposal_that_trades() -> None:
    """V = 300 of X + 300 of Y + 300 of cash = $900.  X, 33.33.. % of 40, gets 20 x $3; Y, the last, is only crossed."""
    given = account(
        {"X": "3", "Y": "30"},
        [
            position("X", "100", "40"),
            position("Y", "8", "13.333333"),  # 119.999997: 4, so 4 too many
            position("Y", "2", "20.000002", "S2"),  # 180.000018: 6, so 4 are lacking
        ],
        cash="300",
        cash_target="26.666665",
    )
    result = proposal(given, BF)
    assert result.orders == {"X": 20 * UNIT}
    assert result.crossed == {("Y", "S1"): -4 * UNIT, ("Y", "S2"): 4 * UNIT}
    assert (result.summary["flats"], result.summary["flats_cents"]) == (1, 12_000)
    assert result.summary["no_trade_text"] is None
    order = next(row for row in result.rows["orders"] if row["logic"] == BF)
    assert (order["quantity_micro"], order["price_micro"], order["value_cents"]) == (20 * UNIT, 3 * DOLLAR, 6_000)
    shown = [row["before_ppb"] for row in result.rows["sleeve_trades"] if row["logic"] == BF]
    assert shown == [333_333_333, 266_666_667, 66_666_667]  # 3, 2.4 and 0.6 ninths


def test_a_proposal_that_failed_counts_nothing() -> None:
    """Whatever Best Fit may sell of A, down to its lower edge of 78.4 %, brings less than the reserve."""
    given = account({"A": "100"}, [position("A", "10", "98")], cash="50", reserve="1000.01", cash_target="2")
    result = proposal(given, BF)
    assert result.failure == "CASH_SHORTFALL"
    assert (result.summary["value_cents"], result.summary["begin_cash_cents"], result.cash) == (105_000, 5_000, 5_000)
    counted = ("buys", "buys_cents", "sells", "sells_cents", "flats", "flats_cents")
    assert [result.summary[name] for name in counted] == [0] * 6


@pytest.mark.parametrize(("a_units", "cash"), [("50", "250"), ("51", "150")])
def test_cash_at_an_edge_is_inside(a_units: str, cash: str) -> None:
    """B 95 x 50 = 47.5 %, inside 46.08 to 49.92; A inside 48 to 52; cash 1.5 to 2.5 %."""
    for logic in (BF, MT):
        result = proposal(near(a_units, "95", cash), logic)
        assert result.trades == {} and "cash inside its own" in result.summary["no_trade_text"]


def test_what_gain_limits_hold_back() -> None:
    """A's 10 to target are 5 long-term and 5 short-term at $40 of gain each; $80 short-term let 2 of those go: 7.

    Cash 1,000 + 700 - 200 buys 30 of the 36 of B.  With a reserve of $2,000 the 1,700 are not enough.
    """
    lots = [lot("A", "5", "60"), lot("A", "65", "60", "2025-12-01"), lot("B", "40", "50")]
    given = replace(plain(), lots=lots, gain_budget_short_cents=8_000)
    limits = "(at most $80.00 short-term) do not allow all of Best Fit's sells, which would count"
    counts = "$200.00 short-term and $400.00 in all against them; sells of $300.00 are held back."
    result = proposal(given, TA)
    assert result.orders == {"A": -7 * UNIT, "B": 30 * UNIT}
    assert result.summary["limit_text"] == f"The account's gain limits {limits} {counts}"
    held_back = {row["position"]: row["held_back_micro"] for row in result.rows["sleeve_trades"] if row["logic"] == TA}
    assert held_back == {0: 3 * UNIT, 1: 6 * UNIT}
    assert [row["held_back_micro"] for row in result.rows["sleeve_trades"] if row["logic"] != TA] == [0] * 4
    failed = proposal(replace(given, reserve_cents=200_000), TA)
    assert failed.summary["failure_text"].endswith(
        f"bring cash to $1700.00 only, below the reserve of $2000.00. The account's gain limits {limits} {counts}"
    )
