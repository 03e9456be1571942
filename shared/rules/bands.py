"""Bands around a target and weights against them, exact.  Edges are inside.  Source: product 1, "rebalance threshold".

Weights and edges are in 1e-18 of account value V, values in cents, amounts as in `shared.fixed_point.amounts`,
thresholds and floors in ppb (1e-9).  Thresholds are at most 4e9 and floors at most 1e9, so nothing passes 2**63.

A target has up to 18 decimals and the edges of its band up to 27.  What decides is the edge as an amount: one that is
rounded towards the target by less than 1e-18 of a cent leaves every whole cent, and every count of units, on its side.
"""

from typing import Final

from shared.fixed_point.amounts import add_amounts, is_more, share_of_amount, subtract_amounts, weight_of_value
from shared.fixed_point.arithmetic import muldiv_ceil, muldiv_half_away
from shared.fixed_point.compiled import inner_kernel, kernel, view_kernel
from shared.fixed_point.limits import EDGE, PPB

MAX_SHOWN_PPB: Final = 999 * PPB
_NEAR: Final = 7  # ppb by which weight, target, relative x target and the floor, rounded, may be off together


@kernel
def band(weight: int, relative: int, floor_ppb: int) -> tuple[int, int]:
    """Return the edges weight -/+ max(relative x weight, floor), clipped to 0..1, to be shown.

    Edges with more than 18 decimals are rounded away from the target.
    """
    half = int(relative * (weight // PPB) if weight % PPB == 0 else muldiv_ceil(relative, weight, PPB))
    half = max(half, floor_ppb * PPB)
    return max(0, weight - half), min(EDGE, weight + half)


@kernel
def position_band(weight: int, relative: int, floor_ppb: int) -> tuple[int, int]:
    """Return the edges around a position's target, to be shown: [0, 0] for target 0, which cash does not have."""
    return (0, 0) if weight == 0 else band(weight, relative, floor_ppb)


@view_kernel
def band_amounts(
    cents: int, part: int, relative: int, floor: int, floor_part: int, value: int
) -> tuple[int, int, int, int]:
    """Return the lower and the upper edge (two amounts) of the rebalance band around an amount, within 0..V.

    floor, floor_part: the floor x V.
    """
    half, half_part = share_of_amount(relative, cents, part)
    if is_more(floor, floor_part, half, half_part):
        half, half_part = floor, floor_part
    low, low_part = subtract_amounts(cents, part, half, half_part)
    high, high_part = add_amounts(cents, part, half, half_part)
    if low < 0:
        low, low_part = 0, 0
    if high >= value:
        high, high_part = value, 0
    return low, low_part, high, high_part


@inner_kernel
def side_of(value: int, low: int, low_part: int, high: int) -> int:
    """Return -1 below, 0 inside (edges too), 1 above two amounts.  value: cents; high: without its part of a cent."""
    if value < low or (value == low and low_part > 0):
        return -1
    return 1 if value > high else 0


@kernel
def side(cents: int, value: int, weight: int, relative: int, floor_ppb: int) -> int:
    """Return -1 below, 0 inside (edges too), 1 above the band of a target, by the unrounded ratio cents / value.

    weight: the target; value: V, above 0.
    """
    aim, part = weight_of_value(weight, value)
    floor, floor_part = weight_of_value(floor_ppb * PPB, value)
    low, low_part, high, _ = band_amounts(aim, part, relative, floor, floor_part, value)
    return side_of(cents, low, low_part, high)


@kernel
def position_side(cents: int, shown: int, value: int, weight: int, relative: int, floor_ppb: int) -> int:
    """Return the same of a position, whose band is [0, 0] at target 0.  cents: 0 or more; shown: its `shown_weight`."""
    if weight == 0:
        return 1 if cents > 0 else 0
    half = max(relative * (weight // PPB) // PPB, floor_ppb)
    if abs(shown - weight // PPB) + _NEAR <= half and shown < PPB:
        return 0  # well inside, as nearly all positions are
    return side(cents, value, weight, relative, floor_ppb)


@kernel
def shown_weight(cents: int, value: int) -> int:
    """Return cents / value in ppb to be shown, halves away from zero, cut at +-999 (a value near zero); value > 0."""
    if abs(cents) // value >= 999:
        return MAX_SHOWN_PPB if cents > 0 else -MAX_SHOWN_PPB
    return muldiv_half_away(cents, PPB, value)
