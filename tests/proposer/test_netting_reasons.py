"""Which reason a trade and its order carry, and what is crossed, where netting, exits and cash meet.

Source: product 4.
V = $10,000; cash target 2 %, its band $150 to $250; units and dollars.
"""

import pytest

from shared.contracts.codes import Logic, Reason
from tests.proposer.accounts import NO_BUY, NO_SELL, sleeves, swapped
from tests.proposer.builders import BF, MT, Account, account, position, security
from tests.proposer.harness import no_trade_text, proposal

pytestmark = pytest.mark.fast


def micro(units: dict[str, int]) -> dict[tuple[str, str], int]:
    return {("A", sleeve): count * 1_000_000 for sleeve, count in units.items()}


def test_the_first_sleeve_may_be_the_one_that_buys() -> None:
    """S2 sells 20 of 30, S1 buys 12: 12 are crossed to S1, 8 go to market."""
    result = proposal(sleeves({"S1": "0", "S2": "30"}, {"S1": "12", "S2": "10"}, "130", "76", "500"), BF)
    assert result.crossed == micro({"S1": 12, "S2": -12})
    assert result.orders == {"A": -8_000_000, "B": 22_000_000}


def test_a_full_exit_that_is_crossed_says_so_and_its_buyer_does_not() -> None:
    """S1's 10 leave, S2 buys 20: 10 crossed, 10 from the market, of an order that says it is the remainder."""
    result = proposal(sleeves({"S1": "10", "S2": "0"}, {"S1": "0", "S2": "20"}, "156", "78", "1200"), BF)
    assert result.trades == {**micro({"S1": -10, "S2": 20})}
    assert result.reasons == {("A", "S1"): Reason.FULL_EXIT, ("A", "S2"): Reason.TO_TARGET}
    assert result.order_reasons == {"A": Reason.NETTED}


def test_an_order_for_cash_says_so_though_units_were_crossed_before() -> None:
    """12 of A are crossed without a remainder.  The reserve of 1,000 lacks 800: 3 of A/S1 and 10 of B."""
    given = sleeves({"S1": "30", "S2": "0"}, {"S1": "18", "S2": "12"}, "136", "68", "200", reserve="1000")
    result = proposal(given, BF)
    assert result.orders == {"A": -3_000_000, "B": -10_000_000}
    assert result.order_reasons == {"A": Reason.RAISE_CASH, "B": Reason.RAISE_CASH}
    # A sleeve's trade keeps its first reason.
    assert result.reasons[("A", "S1")] == Reason.TO_TARGET and result.reasons[("B", "S1")] == Reason.RAISE_CASH


def test_an_order_that_pays_for_buys_says_so_though_units_were_crossed_before() -> None:
    """A/S1 sells 6 of 30 to its edge of 24 %, A/S2 buys 6 to its edge of 16 %: crossed.  B (37 %) lacks 1.4 %: 3 x 50.

    The reserve of 1,000 and 150 lack 50 of the cash of 1,100: one more of A/S1.  Of 1,050 then 50 are too much: B.
    """
    given = account(
        [security("A", "100"), security("B", "50"), security("C", "100", restriction=NO_SELL)],
        [position("A", "30", "20"), position("A", "10", "20", "S2"), position("B", "74", "48"),
         position("C", "12", "10")],
        cash="1100", cash_target="2", reserve="1000",
    )  # fmt: skip
    result = proposal(given, MT)
    assert result.orders == {"A": -1_000_000, "B": 4_000_000}
    assert result.order_reasons == {"A": Reason.RAISE_CASH, "B": Reason.TO_EDGE}
    assert result.crossed == micro({"S1": -6, "S2": 6}) and result.cash == 100_000


def test_a_substitute_that_cash_is_placed_in_says_that() -> None:
    """X 10 % of 30, so Y aims at 20 %: 39 of 40 units.  Z 675 of 680.  Cash 300: 100 for 50 : 50, 1 of Y and 5 of Z."""
    given = swapped("10", "39", "300")
    given = account(given.securities, [*given.positions[:2], position("Z", "675", "68")], cash="300", cash_target="2")
    result = proposal(given, BF)
    assert result.orders == {"Y": 1_000_000, "Z": 5_000_000}
    assert result.reasons == {("Y", "S1"): Reason.PLACE_CASH, ("Z", "S1"): Reason.PLACE_CASH}


def test_planned_sells_are_enlarged_by_what_is_still_above_target() -> None:
    """A 20 of 10 % sells 8 to its edge of 12, 200 above target; B 37 of 30 % sells 1 to 36, 600 above.

    Cash -800 + 900 = 100, 50 short: one more of B, though A stood further off at first.
    """
    given = account(
        {"A": "100", "B": "100", "C": "10"},
        [position("A", "20", "10"), position("B", "37", "30"), position("C", "510", "58")],
        cash="-800", cash_target="2",
    )  # fmt: skip
    result = proposal(given, MT)
    assert result.orders == {"A": -8_000_000, "B": -2_000_000}
    assert result.cash == 20_000


WIDE = {"precision": "20"}


@pytest.mark.parametrize(
    ("logic", "given", "reason"),
    [
        # A 45 of 50, outside precision and not to be bought; B inside its own, cash at its target.
        (BF, account([security("A", "100", restriction=NO_BUY), security("B", "50")],
                     [position("A", "45", "50"), position("B", "106", "48", **WIDE)], cash="200", cash_target="2"),
         "restrictions do not allow"),
        # A 39 of 50, below 40: outside its rebalance band.
        (MT, account([security("A", "100", restriction=NO_BUY), security("B", "50")],
                     [position("A", "39", "50"), position("B", "118", "48", threshold="30")],
                     cash="200", cash_target="2"), "restrictions do not allow"),
        # What Best Fit says of this account, no cash for A's 5 that are lacking, is nothing to Min Transaction.
        (MT, account({"A": "100", "B": "50"}, [position("A", "45", "50"), position("B", "106", "48", **WIDE)],
                     cash="200", cash_target="2"), "inside its rebalance band"),
    ],
)  # fmt: skip
def test_each_logic_says_its_own_reason_and_no_other(logic: Logic, given: Account, reason: str) -> None:
    text = no_trade_text(given, logic)
    assert reason in text and text.count("because") == 1, text
