"""The evaluation of a chunk of accounts: value, weights, bands, what triggers, tiles.  Source: product 1, 3.

One text, compiled or plain.  Bands are in 1e-18 of account value and their edges are inside; a weight is compared with
an edge as value * 1e18 against edge * V, never as a rounded ratio.
"""

from typing import Final

from services.analyzer.domain.layout import NONE, Ints, Setting, TargetField
from shared.contracts.codes import FlagState, Tile
from shared.fixed_point.arithmetic import compare_products, muldiv_half_away, value_cents
from shared.fixed_point.compiled import kernel
from shared.fixed_point.limits import EDGE, MAX_VALUE_CENTS, PPB

# Columns of the result, one row an account.
STATE: Final = 0  # FlagState
TILES: Final = 1  # Tile flags
HOLD: Final = 2  # one of the H_ below
HOLD_SECURITY: Final = 3  # security number the hold is about, or NONE
VALUE: Final = 4  # V in cents; this and the following are NONE-free only where the state is CLEAR, FLAGGED or NO_TARGET
CASH: Final = 5  # available cash in cents
CASH_PPB: Final = 6
CASH_TARGET: Final = 7  # ppb; NONE without target, as are the two edges
CASH_LOW: Final = 8  # ppb
CASH_HIGH: Final = 9  # ppb
MAX_DRIFT: Final = 10  # ppb, largest |weight - target| of any position
DRIFTED: Final = 11  # positions in the triggering list
COLUMNS: Final = 12

# Why an account is held by the evaluation itself.
H_NONE: Final = 0
H_MISSING_PRICE: Final = 1
H_STALE_PRICE: Final = 2
H_VALUE_NOT_POSITIVE: Final = 3
H_VALUE_LIMIT: Final = 4
H_TARGET: Final = 5  # the account names a portfolio whose target is not known or not valid

# What is known of an account before its numbers are looked at.
G_EVALUATE: Final = 0
G_HELD: Final = 1
G_SETTLING: Final = 2

T_NONE: Final = -1  # the account has no target
T_UNKNOWN: Final = -2  # it names one that is not known or not valid

# Columns of a reason: a component in the triggering list.
R_KEY: Final = 0  # position key, NONE for cash
R_WEIGHT: Final = 1  # ppb
R_TARGET: Final = 2  # ppb
R_LOW: Final = 3  # edge, 1e-18
R_HIGH: Final = 4
REASON: Final = 5

MAX_SHOWN_PPB: Final = 999 * PPB

_SHIFT: Final = 32
_LAST: Final = 2**63 - 1  # after every key
_ON: Final = int(Setting.REBALANCER_ON)
_SET_THRESHOLD: Final = int(Setting.THRESHOLD_PPB)
_SET_FLOOR: Final = int(Setting.FLOOR_PPB)
_SET_CASH_THRESHOLD: Final = int(Setting.CASH_THRESHOLD_PPB)
_SET_ASIDE: Final = int(Setting.SET_ASIDE_CENTS)
_T_CASH: Final = int(TargetField.CASH_PPB)
_T_CASH_THRESHOLD: Final = int(TargetField.CASH_THRESHOLD_PPB)
_T_CASH_CAN: Final = int(TargetField.CASH_CAN_TRIGGER)
_T_THRESHOLD: Final = int(TargetField.THRESHOLD_PPB)
_T_FLOOR: Final = int(TargetField.FLOOR_PPB)
_OFF: Final = int(FlagState.OFF)
_CLEAR: Final = int(FlagState.CLEAR)
_FLAGGED: Final = int(FlagState.FLAGGED)
_HELD: Final = int(FlagState.HELD)
_SETTLING: Final = int(FlagState.SETTLING)
_NO_TARGET: Final = int(FlagState.NO_TARGET)
_FIRST: Final = int(Tile.FIRST_REBALANCE)
_HIGH: Final = int(Tile.HIGH_CASH)
_LOW: Final = int(Tile.LOW_CASH)
_DRIFT: Final = int(Tile.POSITION_DRIFT)


@kernel
def band(target_ppb: int, threshold_ppb: int, floor_ppb: int) -> tuple[int, int]:
    """Return (low, high) edge in 1e-18 around a target: half-width max(r x t, floor), clipped to 0..1.

    threshold_ppb up to 4e9, floor_ppb up to 1e9, so nothing passes 2**63.  Source: product 1, "rebalance threshold".
    """
    half = max(threshold_ppb * target_ppb, floor_ppb * PPB)
    return max(0, target_ppb * PPB - half), min(EDGE, target_ppb * PPB + half)


