"""The limits of an account, its securities and positions: what stands at a limit is inside, the next is not.

Source: product 4, "An account that cannot be proposed fails"; services/proposer/domain/reasons.py says them in words.
"""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from services.proposer.columns.proposals import propose
from shared.contracts.chunks import LOTS
from shared.contracts.codes import Logic
from tests.proposer.accounts import plain
from tests.proposer.builders import BF, MT, TA, TRADE_DAY, Account, account, lots_row, position, security
from tests.proposer.harness import check_trades, proposals

pytestmark = pytest.mark.fast
GOOD = plain()


def outside(accounts: list[Account]) -> list[str]:
    """Return of each account the sentence of OUT_OF_RANGE, "" where it is not that which fails."""
    found = [row[BF] for row in proposals(accounts)]
    return [result.summary["failure_text"] if result.failure == "OUT_OF_RANGE" else "" for result in found]


def check_outside(given: list[Account], text: str) -> None:
    """The first and the last are outside, for the reason that is named; those between are inside."""
    first, *inside, last = outside(given)
    assert text in first and text in last, (first, last)
    assert inside == [""] * len(inside)


@pytest.mark.parametrize(
    ("name", "low", "high", "text"),
    [
        ("quantity_micro", None, 10**15, "the quantity must be"),
        ("target_ppb", 0, 10**9, "the target must be"),
        ("threshold_ppb", 0, 4 * 10**9, "the rebalance threshold must"),
        ("precision_ppb", 0, 4 * 10**9, "the precision threshold must"),
    ],
)
def test_of_a_position(name: str, low: int | None, high: int, text: str) -> None:
    """A is priced at a hundredth of a cent, so that its quantity is no other limit's affair."""
    small = replace(GOOD, securities=[security("A", "0.0001"), GOOD.securities[1]])

    def changed(value: int) -> Account:
        change: dict[str, Any] = {name: value}
        return replace(small, positions=[replace(GOOD.positions[0], **change), GOOD.positions[1]])

    values = [high + 1, high, high + 1] if low is None else [low - 1, low, high, high + 1]
    check_outside([changed(value) for value in values], text)


@pytest.mark.parametrize(
    ("name", "low", "high", "text"),
    [("price_micro", -1, 10**12, "the price must be"), ("step_micro", 0, 10**12, "the tradable step must be")],
)
def test_of_a_security(name: str, low: int, high: int, text: str) -> None:
    def changed(value: int) -> Account:
        change: dict[str, Any] = {name: value}
        return replace(GOOD, securities=[replace(GOOD.securities[0], **change), GOOD.securities[1]])

    check_outside([changed(value) for value in (low, low + 1, high, high + 1)], text)


@pytest.mark.parametrize(
    ("name", "low", "high", "text"),
    [
        ("cash_target_ppb", 0, 10**9, "the cash target must be"),
        ("gain_budget_short_cents", 0, 10**13, "a gain budget must be"),
        ("gain_budget_total_cents", 0, 10**13, "a gain budget must be"),
    ],
)
def test_of_a_setting(name: str, low: int, high: int, text: str) -> None:
    changes: list[dict[str, Any]] = [{name: value} for value in (high + 1, low, high, high + 1)]
    check_outside([replace(GOOD, **change) for change in changes], text)


def test_of_cash_and_value() -> None:
    """Without a position held the value is the cash, which may be as large; a debt as large fails for its value."""
    bare = account({"A": "100"}, [position("A", "0", "98")], cash_target="2")
    check_outside(
        [replace(bare, cash_cents=cents) for cents in (-(10**13) - 1, -(10**13), 10**13, 10**13 + 1)], "cash must be"
    )
    # 1,000 million units at $100 are the limit; a cent of cash beside them, or a millionth of B at a cent, is beyond
    full = account(
        {"A": "100", "B": "10000"}, [position("A", "1000000000", "98"), position("B", "0", "0")], cash_target="2"
    )
    beyond = replace(full, positions=[full.positions[0], position("B", "0.000001", "0")])
    texts = outside([full, replace(full, cash_cents=1), beyond])
    assert texts[0] == ""
    assert "account A-1: the account's value must be at most" in texts[1]
    assert "security B: the account's value must be at most" in texts[2]


