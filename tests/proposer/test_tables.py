"""Every rule and edge of product 4, by hand: the arithmetic stands beside each case.  Units, and cash in dollars.

What a case does not say stands in tests/proposer/accounts.py.
"""

import pytest

from shared.exact.text import scaled
from tests.proposer.accounts import (
    NETTED_ACCOUNT,
    NO_BUY,
    NO_SELL,
    NO_TRADE,
    THREE,
    Case,
    barred_substitute,
    dear,
    near,
    plain,
    replaced_twice,
    sleeves,
    swapped,
    tight,
)
from tests.proposer.build import BF, FRACTIONAL, MT, account, position, proposal, security

pytestmark = pytest.mark.fast

CASES = [
    # ---- Best Fit 1, 2: outside the precision band, to target
    # A 60 % = 60 units: sell 10 (+1000).  B 38 % = 3800 / 50 = 76: buy 36 (-1800).  Cash 1000 + 1000 - 1800 = 200.
    Case("to target", plain(), BF, {"A": "-10", "B": "36"}, "200"),
    # V = 1100 - 100 + 9000: set-aside cash is no part of anything.
    Case("set-aside cash is left alone", plain(cash="1100", set_aside="100"), BF, {"A": "-10", "B": "36"}, "200"),
    # Spend down to the reserve of 500: 2000 - 500 = 1500 = 30 units of B.
    Case(
        "spend down to the reserve where it is above the cash target",
        plain(reserve="500"),
        BF,
        {"A": "-10", "B": "30"},
        "500",
    ),
    # 36 units of B in lots of 10: 30.  Cash 500; nothing inside its precision band is below target.
    Case("round lots", plain(b_step=10_000_000), BF, {"A": "-10", "B": "30"}, "500"),
    # A 70.5 units: 10.5 above 60, sells 10.  B 39: 1800 of 1850 can be paid: 36 units.
    Case(
        "a fraction of a whole share stays",
        account(
            {"A": "100", "B": "50"},
            [position("A", "70.5", "60"), position("B", "39", "38")],
            cash="1000",
            cash_target="2",
        ),
        BF,
        {"A": "-10", "B": "36"},
        "200",
    ),
    # A 0 %: all 10.5 units (+1050).  B: 7950/50 = 159 of target 9800/50 = 196: 37 (-1850); cash 1000 + 1050 - 1850.
    Case(
        "a full exit sells the fraction too",
        account(
            {"A": "100", "B": "50"},
            [position("A", "10.5", "0"), position("B", "159", "98")],
            cash="1000",
            cash_target="2",
        ),
        BF,
        {"A": "-10.5", "B": "37"},
        "200",
    ),
    # A 57.6 % = 60 - 4 %, B 39.52 % = 38 + 4 %; cash 2.88 % is inside 1 to 3 %.
    Case(
        "precision edges are inside",
        account(
            {"A": "100", "B": "50"},
            [position("A", "57.6", "60"), position("B", "79.04", "38")],
            cash="288",
            cash_target="2",
            cash_threshold="50",
        ),
        BF,
        {},
        "288",
    ),
    # A 57.5 % is out: 2.5 units short of 60, and 300 - 200 = 100 pays for one.
    Case(
        "beyond the precision edge is out",
        account(
            {"A": "100", "B": "50"},
            [position("A", "57.5", "60"), position("B", "79", "38")],
            cash="300",
            cash_target="2",
            cash_threshold="50",
        ),
        BF,
        {"A": "1"},
        "200",
    ),
    # Short: 4000 - 200 = 3800 over shortfalls 4000 : 4000.  1900/30 = 63.3, 1900/70 = 27.1; 20 left fits no unit.
    Case(
        "shared in proportion to the shortfall",
        tight("60", "4000", {"A": "30", "B": "70"}, {"A": "40", "B": "40", "C": "18"}),
        BF,
        {"A": "63", "B": "27"},
        "220",
    ),
    # 1000 - 200 = 800 over 900 : 300.  A 600, no unit; B 200, below 250: dropped.  A alone: 800, no unit.  800 are
    # left, of which B could now take 300 at once; but what is dropped stays dropped.
    Case(
        "a fractional buy dropped as undersized does not come back with single units",
        tight(
            "90",
            "1000",
            {"A": "900", "B": "50"},
            {"A": "9", "B": "3", "C": "86"},
            B={"step_micro": FRACTIONAL},
            min_trade="250",
        ),
        BF,
        {},
        "1000",
    ),
    # Shares of 3800: 1900, 1425, 475: 11 x 170, 12 x 110, 19 x 25; 135 left.  A (2130 short) costs 170: no;
    # B (1680): 110, 25 left; D (525): 25.
    Case(
        "single units, largest shortfall first that the cash can pay",
        tight("60", "4000", THREE, {"A": "40", "B": "30", "D": "10", "C": "18"}),
        BF,
        {"A": "11", "B": "13", "D": "20"},
        "200",
    ),
    # A may be split: 1900 / 30 = 63.333333; B 27 x 70 = 1890.  10 left: B short 2110 costs 70: no; A takes 0.333333.
    Case(
        "a fractional security takes at once what is left",
        tight("60", "4000", {"A": "30", "B": "70"}, {"A": "40", "B": "40", "C": "18"}, A={"step_micro": FRACTIONAL}),
        BF,
        {"A": "63.666666", "B": "27"},
        "200",
    ),
    # ---- Best Fit 4: cash
    # Cash 400 > 250: 200 to place, shortfalls 100 and 100: 1 x 100, 2 x 50.
    Case(
        "cash above its band goes to positions below target", near("49", "94", "400"), BF, {"A": "1", "B": "2"}, "200"
    ),
    # Place 350 - 200 = 150 over 150 : 200: 64.28 / 150 and 85.71 / 140 give no unit; cash is above 250; B (200) first.
    Case(
        "a single unit where shares leave cash above its band",
        account(
            {"A": "150", "B": "140", "C": "10"},
            [
                position("A", "19", "30", precision="10"),
                position("B", "20", "30", precision="10"),
                position("C", "400", "38", precision="10"),
            ],
            cash="350",
            cash_target="2",
        ),
        BF,
        {"B": "1"},
        "210",
    ),
    # Place 150 over 100 : 200: 50 / 60 and 100 / 140 give no unit; B: cash 210 is inside its band, so no A (60).
    Case(
        "no more single units than bring cash inside",
        account(
            {"A": "60", "B": "140", "C": "10"},
            [
                position("A", "45", "28", precision="10"),
                position("B", "20", "30", precision="10"),
                position("C", "415", "40", precision="10"),
            ],
            cash="350",
            cash_target="2",
        ),
        BF,
        {"B": "1"},
        "210",
    ),
    # Cash 50 < 150: aim 200.  A excess 100 first: 1 x 100; then B: 1 x 50.
    Case(
        "cash below its band is raised from what is above target",
        near("51", "97", "50"),
        BF,
        {"A": "-1", "B": "-1"},
        "200",
    ),
    # Reserve 1000: A 1, B 1 to target: 200.  Then lower edges, excess 0 and 0: A down to 40 at most, 8 x 100.
    Case(
        "then to the lower edges for the reserve",
        near("51", "97", "50", reserve="1000"),
        BF,
        {"A": "-9", "B": "-1"},
        "1000",
    ),
    # Cash target 0 keeps the floor: 0.5 % = $50 is the edge, inside.
    Case(
        "cash keeps the floor at target 0",
        account({"A": "100"}, [position("A", "99.5", "100")], cash="50", cash_target="0"),
        BF,
        {},
        "50",
    ),
    # ---- Netting
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
    # ---- Minimum trade size
    Case("exactly the minimum is enough", plain(min_trade="1000"), BF, {"A": "-10", "B": "36"}, "200"),
    Case(
        "exactly the minimum in % of V is enough",
        plain(min_trade="1", min_trade_weight="10"),
        BF,
        {"A": "-10", "B": "36"},
        "200",
    ),
    # The sell (1000) is undersized; then 800 = 16 x 50 for B is undersized too.
    Case("undersized trades go, and the sharing is repeated", plain(min_trade="1000.01"), BF, {}, "1000"),
    Case("the greater of the two counts", plain(min_trade="1", min_trade_weight="10.01"), BF, {}, "1000"),
    # 200 over equal shortfalls: 100 each, both below 150: both go at once, though one alone would do.
    Case(
        "all undersized trades are dropped together",
        tight("96", "400", {"A": "30", "B": "70"}, {"A": "40", "B": "40", "C": "18"}, min_trade="150"),
        BF,
        {},
        "400",
    ),
    # A: 1 x 100 leaves, whatever the minimum.  B is at 97 %, target 98 %: inside its precision band.
    Case(
        "full exits are exempt",
        account(
            {"A": "100", "B": "50"},
            [position("A", "1", "0"), position("B", "194", "98")],
            cash="200",
            cash_target="2",
            min_trade="150",
        ),
        MT,
        {"A": "-1"},
        "300",
    ),
    # ---- Min Transaction
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
    # ---- Substitutes
    # X 10 % held: its target becomes 10 %, Y gets 20 % = 2000 / 50 = 40.
    Case("a substitute is bought for what the replaced one lacks", swapped("10", "0", "2200"), BF, {"Y": "40"}, "200"),
    # Y to 16 %: 32; cash 600 is 350 above 250: 7 more of Y, which is planned.
    Case("a substitute goes to its edge", swapped("10", "0", "2200"), MT, {"Y": "39"}, "250"),
    # Y, the substitute, may not be bought: cash 2100, 1850 above 250.  Z (69 %) to its edge of 81.6 %: 126 x 10.
    # X (10 %) has room to 12 %, but is replaced.
    Case("what is replaced is not bought to place cash either", barred_substitute(), MT, {"Z": "126"}, "840"),
    # X 30 % held: Y gets nothing and, at target 0, leaves.  V 3000 + 250 + 6800 - 50.
    Case("a substitute that is not needed leaves", swapped("30", "5", "-50"), BF, {"Y": "-5"}, "200"),
    # X 20 %, Y 10 %: exactly what both together should be.
    Case("nothing is sold because a substitute exists", swapped("20", "20", "200"), BF, {}, "200"),
    # What a substitute replaces stands exactly at its target: V 300, X/S2 1/30 of it, no excess, like X/S1 at 45 %.
    # The reserve lacks 15; of two excesses of 0 the sleeve id decides, not what 1/30 was rounded to.
    Case(
        "equal excesses are equal, whatever their weights round to",
        account(
            [
                security("X", "1", substitute="Y"),
                security("Y", "100"),
                security("Z", "1", restriction=NO_SELL),
            ],
            [
                position("X", "135", "45"),
                position("X", "10", "5", "S2"),
                position("Y", "0", "0", "S2"),
                position("Z", "150", "48"),
            ],
            cash="5",
            cash_target="2",
            reserve="20",
        ),
        BF,
        {"X/S1": "-15"},
        "20",
    ),
    # W 10 % of 20 and X 10 % of 30 are held; Y stands in for both: 10 + 20 = 30 % = 3000 / 50 = 60.  Neither is bought.
    Case("one substitute for two", replaced_twice("Y", "Y"), BF, {"Y": "60"}, "200"),
    # W's 10 % go to X, which is replaced itself: X 30 + 10 - 10 = 30 % go on to Y, whatever the order of their ids.
    Case("a substitute that is replaced hands on what it gets", replaced_twice("X", "Y"), BF, {"Y": "60"}, "200"),
    # W for X and X for W: nothing is handed over, nothing bought; cash 3200 stays, Z (48 %) is at its target.
    Case("a ring of substitutes buys nothing", replaced_twice("X", "W"), BF, {}, "3200"),
    # ---- Liquidation
    Case(
        "a confirmed liquidation sells everything",
        account({"A": "100"}, [position("A", "10.5", "0")], cash="5", liquidate=True),
        BF,
        {"A": "-10.5"},
        "1055",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.logic.name} {case.rule}")
def test_rule(case: Case) -> None:
    result = proposal(case.given, case.logic)
    assert result.failure is None, result.summary["failure_text"]
    assert result.trades == {_place(name): scaled(units, 6) for name, units in case.trades.items()}
    assert result.cash == scaled(case.cash, 2)


def _place(name: str) -> tuple[str, str]:
    security_id, _, sleeve_id = name.partition("/")
    return security_id, sleeve_id or "S1"
