"""The fine points that were settled after two implementations were compared, by hand: a row for each sentence.

What a case does not say stands in tests/proposer/accounts.py.  Units, and cash in dollars.  Source: product 4.
"""

from dataclasses import replace

import pytest

from shared.contracts.codes import Reason
from tests.proposer.accounts import NO_BUY, NO_SELL, near, sleeves, swapped, tight
from tests.proposer.builders import BF, FRACTIONAL, MT, TA, WHOLE, Account, account, position, security
from tests.proposer.harness import Case, check, no_trade_text, proposal

pytestmark = pytest.mark.fast


def dear_buy(cash: str, a_units: str, **other: object) -> Account:
    """V = $100: A at $1, target 60 % (band 54 to 66); C at $50, target 40 %, none held; cash target 0."""
    return account(
        {"A": "1", "C": "50"},
        [position("A", a_units, "60", threshold="10"), position("C", "0", "40", threshold="10")],
        cash=cash, cash_target="0", **other,
    )  # fmt: skip


def unpriced(x_units: str, cash: str, z_units: str = "680") -> Account:
    """As `swapped`, but Y, which stands in for X, has no price and is not held."""
    given = swapped(x_units, "0", cash)
    securities = [replace(listed, price_micro=None) if listed.security_id == "Y" else listed
                  for listed in given.securities]  # fmt: skip
    return replace(given, securities=securities, positions=[*given.positions[:2], position("Z", z_units, "68")])


