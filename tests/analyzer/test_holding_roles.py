"""Holding roles, cash equivalents and price factors in an evaluation; prices are $1 but for bonds."""

from dataclasses import replace
from fractions import Fraction as F
from itertools import product
from typing import Any

import numpy as np
import pytest

from shared.contracts.codes import HoldingRole
from shared.contracts.holding_roles import packed_roles, roles_of, step_micro
from shared.contracts.platform import SecurityChanged
from shared.rules.holding_roles import ORDINARY, role_in_account, roles_in_accounts
from tests.analyzer import model
from tests.analyzer.arrays import as_shown, result
from tests.analyzer.books import CASH
from tests.analyzer.model import Aim, Book, Master

pytestmark = pytest.mark.fast

A, B, SWEEP, OTHER = (0, 0), (1, 0), (2, 0), (3, 0)
MANAGED, LOCKED, EXCLUDED, LIKE_CASH = HoldingRole


def book(cash: str, a: str, b: str, **more: Any) -> Book:
    """45 % A, 45 % B, 10 % cash (band 8 to 12 %)."""
    aims = {A: Aim(F("0.45")), B: Aim(F("0.45"))}
    prices = {number: F(1) for number in range(4)}
    found = Book(held={A: F(a), B: F(b)}, aims=aims, prices=prices, cash=F(cash), cash_target=F("0.1"))
    for name, value in more.items():
        setattr(found, name, value)
    return found


def with_also(of: Book, units: str, master: Master, **more: Any) -> Book:
    """The book with units of one more security."""
    return replace(of, held={**of.held, OTHER: F(units)}, securities={3: master}, **more)


@pytest.mark.parametrize(
    ("security", "roles"),
    [
        # (where the account says nothing, MANAGED, LOCKED, EXCLUDED)
        ({}, (MANAGED, MANAGED, LOCKED, EXCLUDED)),
        ({"kind": "BOND"}, (MANAGED, MANAGED, LOCKED, EXCLUDED)),
        ({"kind": "OPTION"}, (EXCLUDED, MANAGED, LOCKED, EXCLUDED)),
        ({"kind": "OTHER"}, (EXCLUDED, MANAGED, LOCKED, EXCLUDED)),
        ({"kind": "OPTION", "role": "MANAGED"}, (MANAGED, MANAGED, LOCKED, EXCLUDED)),
        ({"role": "LOCKED"}, (LOCKED, MANAGED, LOCKED, EXCLUDED)),
        ({"cash_equivalent": True}, (LIKE_CASH, LIKE_CASH, LOCKED, EXCLUDED)),
        ({"cash_equivalent": True, "kind": "OTHER"}, (LIKE_CASH, LIKE_CASH, LOCKED, EXCLUDED)),
        ({"cash_equivalent": True, "role": "EXCLUDED"}, (EXCLUDED, LIKE_CASH, LOCKED, EXCLUDED)),
        ({"worthless": True, "role": "MANAGED"}, (EXCLUDED, EXCLUDED, EXCLUDED, EXCLUDED)),
        ({"worthless": True, "cash_equivalent": True}, (EXCLUDED, EXCLUDED, EXCLUDED, EXCLUDED)),
    ],
)
def test_the_role_of_a_security_in_an_account(security: dict[str, Any], roles: tuple[HoldingRole, ...]) -> None:
    event = SecurityChanged(**{"security_id": "S", "version": 1, "name": "S", "kind": "STOCK", **security})
    assert roles_of(event) == roles
    assert [role_in_account(packed_roles(event), said) for said in (-1, MANAGED, LOCKED, EXCLUDED)] == list(roles)


def test_columns_of_roles_are_those_of_each_account() -> None:
    pairs = list(product(range(256), range(-1, 3)))
    packed, own = (np.array(column) for column in zip(*pairs, strict=True))
    assert roles_in_accounts(packed, own).tolist() == [role_in_account(*pair) for pair in pairs]
    assert [role_in_account(ORDINARY, said) for said in range(-1, 3)] == [MANAGED, MANAGED, LOCKED, EXCLUDED]


@pytest.mark.parametrize(
    ("security", "step"),
    [
        ({}, 1_000_000),
        ({"fractional": True}, 1),
        ({"kind": "BOND", "price_factor": "0.01", "lot_size": 1000}, 1_000_000_000),
        ({"kind": "BOND", "price_factor": "0.01", "fractional": True}, 100),  # 0.0001 of face
    ],
)
def test_the_step_a_security_is_traded_in(security: dict[str, Any], step: int) -> None:
    event = SecurityChanged(**{"security_id": "S", "version": 1, "name": "S", "kind": "STOCK", **security})
    assert step_micro(event) == step