@pytest.mark.parametrize(("price", "most"), [("0.000001", 400_000_000), ("0.000006", 2_400_000_000)])
def test_of_the_units_an_account_is_worth(price: str, most: int) -> None:
    """4 million million units at a millionth of a dollar are $4,000,000; a cent more is beyond."""
    tiny = replace(GOOD, securities=[GOOD.securities[0], security("B", price)])  # B's 40 units are worth nothing
    a_cents = 700_000
    texts = outside([replace(tiny, cash_cents=cents - a_cents) for cents in (most, most + 1)])
    assert texts[0] == ""
    assert "security B: the account's value must be at most 4,000,000,000,000 units at its price" in texts[1]


def test_as_many_units_as_there_may_be_are_bought() -> None:
    """97 % of $4,000,000 at a millionth of a dollar are 3.88 million million units, in lots of a million."""
    given = Account(
        [security("A", "1"), security("B", "0.000001", step_micro=10**12)],
        [position("A", "0", "3"), position("B", "0", "97")],
        cash_cents=400_000_000,
    )
    result = proposals([given])[0][BF]
    assert result.trades == {("A", "S1"): 120_000 * 10**6, ("B", "S1"): 3_880_000 * 10**12}
    assert result.cash == 0


def test_what_has_no_price_and_nobody_wants_stops_nothing() -> None:
    """However large the account."""
    given = replace(GOOD, securities=[*GOOD.securities, security("C", None)], cash_cents=10**10)
    assert outside([given]) == [""]


def test_a_fault_names_the_position_it_is_in() -> None:
    """Position 1 is B's."""
    bad = replace(GOOD, positions=[GOOD.positions[0], replace(GOOD.positions[1], quantity_micro=-1)])
    text = proposals([bad])[0][BF].summary["failure_text"]
    assert "position 1 (security B in sleeve S1) has a negative quantity" in text


@pytest.mark.parametrize("name", ["A", "B"])
def test_nothing_stands_in_for_itself(name: str) -> None:
    listed = [
        replace(listed_security, substitute=name) if listed_security.security_id == name else listed_security
        for listed_security in GOOD.securities
    ]
    for result in proposals([replace(GOOD, securities=listed)])[0].values():
        assert result.failure == "SELF_SUBSTITUTE"
        assert result.summary["failure_text"] == (
            f"account A-1: security {name} names itself as its substitute; name another security, or none"
        )


@pytest.mark.parametrize("index", [2, 99])
def test_a_substitute_that_the_account_does_not_list(index: int) -> None:
    """A and B are securities 0 and 1 of the row."""
    row = lots_row(GOOD)
    row["securities"][0]["substitute"] = index
    answered = propose(pa.RecordBatch.from_pylist([row], schema=LOTS), TRADE_DAY).to_pylist()[0]
    for shown in answered["proposals"]:
        assert shown["failure_code"] == "UNKNOWN_SECURITY"
        assert "security A names a security that is not among the account's securities" in shown["failure_text"]


@pytest.mark.parametrize("name", ["W", "Y"])
def test_a_substitute_that_stands_first(name: str) -> None:
    """By id W ($50) is security and position 0, Y is 1.  X (10 % of 30 %) is not bought: W gets its 20 %, 40 units."""
    given = account(
        [security(name, "50"), security("X", "100", substitute=name), security("Z", "10")],
        [position(name, "0", "0"), position("X", "10", "30"), position("Z", "680", "68")],
        cash="2200",
        cash_target="2",
    )
    result = proposals([given])[0][BF]
    assert (result.failure, result.trades, result.cash) == (None, {(name, "S1"): 40 * 10**6}, 20_000)


@pytest.mark.parametrize("name", ["W", "Y"])
def test_a_substitute_without_a_price_counts_as_absent_wherever_it_stands(name: str) -> None:
    """As above, with a position and without: X is not bought, and nothing else is."""
    given = account(
        [security("X", "100", substitute=name), security(name, None), security("Z", "10")],
        [position("X", "10", "30"), position(name, "0", "0"), position("Z", "680", "68")],
        cash="2200",
        cash_target="2",
    )
    bare = replace(given, positions=[given.positions[0], given.positions[2]])
    found = [results[BF] for results in proposals([given, bare])]
    assert [(result.failure, result.trades, result.cash) for result in found] == [(None, {}, 220_000)] * 2


