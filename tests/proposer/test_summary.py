"""What is told of a proposal: summary, reasons, weights, and why there is nothing to trade."""

import pytest

from shared.contracts.codes import Logic, Reason
from tests.proposer.accounts import NETTED_ACCOUNT, NO_TRADE, dear, near, plain, sleeves, swapped
from tests.proposer.builders import BF, MT, Account, account, position, security
from tests.proposer.harness import proposal

pytestmark = pytest.mark.fast


def test_the_summary_counts_market_orders_and_values_what_is_crossed() -> None:
    result = proposal(sleeves(*NETTED_ACCOUNT), BF)
    # sell 8 x 100, buy 22 x 50, crossed 12 x 100
    expected = {
        "value_cents": 1_000_000,
        "begin_cash_cents": 50_000,
        "end_cash_cents": 20_000,
        "buys": 1,
        "buys_cents": 110_000,
        "sells": 1,
        "sells_cents": 80_000,
        "flats": 1,
        "flats_cents": 120_000,
    }
    assert {name: result.summary[name] for name in expected} == expected
    assert result.crossed == {("A", "S1"): -12_000_000, ("A", "S2"): 12_000_000}
    assert result.orders == {"A": -8_000_000, "B": 22_000_000}
    assert list(result.orders) == ["A", "B"], "sells stand before buys"


def test_crossed_units_go_to_the_buying_sleeves_in_order_of_sleeve_id() -> None:
    """S1 sells 10 of A; S2 buys 8, S3 buys 12: S2 gets its 8 and S3 the other 2 crossed, S3's last 10 are bought."""
    units, targets = {"S1": "30", "S2": "0", "S3": "0"}, {"S1": "20", "S2": "8", "S3": "12"}
    result = proposal(sleeves(units, targets, "116", "58", "1200"), BF)
    assert result.crossed == {("A", "S1"): -10_000_000, ("A", "S2"): 8_000_000, ("A", "S3"): 2_000_000}
    assert result.trades == {("A", "S1"): -10_000_000, ("A", "S2"): 8_000_000, ("A", "S3"): 12_000_000}
    assert (result.orders, result.cash) == ({"A": 10_000_000}, 20_000)


@pytest.mark.parametrize(
    ("given", "logic", "sleeve", "orders"),
    [
        (plain(), BF, {"A": Reason.TO_TARGET, "B": Reason.TO_TARGET}, {"A": Reason.TO_TARGET, "B": Reason.TO_TARGET}),
        (plain(), MT, {"A": Reason.RAISE_CASH, "B": Reason.TO_EDGE}, {"A": Reason.RAISE_CASH, "B": Reason.TO_EDGE}),
        (
            near("49", "94", "400"),
            MT,
            {"A": Reason.PLACE_CASH, "B": Reason.PLACE_CASH},
            {"A": Reason.PLACE_CASH, "B": Reason.PLACE_CASH},
        ),
        (
            near("49", "94", "400"),
            BF,
            {"A": Reason.PLACE_CASH, "B": Reason.PLACE_CASH},
            {"A": Reason.PLACE_CASH, "B": Reason.PLACE_CASH},
        ),
        (swapped("10", "0", "2200"), BF, {"Y": Reason.SUBSTITUTE}, {"Y": Reason.SUBSTITUTE}),
        (swapped("30", "5", "-50"), MT, {"Y": Reason.FULL_EXIT}, {"Y": Reason.FULL_EXIT}),
        # planned first, then enlarged to raise cash: the first reason stays
        (
            account(
                {"A": "100", "B": "10"},
                [position("A", "40", "30"), position("B", "630", "68")],
                cash="-300",
                cash_target="2",
            ),
            MT,
            {"A": Reason.TO_EDGE},
            {"A": Reason.TO_EDGE},
        ),
    ],
)
def test_a_trade_keeps_its_first_reason(
    given: Account, logic: Logic, sleeve: dict[str, Reason], orders: dict[str, Reason]
) -> None:
    result = proposal(given, logic)
    assert {name: reason for (name, _), reason in result.reasons.items()} == sleeve
    assert result.order_reasons == orders


def test_the_remainder_of_netting_says_so() -> None:
    result = proposal(sleeves(*NETTED_ACCOUNT), BF)
    assert result.order_reasons == {"A": Reason.NETTED, "B": Reason.TO_TARGET}
    assert result.reasons[("A", "S2")] == Reason.TO_TARGET


def test_weights_before_and_after_are_shares_of_the_value_before_the_trades() -> None:
    rows = proposal(plain(), BF).rows["sleeve_trades"]
    shown = [(row["before_ppb"], row["after_ppb"]) for row in rows if row["logic"] == BF]
    assert shown == [(700_000_000, 600_000_000), (200_000_000, 380_000_000)]


@pytest.mark.parametrize(
    ("given", "logic", "sentence"),
    [
        (near("50", "96", "200"), BF, "inside its precision band"),
        (near("50", "96", "200"), MT, "inside its rebalance band"),
        (plain(min_trade="1000.01"), BF, "below the minimum trade size"),
        (dear(2000, 1), MT, "less than one tradable step"),
        (
            account(
                [security("A", "100", restriction=NO_TRADE)], [position("A", "98", "90")], cash="200", cash_target="10"
            ),
            BF,
            "restrictions",
        ),
    ],
)
def test_an_account_without_trades_says_why(given: Account, logic: Logic, sentence: str) -> None:
    result = proposal(given, logic)
    assert result.trades == {}
    assert sentence in result.summary["no_trade_text"]
