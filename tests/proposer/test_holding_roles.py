"""What is proposed where not everything held is MANAGED, and where a price is in percent of face.

The plain account of tests/proposer/accounts.py with one security more: A 70 x $100 (target 60), B 40 x $50 (target 38),
cash target 2 %.  Source: product 1, "cash equivalent", "holding role", "price factor".
"""

import random
from dataclasses import replace
from typing import Any

import pytest

from services.proposer.columns.proposals import propose
from services.taxlot.columns.bookings import book_trades
from shared.contracts.codes import HoldingRole
from shared.fixed_point.arithmetic import value_cents
from tests.proposer.accounts import plain
from tests.proposer.builders import BF, MT, TA, TRADE_DAY, Account, account, lot, position, security
from tests.proposer.harness import batch_of, proposal, proposals
from tests.proposer.strategies import generated

pytestmark = pytest.mark.fast

LOGICS = (BF, MT, TA)
CASH, LOCKED, EXCLUDED = HoldingRole.CASH_EQUIVALENT, HoldingRole.LOCKED, HoldingRole.EXCLUDED


def plain_with(
    role: HoldingRole | None, units: str, target: str = "0", price: str | None = "1", **other: Any
) -> Account:
    """The plain account that holds units of X at $1 besides."""
    given = plain(**other)
    return replace(
        given,
        securities=[*given.securities, security("X", price, role=role)],
        positions=[*given.positions, position("X", units, target)],
    )


def test_a_cash_equivalent_is_cash() -> None:
    """800 of sweep and 200 of cash are the 1,000 of the plain account: A -10, B +36, and 200 remain."""
    found = proposal(plain_with(CASH, "800", cash="200"), BF)
    assert (found.units, found.cash, found.summary["begin_cash_cents"]) == ({"A": -10, "B": 36}, 20_000, 100_000)
    assert found.summary["value_cents"] == 1_000_000, "V counts it once"


def test_a_target_on_a_cash_equivalent_is_a_cash_target() -> None:
    """2 % on the sweep instead of on cash: the same trades."""
    found = proposal(plain_with(CASH, "800", "2", cash="200", cash_target="0"), BF)
    assert (found.units, found.cash) == ({"A": -10, "B": 36}, 20_000)


def test_what_is_locked_counts_in_the_value_alone() -> None:
    """X 300: V = 10,300.  A 61.8 of 70: 8 are sold, 1,800.  B 3,914 / 50 = 78.28, 38 lack: 1,900; cash target 206 of V.

    1,800 - 206 = 1,594 pay 31 units, 1,550: 250 remain.
    """
    found = proposal(plain_with(LOCKED, "300"), BF)
    assert (found.units, found.cash, found.summary["value_cents"]) == ({"A": -8, "B": 31}, 25_000, 1_030_000)


@pytest.mark.parametrize("units", ["0", "300", "-300"])
def test_what_is_excluded_is_not_there(units: str) -> None:
    """Neither units nor a price of it matter, and it may be short."""
    found = proposal(plain_with(EXCLUDED, units, price=None), BF)
    assert (found.units, found.cash, found.summary["value_cents"]) == ({"A": -10, "B": 36}, 20_000, 1_000_000)


@pytest.mark.parametrize("logic", LOGICS)
@pytest.mark.parametrize(
    ("role", "units", "price", "failure"),
    [
        (CASH, "5", None, "MISSING_PRICE"),
        (LOCKED, "5", None, "MISSING_PRICE"),
        (LOCKED, "-5", "1", "NEGATIVE_QUANTITY"),
        (LOCKED, "1000000001", "1", "OUT_OF_RANGE"),
    ],
)
def test_what_is_in_v_must_be_valued(
    logic: Any, role: HoldingRole, units: str, price: str | None, failure: str
) -> None:
    found = proposal(plain_with(role, units, price=price), logic)
    assert found.failure == failure
    assert "security X" in found.summary["failure_text"]


def test_target_weights_add_up_as_they_are_given() -> None:
    """60 + 38 + 2 are all; 5 % more on what is locked are too much, 5 % of the cash target on it are not."""
    assert proposal(plain_with(LOCKED, "300", "5"), BF).failure == "TARGET_SUM"
    assert proposal(plain_with(EXCLUDED, "300", "1", cash_target="1"), BF).failure is None


@pytest.mark.parametrize("role", [CASH, LOCKED, EXCLUDED])
@pytest.mark.parametrize("logic", LOGICS)
def test_a_substitute_that_is_not_managed_leaves_its_security_unbought(role: HoldingRole, logic: Any) -> None:
    """B may be bought only as X, which is not traded: A is sold, B is simply not bought, nothing fails."""
    given = plain_with(role, "0")
    a, b, x = given.securities
    found = proposal(replace(given, securities=[a, replace(b, substitute="X"), x]), logic)
    assert found.failure is None
    assert found.units.keys() <= {"A"}


def bond(target: str, cash_target: str, **other: Any) -> Account:
    """3,000 face at 98.50 percent: $2,955.00, in steps of 1,000 face; cash $7,045, V = $10,000."""
    listed = security("BOND", "98.50", step_micro=1_000_000_000, price_divisor=100, **other)
    lots = [lot("BOND", "1000", None, lot_id="one"), lot("BOND", "2000", None, "2025-01-02", lot_id="two")]
    return account([listed], [position("BOND", "3000", target)], cash="7045", cash_target=cash_target, lots=lots)


