"""Min Transaction by hand: the arithmetic stands beside each case.  Units, and cash in dollars.

What a case does not say stands in tests/proposer/accounts.py.  Source: product 4.
"""

import pytest

from tests.proposer.accounts import NO_BUY, NO_SELL, dear, near, plain, sleeves
from tests.proposer.builders import MT, account, position, security
from tests.proposer.harness import Case, check

pytestmark = pytest.mark.fast

CASES = [
    # A 70 % is inside 48 to 72.  B below 30.4 %: 3040 / 50 = 60.8: 61, buy 21 (1050).  To keep 150: 2 x 100 of A.
    Case("to the nearest edge, paid by in-band positions", plain(), MT, {"A": "-2", "B": "21"}, "150"),
    # A (93 x 70 = 65.1 %, target 50): 6000 / 70 = 85.7: sell 7.3 -> 8.  B (30 %, target 48): 3840 / 10: buy 84.
    # 490 + 560 - 840.
    Case(
        "counts to an edge round away from zero",
        account(
            {"A": "70", "B": "10"}, [position("A", "93", "50"), position("B", "300", "48")], cash="490", cash_target="2"
        ),
        MT,
        {"A": "-8", "B": "84"},
        "210",
    ),
    # One share of 1500 is 15 %: selling it leaves 0, 1000 from target; keeping it leaves 500.
    Case("across the whole band: nearest to target, keep", dear(1500, 1), MT, {}, "200"),
    # 2100: 1000 from target without, 1100 with.  Cash 200 + 2100 = 2300, 2050 above its edge: B, 770 held, 205 x 10
    # (to target 880: 110; then to its edge, 100 %: 95 more).
    Case("across the whole band: nearest to target, sell", dear(2100, 1), MT, {"A": "-1", "B": "205"}, "250"),
    Case("across the whole band: as near, the smaller count", dear(2000, 1), MT, {}, "200"),
    # 0 held of a 1500 share: 1000 from target without, 500 with: buy.  150 - 200 + 1500 = 1450 from B: 145 x 10.
    Case("across the whole band: nearest to target, buy", dear(1500, 0), MT, {"A": "1", "B": "-145"}, "150"),
    Case("across the whole band: nearest to target, leave", dear(2100, 0), MT, {}, "200"),
    # Short: 3000 - 150 = 2850 over 4000 : 3040.  1619.3 / 100 = 16, 1230.7 / 100 = 12.  No single units: 200 stay.
    Case(
        "short buys are shared, without single units",
        account(
            [security("A", "100"), security("B", "10", restriction=NO_SELL), security("D", "100")],
            [position("A", "0", "50"), position("B", "700", "10"), position("D", "0", "38")],
            cash="3000",
            cash_target="2",
        ),
        MT,
        {"A": "16", "D": "12"},
        "200",
    ),
    # A (20 %, target 30, band 24 to 36) buys 4: 1600 left, 1350 too many.  A to target 6, to its edge 6 more: 400.
    # B 15 x 10.
    Case(
        "cash is placed: planned to target, to edge, then new ones",
        account(
            {"A": "100", "B": "10"},
            [position("A", "20", "30"), position("B", "600", "68")],
            cash="2000",
            cash_target="2",
        ),
        MT,
        {"A": "16", "B": "15"},
        "250",
    ),
    # A (40 %) sells 4 to 36 %: cash -300 + 400 = 100, 50 short of 150: one more of A, which is planned.
    Case(
        "cash is raised: planned first",
        account(
            {"A": "100", "B": "10"},
            [position("A", "40", "30"), position("B", "630", "68")],
            cash="-300",
            cash_target="2",
        ),
        MT,
        {"A": "-5"},
        "200",
    ),
    # 100 short of 150: A has 100 of dollar room to target, B 50: one of A.
    Case("cash is raised: largest dollar room to target", near("51", "97", "50"), MT, {"A": "-1"}, "150"),
    # Cash 400, edge 250: A and B have 100 of room each: A 1 x 100 (tie by id), then B 1 x 50.
    Case(
        "cash is placed: new ones to target, ties by security id",
        near("49", "94", "400"),
        MT,
        {"A": "1", "B": "1"},
        "250",
    ),
    # To target only 100 and 50 could be sold, below 300.  To the edge A may sell 11: 1 is needed, 3 make the minimum.
    Case(
        "a sell that raises cash is enlarged to the minimum size",
        near("51", "97", "50", min_trade="300"),
        MT,
        {"A": "-3"},
        "350",
    ),
    # ---- Edges
    # A 72 % = 60 + 20 % of it; B 18 %, C 8 % = 10 - 2; cash 2 %.
    Case(
        "edges are inside",
        account(
            {"A": "100", "B": "50", "C": "10"},
            [position("A", "72", "60"), position("B", "36", "20", threshold="10"), position("C", "80", "8")],
            cash="200",
            cash_target="12",
            cash_threshold="100",
        ),
        MT,
        {},
        "200",
    ),
    # C's half-width is the floor of 0.5 points, not 20 % of 1 %: 1.6 % to its upper edge of 1.5 %: 1 x 10.
    Case(
        "the floor widens the band of a small target",
        account(
            {"A": "100", "C": "10"},
            [position("A", "96", "97"), position("C", "16", "1")],
            cash="240",
            cash_target="2",
        ),
        MT,
        {"C": "-1"},
        "250",
    ),
    # ---- Step 2
    # 61 - 40 = 21 of B in lots of 10: 30 for 1500.  1000 - 150 pay 850; 650 come from A: 7 x 100.
    Case("round lots to an edge", plain(b_step=10_000_000), MT, {"A": "-7", "B": "30"}, "200"),
    # The same 21 of B, and 500 must stay: 1050 - 500 = 550, 6 of A.  The 550 that are left are 50 above the reserve,
    # which is the upper edge, too: one more of B.
    Case("funded down to the reserve", plain(reserve="500"), MT, {"A": "-6", "B": "22"}, "500"),
    # A (43 %, band 24 to 36) sells 70: cash 800.  B (14 %, lower edge 24) buys 100 for 1000, 150 must stay:
    # 350 more.  By excess over target A (600 left) comes before C (42 %, 400): 35 of A.
    Case(
        "positions sold in step 1 pay for buys too",
        account(
            {"A": "10", "B": "10", "C": "10"},
            [position("A", "430", "30"), position("B", "140", "30"), position("C", "420", "38")],
            cash="100",
            cash_target="2",
        ),
        MT,
        {"A": "-105", "B": "100"},
        "150",
    ),
    # A debt of 100.  A (30 %) to its lower edge of 24 %: 600, no more.  150 are restored first, 350 pay for 35 of B.
    Case(
        "sells restore the lower edge of cash before they pay",
        account(
            [security("A", "10"), security("B", "10"), security("D", "10", restriction=NO_SELL)],
            [position("A", "300", "30"), position("B", "0", "30"), position("D", "710", "38")],
            cash="-100",
            cash_target="2",
        ),
        MT,
        {"A": "-60", "B": "35"},
        "150",
    ),
    # ---- Step 3
    # 750 to place.  To target A 200, then B 100; 450 are left.  To the edge B (39 to 46.8 %: 780) comes before A (400).
    Case(
        "the pass to the edge is ordered by room to the edge, placing",
        account(
            [security("A", "10"), security("B", "10"), security("C", "10", restriction=NO_BUY)],
            [position("A", "380", "40", threshold="10"), position("B", "380", "39"), position("C", "140", "19")],
            cash="1000",
            cash_target="2",
        ),
        MT,
        {"A": "20", "B": "55"},
        "250",
    ),
    # 650 to raise.  To target A 200, then B 100; 350 are missing.  To the edge B (39 to 31.2 %: 780) before A (400).
    Case(
        "the pass to the edge is ordered by room to the edge, raising",
        account(
            [security("A", "10"), security("B", "10"), security("C", "10", restriction=NO_SELL)],
            [
                position("A", "420", "40", threshold="10"),
                position("B", "400", "39"),
                position("C", "230", "19", threshold="50"),
            ],
            cash="-500",
            cash_target="2",
        ),
        MT,
        {"A": "-20", "B": "-45"},
        "150",
    ),
    # S1 (20 %, edge 12 %) sells 8: cash 1000, 750 too many.  S2 (25 %, target 30) and B (53 %, target 58) have 500 of
    # room to target each, but A has a market sell: B to target 10, to its edge 5 more.
    Case(
        "what goes to market as a sell is not bought to place cash",
        sleeves({"S1": "20", "S2": "25"}, {"S1": "10", "S2": "30"}, "106", "58", "200"),
        MT,
        {"A/S1": "-8", "B": "15"},
        "250",
    ),
    # S1 (10 %, edge 24 %) buys 14 for 1400: cash 0.  S2 (24 %, target 20) and B (52 %, target 48) have 400 of excess
    # each, but A has a market buy: B 3 x 50.
    Case(
        "what goes to market as a buy is not sold to raise cash",
        sleeves({"S1": "10", "S2": "24"}, {"S1": "30", "S2": "20"}, "104", "48", "1400"),
        MT,
        {"A/S1": "14", "B": "-3"},
        "150",
    ),
    # 300 are above the 250 of the band, but the reserve is 300; of 301 one is missing: one of A, 100 above target.
    Case("cash on a reserve above its band stays", near("49", "96", "300", reserve="300"), MT, {}, "300"),
    Case("cash below a reserve is raised to it", near("51", "92", "300", reserve="301"), MT, {"A": "-1"}, "400"),
    # Edges of cash: 250 and 150 stay, a cent beyond does not.
    Case("cash on its upper edge stays", near("49", "97", "250"), MT, {}, "250"),
    Case("cash beyond its upper edge is placed", near("49", "97", "250.01"), MT, {"A": "1"}, "150.01"),
    Case("cash on its lower edge stays", near("51", "95", "150"), MT, {}, "150"),
    Case("cash beyond its lower edge is raised", near("51", "95", "149.99"), MT, {"A": "-1"}, "249.99"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.logic.name} {case.rule}")
def test_rule(case: Case) -> None:
    check(case)
