"""The limits of an account, its securities and positions: what stands at a limit is inside, the next is not.

Source: product 4, "An account that cannot be proposed fails"; services/proposer/domain/reasons.py says them in words.
"""

from dataclasses import replace
from typing import Any

import pytest

from tests.proposer.build import BF, Account, account, position, proposals, security

pytestmark = pytest.mark.fast

GOOD = account(
    {"A": "100", "B": "50"}, [position("A", "70", "60"), position("B", "40", "38")], cash="1000", cash_target="2"
)


def outside(accounts: list[Account]) -> list[str]:
    """Return of each account the sentence of OUT_OF_RANGE, "" where it is not that which fails."""
    found = [one[BF] for one in proposals(accounts)]
    return [one.summary["failure_text"] if one.failure == "OUT_OF_RANGE" else "" for one in found]


def check(given: list[Account], words: str) -> None:
    """The first and the last are outside, for the reason that is named; those between are inside."""
    first, *inside, last = outside(given)
    assert words in first and words in last, (first, last)
    assert inside == [""] * len(inside)


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [
        ("quantity_micro", None, 10**15, "the quantity must be"),
        ("target_ppb", 0, 10**9, "the target must be"),
        ("threshold_ppb", 0, 4 * 10**9, "the rebalance threshold must"),
        ("precision_ppb", 0, 4 * 10**9, "the precision threshold must"),
    ],
)
def test_of_a_position(name: str, low: int | None, high: int, words: str) -> None:
    """A is priced at a hundredth of a cent, so that its quantity is no other limit's affair."""
    small = replace(GOOD, securities=[security("A", "0.0001"), GOOD.securities[1]])

    def changed(value: int) -> Account:
        change: dict[str, Any] = {name: value}
        return replace(small, positions=[replace(GOOD.positions[0], **change), GOOD.positions[1]])

    values = [high + 1, high, high + 1] if low is None else [low - 1, low, high, high + 1]
    check([changed(value) for value in values], words)


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [("price_micro", -1, 10**12, "the price must be"), ("step_micro", 0, 10**12, "the tradable step must be")],
)
def test_of_a_security(name: str, low: int, high: int, words: str) -> None:
    def changed(value: int) -> Account:
        change: dict[str, Any] = {name: value}
        return replace(GOOD, securities=[replace(GOOD.securities[0], **change), GOOD.securities[1]])

    check([changed(value) for value in (low, low + 1, high, high + 1)], words)


@pytest.mark.parametrize(
    ("name", "low", "high", "words"),
    [
        ("cash_target_ppb", 0, 10**9, "the cash target must be"),
        ("gain_budget_short_cents", 0, 10**13, "a gain budget must be"),
        ("gain_budget_total_cents", 0, 10**13, "a gain budget must be"),
    ],
)
def test_of_a_setting(name: str, low: int, high: int, words: str) -> None:
    changes: list[dict[str, Any]] = [{name: value} for value in (high + 1, low, high, high + 1)]
    check([replace(GOOD, **change) for change in changes], words)


def test_of_cash_and_value() -> None:
    """Without a position held the value is the cash, which may be as large; a debt as large fails for its value."""
    bare = account({"A": "100"}, [position("A", "0", "98")], cash_target="2")
    check([replace(bare, cash_cents=cents) for cents in (-(10**13) - 1, -(10**13), 10**13, 10**13 + 1)], "cash must be")
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