CASES = [
    # ---- A buy that cannot be made is given up before the first round
    # C lacks 36 % of 100: one share (to 50 %, 10 off; 40 off without).  Cash 40 and A's 6 above its edge of 54 make 46
    # of 50: no C, and no A is sold for it.  Cash is 39.50 above its edge of 0.50: A to its upper edge of 66: 6.
    Case("nothing is sold for a buy that cannot be made", dear_buy("40", "60"), MT, {"A": "6"}, "34"),
    # With 44 of cash and A's 56 - 54 = 2 it is 46 as well.  A is below target: to it 4, to its edge 6 more.
    Case("in-band sells count down to the lower edge", dear_buy("44", "56"), MT, {"A": "10"}, "34"),
    # 44 + 6 = 50 of V = 104: A's band is 56.16 to 68.64: 60 - 57 = 3: 47 of 50, nothing.  A to 62: 2, then 68: 6 more.
    Case("the bands are those of V", dear_buy("44", "60"), MT, {"A": "8"}, "36"),
    # V = 100, cash 46 and A 54 at its edge: nothing can be sold.  Reaching 50 takes a share at $46.
    Case("a step that cash alone pays is bought",
         account({"A": "1", "C": "46"},
                 [position("A", "54", "60", threshold="10"), position("C", "0", "40", threshold="10")],
                 cash="46", cash_target="0"), MT, {"C": "1"}, "0"),
    # A (70 %, in band) could pay, but B's count of 21 x 50 is below the minimum: nothing is sold for it.  Of 1,000 of
    # cash 750 are too much: A has 200 of room to 72 %, below the minimum as well.
    Case("below the minimum size nothing is sold for it",
         account({"A": "100", "B": "50"}, [position("A", "70", "60"), position("B", "40", "38")],
                 cash="1000", cash_target="2", min_trade="1050.01"), MT, {}, "1000"),
    # Best Fit: 800 - 200 = 600 of E ($650) and B ($130, 300 short).  E cannot be paid: B has all of the cash: 2.
    Case("what cannot be paid has no share", tight("92", "800", {"A": "650", "B": "130"},
         {"A": "9", "B": "3", "C": "86"}), BF, {"B": "2"}, "540"),
    # Best Fit: B's full count, 2 x 130, is below the minimum of 261: given up at once, so A has 800, not 600, of it.
    Case("what is below the minimum in full has no share", tight("90", "1000", {"A": "390", "B": "130"},
         {"A": "9", "B": "3", "C": "86"}, min_trade="261"), BF, {"A": "2"}, "220"),
    # ---- What rounds to $0.00 is no trade, a full exit excepted
    # W: 1,000 at a millionth of a dollar are $0.001: sold whole for $0.00, in an account of 5 million.
    Case("a full exit for nothing is made",
         account({"A": "100", "W": "0.000001"}, [position("A", "49000", "98"), position("W", "1000", "0")],
                 cash="100000", cash_target="2"), BF, {"W": "-1000"}, "100000"),
    Case("and by Min Transaction",
         account({"A": "100", "W": "0.000001"}, [position("A", "49000", "98"), position("W", "1000", "0")],
                 cash="100000", cash_target="2"), MT, {"W": "-1000"}, "100000"),
    # A 0.1 % of V: 10.00004, target 10; its precision of 0 is passed by 0.00004, which is no cent.
    Case("a sell to target that rounds to nothing is none",
         account([security("A", "1", step_micro=FRACTIONAL), security("B", "1")],
                 [position("A", "10.004", "0.1", precision="0"), position("B", "9790", "97.9")],
                 cash="200", cash_target="2"), BF, {}, "200"),
    # ---- A buy that places cash is enlarged to the minimum size where its room allows
    # Cash 300, 50 too much.  To target A has 100 of room, B 50: below 120.  To its edge A has 1,100: 1 is needed, 2
    # would bring cash to 100, below its 150; B has 1,010: 1 is needed, 3 x 50 make the minimum.
    Case("a buy that places cash is enlarged to the minimum size", near("49", "96", "300", min_trade="120"), MT,
         {"B": "3"}, "150"),
    Case("without room for it the buy is left out", near("49", "96", "300", min_trade="151"), MT, {}, "300"),
    # Best Fit: 150 to place over 100 : 200 (A, B): 50 gives no share of A, B's 100 is below the minimum of 130; then B,
    # which lacks 200, is enlarged to 3 x 50.
    Case("so is one of Best Fit", near("49", "92", "500", min_trade="130"), BF, {"B": "4"}, "300"),
    # ---- Substitutes
    # Y has no price: X (10 % of 30) is not bought; Z (68 %) is at its target.  Cash stays.
    Case("a substitute without a price counts as absent", unpriced("10", "2200"), BF, {}, "2200"),
    # ---- The market order is in whole steps
    # S1 leaves with 10.5, S2 buys 20: 9.5 of market buy, cut to 9.
    Case("the market order is in whole steps", sleeves({"S1": "10.5", "S2": "0"}, {"S1": "0", "S2": "20"}, "150", "78",
         "1450"), BF, {"A/S1": "-10.5", "A/S2": "19.5", "B": "6"}, "250"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.logic.name} {case.rule}")
def test_rule(case: Case) -> None:
    check(case)


def two_sleeves(first: str, second: str, b_units: str, cash: str, *, bars: str = "", **other: object) -> Account:
    """V = $10,000, all at $100: 20 % A in S1, 20 % A in S2 with a precision of 20 % (16 to 24), 58 % B, 2 % cash."""
    return account(
        [security(name, "100", restriction=NO_BUY if name in bars else 0) for name in "AB"],
        [position("A", first, "20"), position("A", second, "20", "S2", precision="20"), position("B", b_units, "58")],
        cash=cash, cash_target="2", **other,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "orders", "crossed", "cash"),
    [
        # S1 sells 10 to target; B may not be bought, so cash of 1,200 is above 250.  S2 lacks 1: of the 10 it gets one.
        (two_sleeves("30", "19", "49", "200", bars="B"), {"A": -9}, 1, "1100"),
        # S1 sells 1, S2 lacks 3 and B 1: 400 of 600 are placed.  The one is taken back, and two are bought.
        (two_sleeves("21", "17", "57", "500"), {"A": 2, "B": 1}, 1, "200"),
        # What may not be bought may be taken back: no order of A is left.
        (two_sleeves("21", "17", "57", "500", bars="A"), {"B": 1}, 1, "400"),
        # What would be left of the sell is below the minimum size of 950: nothing is taken back.
        (two_sleeves("30", "19", "49", "200", bars="B", min_trade="950"), {"A": -10}, 0, "1200"),
        # Taken back whole there is nothing left to be too small: S2 lacks as much as S1 sells.
        (two_sleeves("23", "17", "56", "400", bars="B", min_trade="250"), {}, 3, "400"),
    ],
)
def test_placing_cash_first_takes_back_the_market_sell_of_its_security(
    given: Account, orders: dict[str, int], crossed: int, cash: str
) -> None:
    found = proposal(given, BF)
    assert found.units == orders
    assert found.crossed == ({("A", "S1"): -crossed * WHOLE, ("A", "S2"): crossed * WHOLE} if crossed else {})
    assert found.cash == int(cash) * 100
    if "A" in orders:
        assert found.order_reasons["A"] == (Reason.NETTED if crossed else Reason.TO_TARGET)