def test_a_chain_of_substitutes_hands_on_all_it_gets_wherever_they_stand() -> None:
    """A to B to C to Y, listed B, C, A: 10 % of 20 % held of each, so Y gets 30 %: 60 x $50."""
    given = account(
        [
            security("B", "100", substitute="C"),
            security("C", "100", substitute="Y"),
            security("A", "100", substitute="B"),
            security("Y", "50"),
            security("Z", "10"),
        ],
        [
            *(position(name, "10", "20") for name in ("B", "C", "A")),
            position("Y", "0", "0"),
            position("Z", "380", "38"),
        ],
        cash="3200",
        cash_target="2",
    )
    result = proposals([given])[0][BF]
    assert (result.failure, result.trades, result.cash) == (None, {("Y", "S1"): 60 * 10**6}, 20_000)


def test_the_last_millionth_is_worth_what_it_is_and_what_is_not_held_nothing() -> None:
    """A millionth of A at $1,000,000 is $1: V = $10,001.  B and C are bought from nothing."""
    given = account(
        [security("A", "1000000", step_micro=1), security("B", "50"), security("C", "50")],
        [position("A", "0.000001", "0"), position("B", "0", "50"), position("C", "0", "48")],
        cash="10000",
        cash_target="2",
    )
    result = proposals([given])[0][BF]
    assert result.summary["value_cents"] == 1_000_100
    shown = {row["position"]: row["before_ppb"] for row in result.rows["sleeve_trades"] if row["logic"] == BF}
    assert shown == {0: 99_990, 1: 0, 2: 0}  # 1 / 10,001


def test_what_is_neither_held_nor_wanted_is_inside_its_band() -> None:
    """A 50 %, B 48 %, cash 2 %: all at target; C, 0 of 0 %, does not stand in the way of anything."""
    given = account(
        {"A": "100", "B": "50", "C": "10"},
        [position("A", "50", "50"), position("B", "96", "48"), position("C", "0", "0")],
        cash="200",
        cash_target="2",
    )
    for logic, band in ((BF, "precision"), (MT, "rebalance")):
        text = proposals([given])[0][logic].summary["no_trade_text"]
        assert text.endswith(f"because every position is inside its {band} band, and cash inside its own.")


def test_the_lower_edge_of_cash_is_above_the_reserve_by_less_than_a_cent() -> None:
    """V = 5,000 + 100 x 48.501 + 150 = $10,000.10, 1.5 % of it $150.0015: the $150 that are the reserve are too little.

    A is at its target; B is $50.05 above its own: one unit.
    """
    given = account(
        {"A": "100", "B": "48.501"},
        [position("A", "50", "50"), position("B", "100", "48")],
        cash="150",
        reserve="150",
        cash_target="2",
    )
    result = proposals([given])[0][MT]
    assert (result.trades, result.cash) == ({("B", "S1"): -(10**6)}, 19_850)


def test_a_full_exit_sells_the_fraction_too() -> None:
    """C is not wanted: all 10.5 of it, though it trades in whole units, and in both logics."""
    given = account(
        {"A": "100", "B": "50", "C": "10"},
        [position("A", "50", "50"), position("B", "96", "48"), position("C", "10.5", "0")],
        cash="95",
        cash_target="2",
    )
    for logic in (BF, MT):
        result = proposals([given])[0][logic]
        assert (result.trades, result.cash) == ({("C", "S1"): -10_500_000}, 20_000)


@pytest.mark.parametrize("logic", [BF, MT, TA])
def test_what_is_only_sold_may_be_worth_next_to_nothing(logic: Logic) -> None:
    """V = $5,000,000: W 1,000 x $0.000001 is $0.00 and leaves whole.  A 49,000 x $100 is 98 %, cash 2 %: at target."""
    given = account(
        {"A": "100", "W": "0.000001"},
        [position("A", "49000", "98"), position("W", "1000", "0")],
        cash="100000",
        cash_target="2",
    )
    check_trades(given, logic, {"W/S1": "-1000"}, "100000")
