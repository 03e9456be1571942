"""Which roles the holdings of a security can have, and what its price is a price of: the one place, for every service.

Source: product 1, "cash equivalent", "holding role", "price factor".
"""

from typing import Final, Literal

from shared.contracts.codes import HoldingRole
from shared.contracts.platform import PriceFactor, SecurityChanged

RoleName = Literal["MANAGED", "LOCKED", "EXCLUDED", "CASH_EQUIVALENT"]
ROLE_NAMES: Final[dict[int, RoleName]] = {
    HoldingRole.MANAGED: "MANAGED",
    HoldingRole.LOCKED: "LOCKED",
    HoldingRole.EXCLUDED: "EXCLUDED",
    HoldingRole.CASH_EQUIVALENT: "CASH_EQUIVALENT",
}
PRICE_FACTORS: Final[dict[int, PriceFactor]] = {1: "1", 100: "0.01"}
"""By price divisor, which quantity x price is divided by."""
_EXCLUDED_KINDS: Final = ("OPTION", "OTHER")


def packed_roles(security: SecurityChanged) -> int:
    """Return the roles of a security as `shared.rules.holding_roles` reads them.

    What is worthless is EXCLUDED whatever an account says.  A cash equivalent is one wherever its role is MANAGED, and
    its kind alone does not exclude it.
    """
    roles = roles_of(security)
    return sum(role << 2 * choice for choice, role in enumerate(roles))


def roles_of(security: SecurityChanged) -> tuple[HoldingRole, ...]:
    """Return the role where an account says nothing, and where it says MANAGED, LOCKED and EXCLUDED."""
    if security.worthless:
        return (HoldingRole.EXCLUDED,) * 4
    managed = HoldingRole.CASH_EQUIVALENT if security.cash_equivalent else HoldingRole.MANAGED
    said = (managed, HoldingRole.LOCKED, HoldingRole.EXCLUDED)
    if security.role is not None:
        return said[HoldingRole[security.role]], *said
    is_excluded = security.kind in _EXCLUDED_KINDS and not security.cash_equivalent
    return HoldingRole.EXCLUDED if is_excluded else managed, *said


def price_divisor(security: SecurityChanged) -> int:
    """Return what quantity x price is divided by: 1, or 100 where the price is in percent of face."""
    return {factor: divisor for divisor, factor in PRICE_FACTORS.items()}[security.price_factor]


def step_micro(security: SecurityChanged) -> int:
    """Return the step it is traded in, in millionths of a unit: a round lot, or the finest where it is fractional."""
    return price_divisor(security) if security.fractional else security.lot_size * 1_000_000
