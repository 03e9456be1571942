"""Best Fit step 4 where earlier steps have traded already, and what it says where it cannot place.  Source: product 4.

V = $10,000 unless a case says otherwise; cash target 2 %, its band $150 to $250; precision 4 % of target.
"""

import pytest

from shared.contracts.codes import Reason
from shared.fixed_point.text import scaled
from tests.proposer.accounts import NO_BUY, NO_SELL
from tests.proposer.builders import BF, Account, Position, Security, account, position, security
from tests.proposer.harness import check_trades, no_trade_text, proposal

pytestmark = pytest.mark.fast


def one_outside_one_inside(**other: object) -> Account:
    """A 35 x $100, target 40: 5 short, outside 38.4.  B 113 x $50 = 56.5 %, target 58: 3 short, inside 55.68.

    Cash 850: step 2 buys 5 of A, 350 is left, above 250; 150 of it are to be placed.
    """
    return account(
        {"A": "100", "B": "50"},
        [position("A", "35", "40"), position("B", "113", "58")],
        **{"cash": "850", "cash_target": "2", **other},
    )


def in_two_sleeves(
    price: str, s1: tuple[str, str], s2: tuple[str, str], b: tuple[str, str], **other: object
) -> Account:
    """A in two sleeves and B at $50 in one, each with units and target."""
    return account(
        {"A": price, "B": "50"},
        [position("A", *s1), position("A", *s2, "S2"), position("B", *b)],
        **{"cash_target": "2", **other},
    )


def test_what_was_bought_to_target_is_not_bought_again() -> None:
    """A's 5 of step 2 stand; the 150 go to B, 3 x 50."""
    check_trades(one_outside_one_inside(), BF, {"A/S1": "5", "B/S1": "3"}, "200")


def test_both_steps_keep_their_reasons() -> None:
    result = proposal(one_outside_one_inside(), BF)
    assert result.order_reasons == {"A": Reason.TO_TARGET, "B": Reason.PLACE_CASH}


def test_the_sleeve_inside_its_band_gets_what_is_placed_and_the_other_keeps_what_it_bought() -> None:
    """A/S1 20 x 100, target 25: 5 short, outside 24.  A/S2 29, target 30: 1 short, inside 28.8.  B 84 of 86, target 43.

    Cash 10,000 - 2,000 - 2,900 - 4,200 = 900, less 500 = 400, above 250: 200 are placed, 1 x 100 and 2 x 50.
    """
    given = in_two_sleeves("100", ("20", "25"), ("29", "30"), ("84", "43"), cash="900")
    check_trades(given, BF, {"A/S1": "5", "A/S2": "1", "B/S1": "2"}, "200")
    assert proposal(given, BF).reasons[("A", "S2")] == Reason.PLACE_CASH
    # The market order of A keeps its first reason.
    assert proposal(given, BF).order_reasons["A"] == Reason.TO_TARGET


def test_shares_go_by_what_is_lacking_now() -> None:
    """As above, but 350 short in A/S2 (26.5 of 30) and 300 in B (80 of 86), both inside a precision of 20 %.

    Cash 10,000 - 2,000 - 2,650 - 4,000 = 1,350, less 500 = 850: 650 to place, exactly both: 3 x 100 (half a share
    stays) and 6 x 50; 250 are left, which is inside.
    """
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "20", "25"), position("A", "26.5", "30", "S2", precision="20"),
         position("B", "80", "43", precision="20")],
        cash="1350", cash_target="2",
    )  # fmt: skip
    check_trades(given, BF, {"A/S1": "5", "A/S2": "3", "B/S1": "6"}, "250")
    # With a reserve of 300, 550 over 350 : 300.  296.15 / 100 = 2 and 253.84 / 50 = 5: 450.  Of the 400
    # left 100 may be spent: one more of A, which is 150 short.
    kept = account(given.securities, given.positions, cash="1350", cash_target="2", reserve="300")
    check_trades(kept, BF, {"A/S1": "5", "A/S2": "3", "B/S1": "5"}, "300")


def test_what_step_2_bought_of_a_security_gives_it_no_larger_share_in_step_4() -> None:
    """As above, A at $10, a reserve of 300: A/S1 buys 50, A/S2 lacks 350 and B 300; 550 of the 850 left are placed.

    550 x 350 / 650 = 296.15, 29 of A; 550 x 300 / 650 = 253.84, 5 of B; the 10 left buy one more of A.  Were the 500
    that A/S1 lacked still counted, A would have 550 x 850 / 1,150 = 406 and take all of its 350.
    """
    given = account(
        {"A": "10", "B": "50"},
        [position("A", "200", "25"), position("A", "265", "30", "S2", precision="20"),
         position("B", "80", "43", precision="20")],
        cash="1350", cash_target="2", reserve="300",
    )  # fmt: skip
    check_trades(given, BF, {"A/S1": "50", "A/S2": "30", "B/S1": "5"}, "300")


def test_what_is_placed_in_a_security_with_a_market_sell_is_taken_back_from_it() -> None:
    """A/S1 30 x 100, target 20: sells 10.  A/S2 29, target 30, is inside.  B 80 x 50, target 48: 960 at most.

    Cash 100 + 1,000 = 1,100; B (40 %, outside 46.08) buys 16 (800): 300, above 250.  A/S2 takes one of the ten.
    """
    given = in_two_sleeves("100", ("30", "20"), ("29", "30"), ("80", "48"), cash="100")
    check_trades(given, BF, {"A/S1": "-10", "A/S2": "1", "B/S1": "16"}, "200")


