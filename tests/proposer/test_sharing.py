"""Cash that is short among several buys, crossed units and undersized ones; cash raised or placed beside them.

V = $10,000; cash target 2 %, its band $150 to $250; units and dollars.  Source: product 4.
"""

import pytest

from shared.contracts.codes import Logic, Reason
from tests.proposer.accounts import NO_SELL
from tests.proposer.builders import BF, FRACTIONAL, MT, Account, account, position, security
from tests.proposer.harness import check_trades, no_trade_text, proposal

pytestmark = pytest.mark.fast


def three_below(cash: str, c_units: str) -> Account:
    """Nothing held of A ($100, lower edge 15.9 %), B ($10, 0.5 %) and D ($100, 8.1 %); C may not be sold.

    To their edges: A 15.9 -> 16 units, B 5, D 8.1 -> 9.  The minimum of $60 is above all that B may have.
    """
    return account(
        [security("A", "100"), security("B", "10"), security("C", "100", restriction=NO_SELL), security("D", "100")],
        [position("A", "0", "19.875"), position("B", "0", "1"), position("C", c_units, "67"),
         position("D", "0", "10.125")],
        cash=cash, cash_target="2", min_trade="60",
    )  # fmt: skip


def netted_and_short(cash: str, c_units: str) -> Account:
    """A/S1 sells 5 of 15, A/S2 is 15 short, B ($50) 20: A lacks 1,500 less the 500 crossed, as much as B."""
    return account(
        [security("A", "100"), security("B", "50"), security("C", "100", restriction=NO_SELL)],
        [position("A", "15", "10"), position("A", "10", "25", "S2"), position("B", "20", "20"),
         position("C", c_units, "43")],
        cash=cash, cash_target="2",
    )  # fmt: skip


def two(price: str, a: tuple[str, str], b: tuple[str, str], cash: str, **other: object) -> Account:
    """A at a price and B at $50, each with units and target."""
    return account({"A": price, "B": "50"}, [position("A", *a), position("B", *b)], cash=cash, cash_target="2", **other)


