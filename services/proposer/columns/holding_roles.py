"""What the kernel does not trade: cash equivalents join the cash, what is LOCKED joins V, what is EXCLUDED is left out.

Source: product 1, "cash equivalent", "holding role", "price factor".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.proposer.domain import codes
from services.proposer.domain.records import Ints
from shared.contracts.codes import HoldingRole
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import entry_kernel, inner_kernel
from shared.fixed_point.limits import EDGE, MAX_PRICE_MICRO, MAX_QUANTITY_MICRO
from shared.fixed_point.records import Records

Bools = NDArray[np.bool_]
_UNKNOWN: Final = -1
_TOO_MUCH: Final = 4 * EDGE
_MANAGED: Final = int(HoldingRole.MANAGED)
_EXCLUDED: Final = int(HoldingRole.EXCLUDED)
_CASH: Final = int(HoldingRole.CASH_EQUIVALENT)


@dataclass(frozen=True)
class Treatment:
    """How the securities of a chunk are treated, in the order of the kernel's.

    role: HoldingRole.  divisor: what quantity x price is divided by: the kernel counts in units of so many units.
    starts: by account, where its securities begin.
    """

    role: Ints
    divisor: Ints
    starts: Ints

    def row_of(self, owner: Ints, security: Ints) -> Ints:
        """Return the row of each security of its account, _UNKNOWN where the account has no such index."""
        row = self.starts[owner] + security
        return np.where((security >= 0) & (row < self.starts[owner + 1]), row, _UNKNOWN)

    def divisor_of(self, owner: Ints, security: Ints) -> Ints:
        """Return the divisor of each security of its account, 1 of an unknown one."""
        return self._of(self.divisor, owner, security, 1)

    def role_of(self, owner: Ints, security: Ints) -> Ints:
        """Return the role of each security of its account; MANAGED of an unknown one: the kernel refuses it."""
        return self._of(self.role, owner, security, int(HoldingRole.MANAGED))

    def _of(self, values: Ints, owner: Ints, security: Ints, otherwise: int) -> Ints:
        row = self.row_of(owner, security)
        if not len(values):
            return np.full(len(row), otherwise, np.int64)
        return np.where(row == _UNKNOWN, otherwise, values[row])


def drop_unusable_substitutes(securities: Records, owner: Ints, treatment: Treatment) -> None:
    """Let what has a substitute that is not MANAGED have none: it is simply not bought.  owner: of each security."""
    lost = (securities.substitute >= 0) & (treatment.role_of(owner, securities.substitute) != HoldingRole.MANAGED)
    securities.restriction[lost] |= codes.DO_NOT_BUY
    securities.substitute[lost] = -1


def count_unmanaged(
    accounts: Records, securities: Records, positions: Records, owner: Ints, treatment: Treatment
) -> Bools:
    """Add what is not MANAGED to the figures of its account; return which positions are MANAGED.

    owner: of each position.  An account of which something in V cannot be valued is given that failure.
    """
    role = treatment.role_of(owner, positions.security)
    rows = treatment.row_of(owner, positions.security)
    _count(accounts, securities, positions, owner, role, rows, treatment.divisor)
    return np.asarray(role == HoldingRole.MANAGED)


def refuse_too_fine(accounts: Records, owner: Ints, security: Ints, quantity: Ints, divisor: Ints) -> None:
    """Give accounts the failure that a quantity is finer than its divisor allows.  owner: of each quantity."""
    for row in np.flatnonzero(quantity % divisor).tolist():
        account = accounts[owner[row]]
        if account.given_failure == codes.OK:
            account.given_failure, account.passed_limit = codes.OUT_OF_RANGE, codes.L_FACE
            account.failed_at = security[row]


@entry_kernel
def _count(
    accounts: Records, securities: Records, positions: Records, owner: Ints, role: Ints, rows: Ints, divisor: Ints
) -> None:
    """Add the positions that are not MANAGED to their accounts.  rows: of their securities."""
    for index in range(len(positions)):
        if role[index] == _MANAGED:
            continue
        account, position = accounts[owner[index]], positions[index]
        if role[index] == _CASH:
            account.cash_target = _sum_of_targets(account.cash_target, position.target)
        else:
            account.untraded_target = _sum_of_targets(account.untraded_target, position.target)
        if role[index] == _EXCLUDED or position.quantity == 0 or account.given_failure != codes.OK:
            continue
        price, by = securities[rows[index]].price, divisor[rows[index]]
        failure, limit = _fault_of(position.quantity, price, by)
        if failure != codes.OK:
            account.given_failure = failure
            account.failed_at = position.security
            account.passed_limit = limit
        elif role[index] == _CASH:
            account.cash += value_cents(position.quantity // by, price)
        else:
            account.locked += value_cents(position.quantity // by, price)


@inner_kernel
def _sum_of_targets(total: int, target: int) -> int:
    """Return the sum of weights, which stays within 63 bits: beyond 100 % it is refused, whatever it is."""
    return min(total + max(0, target), _TOO_MUCH)


@inner_kernel
def _fault_of(quantity: int, price: int, divisor: int) -> tuple[int, int]:
    """Return why a position cannot be valued: failure and limit, (OK, 0) if it can."""
    if quantity < 0:
        return codes.NEGATIVE_QUANTITY, 0
    if price == 0:
        return codes.MISSING_PRICE, 0
    if quantity > MAX_QUANTITY_MICRO:
        return codes.OUT_OF_RANGE, codes.L_QUANTITY
    if not 0 < price <= MAX_PRICE_MICRO:
        return codes.OUT_OF_RANGE, codes.L_PRICE
    return (codes.OUT_OF_RANGE, codes.L_FACE) if quantity % divisor else (codes.OK, 0)
