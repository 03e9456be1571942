"""Find jumps of quantity or price that look like a stock split: reported, never acted on.  Source: product 2."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from shared.fixed_point.limits import MICRO
from shared.rules.relief.lots import NO_BASIS, Ints

# (new, old): two for one, ..., then reverse splits.
RATIOS: Final = (
    *((new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50)),
    (3, 2),
    (4, 3),
    (5, 2),
    (5, 4),
    *((1, old) for old in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)),
)
_PRICE_SLACK_PERCENT = 4  # a day's usual movement on top of the split


def quantity_jumps(old_quantity: Ints, new_quantity: Ints, old_basis: Ints, new_basis: Ints) -> Any:
    """Say for each lot whether its units changed by a usual split ratio, in micro-units and cents.

    A lot never grows by trading, so growth counts whatever its basis is now; a fraction of a unit may have been paid in
    cash.  A lot shrinks by every sale, so shrinking counts only when its known basis is unchanged.  The last micro-unit
    may have been rounded.
    """
    grew = np.zeros(len(old_quantity), np.bool_)
    shrank = np.zeros(len(old_quantity), np.bool_)
    is_whole = new_quantity % MICRO == 0
    for new, old in RATIOS:
        # Quantities reach 1e15 micro-units and ratios 100, so the products stay far below 2**63.
        off = new_quantity * old - old_quantity * new
        fits = np.abs(off) < old
        if new > old:
            grew |= fits | (is_whole & (off < 0) & (off > -old * MICRO))
        else:
            shrank |= fits
    grew &= new_quantity > old_quantity
    shrank &= (new_quantity < old_quantity) & (old_basis == new_basis) & (new_basis != NO_BASIS)
    return grew | shrank


def price_jumps(before: Mapping[str, int], now: Mapping[str, int]) -> list[tuple[str, tuple[int, int]]]:
    """Return (security, ratio) where the price moved by a usual split ratio within a few percent; the nearest ratio.

    Prices in micro-dollars by security; a ratio (2, 1) means two new units for an old one, so half the price.
    """
    jumps = []
    for security in sorted(before.keys() & now.keys()):
        near = [ratio for ratio in RATIOS if _distance(before[security], now[security], ratio) <= 0]
        if near:
            jumps.append((security, min(near, key=lambda ratio: _distance(before[security], now[security], ratio))))
    return jumps


def _distance(before: int, now: int, ratio: tuple[int, int]) -> int:
    """Return how far the price lies from the ratio's, in millionths of that price beyond the slack; below 0: within."""
    new, old = ratio
    expected = before * old
    return abs(now * new - expected) * MICRO // expected - _PRICE_SLACK_PERCENT * MICRO // 100