CASES: list[tuple[str, Logic, Account, dict[str, str], str]] = [
    # B is dropped.  What A and D cost, 2,500, is within 2,510: both in full, though all three would cost 2,550.
    ("the dropped one's cost leaves enough", MT, three_below("2660", "73.4"), {"A/S1": "16", "D/S1": "9"}, "160"),
    ("to the last cent", MT, three_below("2650", "73.5"), {"A/S1": "16", "D/S1": "9"}, "150"),
    # 2,450 over 1,590 : 810.  1,623 and 826; with B's 50 it were 1,590 and 810, and 15 of A.
    ("the dropped one's shortfall does not count", MT, three_below("2600", "74"), {"A/S1": "16", "D/S1": "8"}, "200"),
    # 1,000 over 1,000 : 1,000.
    ("what is crossed is no shortfall", BF, netted_and_short("1200", "53"),
     {"A/S1": "-5", "A/S2": "10", "B/S1": "10"}, "200"),
    # Enough for both: 10 units of A and 20 of B are 2,000.
    ("in full with exactly enough", BF, netted_and_short("2200", "43"),
     {"A/S1": "-5", "A/S2": "15", "B/S1": "20"}, "200"),
    # A 45 of 50 buys 5, which are 500.
    ("a buy of just the minimum is enough", BF, two("100", ("45", "50"), ("96", "48"), "700", min_trade="500"),
     {"A/S1": "5"}, "200"),
    # A/S1 30 of 18 and A/S2 0 of 12 cross 12.  The reserve of 1,000 lacks 800.  Excess is 0 everywhere, so in order of
    # id: A/S1 from 18 to its edge of 14.4: 3.  A/S2 buys and is not sold.  B for the other 500: 10.
    ("a sleeve that buys is not sold to raise cash", BF,
     account({"A": "100", "B": "50"},
             [position("A", "30", "18"), position("A", "0", "12", "S2"), position("B", "136", "68")],
             cash="200", cash_target="2", reserve="1000"),
     {"A/S1": "-15", "A/S2": "12", "B/S1": "-10"}, "1000"),
    # A/S1 leaves, 1 x 100: cash 100, below 150, aim 200.  A/S2 (50 of 49) sells 1.  Its order of 200 is below the
    # minimum of 300, but has a full exit in it.
    ("an order with a full exit is not enlarged", BF,
     account({"A": "100", "B": "50"},
             [position("A", "1", "0"), position("A", "50", "49", "S2"), position("B", "98", "49")],
             cash="0", cash_target="2", min_trade="300"),
     {"A/S1": "-1", "A/S2": "-1"}, "200"),
    # Cash -50, aim 200.  B (99 of 96, 150 above) first: 3 are 150, the minimum.  A (51 of 50): 1 x 100 is below it.
    ("a sell without room for the minimum is left out", BF, two("100", ("51", "50"), ("99", "48"), "-50",
     min_trade="150"), {"B/S1": "-3"}, "100"),
    # Without a minimum A's share goes too.
    ("with room for it", BF, two("100", ("51", "50"), ("99", "48"), "-50"), {"A/S1": "-1", "B/S1": "-3"}, "200"),
    # Cash -250, aim 200: 450.  B (103 of 98, 250 above) sells 5, then A (51 of 49, 200 above) 2.
    ("the largest excess first, and only as far as needed", BF, two("100", ("51", "49"), ("103", "49"), "-250"),
     {"A/S1": "-2", "B/S1": "-5"}, "200"),
    # Cash 260, 10 above its edge.  A share of A ($120) leaves 140, below 150: none; B ($50), to its edge only.
    ("a buy that would bring cash below its band is left out", MT, two("120", ("40", "50"), ("98.8", "48"), "260"),
     {"B/S1": "1"}, "210"),
    # A share of $110 leaves exactly 150.
    ("to the lower edge of cash", MT, two("110", ("44", "50"), ("98", "48"), "260"), {"A/S1": "1"}, "150"),
    # Cash 50, 100 below.  A (51 of 50) sells one; a cent less would sell as many.
    ("cash lands on its edge", MT, two("100", ("51", "50"), ("97", "48"), "50"), {"A/S1": "-1"}, "150"),
    # Nothing below its band, cash on its upper edge: nothing is placed.
    ("cash on its upper edge is in range", MT, two("100", ("49", "50"), ("97", "48"), "250"), {}, "250"),
    ("and on its lower edge", MT, two("100", ("50", "50"), ("97", "48"), "150"), {}, "150"),
    ("in Best Fit too", BF, two("100", ("50", "50"), ("97", "48"), "150"), {}, "150"),
    # A fraction takes at once what is needed: 10 / 120 = 0.083333.. is enough for a cent's rounding: 0.083334.
    ("a fraction is bought to the unrounded edge", MT,
     account([security("A", "120", step_micro=FRACTIONAL), security("B", "50")],
             [position("A", "40", "50"), position("B", "98.8", "48")], cash="260", cash_target="2"),
     {"A/S1": "0.083334"}, "250"),
    # V is 900.07 (900.0655 to the cent) + 100.01 = 1,000.08.  Cash has 0.002 above its 100.008; A lacks 900.072 -
    # 900.0655 = 0.0065, a cent, and would get 0.002, which rounds to $0.00: no trade.
    ("what rounds to nothing is no trade", BF,
     account([security("A", "1", step_micro=FRACTIONAL)], [position("A", "900.0655", "90", precision="0")],
             cash="100.01", cash_target="10"), {}, "100.01"),
    # V = 54,500,000: cash of 0.06 is above 0.0545 + 10 % = 0.05995; down to 0.05 it would be in its band.  A lacks
    # 0.0105, ten millionths, for a cent; five round to one as well.
    ("no more is bought than brings cash into a band of a cent", BF,
     account([security("A", "1000", step_micro=FRACTIONAL)], [position("A", "54499.999935", "99.9999999")],
             cash="0.06", cash_target="0.0000001", cash_threshold="10", floor="0"), {"A/S1": "0.000005"}, "0.05"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("logic", "given", "trades", "cash"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_rule(logic: Logic, given: Account, trades: dict[str, str], cash: str) -> None:
    check_trades(given, logic, trades, cash)


NO_CASH, MINIMUM, IN_BAND = "no cash to buy with", "below the minimum trade size", "inside its"


@pytest.mark.parametrize(
    ("logic", "given", "texts"),
    [
        # A 45 of 50 is outside its precision band; cash is all the target keeps, then 49 above it, less than a share.
        (BF, account({"A": "100", "B": "50"}, [position("A", "45", "50"), position("B", "106", "48", precision="20")],
                     cash="200", cash_target="2"), [NO_CASH]),
        (BF, account({"A": "100", "B": "50"},
                     [position("A", "45", "50"), position("B", "105.02", "48", precision="20")],
                     cash="249", cash_target="2"), [NO_CASH]),
        # Cash 260: B, 1 x 50, is below the minimum of 111, and 3 would bring cash below its band, as would A, 1 x 120.
        (MT, two("120", ("40", "50"), ("98.8", "48"), "260", min_trade="111"), [MINIMUM, "cash is outside its band"]),
        (MT, two("100", ("50", "50"), ("97", "48"), "150"), [IN_BAND]),
        # A may not be sold.  B lacks 1,050 and may have 50, below the minimum of 300: it is not for cash that it is not
        # bought, though there is too little.
        (BF, account([security("A", "10", restriction=NO_SELL), security("B", "50")],
                     [position("A", "500", "40"), position("B", "95", "58")],
                     cash="250", cash_target="2", min_trade="300"), ["restrictions do not allow", MINIMUM]),
    ],
)  # fmt: skip
def test_why_nothing_is_traded_is_told_whole_and_nothing_else(logic: Logic, given: Account, texts: list[str]) -> None:
    text = no_trade_text(given, logic)
    assert all(expected in text for expected in texts), text
    assert text.count("because") == len(texts), text


@pytest.mark.parametrize(("s1", "s2"), [(("30", "20"), ("10", "0")), (("10", "0"), ("30", "20"))])
def test_an_order_of_several_sleeves_says_the_full_exit(s1: tuple[str, str], s2: tuple[str, str]) -> None:
    """A sells 10 to target and 10 on exit, whichever sleeve stands first; B 116 of 156 buys 40."""
    given = account(
        {"A": "100", "B": "50"},
        [position("A", *s1), position("A", *s2, "S2"), position("B", "116", "78")],
        cash="200", cash_target="2",
    )  # fmt: skip
    result = proposal(given, BF)
    assert result.orders == {"A": -20_000_000, "B": 40_000_000}
    assert result.order_reasons == {"A": Reason.FULL_EXIT, "B": Reason.TO_TARGET}
    assert sorted(result.reasons.values()) == sorted([Reason.FULL_EXIT, Reason.TO_TARGET, Reason.TO_TARGET])
