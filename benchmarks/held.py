"""Generated holdings for the analysis: accounts near the targets of a few portfolios, a chosen share of them flagged.

Whole columns at a time, from one seed, as the analyzer holds them: integers and documents.  Every account holds all
components of its portfolio within 3 % of target; a flagged one holds 1.7 times the target of its first component.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.analyzer.domain.layout import KEY_SHIFT, NONE, TARGET_ROW, Ints, Target

PORTFOLIOS: Final = 50
SECURITIES: Final = 500
CASH_PPB: Final = 20_000_000
_ONE: Final = 10**9
_FLOOR_PPB: Final = 5_000_000


@dataclass(frozen=True)
class Market:
    """Prices in micro-dollars by security number, and a target for each portfolio; all in one sleeve, number 0."""

    prices: Ints
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Accounts:
    """A run of accounts. portfolio: place of its target; keys and units: [n, positions], in order of key; cents."""

    first: int
    portfolio: Ints
    keys: Ints
    units: Ints
    cash: Ints
    flagged: Ints

    @property
    def ids(self) -> list[str]:
        """Return the account ids."""
        return [f"A{number:08d}" for number in range(self.first, self.first + len(self.portfolio))]


def market(positions: int, seed: int = 1) -> Market:
    """Return prices and PORTFOLIOS targets of so many components each."""
    dice = np.random.default_rng(seed)
    prices = (np.round(np.exp(dice.normal(4.3, 0.8, SECURITIES)), 2) * 1e6).round().astype(np.int64)
    head = np.array([CASH_PPB, 200_000_000, 1, 200_000_000, 40_000_000, _FLOOR_PPB], np.int64)
    targets = []
    for _ in range(PORTFOLIOS):
        rows = np.full((positions, TARGET_ROW), NONE, np.int64)
        rows[:, 0] = np.sort(dice.choice(SECURITIES, positions, replace=False)) << KEY_SHIFT
        rows[:, 1] = (_ONE - CASH_PPB) // positions
        rows[0, 1] += _ONE - CASH_PPB - rows[:, 1].sum()
        rows[:, 4] = 1
        targets.append(Target(head, rows))
    return Market(prices, tuple(targets))


def accounts(known: Market, count: int, flagged: float, group: int, seed: int = 2) -> Iterator[Accounts]:
    """Yield `count` accounts, `group` at a time; `flagged` is the share of them outside a band."""
    dice = np.random.default_rng(seed)
    rows = np.stack([target.rows for target in known.targets])
    for first in range(0, count, group):
        size = min(group, count - first)
        portfolio = (first + np.arange(size)) % PORTFOLIOS
        keys, targets = rows[portfolio, :, 0], rows[portfolio, :, 1]
        worth = dice.choice([60_000, 250_000, 900_000], (size, 1)) * dice.uniform(0.5, 2, (size, 1))
        share = targets / _ONE * dice.uniform(0.97, 1.03, targets.shape)
        out = dice.random(size) < flagged
        share[out, 0] *= 1.7
        price = known.prices[keys >> KEY_SHIFT]
        units = (worth * share / (price / 1e6) * 1e6).astype(np.int64)
        cash = (worth[:, 0] * CASH_PPB / _ONE * 100).astype(np.int64)
        yield Accounts(first, portfolio, keys, units, cash, out.astype(np.int64))
