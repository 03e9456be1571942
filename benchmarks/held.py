"""Generated holdings for the analysis: accounts near the targets of PORTFOLIOS portfolios, and a day that flags some.

Whole columns at a time, from one seed, as the analyzer holds them: integers and documents.  Every account holds all
components of its portfolio within 3 % of target.  Each portfolio has one security of its own; where that rises by 70 %,
all accounts of the portfolio leave its band.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.analyzer.domain.layout import AIM, KEY_SHIFT, NONE, Ints, Target
from shared.fixed_point.records import records

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
    """Consecutive accounts.

    portfolio: index of each account's target. keys, units: [n, positions], in order of key. cash: cents.
    """

    first: int
    portfolio: Ints
    keys: Ints
    units: Ints
    cash: Ints

    @property
    def ids(self) -> list[str]:
        """Return the account ids."""
        return [account_id(number) for number in range(self.first, self.first + len(self.portfolio))]


def account_id(number: int) -> str:
    """Return the id of an account."""
    return f"A{number:08d}"


def market(positions: int, seed: int = 1) -> Market:
    """Return prices and PORTFOLIOS targets of so many components each."""
    dice = np.random.default_rng(seed)
    prices = (np.round(np.exp(dice.normal(4.3, 0.8, SECURITIES)), 2) * 1e6).round().astype(np.int64)
    head = np.array([CASH_PPB, 200_000_000, 1, 200_000_000, 40_000_000, _FLOOR_PPB, 0], np.int64)
    targets = []
    for number in range(PORTFOLIOS):
        others = PORTFOLIOS + np.sort(dice.choice(SECURITIES - PORTFOLIOS, positions - 1, replace=False))
        rows = records(AIM, positions)
        rows.key = np.concatenate([[number], others]) << KEY_SHIFT
        rows.target = (_ONE - CASH_PPB) // positions
        rows[0].target += _ONE - CASH_PPB - rows.target.sum()
        rows.threshold, rows.precision, rows.can_trigger = NONE, NONE, 1
        targets.append(Target(head, rows))
    return Market(prices, tuple(targets))


def moved(prices: Ints, flagged: float) -> Ints:
    """Return the prices after which this share of the accounts (in steps of 1 / PORTFOLIOS) is out of band."""
    after = prices.copy()
    after[: round(flagged * PORTFOLIOS)] *= 17
    after[: round(flagged * PORTFOLIOS)] //= 10
    return after


def accounts(known: Market, count: int, group: int, seed: int = 2) -> Iterator[Accounts]:
    """Yield `count` accounts, `group` at a time."""
    dice = np.random.default_rng(seed)
    key_of = np.stack([target.rows.key for target in known.targets])
    target_of = np.stack([target.rows.target for target in known.targets])
    for first in range(0, count, group):
        size = min(group, count - first)
        portfolio = (first + np.arange(size)) % PORTFOLIOS
        keys, targets = key_of[portfolio], target_of[portfolio]
        worth = dice.choice([60_000, 250_000, 900_000], (size, 1)) * dice.uniform(0.5, 2, (size, 1))
        share = targets / _ONE * dice.uniform(0.97, 1.03, targets.shape)
        price = known.prices[keys >> KEY_SHIFT]
        units = (worth * share / (price / 1e6) * 1e6).astype(np.int64)
        cash = (worth[:, 0] * CASH_PPB / _ONE * 100).astype(np.int64)
        yield Accounts(first, portfolio, keys, units, cash)