@kernel
def position_band(target_ppb: int, threshold_ppb: int, floor_ppb: int) -> tuple[int, int]:
    """Return the band of a position: [0, 0] for target 0, which cash does not have."""
    if target_ppb == 0:
        return 0, 0
    return band(target_ppb, threshold_ppb, floor_ppb)


@kernel
def side(value: int, total: int, low: int, high: int) -> int:
    """Return -1 below, 0 inside (edges too), 1 above the band; value and total in cents, total > 0."""
    if compare_products(value, EDGE, low, total) < 0:
        return -1
    if compare_products(value, EDGE, high, total) > 0:
        return 1
    return 0


@kernel
def weight_ppb(value: int, total: int) -> int:
    """Return value / total in ppb to be shown, halves away from zero, cut at +-999 (a total near zero)."""
    if abs(value) // total >= 999:
        return MAX_SHOWN_PPB if value > 0 else -MAX_SHOWN_PPB
    return muldiv_half_away(value, PPB, total)


@kernel
def own_or(own: int, general: int) -> int:
    """Return a setting of its own, or the general one where it is not set."""
    return general if own == NONE else own


@kernel
def total_value(
    first: int, end: int, holdings: Ints, t_first: int, t_end: int, target_rows: Ints, price: Ints, stale: int
) -> tuple[int, int, int]:
    """Return (sum of position values in cents, hold, security number).

    A price is needed of everything held or targeted; one that is absent or 0 holds the account, as does a stale set.
    """
    total = 0
    for row in range(first, end):
        if holdings[row, 1] == 0:
            continue
        security = holdings[row, 0] >> _SHIFT
        if stale:
            return 0, H_STALE_PRICE, security
        unit = price[security] if security < len(price) else 0
        if unit <= 0:
            return 0, H_MISSING_PRICE, security
        value = value_cents(holdings[row, 1], unit)
        if total + value > MAX_VALUE_CENTS:
            return 0, H_VALUE_LIMIT, security
        total += value
    for row in range(t_first, t_end):
        if target_rows[row, 1] == 0:
            continue
        security = target_rows[row, 0] >> _SHIFT
        if stale:
            return 0, H_STALE_PRICE, security
        if security >= len(price) or price[security] <= 0:
            return 0, H_MISSING_PRICE, security
    return total, H_NONE, NONE


@kernel
def positions(
    first: int,
    end: int,
    holdings: Ints,
    t_first: int,
    t_end: int,
    target_rows: Ints,
    price: Ints,
    total: int,
    threshold_ppb: int,
    floor_ppb: int,
    reasons: Ints,
    filled: int,
) -> tuple[int, int]:
    """Write the positions in the triggering list into `reasons` from row `filled`; return (next free row, max drift).

    Holdings and target rows are merged by key: what is held without target has target 0 and may trigger, what is
    targeted and not held has weight 0.
    """
    drift = 0
    held, aim = first, t_first
    while held < end or aim < t_end:
        held_key = holdings[held, 0] if held < end else _LAST
        aim_key = target_rows[aim, 0] if aim < t_end else _LAST
        key = min(held_key, aim_key)
        quantity, target, own, can_trigger = 0, 0, NONE, 1
        if held_key == key:
            quantity = holdings[held, 1]
            held += 1
        if aim_key == key:
            target, own, can_trigger = target_rows[aim, 1], target_rows[aim, 2], target_rows[aim, 4]
            aim += 1
        value = value_cents(quantity, price[key >> _SHIFT]) if quantity != 0 else 0
        weight = weight_ppb(value, total)
        drift = max(drift, abs(weight - target))
        low, high = position_band(target, own_or(own, threshold_ppb), floor_ppb)
        if can_trigger and side(value, total, low, high) != 0:
            reasons[filled, 0] = key
            reasons[filled, 1] = weight
            reasons[filled, 2] = target
            reasons[filled, 3] = low
            reasons[filled, 4] = high
            filled += 1
    return filled, drift


