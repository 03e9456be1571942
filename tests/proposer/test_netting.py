"""Netting by hand: the arithmetic stands beside each case.  Units, and cash in dollars.

What a case does not say stands in tests/proposer/accounts.py.  Source: product 4.
"""

import pytest

from tests.proposer.accounts import NETTED_ACCOUNT, NO_BUY, NO_SELL, NO_TRADE, sleeves
from tests.proposer.builders import BF, MT, account, position, security
from tests.proposer.harness import Case, check

pytestmark = pytest.mark.fast

CASES = [
    # S1 sells 20, S2 buys 12: 12 crossed, 8 to market (+800).  B 76 % = 152: 22 (-1100).  500 + 800 - 1100 = 200.
    Case("crossed first", sleeves(*NETTED_ACCOUNT), BF, {"A/S1": "-20", "A/S2": "12", "B": "22"}, "200"),
    # No market sell: S1 is cut to the 12 that S2 buys.  B: 500 - 200 = 300 = 6 units.
    Case(
        "do not sell cuts the sells to the buys",
        sleeves(*NETTED_ACCOUNT, NO_SELL),
        BF,
        {"A/S1": "-12", "A/S2": "12", "B": "6"},
        "200",
    ),
    Case(
        "do not buy leaves a market sell",
        sleeves(*NETTED_ACCOUNT, NO_BUY),
        BF,
        {"A/S1": "-20", "A/S2": "12", "B": "22"},
        "200",
    ),
    Case("do not trade bars crossing too", sleeves(*NETTED_ACCOUNT, NO_TRADE), BF, {"B": "6"}, "200"),
    # S1 sells 10; S2 wants 15, S3 wants 5: cut to 10: 7.5 and 2.5, the odd unit to S2 (tie).  B 150 -> 136 (+700).
    Case(
        "do not buy cuts the buys pro rata, ties by sleeve id",
        sleeves({"S1": "20", "S2": "0", "S3": "0"}, {"S1": "10", "S2": "15", "S3": "5"}, "150", "68", "500", NO_BUY),
        BF,
        {"A/S1": "-10", "A/S2": "8", "A/S3": "2", "B": "-14"},
        "1200",
    ),
    # Exit of 10.5 crosses whole; 20 - 10.5 = 9.5 to market, cut to 9.  B 156 - 150 = 6.  Cash 1450 - 900 - 300.
    Case(
        "only crossing and exits leave the step",
        sleeves({"S1": "10.5", "S2": "0"}, {"S1": "0", "S2": "20"}, "150", "78", "1450"),
        BF,
        {"A/S1": "-10.5", "A/S2": "19.5", "B": "6"},
        "250",
    ),
    # Exit of 10.5, buy of 4: 6.5 to market, which may leave the step because an exit is in it.  1450 + 650 - 38 x 50.
    Case(
        "the market part of an exit may be a fraction",
        sleeves({"S1": "10.5", "S2": "0"}, {"S1": "0", "S2": "4"}, "150", "94", "1450"),
        BF,
        {"A/S1": "-10.5", "A/S2": "4", "B": "38"},
        "200",
    ),
    # S1 sells 20, S2 buys 40: 20 to market are short 4000 - 20 x 100 = 2000, as much as B (8 % of 28).  1800 are
    # there, 900 each: 9 and 18.  S2 gets the 20 crossed and the 9.
    Case(
        "the shortfall is less by what is crossed",
        account(
            [security("A", "100"), security("B", "50"), security("C", "100", restriction=NO_SELL)],
            [
                position("A", "30", "10"),
                position("A", "0", "40", "S2"),
                position("B", "16", "28"),
                position("C", "42", "20"),
            ],
            cash="2000",
            cash_target="2",
        ),
        BF,
        {"A/S1": "-20", "A/S2": "29", "B": "18"},
        "200",
    ),
    # 800 pay 8 of the 21 that S1 (15) and S2 (6) want: 5.71 and 2.29, the odd unit to S1 by its larger remainder.
    Case(
        "a buy cut for want of cash is cut pro rata in units",
        account(
            [security("A", "100"), security("C", "100", restriction=NO_SELL)],
            [position("A", "0", "15"), position("A", "0", "6", "S2"), position("C", "90", "77")],
            cash="1000",
            cash_target="2",
        ),
        BF,
        {"A/S1": "6", "A/S2": "2"},
        "200",
    ),
    # S1 sells 10, S2 buys 9: the remainder of 100 is undersized, so S1 sells 9.  B (48 %, target 49) stays.
    Case(
        "the minimum size binds the remainder",
        sleeves({"S1": "30", "S2": "20"}, {"S1": "20", "S2": "29"}, "96", "49", "200", min_trade="100.01"),
        BF,
        {"A/S1": "-9", "A/S2": "9"},
        "200",
    ),
    # Crossing needs no cash: S1 sells 10 and S2 buys 10 though there is nothing, and nothing to spare.
    Case(
        "crossing needs no cash and no minimum size",
        sleeves({"S1": "30", "S2": "20"}, {"S1": "20", "S2": "30"}, "96", "48", "200", min_trade="5000"),
        BF,
        {"A/S1": "-10", "A/S2": "10"},
        "200",
    ),
    # S1 (30 %, band 16 to 24) sells 6, S2 (10 %, band 16 to 24) buys 6: edge to edge, all crossed.
    Case(
        "edge to edge",
        sleeves({"S1": "30", "S2": "10"}, {"S1": "20", "S2": "20"}, "116", "58", "200"),
        MT,
        {"A/S1": "-6", "A/S2": "6"},
        "200",
    ),
    # S1 leaves (1 unit), S2 (31 %) sells 2: the market sell of 300 is below 350, but a full exit is in it.  B (66 %)
    # would get 300, which is undersized; it is outside its precision band, so no cash is placed in it either.
    Case(
        "a market sell with a full exit in it is exempt from the minimum size",
        sleeves({"S1": "1", "S2": "31"}, {"S1": "0", "S2": "29"}, "132", "69", "200", min_trade="350"),
        BF,
        {"A/S1": "-1", "A/S2": "-2"},
        "500",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.logic.name} {case.rule}")
def test_rule(case: Case) -> None:
    check(case)
