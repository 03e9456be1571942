"""What holds for every logic, by hand: minimum size, restrictions, substitutes, liquidation.  Units and dollars.

The arithmetic stands beside each case; what it does not say stands in tests/proposer/accounts.py.  Source: product 4.
"""

import pyarrow as pa
import pytest

from services.proposer.columns.proposals import propose
from shared.contracts import chunks
from tests.proposer.accounts import (
    NO_BUY,
    NO_SELL,
    NO_TRADE,
    barred_substitute,
    near,
    plain,
    replaced_short,
    replaced_twice,
    restricted,
    sleeves,
    swapped,
    tight,
)
from tests.proposer.builders import BF, MT, TRADE_DAY, account, lots_row, position, security
from tests.proposer.harness import Case, check

pytestmark = pytest.mark.fast

CASES = [
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
    # A: 1 x 100 leaves, whatever the minimum.  Cash 300 is 50 too much: B (97 %, to 100 %) for 50, enlarged to 150.
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
        {"A": "-1", "B": "3"},
        "150",
    ),
    # A's share of 800 is 600, no unit of 650; B's 200 is one of 130.  670 are left: A, 900 short, costs 650.
    Case(
        "a share of nothing is not undersized",
        tight("90", "1000", {"A": "650", "B": "130"}, {"A": "9", "B": "3", "C": "86"}, min_trade="100"),
        BF,
        {"A": "1", "B": "1"},
        "220",
    ),
    # To target A could be sold for 100 and B for 50, each below 300; the lower edges are for the reserve only.
    Case(
        "a sell that raises cash and has no room for the minimum size is left out",
        near("51", "97", "50", min_trade="300"),
        BF,
        {},
        "50",
    ),
    # ---- Restrictions
    # A may not be sold: 1000 - 200 = 800 for B's 1800: 16 units.
    Case("do not sell", restricted(A=NO_SELL), BF, {"B": "16"}, "200"),
    Case("do not trade a security leaves the others", restricted(A=NO_TRADE), BF, {"B": "16"}, "200"),
    # B may not be bought: A's 1000 stays in cash, because nothing else is below target.
    Case("do not buy", restricted(B=NO_BUY), BF, {"A": "-10"}, "2000"),
    # The same in Min Transaction: A (70 %, in band) may not be sold to pay for B: 1000 - 150 = 850: 17 of 21 units.
    Case("do not sell what would pay", restricted(A=NO_SELL), MT, {"B": "17"}, "150"),
    # B (20 %) may not be bought to its edge.  Cash 1000 is 750 too high: A (70 %) has 200 of room to 72 %.
    Case("do not buy what is below its edge", restricted(B=NO_BUY), MT, {"A": "2"}, "800"),
    # A leaves S1 (10 units); S2 takes 4 by crossing; the other 6 may not be sold.  B (89 %) waits for cash.
    Case(
        "restrictions may leave part of a full exit",
        sleeves({"S1": "10", "S2": "0"}, {"S1": "0", "S2": "4"}, "178", "94", "100", NO_SELL),
        BF,
        {"A/S1": "-4", "A/S2": "4"},
        "100",
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
    # Y's lower edge of 16 % is 1600, of which cash pays 50: one share.  X, 10 % of 30, is replaced: sold for Y it would
    # be sold only because Y stands in for it.  Z may not be sold.
    Case("what is replaced is not sold to pay for its substitute", replaced_short("200"), MT, {"Y": "1"}, "150"),
    # For the reserve it is sold like others: to its lower edge of 8 %.
    Case(
        "what is replaced is sold for the reserve",
        replaced_short("200", reserve="400"),
        MT,
        {"X": "-2"},
        "400",
    ),
    # ---- Liquidation
    Case(
        "a confirmed liquidation sells everything",
        account({"A": "100"}, [position("A", "10.5", "0")], cash="5", liquidate=True),
        BF,
        {"A": "-10.5"},
        "1055",
    ),
]


def test_can_trigger_affects_no_trade() -> None:
    """Flags are the analyzer's: what may not raise one is traded like everything else."""
    row = lots_row(plain())
    silent = row | {
        "cash_can_trigger": False,
        "positions": [held | {"can_trigger": False} for held in row["positions"]],
    }
    batches = [pa.RecordBatch.from_pylist([account_row], schema=chunks.LOTS) for account_row in (row, silent)]
    (loud,), (quiet,) = (propose(batch, TRADE_DAY).to_pylist() for batch in batches)
    for table in ("proposals", "sleeve_trades", "orders"):
        assert quiet[table] == loud[table]
    assert len(loud["orders"]) == 6  # two of each logic


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.logic.name} {case.rule}")
def test_rule(case: Case) -> None:
    check(case)
