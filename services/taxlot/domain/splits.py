"""Find jumps of quantity or price that look like a stock split: reported, never acted on.  Source: product 2."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from shared.contracts.custody import QUANTITY_DECIMALS
from shared.fixed_point.limits import MICRO
from shared.rules.relief.lots import NO_BASIS, Ints

MOST: Final = 1000  # of p in p : q
MOST_PARTS: Final = 10  # of q
# (new, old): what nearly every split is.  A price near one is noticed, and growth by one whatever became of the basis.
RATIOS: Final = (
    *((new, 1) for new in (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50)),
    (3, 2),
    (4, 3),
    (5, 2),
    (5, 4),
    *((1, old) for old in (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100)),
)
_PRICE_SLACK_PERCENT = 4  # a day's usual movement on top of the split
# A sale leaves the cost of a unit as it is, the least ratio (11 : 10) raises it by a tenth; half of that is between.
_COST_RISE_PERCENT = 5


def quantity_jumps(
    old_quantity: Ints, new_quantity: Ints, old_basis: Ints, new_basis: Ints, shown: Ints | None = None
) -> Any:
    """Say for each lot whether its units changed by a split ratio p : q or q : p, p <= 1000 and q <= 10.

    Micro-units and cents; shown: how many decimals the new quantity was written with, None: six, as more are.  Units
    match when they differ by at most half of that decimal; where the old ones have no more decimals, so do old units
    (the new ones stem from unrounded ones), and of whole units the fraction may have been paid in cash.

    A lot never grows by trading, so growth by a usual ratio counts whatever its basis is now, by any other where the
    basis is not known to be higher.  A lot shrinks by every sale, so shrinking counts where its known basis is
    unchanged; where a fraction was paid in cash it may be lower, but a unit costs more than before.  Where the basis
    was and is unknown only the units can tell, so shrinking to 1 : p of them counts.

    Source: product 2, "A jump of quantity or price that matches a split ratio".
    """
    found = np.zeros(len(old_quantity), np.bool_)
    long = (old_quantity > 0) & (new_quantity > 0)
    decimals = np.full(len(found), QUANTITY_DECIMALS) if shown is None else np.minimum(shown, QUANTITY_DECIMALS)
    last = 10 ** (QUANTITY_DECIMALS - decimals.astype(np.int64))
    higher = (new_basis > old_basis) & (old_basis != NO_BASIS)
    grew = np.flatnonzero(long & (new_quantity > old_quantity))
    if len(grew):
        old, new, step = old_quantity[grew], new_quantity[grew], last[grew]
        found[grew] = _multiplied(old, new, step) & ~higher[grew] | _multiplied_as_usual(old, new, step)
    known = (new_basis != NO_BASIS) & (old_basis != NO_BASIS) & ~higher
    shrank = np.flatnonzero(long & (new_quantity < old_quantity) & known)
    if len(shrank):
        old, new, step = old_quantity[shrank], new_quantity[shrank], last[shrank]
        same = old_basis[shrank] == new_basis[shrank]
        found[shrank] = same & _divided(old, new, step)
        cut = np.flatnonzero(~found[shrank] & _divided_and_cut(old, new))
        dearer = _is_dearer(old[cut], new[cut], old_basis[shrank][cut], new_basis[shrank][cut])
        found[shrank[cut[dearer]]] = True
    unknown = (new_basis == NO_BASIS) & (old_basis == NO_BASIS)
    fewer = np.flatnonzero(long & (new_quantity < old_quantity) & unknown)
    if len(fewer):
        found[fewer] = _divided(old_quantity[fewer], new_quantity[fewer], last[fewer], most_parts=1)
    return found


# Below, new / old is p / q for units that were multiplied, q / p for divided ones.  Quantities reach 1e15 micro-units
# and a step 1e6, so 2 x quantity x 1000 stays below 2**63.


def _multiplied(old: Ints, new: Ints, step: Ints) -> Any:
    found = np.zeros(len(old), np.bool_)
    on_step, whole = old % step == 0, new % MICRO == 0
    for q in range(1, MOST_PARTS + 1):
        # |new - old p / q| <= step / 2
        p = np.maximum(_ceil((2 * new - step) * q, 2 * old), q + 1)
        found |= (p <= MOST) & (2 * old * np.minimum(p, MOST) <= (2 * new + step) * q)
        # |new q / p - old| <= step / 2
        p = np.maximum(_ceil(2 * new * q, 2 * old + step), q + 1)
        found |= on_step & (p <= MOST) & ((2 * old - step) * np.minimum(p, MOST) <= 2 * new * q)
        # new is the whole part of old p / q
        p = np.maximum(_ceil(new * q, old), q + 1)
        found |= whole & (p <= MOST) & (old * np.minimum(p, MOST) < (new + MICRO) * q)
    return found


def _multiplied_as_usual(old: Ints, new: Ints, step: Ints) -> Any:
    found = np.zeros(len(old), np.bool_)
    whole = new % MICRO == 0
    for p, q in RATIOS:
        if p > q:
            off = new * q - old * p
            found |= (2 * np.abs(off) <= step * q) | (whole & (off < 0) & (off > -q * MICRO))
    return found


def _divided(old: Ints, new: Ints, step: Ints, most_parts: int = MOST_PARTS) -> Any:
    found = np.zeros(len(old), np.bool_)
    for q in range(1, most_parts + 1):
        # |new - old q / p| <= step / 2
        p = np.maximum(_ceil(2 * old * q, 2 * new + step), q + 1)
        found |= (p <= MOST) & ((2 * new - step) * np.minimum(p, MOST) <= 2 * old * q)
    return found


def _divided_and_cut(old: Ints, new: Ints) -> Any:
    """Say where new is the whole part of old q / p, which has a fraction."""
    found = np.zeros(len(old), np.bool_)
    for q in range(1, MOST_PARTS + 1):
        p = np.minimum(_ceil(old * q, new) - 1, MOST)  # the greatest that leaves more than `new`
        found |= (p > q) & (old * q < (new + MICRO) * p)
    return found & (new % MICRO == 0)


def _is_dearer(old: Ints, new: Ints, old_basis: Ints, new_basis: Ints) -> Any:
    """Say where a unit costs more than before, by so much that it was no sale."""
    before = old_basis.astype(object) * new.astype(object) * (100 + _COST_RISE_PERCENT)
    now = new_basis.astype(object) * old.astype(object) * 100
    return (old_basis > 0) & (now >= before).astype(np.bool_)


def _ceil(above: Ints, below: Ints) -> Ints:
    quotient: Ints = -(-above // below)
    return quotient


def price_jumps(before: Mapping[str, int], now: Mapping[str, int]) -> list[tuple[str, tuple[int, int]]]:
    """Return (security, ratio) where the price moved by a split ratio; of several that fit the usual, the nearest.

    Prices in micro-dollars by security; a ratio (2, 1) means two new units for an old one, so half the price.  Usual
    ratios and those of a whole number up to 1000 fit within a few percent, any other p : q only to the last decimal:
    else every day's movement would fit one.
    """
    jumps = []
    for security in sorted(before.keys() & now.keys()):
        ratio = _price_ratio(before[security], now[security])
        if ratio is not None:
            jumps.append((security, ratio))
    return jumps


def _price_ratio(before: int, now: int) -> tuple[int, int] | None:
    if before * 10 < now * 11 and now * 10 < before * 11:
        return None  # nearer than the least ratio
    usual = _nearest(before, now, RATIOS)
    return usual or _exact(before, now) or _nearest(before, now, _whole_numbers(before, now))


def _nearest(before: int, now: int, ratios: tuple[tuple[int, int], ...]) -> tuple[int, int] | None:
    near = [ratio for ratio in ratios if _distance(before, now, ratio) <= 0]
    return min(near, key=lambda ratio: _distance(before, now, ratio), default=None)


def _exact(before: int, now: int) -> tuple[int, int] | None:
    """Return the ratio that leads to this very price, rounded to a millionth; the one of the smallest numbers."""
    low, high = sorted((before, now))
    for q in range(1, MOST_PARTS + 1):
        p = (2 * high * q + low) // (2 * low)
        if q < p <= MOST:
            new, old = (p, q) if now < before else (q, p)
            if 2 * abs(now * new - before * old) <= new:
                return new, old
    return None


def _whole_numbers(before: int, now: int) -> tuple[tuple[int, int], ...]:
    low, high = sorted((before, now))
    numbers = [p for p in (high // low, high // low + 1) if 1 < p <= MOST]
    return tuple((p, 1) if now < before else (1, p) for p in numbers)


def _distance(before: int, now: int, ratio: tuple[int, int]) -> int:
    """Return how far the price lies from the ratio's, in millionths of that price beyond the slack; below 0: within."""
    new, old = ratio
    expected = before * old
    return abs(now * new - expected) * MICRO // expected - _PRICE_SLACK_PERCENT * MICRO // 100