def test_one_dropped_as_undersized_may_take_what_another_of_its_sleeves_lacks() -> None:
    """Minimum $350.  A/S1 (3 short, outside) is dropped in step 2; A/S2 (4 short, inside 36 to 44) is not outside.

    A/S1 7 of 10, A/S2 36 of 40, B 96 of 96 = 48 %; cash 10,000 - 700 - 3,600 - 4,800 = 900: 700 to place.
    """
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "7", "10"), position("A", "36", "40", "S2", precision="10"), position("B", "96", "48")],
        cash="900", cash_target="2", min_trade="350",
    )  # fmt: skip
    check_trades(given, BF, {"A/S2": "4"}, "500")


def test_undersized_shares_of_placed_cash_go_and_the_rest_is_shared_again() -> None:
    """A 48 of 50 (200 short), B 95 of 96 (50 short), 250 to place of 450.  B's 50 are below the minimum of 100."""
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "48", "50"), position("B", "95", "48")],
        cash="450", cash_target="2", min_trade="100",
    )  # fmt: skip
    check_trades(given, BF, {"A/S1": "2"}, "250")
    # 350 of 200 : 150 with a minimum of 160: B's share of 150 is undersized, A gets its 200 all the same.
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "48", "50"), position("B", "93", "48")],
        cash="550", cash_target="2", min_trade="160",
    )  # fmt: skip
    check_trades(given, BF, {"A/S1": "2"}, "350")


@pytest.mark.parametrize(
    ("cash", "a", "trades", "left"),
    [
        # $250 is the upper edge: inside, so nothing is placed though A is short of 50
        ("250", "49.5", {}, "250"),
        # a cent above it: 50.01 to place, and A has room for half a share only in whole ones; B 97 of 98 is 50 short
        ("250.01", "49.4999", {"B/S1": "1"}, "200.01"),
    ],
)
def test_the_upper_edge_of_cash_is_inside(cash: str, a: str, trades: dict[str, str], left: str) -> None:
    """A at $100, target 50; B at $50: 96 held of 48 %, or one more or less to fill V."""
    worth = 1_000_000 - scaled(cash, 2) - round(float(a) * 10_000)
    b = f"{worth / 5_000:.6f}".rstrip("0").rstrip(".")
    given = account(
        {"A": "100", "B": "50"}, [position("A", a, "49"), position("B", b, "49")], cash=cash, cash_target="2"
    )
    check_trades(given, BF, trades, left)


def test_a_security_that_may_not_be_bought_is_passed_over_and_the_next_one_is_looked_at() -> None:
    """A 49 of 50, not to be bought; B 94 of 96: cash 400, 200 to place, 2 x 50."""
    given = account(
        [security("A", "100", restriction=NO_BUY), security("B", "50")],
        [position("A", "49", "50"), position("B", "94", "48")],
        cash="400", cash_target="2",
    )  # fmt: skip
    check_trades(given, BF, {"B/S1": "2"}, "300")


def why(*securities: Security, positions: list[Position], cash: str, cash_target: str = "2") -> str:
    """Return why Best Fit trades nothing."""
    return no_trade_text(account(list(securities), positions, cash=cash, cash_target=cash_target), BF)


RESTRICTED, NO_ROOM, STEP = "restrictions do not allow", "no position has room", "less than one tradable step"


def test_restrictions_are_named_exactly_where_they_bar_a_trade() -> None:
    # A 97 of 98, cash 300: a share would be placed
    text = why(security("A", "100", restriction=NO_BUY), positions=[position("A", "97", "98")], cash="300")
    assert RESTRICTED in text and "no other position has room" in text
    # A 97.5 of 98, cash 250.01 above the edge: half a share is none, whatever may be bought
    text = why(
        security("A", "100", restriction=NO_BUY), security("B", "1"),
        positions=[position("A", "97.4999", "98"), position("B", "0", "0")], cash="250.01",
    )  # fmt: skip
    assert RESTRICTED not in text and NO_ROOM in text
    # of what has no target nothing would be bought
    text = why(
        security("A", "100"), security("B", "1", restriction=NO_BUY),
        positions=[position("A", "97.4999", "98"), position("B", "0", "0")], cash="250.01",
    )  # fmt: skip
    assert RESTRICTED not in text and NO_ROOM in text


def test_less_than_a_step_is_named_exactly_where_it_is_so() -> None:
    # A $2,000, target 0.5 %: $50, outside its precision band without a share and less than one short.  B is inside.
    a, b = security("A", "2000"), security("B", "100")
    text = why(a, b, positions=[position("A", "0", "0.5"), position("B", "98", "97.5")], cash="200")
    assert STEP in text and RESTRICTED not in text
    # A 100 of 90 may not be sold; it is more than a step away
    text = why(
        security("A", "100", restriction=NO_SELL), positions=[position("A", "100", "90")], cash="0", cash_target="10"
    )
    assert RESTRICTED in text and STEP not in text


def test_what_is_neither_held_nor_wanted_needs_no_price() -> None:
    """A 92 x $100, target 95 %: inside 91.2.  Z has weight 0 and no price.  Cash 800, above 600: 300 buy 3 of A."""
    given = account(
        [security("A", "100"), security("Z", None)],
        [position("A", "92", "95"), position("Z", "0", "0")],
        cash="800",
        cash_target="5",
    )
    check_trades(given, BF, {"A/S1": "3"}, "500")
