"""Bands around a target and weights against them, exact.  Edges are inside.  Source: product 1, "rebalance threshold".

Weights and edges are in 1e-18 of account value, values in cents, thresholds and floors in ppb (1e-9).  Thresholds are
at most 4e9 and floors at most 1e9, so nothing passes 2**63.
"""

from typing import Final

from shared.fixed_point.arithmetic import compare_products, muldiv_ceil, muldiv_half_away
from shared.fixed_point.compiled import inner_kernel, kernel, view_kernel
from shared.fixed_point.limits import EDGE, PPB

MAX_SHOWN_PPB: Final = 999 * PPB


@view_kernel
def band(down: int, up: int, relative: int, floor_ppb: int) -> tuple[int, int]:
    """Return the edges weight -/+ max(relative x weight, floor), clipped to 0..1.

    down, up: the weight rounded down and up; the low edge is rounded down and the high edge up where they differ.
    """
    return _edges(down, up, share_of(relative, up), floor_ppb)


@kernel
def position_band(target_ppb: int, relative: int, floor_ppb: int) -> tuple[int, int]:
    """Return the edges around a position's target in ppb: [0, 0] for target 0, which cash does not have."""
    if target_ppb == 0:
        return 0, 0
    return _edges(target_ppb * PPB, target_ppb * PPB, relative * target_ppb, floor_ppb)


@inner_kernel
def _edges(down: int, up: int, half: int, floor_ppb: int) -> tuple[int, int]:
    """Return the edges weight -/+ max(half, floor), clipped to 0..1."""
    half = max(half, floor_ppb * PPB)
    return max(0, down - half), min(EDGE, up + half)


@view_kernel
def precision_band(down: int, up: int, relative: int) -> tuple[int, int]:
    """Return the edges weight -/+ relative x weight: no floor, and not clipped.  Arguments as for `band`.

    Weights above 1, which an overdrawn account has, are near a target as any other is.
    """
    half = share_of(relative, up)
    return down - half, up + half


@view_kernel
def share_of(relative: int, weight: int) -> int:
    """Return relative (ppb) x weight, rounded up where the weight has more than nine decimals."""
    return int(relative * (weight // PPB) if weight % PPB == 0 else muldiv_ceil(relative, weight, PPB))


@kernel
def side(cents: int, value: int, low: int, high: int) -> int:
    """Return -1 below, 0 inside (edges too), 1 above the band, by the unrounded ratio cents / value; value > 0."""
    if compare_products(cents, EDGE, low, value) < 0:
        return -1
    if compare_products(cents, EDGE, high, value) > 0:
        return 1
    return 0


@kernel
def shown_weight(cents: int, value: int) -> int:
    """Return cents / value in ppb to be shown, halves away from zero, cut at +-999 (a value near zero); value > 0."""
    if abs(cents) // value >= 999:
        return MAX_SHOWN_PPB if cents > 0 else -MAX_SHOWN_PPB
    return muldiv_half_away(cents, PPB, value)
