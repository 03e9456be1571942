"""Jumps that look like a stock split: reported for a look, never acted on.  Source: product 2."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from shared.relief.lots import NO_BASIS, Ints

RATIOS: Final = (
    (2, 1),
    (3, 1),
    (3, 2),
    (4, 1),
    (5, 1),
    (8, 1),
    (10, 1),
    (20, 1),
    (1, 2),
    (1, 5),
    (1, 8),
    (1, 10),
    (1, 20),
)
_PRICE_SLACK_PERCENT = 4  # a day's usual movement on top of the split


def quantity_jumps(old_quantity: Ints, new_quantity: Ints, old_basis: Ints, new_basis: Ints) -> Any:
    """Say for each lot whether its units changed by exactly a usual split ratio while its known basis stayed."""
    jumped = np.zeros(len(old_quantity), np.bool_)
    for numerator, denominator in RATIOS:
        # Quantities reach 1e15 micro-units and ratios 20, so the products stay far below 2**63.
        jumped |= new_quantity * denominator == old_quantity * numerator
    return jumped & (old_basis == new_basis) & (new_basis != NO_BASIS)


def price_jumps(before: Mapping[str, int], now: Mapping[str, int]) -> list[tuple[str, tuple[int, int]]]:
    """Return (security, ratio) where the price moved by a usual split ratio within a few percent.

    Prices in micro-dollars by security; a ratio (2, 1) means two new units for an old one, so half the price.
    """
    found = []
    for security in sorted(before.keys() & now.keys()):
        for numerator, denominator in RATIOS:
            expected = before[security] * denominator
            got = now[security] * numerator
            if abs(got - expected) * 100 <= expected * _PRICE_SLACK_PERCENT:
                found.append((security, (numerator, denominator)))
                break
    return found
