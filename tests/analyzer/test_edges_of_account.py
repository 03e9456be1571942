"""An account's settings, picks and holdings, each limit on its edge, and the text where one is passed.

Source: product 1, 2, 5.
"""

from typing import Any

import numpy as np
import pytest

from services.analyzer.domain.account import (
    BadSettings,
    bad_holdings,
    picks_of,
    securities_named,
    settings_of,
)
from services.analyzer.domain.layout import HOLDING, NONE, Ragged, Setting
from shared.contracts.codes import Restriction
from shared.contracts.platform import AccountChanged, LotPick, SecurityRestriction
from shared.fixed_point.records import as_records
from tests.analyzer.builders import account

pytestmark = pytest.mark.fast

# Numbers in another order than the ids.
NUMBERS = {"A": 3, "B": 1, "C": 2}
MOST_CENTS = 10**13
LIMIT = 10**9 * 10**6


def account_with(**more: Any) -> AccountChanged:
    return account("a1", 1, **more)


def settings(**more: Any) -> list[int]:
    return list(map(int, settings_of(account_with(**more), NUMBERS.__getitem__)))


def ban(security_id: str, kind: Any, other: str | None = None) -> SecurityRestriction:
    return SecurityRestriction(security_id=security_id, kind=kind, substitute_id=other)


def pick(security_id: str, lot_id: str, units: str, sleeve_id: str | None = None) -> LotPick:
    return LotPick(security_id=security_id, lot_id=lot_id, units=units, sleeve_id=sleeve_id)


def test_what_an_account_says_nothing_of_is_not_set() -> None:
    assert settings() == [1, 0, 1, 0, NONE, NONE, NONE, NONE, 0, 0, 0, 0, NONE, NONE, 0, 0]


def test_each_setting_stands_in_its_own_place() -> None:
    given = settings(
        on=False, do_not_trade=True, custody="IRA", lot_method="HIFO",
        threshold="0.1", precision="0.2", floor="0.3", cash_threshold="0.4",
        min_trade_usd="1.01", min_trade_weight="0.000000001", cash_reserve="2.02", cash_set_aside="3.03",
        gain_budget_short="4.04", gain_budget_total="5.05", no_short_term_gains=True,
    )  # fmt: skip
    assert given == [0, 1, 0, 2, 10**8, 2 * 10**8, 3 * 10**8, 4 * 10**8, 101, 1, 202, 303, 404, 505, 1, 0]


@pytest.mark.parametrize(
    ("name", "index", "what", "limit", "scaled", "beyond", "range_"),
    [
        ("threshold", Setting.THRESHOLD_PPB, "threshold", "4", 4 * 10**9, "4.000000001", "0 to 4"),
        ("precision", Setting.PRECISION_PPB, "precision", "4", 4 * 10**9, "4.000000001", "0 to 4"),
        ("floor", Setting.FLOOR_PPB, "floor", "1", 10**9, "1.000000001", "0 to 1"),
        ("cash_threshold", Setting.CASH_THRESHOLD_PPB, "cash threshold", "4", 4 * 10**9, "4.000000001", "0 to 4"),
        ("min_trade_weight", Setting.MIN_TRADE_PPB, "minimum trade weight", "1", 10**9, "1.000000001", "0 to 1"),
    ],
)
def test_shares_at_and_beyond_their_limit(
    name: str, index: int, what: str, limit: str, scaled: int, beyond: str, range_: str
) -> None:
    assert settings(**{name: limit})[index] == scaled
    assert settings(**{name: "0"})[index] == 0
    for bad in (beyond, "-0.000000001"):
        with pytest.raises(BadSettings) as error:
            settings(**{name: bad})
        assert str(error.value) == f"account a1: {what}: {bad} is outside {range_}"


@pytest.mark.parametrize(
    ("name", "index", "what"),
    [
        ("min_trade_usd", Setting.MIN_TRADE_CENTS, "minimum trade size"),
        ("cash_reserve", Setting.RESERVE_CENTS, "cash reserve"),
        ("cash_set_aside", Setting.SET_ASIDE_CENTS, "set-aside cash"),
        ("gain_budget_short", Setting.GAIN_BUDGET_SHORT_CENTS, "short-term gain budget"),
        ("gain_budget_total", Setting.GAIN_BUDGET_TOTAL_CENTS, "gain budget"),
    ],
)
def test_dollars_at_and_beyond_their_limit(name: str, index: int, what: str) -> None:
    assert settings(**{name: "100000000000.00"})[index] == MOST_CENTS
    assert settings(**{name: "0.00"})[index] == 0
    for bad in ("100000000000.01", "-0.01"):
        with pytest.raises(BadSettings) as error:
            settings(**{name: bad})
        assert str(error.value) == f"account a1: {what}: ${bad} is outside $0.00 to $100000000000"