@pytest.mark.parametrize("logic", LOGICS)
def test_a_bond_is_sold_at_percent_of_face(logic: Any) -> None:
    """3,000 x 98.50 x 0.01 = 2,955.00; its lots bring 985.00 and 1,970.00."""
    found = proposal(bond("0", "100"), logic)
    assert (found.units, found.cash) == ({"BOND": -3000}, 1_000_000)
    booked = book_trades(propose(batch_of([bond("0", "100")]), TRADE_DAY), TRADE_DAY).to_pylist()[0]
    slices = [part for part in booked["slices"] if part["logic"] == logic]
    assert [(part["lot_id"], part["quantity_micro"], part["proceeds_cents"]) for part in slices] == [
        ("one", 1_000_000_000, 98_500),
        ("two", 2_000_000_000, 197_000),
    ]


def test_a_bond_is_bought_in_steps_of_its_lot_size() -> None:
    """50 % of 10,000 are 5,000 / 0.985 = 5,076.14 face: 2,076 lack, 2,000 are bought for $1,970.00."""
    found = proposal(bond("50", "50"), BF)
    assert (found.units, found.cash) == ({"BOND": 2000}, 704_500 - 197_000)


def test_face_finer_than_a_cent_can_say_fails_its_account() -> None:
    given = bond("50", "50")
    found = proposal(replace(given, positions=[position("BOND", "3000.00001", "50")]), BF)
    assert (found.failure, "four decimals" in found.summary["failure_text"]) == ("OUT_OF_RANGE", True)


def with_roles(seed: int) -> Account:
    """Return a generated account in which some securities are no longer MANAGED; there are no substitutes in it."""
    dice, given = random.Random(seed), generated(seed)
    roles = [dice.choice([None, None, HoldingRole.MANAGED, CASH, LOCKED, EXCLUDED]) for _ in given.securities]
    listed = [replace(each, role=role, substitute=None) for each, role in zip(given.securities, roles, strict=True)]
    return replace(given, securities=listed)


def role_of(given: Account) -> dict[str, HoldingRole | None]:
    return {listed.security_id: listed.role for listed in given.securities}


def as_cash(given: Account) -> Account:
    """Return the account without its cash equivalents, their value and target being cash instead."""
    roles, price = role_of(given), {listed.security_id: listed.price_micro or 0 for listed in given.securities}
    swept = [held for held in given.positions if roles[held.security_id] is CASH]
    return replace(
        given,
        positions=[held for held in given.positions if roles[held.security_id] is not CASH],
        cash_cents=given.cash_cents + sum(value_cents(held.quantity_micro, price[held.security_id]) for held in swept),
        cash_target_ppb=given.cash_target_ppb + sum(held.target_ppb for held in swept),
    )


def other_units(given: Account) -> Account:
    """Return the account with other units of what is EXCLUDED, and without prices of it."""
    roles = role_of(given)
    return replace(
        given,
        securities=[replace(each, price_micro=None) if each.role is EXCLUDED else each for each in given.securities],
        positions=[
            replace(held, quantity_micro=-held.quantity_micro - 1) if roles[held.security_id] is EXCLUDED else held
            for held in given.positions
        ],
    )


def test_nothing_but_what_is_managed_is_traded_and_cash_equivalents_are_cash() -> None:
    """Of 120 accounts: no trade, order or reason of what is not MANAGED, V with what is EXCLUDED is V without it."""
    accounts = [with_roles(seed) for seed in range(120)]
    found, swept, moved = (
        proposals(chunk) for chunk in (accounts, map_of(as_cash, accounts), map_of(other_units, accounts))
    )
    traded = 0
    for given, by_logic, as_if_cash, as_if_other in zip(accounts, found, swept, moved, strict=True):
        roles = role_of(given)
        for logic in LOGICS:
            made = by_logic[logic]
            assert {roles[name] for name in made.orders} <= {None, HoldingRole.MANAGED}
            assert {roles[name] for name, _ in made.trades} <= {None, HoldingRole.MANAGED}
            figures = ("failure_code", "value_cents", "begin_cash_cents", "end_cash_cents")
            for other in (as_if_cash[logic], as_if_other[logic]):
                assert (other.trades, other.orders) == (made.trades, made.orders), given.account_id
                assert [other.summary[name] for name in figures] == [made.summary[name] for name in figures]
            traded += len(made.orders)
    assert traded > 200


def map_of(change: Any, accounts: list[Account]) -> list[Account]:
    return [change(given) for given in accounts]


def test_a_bond_is_a_stock_of_units_of_a_hundred() -> None:
    """Every account with face of a hundred times the units, at price factor 0.01, trades a hundred times the units."""
    accounts = [generated(seed) for seed in range(60)]
    bonds = [
        replace(
            given,
            securities=[
                replace(each, step_micro=100 * each.step_micro, price_divisor=100) for each in given.securities
            ],
            positions=[replace(held, quantity_micro=100 * held.quantity_micro) for held in given.positions],
        )
        for given in accounts
        if all(100 * each.step_micro <= 10**14 for each in given.securities)
    ]
    for by_logic, of_bonds in zip(proposals(accounts), proposals(bonds), strict=True):
        for logic in LOGICS:
            units = {name: 100 * count for name, count in by_logic[logic].orders.items()}
            assert of_bonds[logic].orders == units
            assert of_bonds[logic].summary == by_logic[logic].summary