@pytest.mark.parametrize(
    ("given", "value", "tiles", "triggering"),
    [
        # 40 of cash and 60 of sweep are the 10 % that cash should be; V = 1,000 counts each once
        (with_also(book("40", "450", "450"), "60", CASH), 1000, set(), set()),
        # 40 + 100 = 140 of 1,040 = 13.5 % > 12 %: cash is too high, and the sweep itself no reason
        (with_also(book("40", "450", "450"), "100", CASH), 1040, {"HIGH_CASH"}, {None}),
        # 10 + 60 = 70 of 970 = 7.2 % < 8 %
        (with_also(book("10", "450", "450"), "60", CASH), 970, {"LOW_CASH"}, {None}),
        # a target of 10 % on the sweep is a cash target: 100 of sweep of 1,000
        (replace(with_also(book("0", "450", "450"), "100", CASH), cash_target=F(0),
                 aims={A: Aim(F("0.45")), B: Aim(F("0.45")), OTHER: Aim(F("0.1"))}), 1000, set(), set()),
        # said to be LOCKED by the account it is no cash: 40 of 1,000 = 4 %
        (with_also(book("40", "450", "450"), "60", CASH, own_roles={3: LOCKED}), 1000, {"LOW_CASH"}, {None}),
        # a locked 3 % without target: never flagged, counts in V: 100 + 435 + 435 + 30 = 1,000
        (with_also(book("100", "435", "435"), "30", Master(role=LOCKED)), 1000, set(), set()),
        # the same MANAGED would be a drift of its own
        (with_also(book("100", "435", "435"), "30", Master()), 1000, {"POSITION_DRIFT"}, {OTHER}),
        # locked A far over its target: no reason, and B counts against the same V: 360 of 1,000 = 36 %, its edge
        (replace(book("100", "540.01", "359.99"), own_roles={0: LOCKED}), 1000, {"POSITION_DRIFT"}, {B}),
        # a short option, a row without units and an option without price are left out; the rest goes on
        (with_also(book("100", "450", "450"), "-5", Master("OPTION"), prices={0: F(1), 1: F(1)}), 1000, set(), set()),
        (with_also(book("100", "450", "450"), "0", Master("OPTION"), prices={0: F(1), 1: F(1)}), 1000, set(), set()),
        (with_also(book("100", "450", "450"), "7", Master(worthless=True), prices={0: F(1), 1: F(1)}), 1000, set(),
         set()),
        # an excluded security with a target needs no price; the others' targets are not rescaled: B 45 % of 550
        (replace(book("100", "450", "450"), own_roles={0: EXCLUDED}, prices={1: F(1)}), 550, {"HIGH_CASH"}, {None, B}),
        # bond: 3,000 face at 98.50 percent = $2,955.00; V = 5,045 + 2,955 = 8,000
        (replace(with_also(book("5045", "0", "0"), "3000", Master("BOND", role=LOCKED, factor=F(1, 100))),
                 prices={0: F(1), 1: F(1), 3: F("98.5")}, aims={}, cash_target=F(1)), 8000, {"LOW_CASH"}, {None}),
        # one rounding: 0.5 face x 99 / 100 = 0.495 dollars -> $0.50, not 0.50 x 0.99
        (replace(with_also(book("99.50", "0", "0"), "0.5", Master("BOND", role=LOCKED, factor=F(1, 100))),
                 prices={0: F(1), 1: F(1), 3: F(99)}, aims={}, cash_target=F(1)), 100, set(), set()),
    ],
)  # fmt: skip
def test_what_counts_and_what_is_flagged(
    given: Book, value: F | int, tiles: set[str], triggering: set[model.Name | None]
) -> None:
    found = result(given)
    assert (found.hold, found.value, found.tiles, found.triggering) == (None, F(value), tiles, triggering)
    assert as_shown(model.evaluate(given)) == found


@pytest.mark.parametrize(
    ("given", "hold"),
    [
        # a short position that is not EXCLUDED may be a sign error
        (with_also(book("100", "450", "450"), "-5", Master()), "BAD_HOLDINGS"),
        (with_also(book("100", "450", "450"), "-5", Master("OPTION"), own_roles={3: MANAGED}), "BAD_HOLDINGS"),
        (with_also(book("100", "450", "450"), "-5", Master(role=LOCKED)), "BAD_HOLDINGS"),
        # percent of face: four decimals at most
        (with_also(book("100", "450", "450"), "1.00001", Master("BOND", factor=F(1, 100))), "BAD_HOLDINGS"),
        # what is in V needs a price, whatever its role
        (with_also(book("100", "450", "450"), "5", CASH, prices={0: F(1), 1: F(1)}), "MISSING_PRICE"),
        (with_also(book("100", "450", "450"), "5", Master(role=LOCKED), prices={0: F(1), 1: F(1)}), "MISSING_PRICE"),
    ],
)
def test_what_holds_an_account(given: Book, hold: str) -> None:
    assert result(given).hold == model.evaluate(given).hold == hold
