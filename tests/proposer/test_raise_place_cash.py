"""Cash raised and placed just as far as needed: nothing where there is no room, no step more.  Source: product 4.

V = $10,000; units and dollars.
"""

import pytest

from shared.contracts.codes import Logic, Reason
from tests.proposer.accounts import NO_BUY, NO_SELL, NO_TRADE
from tests.proposer.builders import BF, FRACTIONAL, MT, Account, account, position, security
from tests.proposer.harness import check_trades, no_trade_text, proposal

pytestmark = pytest.mark.fast


def with_fractions(a: tuple[str, str], b: tuple[str, str], cash: str, cash_target: str, **other: object) -> Account:
    """A at $100 in whole shares, B at $50 in fractions, each with units and target."""
    return account(
        [security("A", "100"), security("B", "50", step_micro=FRACTIONAL)],
        [position("A", *a), position("B", *b)],
        cash=cash, cash_target=cash_target, **other,
    )  # fmt: skip


CASES: list[tuple[str, Logic, Account, dict[str, str], str]] = [
    # Cash 100, reserve 250.  A (51 of 50) sells 1; B, at its target to the millionth, nothing: 200.  Then to the lower
    # edges, both at target now, A by id: 1 of the 50 that are lacking.
    ("a fraction at its target has no room above it", BF,
     with_fractions(("51", "50"), ("96", "48"), "100", "2", reserve="250"), {"A": "-2"}, "300"),
    # Cash 490, edge 480.  To target A (49.1 of 50) has no whole share of room, B none at all; to the edges A 10, B 18.
    ("nor below it", MT, with_fractions(("49.1", "50"), ("92", "46"), "490", "4"), {"A": "1"}, "390"),
    # 100 short of 150: A sells 1, which is the minimum.  B has room, but nothing is lacking any more.
    ("at the goal nothing more is sold, however small that were", MT,
     account({"A": "100", "B": "50"}, [position("A", "51", "50"), position("B", "97", "48")],
             cash="50", cash_target="2", min_trade="100"), {"A": "-1"}, "150"),
    # The same in Best Fit, which aims at 200: A 1, B 1 with room for no more, and the minimum of 50.
    ("nor in Best Fit", BF,
     account({"A": "100", "B": "50"}, [position("A", "51", "50"), position("B", "97", "48")],
             cash="50", cash_target="2", min_trade="50"), {"A": "-1", "B": "-1"}, "200"),
    # 100 short of 200, and the minimum of 200 takes 2 of A (52 of 50): just the room it has.
    ("a sell is enlarged up to all its room", BF,
     account({"A": "100", "B": "50"}, [position("A", "52", "50"), position("B", "94", "48")],
             cash="100", cash_target="2", min_trade="200"), {"A": "-2"}, "300"),
    # Z (13 of 10 %) sells 1 to its edge of 12: cash -50, 200 short of 150.  Z is planned: 2 more, to its target, before
    # any of A, which is 400 above its own.
    ("what is planned goes first, wherever it stands", MT,
     account({"A": "100", "F": "10", "Z": "100"},
             [position("A", "74", "70"), position("F", "145", "18"), position("Z", "13", "10")],
             cash="-150", cash_target="2"), {"Z": "-3"}, "150"),
    # A (13 of 10 %) to its edge: 1 x 100, below the minimum of 150.  But B to its edge of 30.4 % costs 61 x 50 = 3,050,
    # and 3,100 - 150 lack 100.  A takes part, 200 above its target against C's 100: one more makes 200.
    ("what is sold to its edge pays for buys and so reaches the minimum", MT,
     account([security("A", "100"), security("B", "50"), security("C", "100"),
              security("D", "100", restriction=NO_SELL)],
             [position("A", "13", "10"), position("B", "0", "38"), position("C", "31", "30"),
              position("D", "26", "20")],
             cash="3000", cash_target="2", min_trade="150"), {"A": "-2", "B": "61"}, "150"),
    # Cash 260: B, 1 x 50, is just the minimum (and A, 1 x 120, would bring cash below its band).
    ("the minimum itself is enough to place cash", MT,
     account({"A": "120", "B": "50"}, [position("A", "40", "50"), position("B", "98.8", "48")],
             cash="260", cash_target="2", min_trade="50"), {"B": "1"}, "210"),
    # A and B to their lower edges of 32 and 16 %: 32 x 100 and 32 x 50; 6,050 - 4,800 leave 1,000 above 250.  A to its
    # target 8, then B 4 of 8; to its edge of 48 A could take all 10.
    ("what is planned goes to its target before any of it to its edge", MT,
     account([security("A", "100"), security("B", "50"), security("C", "50", restriction=NO_TRADE)],
             [position("A", "0", "40"), position("B", "0", "20"), position("C", "79", "38")],
             cash="6050", cash_target="2"), {"A": "40", "B": "36"}, "250"),
    # A (60 of 40 %) to its edge of 48: 12; E (26 of 20 %) to its edge of 24: 2.  1,600, and 2,600 must stay.  A to its
    # target 8, then E 2 of 4; to its edge of 32 A could give all 10.
    ("and so are planned sells", MT,
     account([security("A", "100"), security("C", "50", restriction=NO_TRADE), security("E", "100")],
             [position("A", "60", "40"), position("C", "24", "38"), position("E", "26", "20")],
             cash="200", cash_target="2", reserve="2600"), {"A": "-20", "E": "-4"}, "2600"),
    # D (22 of 20 %) is inside its band.  A 12 and 8 as above: 2,200; 4 more, to its edge, before any of D.
    ("and to its edge before anything new is sold", MT,
     account([security("A", "100"), security("C", "50", restriction=NO_TRADE), security("D", "100")],
             [position("A", "60", "40"), position("C", "32", "38"), position("D", "22", "20")],
             cash="200", cash_target="2", reserve="2600"), {"A": "-24"}, "2600"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("logic", "given", "trades", "cash"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_rule(logic: Logic, given: Account, trades: dict[str, str], cash: str) -> None:
    check_trades(given, logic, trades, cash)


MINIMUM, NO_ROOM = "below the minimum trade size", "no position has room"
RESTRICTED, NO_OTHER, NO_CASH = "restrictions do not", "no other position has room", "there is no cash to buy with"


def barred(a: tuple[str, int], b: tuple[str, int], cash: str, **other: object) -> Account:
    """A at $100 (target 50, band 40 to 60) and B at $50 (target 48, band 38.4 to 57.6), each with a restriction."""
    return account(
        [security("A", "100", restriction=a[1]), security("B", "50", restriction=b[1])],
        [position("A", a[0], "50"), position("B", b[0], "48")],
        cash=cash, cash_target="2", **other,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("logic", "given", "texts"),
    [
        # 100 short of 200.  A (51 of 50) may sell 1 x 100, below the minimum of 150.
        (BF, barred(("51", 0), ("96", 0), "100", min_trade="150"), [MINIMUM, NO_OTHER]),
        # 10 too much.  1 x 120 of A would bring cash below its band, whatever the minimum; B, which has room up to 115
        # units (57.6 %), may not be bought.
        (MT, account([security("A", "120"), security("B", "50", restriction=NO_BUY)],
                     [position("A", "40", "50"), position("B", "98.8", "48")],
                     cash="260", cash_target="2", min_trade="60"), [RESTRICTED, NO_OTHER]),
        # The same, but B cannot take a lot of 100 either (98.8 + 100 is above 115): the restriction changes nothing.
        (MT, account([security("A", "120"), security("B", "50", restriction=NO_BUY, step_micro=100_000_000)],
                     [position("A", "40", "50"), position("B", "98.8", "48")],
                     cash="260", cash_target="2", min_trade="60"), [NO_ROOM]),
        # 150 too much: A has room for 1 to target and 10 to its edge, B for 2 and 19.
        (MT, barred(("49", NO_BUY), ("94", NO_BUY), "400"), [RESTRICTED, NO_OTHER]),
        (MT, barred(("49", NO_TRADE), ("94", NO_BUY), "400"), [RESTRICTED, NO_OTHER]),
        (BF, barred(("49", NO_BUY), ("94", NO_BUY), "400"), [RESTRICTED, NO_OTHER]),
        # 50 short of 150: A has room for 1 to target and 10 to its edge, B is at its target and has 19 to its edge.
        (MT, barred(("51", NO_SELL), ("96", NO_SELL), "100"), [RESTRICTED, NO_OTHER]),
        (MT, barred(("51", NO_TRADE), ("96", NO_SELL), "100"), [RESTRICTED, NO_OTHER]),
        # 100 short of 200, which Best Fit aims at: A has room for 1, B none, and the reserve is 0.
        (BF, barred(("51", NO_SELL), ("96", NO_BUY), "100"), [RESTRICTED, NO_OTHER]),
        # Only buys are barred, and cash is to be raised: A 11 x 100 and B 19 x 50 to their edges are below 2,000.
        (MT, barred(("51", NO_BUY), ("96", NO_BUY), "100", min_trade="2000"), [MINIMUM, NO_OTHER]),
        # A (8 % of 10 %) is at its lower edge and could not be sold anyway; B has lots of 1,000 and holds 182.
        (MT, account([security("A", "100", restriction=NO_SELL), security("B", "50", step_micro=1_000_000_000)],
                     [position("A", "8", "10"), position("B", "182", "88")], cash="100", cash_target="2"), [NO_ROOM]),
        # X (10 % of 30 %) is replaced by Y, which has the 20 % it is to have: X, at its target, has room for 2 to its
        # edge of 12 % but is not bought.  Lots of 1,000 are too large for Y and Z.
        (MT, account([security("X", "100", substitute="Y"), security("Y", "50", step_micro=1_000_000_000),
                      security("Z", "10", step_micro=1_000_000_000)],
                     [position("X", "10", "30"), position("Y", "40", "0"), position("Z", "670", "68")],
                     cash="300", cash_target="2"), [RESTRICTED, NO_OTHER]),
        # Cash 210 in its band, 10 above the reserve.  B (75.8 of 76.8) lacks 1 x 50; A, inside its band with room for
        # 20, may not be sold to pay for it.
        (MT, barred(("60", NO_SELL), ("75.8", 0), "210", reserve="200"), [RESTRICTED, NO_CASH]),
        # The same with A in lots of 1,000, of which none could be sold anyway: there is only no cash.
        (MT, account([security("A", "100", restriction=NO_SELL, step_micro=1_000_000_000), security("B", "50")],
                     [position("A", "60", "50"), position("B", "75.8", "48")],
                     cash="210", cash_target="2", reserve="200"), [NO_CASH]),
        # B/S1 (5 of 10 %) lacks 3 x 100 to its edge of 8, for 50.  B/S2 (40 of 38 %) may not be sold to pay for that.
        (MT, account([security("A", "100", restriction=NO_SELL), security("B", "100")],
                     [position("A", "53", "50"), position("B", "5", "10"), position("B", "40", "38", "S2")],
                     cash="200", cash_target="2"), [RESTRICTED, NO_CASH]),
    ],
)  # fmt: skip
def test_why_nothing_is_traded_for_cash(logic: Logic, given: Account, texts: list[str]) -> None:
    text = no_trade_text(given, logic)
    assert all(expected in text for expected in texts) and text.count("because") == len(texts), text


def test_a_planned_buy_that_places_cash_too_keeps_its_reason() -> None:
    """A (20 of 30 %, edge 24) buys 4, then 6 to target and 6 to its edge; 15 of B bring cash from 400 to 250."""
    given = account(
        {"A": "100", "B": "10"}, [position("A", "20", "30"), position("B", "600", "68")], cash="2000", cash_target="2"
    )
    result = proposal(given, MT)
    assert result.orders == {"A": 16_000_000, "B": 15_000_000}
    assert result.reasons == {("A", "S1"): Reason.TO_EDGE, ("B", "S1"): Reason.PLACE_CASH}
    assert result.order_reasons == {"A": Reason.TO_EDGE, "B": Reason.PLACE_CASH}


def test_a_sell_to_its_edge_that_pays_for_buys_too_keeps_its_reason() -> None:
    """A (13 of 10 %) to its edge of 12 and one more for B, as above."""
    given = next(given for rule, _, given, _, _ in CASES if rule.startswith("what is sold to its edge pays"))
    result = proposal(given, MT)
    assert result.reasons == {("A", "S1"): Reason.TO_EDGE, ("B", "S1"): Reason.TO_EDGE}
    assert result.order_reasons == {"A": Reason.TO_EDGE, "B": Reason.TO_EDGE}


def test_what_is_too_small_to_be_bought_may_be_sold_in_another_sleeve() -> None:
    """A/S1 (7 of 10 %, edge 8) lacks 1 x 100, below the minimum of 200; B (25 of 38 %, edge 30.4) lacks 11 x 50.

    At first both cost 650; A is to be bought, so C (10.9 of 10 %) would bring the 200 that 600 - 150 lack.  Without A
    550 lack 100, and A/S2 (32 of 30 %) is further above its target than C: 2 x 100, which is the minimum.
    """
    given = account(
        [security("A", "100"), security("B", "50"), security("C", "10"), security("Z", "10", restriction=NO_SELL)],
        [position("A", "7", "10"), position("A", "32", "30", "S2"), position("B", "50", "38"),
         position("C", "109", "10"), position("Z", "191", "10")],
        cash="600", cash_target="2", min_trade="200",
    )  # fmt: skip
    result = proposal(given, MT)
    assert result.trades == {("A", "S2"): -2_000_000, ("B", "S1"): 11_000_000}
    assert result.cash == 25_000
