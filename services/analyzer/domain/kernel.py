"""The evaluation of a chunk of accounts: value, weights, bands, what triggers, tiles.  Source: product 1, 3.

One text, compiled or plain.  Scales: cents, micro-units (`quantity`), micro-dollars (price), ppb (weights, targets,
thresholds), 1e-18 of account value V (`low` and `high` of a reason).
"""

from typing import Final, NamedTuple

from services.analyzer.domain.layout import FIGURES, NONE, Ints, Setting, TargetField
from shared.contracts.codes import FlagState, Tile
from shared.fixed_point.arithmetic import muldiv_half_away, value_cents
from shared.fixed_point.compiled import entry_kernel, inner_kernel, view_kernel
from shared.fixed_point.limits import MAX_VALUE_CENTS, PPB
from shared.fixed_point.records import Records, fields_of, record
from shared.rules.bands import band, position_band, shown_weight, side

SETTINGS: Final = record(*(setting.name.lower() for setting in Setting))
HEAD: Final = record(*(field.name.lower() for field in TargetField))
RESULT: Final = record(
    "state",  # FlagState
    "tiles",  # Tile flags
    "hold",  # one of the H_ below
    "hold_security",  # number of the security the hold is about, or NONE
    *fields_of(FIGURES),
)

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

_SHIFT: Final = 32
_LAST: Final = 2**63 - 1  # after every key
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


class AccountChunk(NamedTuple):
    """A chunk of n accounts; those of one account are holdings[starts[i]:starts[i + 1]], in order of key."""

    settings: Records  # SETTINGS
    eligibility: Ints  # G_*
    cash: Ints  # cents, before set-aside
    rebalanced: Ints  # 1 when a last-rebalanced date exists
    starts: Ints  # n + 1
    holdings: Records  # HOLDING
    target_of: Ints  # index of its target, or T_*


class Targets(NamedTuple):
    """The targets of a chunk; those of one target are rows[starts[i]:starts[i + 1]], in order of key."""

    heads: Records  # HEAD
    starts: Ints
    rows: Records  # AIM


class Found(NamedTuple):
    """What comes out; `reasons` needs room for all positions and one more an account."""

    results: Records  # RESULT
    starts: Ints  # n + 1: where each account's reasons begin
    reasons: Records  # REASON


@entry_kernel
def evaluate(accounts: AccountChunk, targets: Targets, price: Ints, stale: int, found: Found) -> None:
    """Evaluate every account of a chunk into `found`.

    price: micro-dollars by security number, 0: none.  stale: 1 when the price set is too old.
    """
    filled = 0
    for account in range(len(accounts.eligibility)):
        found.starts[account] = filled
        result, target = found.results[account], accounts.target_of[account]
        _clear(result)
        if accounts.settings[account].rebalancer_on == 0:
            result.state = _OFF
        elif accounts.eligibility[account] != G_EVALUATE:
            result.state = _HELD if accounts.eligibility[account] == G_HELD else _SETTLING
        elif target == T_UNKNOWN:
            result.hold = H_TARGET
        elif _value(account, target, accounts, targets, price, stale, result):
            if target == T_NONE:
                result.state = _NO_TARGET
            else:
                filled = _against_target(account, accounts, targets, price, found, filled)
    found.starts[len(accounts.eligibility)] = filled


@inner_kernel
def _clear(result: Records) -> None:
    """Hold the account, without a reason and without figures."""
    result.state, result.tiles, result.hold, result.hold_security = _HELD, 0, H_NONE, NONE
    result.value, result.cash, result.cash_weight = NONE, NONE, NONE
    result.cash_target, result.cash_low, result.cash_high = NONE, NONE, NONE
    result.max_drift, result.drifted = NONE, 0


@view_kernel
def _value(
    account: int, target: int, accounts: AccountChunk, targets: Targets, price: Ints, stale: int, result: Records
) -> bool:
    """Write value and cash of an account, or the hold that keeps it from being valued; say whether it has a value."""
    held_value, hold, security = _value_positions(account, target, accounts, targets, price, stale)
    cash = accounts.cash[account] - accounts.settings[account].set_aside_cents
    total = held_value + cash
    if hold == H_NONE and total <= 0:
        hold = H_VALUE_NOT_POSITIVE
    if hold == H_NONE and total > MAX_VALUE_CENTS:
        hold = H_VALUE_LIMIT
    result.hold, result.hold_security = hold, security
    if hold != H_NONE:
        return False
    result.value, result.cash, result.cash_weight = total, cash, shown_weight(cash, total)
    return True


