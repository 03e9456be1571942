"""How the records of a file are treated by their security: what is EXCLUDED is taken as it comes.

Source: product 1, "holding role", "price factor".
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from services.taxlot.domain.records import Bools, RecordTable
from shared.contracts.codes import HoldingRole
from shared.rules.holding_roles import NO_OWN_ROLE, ORDINARY, role_in_account
from shared.rules.relief.lots import Ints


@dataclass(frozen=True)
class SecurityFacts:
    """roles: packed, as `shared.rules.holding_roles` reads them.  divisor: what quantity x price is divided by."""

    roles: int = ORDINARY
    divisor: int = 1

    def is_excluded(self, own: int = NO_OWN_ROLE) -> bool:
        """Return whether the security is EXCLUDED in an account that says `own` of it."""
        return role_in_account(self.roles, own) == HoldingRole.EXCLUDED

    def is_cash(self, own: int = NO_OWN_ROLE) -> bool:
        """Return whether the security is a cash equivalent in an account that says `own` of it."""
        return role_in_account(self.roles, own) == HoldingRole.CASH_EQUIVALENT


ORDINARY_SECURITY = SecurityFacts()


def excluded_rows(
    table: RecordTable, securities: Mapping[str, SecurityFacts], own_roles: Mapping[str, Mapping[str, int]]
) -> Bools:
    """Return which records are of a security that is EXCLUDED in their account.

    securities: those of the master by id.  own_roles: by account number, what accounts say of single securities.
    """
    names = table.security.names
    facts = [securities.get(name, ORDINARY_SECURITY) for name in names]
    by_name = np.array([each.is_excluded() for each in facts] or [False], np.bool_)
    excluded: Bools = by_name[table.security.index]
    for number, account_code in _present(table.account.names, own_roles):
        mine = table.account.index == account_code
        for name, security_code in _present(names, own_roles[number]):
            rows = mine & (table.security.index == security_code)
            excluded[rows] = facts[security_code].is_excluded(own_roles[number][name])
    return excluded


def divisors(table: RecordTable, securities: Mapping[str, SecurityFacts]) -> Ints:
    """Return what quantity x price of each record is divided by."""
    by_name = np.array([securities.get(name, ORDINARY_SECURITY).divisor for name in table.security.names] or [1])
    found: Ints = by_name[table.security.index]
    return found


def _present(names: list[str], wanted: Mapping[str, object]) -> list[tuple[str, int]]:
    """Return name and code of the wanted names that are there."""
    if not wanted:
        return []
    return [(name, code) for code, name in enumerate(names) if name in wanted]