def test_a_buy_that_cannot_be_made_bars_no_sale() -> None:
    """A/S1 ($800) wants one share of its 7.2 % at least; cash 150 is all that stays, and A is not sold to buy A.

    A given up, A/S2 (24 %, lower edge 16 %) sells one for E, which lacks 4.8 %: 48 x 10.  Cash 470 then is 220 above
    its edge: E, which is planned, to its target of 60 units: 12, then to its edge of 72: 10 more.
    """
    given = account(
        [security("A", "800"), security("C", "10", restriction=NO_SELL), security("E", "10")],
        [position("A", "0", "9"), position("A", "3", "20", "S2"), position("C", "745", "63"), position("E", "0", "6")],
        cash="150", cash_target="2",
    )  # fmt: skip
    found = proposal(given, MT)
    assert (found.units, found.cash) == ({"A": -1, "E": 70}, 25_000)


@pytest.mark.parametrize("logic", [BF, MT])
def test_both_logics_say_that_what_has_no_usable_substitute_is_not_bought(logic: object) -> None:
    """X 20 % of 30 and Z 78 % of 68 (inside a precision of 20 %): X alone is outside, and is not bought."""
    given = unpriced("20", "200", "780")
    given = replace(given, positions=[*given.positions[:2], position("Z", "780", "68", precision="20")])
    assert "restrictions do not allow" in no_trade_text(given, logic)  # type: ignore[arg-type]


def test_a_replaced_security_never_pays_for_buys() -> None:
    """X 33 % of 30 (band 24 to 36), replaced by Y, gives nothing to it; Z 50 % of 68 wants 54.4 %: 44 x 10.

    Cash 200, 50 of it above 150: 5 of Z.  Were X not replaced, 4 of it would pay for the rest.
    """
    given = account(
        [security("X", "100", substitute="Y"), security("Y", "50"), security("Z", "10"),
         security("W", "10", restriction=NO_SELL)],
        [position("X", "33", "30"), position("Y", "0", "0"), position("Z", "500", "68"), position("W", "150", "0")],
        cash="200", cash_target="2",
    )  # fmt: skip
    assert proposal(given, MT).units == {"Z": 5}
    free = replace(given, securities=[security("X", "100"), *given.securities[1:]])
    assert proposal(free, MT).units == {"X": -4, "Z": 44}


def test_crossed_units_go_to_the_buyers_as_they_stood_at_netting() -> None:
    """A/S2 sells 10 of 30 and A/S3 buys 10 of 20: crossed.  A/S1, inside its band, then places 1 of the cash of 300
    in the market, though its sleeve id comes first."""
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "9.7", "10"), position("A", "30", "20", "S2"), position("A", "10", "20", "S3"),
         position("B", "93.6", "48")],
        cash="350", cash_target="2",
    )  # fmt: skip
    found = proposal(given, BF)
    assert found.crossed == {("A", "S2"): -10_000_000, ("A", "S3"): 10_000_000}


@pytest.mark.parametrize(
    ("units", "targets", "reason"),
    [
        # S1 leaves with 10, S2 buys 4: crossed, so the 6 that go to market are what netting left
        ({"S1": "10", "S2": "0"}, {"S1": "0", "S2": "4"}, Reason.NETTED),
        # S1 leaves, S2 sells 10 of 30 to target: nothing is crossed, and a full exit comes first
        ({"S1": "10", "S2": "30"}, {"S1": "0", "S2": "20"}, Reason.FULL_EXIT),
        ({"S1": "30", "S2": "10"}, {"S1": "20", "S2": "0"}, Reason.FULL_EXIT),
    ],
)
def test_the_reason_of_an_order_from_several_sleeves(
    units: dict[str, str], targets: dict[str, str], reason: Reason
) -> None:
    b_target = 98 - sum(int(target) for target in targets.values())
    held = sum(int(count) for count in units.values())
    given = sleeves(units, targets, str(2 * (98 - held)), str(b_target), "200")
    assert proposal(given, BF).order_reasons["A"] == reason


def test_one_failure_is_shown_the_first_of_price_value_target_and_do_not_trade() -> None:
    """Each account lacks what the ones after it lack, too."""
    bad = account([security("A", None)], [position("A", "1", "0")], cash="-500", do_not_trade=True)
    no_value = replace(bad, securities=[security("A", "100")])
    no_target = replace(no_value, cash_cents=50_000)
    barred = replace(no_target, positions=[position("A", "1", "100")])
    found = [proposal(given, BF).failure for given in (bad, no_value, no_target, barred)]
    assert found == ["MISSING_PRICE", "VALUE_NOT_POSITIVE", "NO_TARGET", "RESTRICTED"]


def test_tax_aware_gives_up_what_cannot_be_made_too() -> None:
    assert proposal(dear_buy("40", "60"), TA).units == proposal(dear_buy("40", "60"), BF).units