@view_kernel
def _value_positions(
    account: int, target: int, accounts: AccountChunk, targets: Targets, price: Ints, stale: int
) -> tuple[int, int, int]:
    """Return (sum of position values in cents, hold, security number).

    A price is needed of everything held or targeted; one that is absent or 0 holds the account, as does a stale set.
    """
    total = 0
    for row in range(accounts.starts[account], accounts.starts[account + 1]):
        holding = accounts.holdings[row]
        if holding.quantity == 0:
            continue
        security = holding.key >> _SHIFT
        if stale:
            return 0, H_STALE_PRICE, security
        unit = price[security] if security < len(price) else 0
        if unit <= 0:
            return 0, H_MISSING_PRICE, security
        value = value_cents(holding.quantity, unit)
        if total + value > MAX_VALUE_CENTS:
            return 0, H_VALUE_LIMIT, security
        total += value
    if target >= 0:
        for row in range(targets.starts[target], targets.starts[target + 1]):
            aim = targets.rows[row]
            if aim.target == 0:
                continue
            security = aim.key >> _SHIFT
            if stale:
                return 0, H_STALE_PRICE, security
            if security >= len(price) or price[security] <= 0:
                return 0, H_MISSING_PRICE, security
    return total, H_NONE, NONE


@view_kernel
def _against_target(
    account: int, accounts: AccountChunk, targets: Targets, price: Ints, found: Found, filled: int
) -> int:
    """Fill the result of an account that has value and target; return the next free row of reasons."""
    settings, head = accounts.settings[account], targets.heads[accounts.target_of[account]]
    result = found.results[account]
    floor = _own_or(settings.floor_ppb, head.floor_ppb)
    aim = head.cash_ppb * PPB
    low, high = band(aim, aim, _own_or(settings.cash_threshold_ppb, head.cash_threshold_ppb), floor)
    tiles = 0 if accounts.rebalanced[account] else _FIRST
    where = side(result.cash, result.value, low, high) if head.cash_can_trigger else 0
    if where != 0:
        tiles |= _HIGH if where > 0 else _LOW
        reason = found.reasons[filled]
        reason.key, reason.weight, reason.target = NONE, result.cash_weight, head.cash_ppb
        reason.low, reason.high = low, high
        filled += 1
    threshold = _own_or(settings.threshold_ppb, head.threshold_ppb)
    after, drift = _judge_positions(account, threshold, floor, accounts, targets, price, found, filled)
    if tiles == 0 and after > filled:
        tiles = _DRIFT
    result.state = _FLAGGED if tiles else _CLEAR
    result.tiles = tiles
    result.cash_target = head.cash_ppb
    result.cash_low = muldiv_half_away(low, 1, PPB)
    result.cash_high = muldiv_half_away(high, 1, PPB)
    result.max_drift = drift
    result.drifted = after - filled
    return after


@view_kernel
def _judge_positions(
    account: int,
    threshold: int,
    floor: int,
    accounts: AccountChunk,
    targets: Targets,
    price: Ints,
    found: Found,
    filled: int,
) -> tuple[int, int]:
    """Write the positions in the triggering list from row `filled` on; return (next free row, largest drift in ppb).

    Holdings and target rows are merged by key: what is held without target has target 0 and may trigger, what is
    targeted and not held has weight 0.  threshold and floor: ppb, where a position has no threshold of its own.
    """
    index, drift = accounts.target_of[account], 0
    held, held_end = accounts.starts[account], accounts.starts[account + 1]
    row, row_end = targets.starts[index], targets.starts[index + 1]
    while held < held_end or row < row_end:
        held_key = accounts.holdings[held].key if held < held_end else _LAST
        row_key = targets.rows[row].key if row < row_end else _LAST
        key = min(held_key, row_key)
        quantity, target, own, can_trigger = 0, 0, NONE, 1
        if held_key == key:
            quantity = accounts.holdings[held].quantity
            held += 1
        if row_key == key:
            aim = targets.rows[row]
            target, own, can_trigger = aim.target, aim.threshold, aim.can_trigger
            row += 1
        value = value_cents(quantity, price[key >> _SHIFT]) if quantity != 0 else 0
        total = found.results[account].value
        weight = shown_weight(value, total)
        drift = max(drift, abs(weight - target))
        low, high = position_band(target, _own_or(own, threshold), floor)
        if can_trigger and side(value, total, low, high) != 0:
            reason = found.reasons[filled]
            reason.key, reason.weight, reason.target, reason.low, reason.high = key, weight, target, low, high
            filled += 1
    return filled, drift


@inner_kernel
def _own_or(own: int, general: int) -> int:
    """Return a setting of its own, or the general one where it is not set."""
    return general if own == NONE else own
