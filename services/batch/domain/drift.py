"""The drift that trades leave, over accounts: exact sums, rounded only where they are shown.  Pure."""

from dataclasses import dataclass
from typing import Final, Self

from shared.fixed_point.limits import PPB

FINE: Final = PPB * PPB
"""Parts of a cent: targets are exact to 18 decimals."""


@dataclass(frozen=True)
class DriftSums:
    """Over the accounts whose drift is known.

    left: |value - target| over positions in 1e-18 of a cent; value_cents: of these accounts before the trades.
    """

    left: int = 0
    value_cents: int = 0
    accounts: int = 0

    def __add__(self, other: Self) -> "DriftSums":
        return DriftSums(self.left + other.left, self.value_cents + other.value_cents, self.accounts + other.accounts)

    @property
    def cents(self) -> int:
        """Return what is away from target in cents, halves up."""
        return (self.left + FINE // 2) // FINE

    @property
    def ppb(self) -> int | None:
        """Return the drift as a share of the accounts' value, halves up; None without a value.

        Of one account it is the sum of |weight - target|.  Source: product 4, "Tax-aware".
        """
        return (self.left + self.value_cents * PPB // 2) // (self.value_cents * PPB) if self.value_cents else None