@kernel
def evaluate(
    settings: Ints,
    gate: Ints,
    cash_cents: Ints,
    rebalanced: Ints,
    holding_starts: Ints,
    holdings: Ints,
    target_of: Ints,
    heads: Ints,
    target_starts: Ints,
    target_rows: Ints,
    price: Ints,
    stale: int,
    out: Ints,
    reason_starts: Ints,
    reasons: Ints,
) -> None:
    """Evaluate n accounts into out[n, COLUMNS], reason_starts[n + 1] and reasons[.., REASON].

    settings[n, SETTINGS]; gate[n]: G_*; cash_cents[n] before set-aside; rebalanced[n]: 1 when a last-rebalanced date
    exists; holdings[.., (key, quantity_micro)]; target_of[n]: row of heads or T_*; price[security number] in millionths
    (0: none); stale: 1 when the price set is too old.  reasons needs room for all positions and one more an account.
    """
    filled = 0
    for account in range(len(gate)):
        reason_starts[account] = filled
        row = out[account]
        row[:] = NONE
        row[TILES] = 0
        row[HOLD] = H_NONE
        row[DRIFTED] = 0
        row[STATE] = _OFF
        if settings[account, _ON] == 0:
            continue
        if gate[account] != G_EVALUATE:
            row[STATE] = _HELD if gate[account] == G_HELD else _SETTLING
            continue
        row[STATE] = _HELD
        index = target_of[account]
        if index == T_UNKNOWN:
            row[HOLD] = H_TARGET
            continue
        t_first = target_starts[index] if index >= 0 else 0
        t_end = target_starts[index + 1] if index >= 0 else 0
        first, end = holding_starts[account], holding_starts[account + 1]
        held_value, hold, security = total_value(first, end, holdings, t_first, t_end, target_rows, price, stale)
        cash = cash_cents[account] - settings[account, _SET_ASIDE]
        total = held_value + cash
        if hold == H_NONE and total <= 0:
            hold = H_VALUE_NOT_POSITIVE
        if hold == H_NONE and total > MAX_VALUE_CENTS:
            hold = H_VALUE_LIMIT
        row[HOLD] = hold
        row[HOLD_SECURITY] = security
        if hold != H_NONE:
            continue
        row[VALUE] = total
        row[CASH] = cash
        row[CASH_PPB] = weight_ppb(cash, total)
        if index == T_NONE:
            row[STATE] = _NO_TARGET
            continue
        filled = _against_target(
            settings[account], rebalanced[account], heads[index], first, end, holdings, t_first, t_end, target_rows,
            price, total, cash, row, reasons, filled,
        )  # fmt: skip
    reason_starts[len(gate)] = filled


@kernel
def _against_target(
    settings: Ints,
    rebalanced: int,
    head: Ints,
    first: int,
    end: int,
    holdings: Ints,
    t_first: int,
    t_end: int,
    target_rows: Ints,
    price: Ints,
    total: int,
    cash: int,
    row: Ints,
    reasons: Ints,
    filled: int,
) -> int:
    """Fill the row of an account that has value and target; return the next free row of reasons."""
    floor = own_or(settings[_SET_FLOOR], head[_T_FLOOR])
    low, high = band(head[_T_CASH], own_or(settings[_SET_CASH_THRESHOLD], head[_T_CASH_THRESHOLD]), floor)
    tiles = 0 if rebalanced else _FIRST
    where = side(cash, total, low, high) if head[_T_CASH_CAN] else 0
    if where != 0:
        tiles |= _HIGH if where > 0 else _LOW
        reasons[filled, 0] = NONE
        reasons[filled, 1] = row[CASH_PPB]
        reasons[filled, 2] = head[_T_CASH]
        reasons[filled, 3] = low
        reasons[filled, 4] = high
        filled += 1
    after, drift = positions(
        first, end, holdings, t_first, t_end, target_rows, price, total,
        own_or(settings[_SET_THRESHOLD], head[_T_THRESHOLD]), floor, reasons, filled,
    )  # fmt: skip
    drifted = after - filled
    if tiles == 0 and drifted > 0:
        tiles = _DRIFT
    row[STATE] = _FLAGGED if tiles else _CLEAR
    row[TILES] = tiles
    row[CASH_TARGET] = head[_T_CASH]
    row[CASH_LOW] = muldiv_half_away(low, 1, PPB)
    row[CASH_HIGH] = muldiv_half_away(high, 1, PPB)
    row[MAX_DRIFT] = drift
    row[DRIFTED] = drifted
    return after
