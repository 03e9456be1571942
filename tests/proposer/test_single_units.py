"""Cash that is shared among buys and what of it is left, to the cent and the millionth.

V = $10,000 where a case does not say otherwise; cash target 2 %, its band $150 to $250; units and dollars.
Source: product 4, Best Fit 2 to 4.
"""

import pytest

from shared.contracts.codes import Logic
from tests.proposer.accounts import NO_SELL, NO_TRADE
from tests.proposer.builders import BF, FRACTIONAL, MT, Account, Security, account, position, security
from tests.proposer.harness import check_trades

pytestmark = pytest.mark.fast


def beside(
    *buys: tuple[Security, str], rest: str, price: str = "50", cash: str, weight: str, **other: object
) -> Account:
    """Nothing held of the buys, each with its target; what is held of C may not be traded."""
    return account(
        [*(bought for bought, _ in buys), security("C", price, restriction=NO_TRADE)],
        [*(position(bought.security_id, "0", target) for bought, target in buys), position("C", rest, weight)],
        cash=cash, cash_target="2", **other,
    )  # fmt: skip


def fraction(name: str, price: str) -> Security:
    return security(name, price, step_micro=FRACTIONAL)


A, B, D, E = (security(name, price) for name, price in (("A", "100"), ("B", "100"), ("D", "1"), ("E", "1000")))
CASES: list[tuple[str, Logic, Account, dict[str, str], str]] = [
    # V = 1,203.37, aim 24.0674: 1,179.3026.  A lacks 120.337, 17.191 x 7; B 1,058.9656, 8.824713 x 120.  As orders
    # these are 120.34 + 1,058.97, a cent more than 1,179.30: B gets 1,058.96 / 120.
    ("orders are rounded one by one, and the last gives way by a cent", BF,
     account([fraction("A", "7"), fraction("B", "120")], [position("A", "0", "10"), position("B", "0", "88")],
             cash="1203.37", cash_target="2"), {"A/S1": "17.191", "B/S1": "8.824666"}, "24.07"),
    # To their edges A lacks 1,590, D 810, B 50, for which there are 2,390.  B's share of 48.78 is below the minimum of
    # 60.  Then A 2,390 x 1,590 / 2,400 = 1,583.4, D 806.6; beside B's 50 it were 1,551 and 790.
    ("what is dropped has no share", MT,
     account([security("A", "1"), security("B", "10"), security("C", "100", restriction=NO_SELL), D],
             [position("A", "0", "19.875"), position("B", "0", "1"), position("C", "74.6", "67"),
              position("D", "0", "10.125")], cash="2540", cash_target="2", min_trade="60"),
     {"A/S1": "1583", "D/S1": "806"}, "151"),
    # A lacks 400, E 1,500.  450: A 94.73 for 9.473684, E's 355.26 are less than one.  Of the 355.27 that are left A
    # takes what it lacks.
    ("a fraction takes all that it lacks", BF, beside((fraction("A", "10"), "4"), (E, "15"), price="10", rest="935",
     weight="79", cash="650"), {"A/S1": "40"}, "250"),
    # V = 10,000.30, aim 200.006.  A lacks 600.018, F 350.0105.  450.294: A 284.396 for 28.439621, F's 165.90 are less
    # than one.  A takes what 284.40 leave above the aim in cents, 200.01: 165.89 for 16.589.
    ("or all that is left", BF, beside((fraction("A", "10"), "6"), (security("F", "300"), "3.5"), price="10",
     rest="935", weight="88.5", cash="650.30"), {"A/S1": "45.028621"}, "200.01"),
    # V = 10,000,000.30, aim 200,000.006: 800,000.294 for A, which lacks 2,000,000.06; 800,000.29 are paid.
    ("the fraction of a cent counts in a large account too", BF, beside((fraction("A", "1"), "20"), price="1000",
     rest="9000", weight="78", cash="1000000.30"), {"A/S1": "800000.294"}, "200000.01"),
    # A lacks 500, B 300.  700: A 437.50, B 262.50, so 4 and 2.  A lacks just the 100 that are left.
    ("a single unit may be all that is lacking", BF, beside((A, "5"), (B, "3"), rest="182", weight="90", cash="900"),
     {"A/S1": "5", "B/S1": "2"}, "200"),
    # A lacks 500, B 100, E 1,500.  900: A 214 for 2, B 42 and E 642 for none.  Of the 700 left A takes 3, E's one is
    # too dear.  B's one is below the minimum of 150.
    ("a single unit below the minimum is not bought", BF, beside((A, "5"), (B, "1"), (E, "15"), rest="178", weight="77",
     cash="1100", min_trade="150"), {"A/S1": "5"}, "600"),
    ("just the minimum is", BF, beside((A, "5"), (B, "1"), (E, "15"), rest="178", weight="77", cash="1100",
     min_trade="100"), {"A/S1": "5", "B/S1": "1"}, "500"),
    # Each sleeve of A lacks 190, one share; B 1,000.  1,190 of 1,380: A's 327 would be 3.  B 862 for 8, and of the 190
    # that are left, beside A's 200, one more.
    ("a share is no more than what all its sleeves buy", BF,
     account([A, B, security("C", "10", restriction=NO_TRADE)],
             [position("A", "0", "1.9"), position("A", "0", "1.9", "S2"), position("B", "0", "10"),
              position("C", "861", "84.2")], cash="1390", cash_target="2"),
     {"A/S1": "1", "A/S2": "1", "B/S1": "9"}, "290"),
    # Inside their precision bands A lacks 240, F 300.  280: A 124.44 for 12.444444, F's 155.56 are less than one, which
    # would bring cash below 150.  A could take 115.56, but 105.56 bring cash to 250.
    ("a fraction that places cash stops at the upper edge", BF,
     account([fraction("A", "10"), security("C", "10", restriction=NO_TRADE), security("F", "300")],
             [position("A", "576", "60"), position("C", "286", "26"), position("F", "3", "12", precision="30")],
             cash="480", cash_target="2"), {"A/S1": "23.000444"}, "250"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("logic", "given", "trades", "cash"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_rule(logic: Logic, given: Account, trades: dict[str, str], cash: str) -> None:
    check_trades(given, logic, trades, cash)
