"""What a batch trades of a security: sums of the market orders of its accounts, exact whatever their number.  Pure."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class SideSums:
    """Market orders of one side: millionths of a unit, cents, and accounts, each of which has one order."""

    micro: int = 0
    cents: int = 0
    accounts: int = 0

    def __add__(self, other: Self) -> "SideSums":
        return SideSums(self.micro + other.micro, self.cents + other.cents, self.accounts + other.accounts)


@dataclass(frozen=True)
class TradeSums:
    """Market orders of a security over accounts, none of which both buys and sells it.  Source: product 4."""

    buys: SideSums = SideSums()
    sells: SideSums = SideSums()

    def __add__(self, other: Self) -> "TradeSums":
        return TradeSums(self.buys + other.buys, self.sells + other.sells)

    @property
    def accounts(self) -> int:
        """Return how many accounts trade."""
        return self.buys.accounts + self.sells.accounts

    @property
    def value_cents(self) -> int:
        """Return what is bought and sold together."""
        return self.buys.cents + self.sells.cents


@dataclass(frozen=True)
class SecuritySums:
    """Market orders of one security: of the accounts that a filter leaves, and of all."""

    security_id: str
    filtered: TradeSums
    all: TradeSums


@dataclass(frozen=True)
class BatchSums:
    """Market orders of a batch.

    rows: securities that accounts of the filter trade, the largest value first, ties by security; filtered, all: sums
    over securities; securities: how many all accounts trade.
    """

    rows: list[SecuritySums]
    filtered: TradeSums
    all: TradeSums
    securities: int


def batch_sums(securities: Collection[SecuritySums]) -> BatchSums:
    """Return the sums of a batch from those of every security that one of its accounts trades."""
    traded = [each for each in securities if each.filtered.accounts]
    return BatchSums(
        rows=sorted(traded, key=lambda each: (-each.filtered.value_cents, each.security_id)),
        filtered=sum((each.filtered for each in traded), TradeSums()),
        all=sum((each.all for each in securities), TradeSums()),
        securities=len(securities),
    )
