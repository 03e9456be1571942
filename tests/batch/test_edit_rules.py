"""Which edits of a proposal's orders are allowed: a table of what a person may ask for, and the words of each refusal.

Source: product 4, "Always"; product 6 (edit).
"""

from typing import Any

import pytest

from services.batch.domain.edits import EditedOrder, EditError, edited_orders
from shared.fixed_point.text import scaled

pytestmark = pytest.mark.fast
UNIT = 1_000_000


def security(name: str, price: str, **more: Any) -> dict[str, Any]:
    return {
        "security_id": name, "price_micro": scaled(price, 6), "step_micro": UNIT, "restriction": 0, "substitute": -1,
        "is_fund": False, "role": None, "price_divisor": None,
    } | more  # fmt: skip


def result(**more: Any) -> dict[str, Any]:
    """SEL at $10: S1 sells 50 of 80, 10 of them to S2, which holds 5 and buys.  BUY at $20: buys 15.

    Cash is 100 + 400 - 300.
    """
    return {
        "reserve_cents": 0, "min_trade_cents": 0, "min_trade_ppb": 0,
        "securities": [security("SEL", "10"), security("BUY", "20")],
        "positions": [
            {"sleeve_id": "S1", "security": 0, "quantity_micro": 80 * UNIT},
            {"sleeve_id": "S2", "security": 0, "quantity_micro": 5 * UNIT},
            {"sleeve_id": "S1", "security": 1, "quantity_micro": 0},
        ],
        "proposals": [{"logic": 0, "value_cents": 1_000_000, "begin_cash_cents": 10_000}],
        "sleeve_trades": [
            {"logic": 0, "position": 0, "quantity_micro": -50 * UNIT, "crossed_micro": -10 * UNIT},
            {"logic": 0, "position": 1, "quantity_micro": 10 * UNIT, "crossed_micro": 10 * UNIT},
            {"logic": 0, "position": 2, "quantity_micro": 15 * UNIT, "crossed_micro": 0},
        ],
        "orders": [
            {"logic": 0, "security": 0, "quantity_micro": -40 * UNIT},
            {"logic": 0, "security": 1, "quantity_micro": 15 * UNIT},
            {"logic": 1, "security": 1, "quantity_micro": 99 * UNIT},
        ],
    } | more  # fmt: skip


def asked(given: dict[str, Any], **units: str) -> list[EditedOrder]:
    return edited_orders(given, 0, [(name, scaled(text, 6)) for name, text in units.items()])


@pytest.mark.parametrize(
    ("units", "orders"),
    [
        ({"BUY": "0"}, [("BUY", 15, 0)]),
        ({"BUY": "25"}, [("BUY", 15, 25)]),  # all the cash: $500
        ({"SEL": "20"}, [("SEL", -40, -20)]),  # as much as the cash allows: $300 is bought
        ({"SEL": "70"}, [("SEL", -40, -70)]),  # all that S1 holds and does not cross
        ({"SEL": "0", "BUY": "0"}, [("BUY", 15, 0), ("SEL", -40, 0)]),
        ({"SEL": "40", "BUY": "14"}, [("BUY", 15, 14)]),
        ({"SEL": "40", "BUY": "15"}, []),
    ],
)
def test_what_may_be_asked_for(units: dict[str, str], orders: list[tuple[str, int, int]]) -> None:
    assert asked(result(), **units) == [EditedOrder(name, was * UNIT, now * UNIT) for name, was, now in orders]


@pytest.mark.parametrize(
    ("more", "units", "sentence"),
    [
        ({}, {"BUY": "26"}, "Buying 26 BUY needs $20.00 more than the account's cash: buy less, or sell more."),
        ({"reserve_cents": 5_000}, {"BUY": "25"},
         "Buying 25 BUY needs $50.00 more than the account's cash above its reserve of $50.00: buy less, or sell"
         " more."),
        ({}, {"SEL": "19"},
         "Selling 19 SEL brings too little: the buys then need $10.00 more than the account's cash: buy less, or sell"
         " more."),
        ({}, {"SEL": "30", "BUY": "26"},
         "The trades together need $120.00 more than the account's cash: buy less, or sell more."),
        ({}, {"SEL": "71"},
         "Selling 71 SEL is more than the 70 that the account can sell of it: sell at most these."),
        ({}, {"BUY": "14.5"}, "BUY trades in whole units, and 14.5 is none of them: round it."),
        ({"securities": [security("SEL", "10"), security("BUY", "20", step_micro=5 * UNIT)]}, {"BUY": "12"},
         "BUY trades in steps of 5 units, and 12 is none of them: round it."),
        ({"min_trade_cents": 10_000}, {"BUY": "4"},
         "Buying 4 BUY is a trade of $80.00, less than the account's minimum trade size of $100.00: make it larger, or"
         " 0."),
        ({"min_trade_ppb": 10_000_001}, {"SEL": "10", "BUY": "0"},
         "Selling 10 SEL is a trade of $100.00, less than the account's minimum trade size of $100.01: make it larger,"
         " or 0."),
        ({}, {"OTHER": "1"},
         "No trade of OTHER is proposed for this account: only what is proposed can be made smaller or larger."),
        ({"securities": [security("SEL", "10", role=1), security("BUY", "20")]}, {"SEL": "1"},
         "No trade of SEL is proposed for this account: only what is proposed can be made smaller or larger."),
    ],
)  # fmt: skip
def test_every_refusal_says_what_why_and_what_to_do(more: dict[str, Any], units: dict[str, str], sentence: str) -> None:
    with pytest.raises(EditError) as refused:
        asked(result(**more), **units)
    assert str(refused.value) == sentence


def test_a_security_has_one_quantity() -> None:
    with pytest.raises(EditError, match="BUY is named twice"):
        edited_orders(result(), 0, [("BUY", 0), ("BUY", UNIT)])


def test_all_that_is_held_may_be_sold_whatever_the_step_and_the_minimum() -> None:
    held = result(min_trade_cents=1_000_000)
    held["positions"][0]["quantity_micro"] = 80_500_000
    assert asked(held, SEL="70.5") == [EditedOrder("SEL", -40 * UNIT, -70_500_000)]


def test_bonds_are_counted_in_dollars_of_face() -> None:
    """At 95 percent of face, 300 of face cost $285, and $500 of cash buy no 530."""
    bond = security("BUY", "95", step_micro=10 * UNIT, price_divisor=100)
    given = result(securities=[security("SEL", "10"), bond])
    given["orders"][1]["quantity_micro"] = 300 * UNIT
    assert asked(given, BUY="520") == [EditedOrder("BUY", 300 * UNIT, 520 * UNIT)]
    with pytest.raises(EditError, match=r"needs \$3.50 more"):
        asked(given, BUY="530")
