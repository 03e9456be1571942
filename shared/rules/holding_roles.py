"""The role of a held security in one account, out of the packed roles of the security.

Packed roles are one small integer a security: two bits for each of what an account may say (nothing, MANAGED, LOCKED,
EXCLUDED, in this order).  Roles are numbered as in `shared.contracts.codes.HoldingRole`.
Source: product 1, "holding role".
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.fixed_point.compiled import kernel

Ints: TypeAlias = NDArray[np.int64]

ORDINARY: Final = 0 | 0 << 2 | 1 << 4 | 2 << 6
"""Packed roles of a security of which nothing else is said: MANAGED unless the account says otherwise."""
NO_OWN_ROLE: Final = -1


@kernel
def role_in_account(packed: int, own: int) -> int:
    """Return the role in an account.  own: what the account says of the security, or NO_OWN_ROLE."""
    return (packed >> 2 * (own + 1)) & 3


def roles_in_accounts(packed: Ints, own: Ints) -> Ints:
    """Return `role_in_account` of columns: one element a security and account."""
    return (packed >> 2 * (own + 1)) & 3