def test_restrictions_of_one_security_are_one_row_in_order_of_ids() -> None:
    given = [
        ban("C", "DO_NOT_SELL"), ban("A", "DO_NOT_BUY"), ban("C", "DO_NOT_BUY"), ban("C", "DO_NOT_BUY"),
        ban("B", "SUBSTITUTE", "C"), ban("B", "SUBSTITUTE", "C"), ban("A", "SUBSTITUTE", "B"),
        ban("B", "DO_NOT_TRADE"),
    ]  # fmt: skip
    found = settings(restrictions=given)
    assert found[Setting.RESTRICTIONS :] == [
        3,
        *(3, Restriction.DO_NOT_BUY, 1),
        *(1, Restriction.DO_NOT_TRADE, 2),
        *(2, Restriction.DO_NOT_BUY | Restriction.DO_NOT_SELL, NONE),
    ]
    assert settings(restrictions=[ban("B", "SUBSTITUTE", "C")])[Setting.RESTRICTIONS :] == [1, 1, 0, 2]
    assert securities_named(account_with(restrictions=given)) == {"A", "B", "C"}
    assert securities_named(account_with(restrictions=[ban("A", "DO_NOT_BUY"), ban("B", "SUBSTITUTE", "C")])) == {
        "A",
        "B",
        "C",
    }
    assert securities_named(account_with(restrictions=[ban("A", "DO_NOT_BUY")])) == {"A"}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([ban("A", "SUBSTITUTE")], "the substitute of A must name another security"),
        ([ban("A", "SUBSTITUTE", "A")], "the substitute of A must name another security"),
        ([ban("A", "SUBSTITUTE", "B"), ban("A", "SUBSTITUTE", "C")], "A has more than one substitute"),
    ],
)
def test_a_substitute_that_cannot_be_meant(given: list[SecurityRestriction], text: str) -> None:
    with pytest.raises(BadSettings) as error:
        settings(restrictions=given)
    assert str(error.value) == f"account a1: {text}"


def test_picks_stand_as_given_and_count_under_specific_alone() -> None:
    picks = [
        pick("B", "L1", "2.5", "S1"), pick("A", "L2", "0.000001"), pick("A", "L1", "1000000000"),
        pick("B", "L1", "1"), pick("B", "L1", "3", "S2"),
    ]  # fmt: skip
    assert picks_of(account_with(lot_method="SPECIFIC", lot_picks=picks)) == [
        ("B", "L1", "S1", 2_500_000),
        ("A", "L2", None, 1),
        ("A", "L1", None, LIMIT),
        ("B", "L1", None, 10**6),
        ("B", "L1", "S2", 3 * 10**6),
    ]
    assert picks_of(account_with(lot_method="FIFO", lot_picks=picks)) == []


@pytest.mark.parametrize(
    ("picks", "text"),
    [
        ([pick("A", "L1", "0")], "the pick of lot L1 of A: 0 units are not above 0, or beyond the limit"),
        ([pick("A", "L1", "-1")], "the pick of lot L1 of A: -1 units are not above 0, or beyond the limit"),
        (
            [pick("A", "L1", "1000000000.000001")],
            "the pick of lot L1 of A: 1000000000.000001 units are not above 0, or beyond the limit",
        ),
        ([pick("A", "L1", "1"), pick("A", "L1", "2")], "the pick of lot L1 of A stands there twice"),
        ([pick("A", "L1", "1", "S"), pick("A", "L1", "1", "S")], "the pick of lot L1 of A stands there twice"),
        ([pick("A", f"L{n}", "1") for n in range(201)], "201 lots are picked, 200 at most can be"),
    ],
)
def test_picks_that_cannot_be_meant(picks: list[LotPick], text: str) -> None:
    with pytest.raises(BadSettings) as error:
        picks_of(account_with(lot_method="SPECIFIC", lot_picks=picks))
    assert str(error.value) == f"account a1: {text}"


def test_two_hundred_lots_may_be_picked() -> None:
    picks = [pick("A", f"L{number:03d}", "1") for number in range(200)]
    assert len(picks_of(account_with(lot_method="SPECIFIC", lot_picks=picks))) == 200


TOO_MANY = "the quantity is above the limit of 1000000000 units"
TWICE = "the position is reported twice"
TOO_MUCH = "the cash is beyond the limit of $100000000000.00"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        # each account: (key, quantity_micro) rows; rows are numbered over all accounts
        ([[(1, 0), (2, LIMIT)], [(2, 5)]], {}),  # the last key of one account is the first of the next
        # a negative quantity is judged with its holding role, later
        ([[(1, 1)], [(2, 5), (3, -1)]], {}),
        ([[(1, -LIMIT)], [(2, 5), (3, -LIMIT - 1)]], {1: (2, TOO_MANY)}),
        ([[(1, LIMIT + 1)], [(1, 5)]], {0: (0, TOO_MANY)}),
        ([[], [(1, 5), (1, 6), (1, 7)]], {1: (1, TWICE)}),
        ([[(1, 5), (2, 5)], []], {}),
        # what is wrong first is said: by rule, then by row
        ([[(1, 5), (1, 5), (2, LIMIT + 1), (3, -1), (4, -2)], [(4, 1)]], {0: (2, TOO_MANY)}),
        ([[(1, 5), (1, 5), (2, LIMIT + 1)], [(4, 1), (4, -1)]], {0: (2, TOO_MANY), 1: (4, TWICE)}),
    ],
)
def test_holdings_beyond_a_limit(rows: list[list[tuple[int, int]]], found: dict[int, tuple[int | None, str]]) -> None:
    starts = np.cumsum([0, *map(len, rows)])
    data = as_records(HOLDING, [pair for each in rows for pair in each])
    assert bad_holdings(Ragged(starts, data), np.array([MOST_CENTS, -MOST_CENTS])) == found


def test_cash_beyond_the_limit_is_said_after_what_is_wrong_with_a_position() -> None:
    positions = Ragged(np.array([0, 0, 0, 1]), as_records(HOLDING, [(1, LIMIT + 1)]))
    cash = np.array([MOST_CENTS + 1, -MOST_CENTS - 1, MOST_CENTS + 1])
    assert bad_holdings(positions, cash) == {0: (None, TOO_MUCH), 1: (None, TOO_MUCH), 2: (0, TOO_MANY)}
