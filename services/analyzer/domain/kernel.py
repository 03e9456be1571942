"""The evaluation of a chunk of accounts: value, weights, bands, what triggers, tiles.  Source: product 1, 3.

One text, compiled or plain.  Scales: cents, micro-units (`quantity`), micro-dollars (price), ppb (weights, targets,
thresholds), 1e-18 of account value V (`low` and `high` of a reason).
"""

from typing import Final, NamedTuple

from services.analyzer.domain.layout import FIGURES, NONE, Ints, Setting, TargetField
from services.analyzer.domain.substitution import DONE, WAITS, hand_over, judge
from shared.contracts.codes import FlagState, HoldingRole, Tile
from shared.fixed_point.amounts import weight_of_value
from shared.fixed_point.arithmetic import muldiv_half_away, value_cents
from shared.fixed_point.compiled import entry_kernel, inner_kernel, view_kernel
from shared.fixed_point.limits import MAX_VALUE_CENTS, PPB
from shared.fixed_point.records import Records, fields_of, record
from shared.rules.bands import band, position_band, position_side, shown_weight, side
from shared.rules.holding_roles import NO_OWN_ROLE, ORDINARY, role_in_account

SETTINGS: Final = record(*(setting.name.lower() for setting in Setting))
HEAD: Final = record(*(field.name.lower() for field in TargetField))
RESULT: Final = record(
    "state",  # FlagState
    "tiles",  # Tile flags
    "hold",  # one of the H_ below
    "hold_security",  # number of the security the hold is about, or NONE
    "equivalents",  # cents of the available cash that are in cash equivalents; 0 where there are no figures
    "judged",  # positions listed in Found.judged after substitution; 0 without substitutes
    *fields_of(FIGURES),
)

# Why an account is held by the evaluation itself.
H_NONE: Final = 0
H_MISSING_PRICE: Final = 1
H_STALE_PRICE: Final = 2
H_VALUE_NOT_POSITIVE: Final = 3
H_VALUE_LIMIT: Final = 4
H_TARGET: Final = 5  # the account names a portfolio whose target is not known or not valid
H_SHORT: Final = 6  # a negative quantity of what is not EXCLUDED
H_FACE: Final = 7  # a quantity finer than its price divisor allows

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
_MANAGED: Final = int(HoldingRole.MANAGED)
_EXCLUDED: Final = int(HoldingRole.EXCLUDED)
_CASH: Final = int(HoldingRole.CASH_EQUIVALENT)


class AccountChunk(NamedTuple):
    """A chunk of n accounts; those of one account are holdings[starts[i]:starts[i + 1]], in order of key."""

    settings: Records  # SETTINGS
    eligibility: Ints  # G_*
    cash: Ints  # cents, before set-aside
    rebalanced: Ints  # 1 when a last-rebalanced date exists
    starts: Ints  # n + 1
    holdings: Records  # HOLDING
    target_of: Ints  # index of its target, or T_*
    role_starts: Ints  # n + 1
    own_roles: Records  # OWN_ROLE: what the accounts say of single securities
    rule_starts: Ints  # n + 1
    rules: Records  # RESTRICTION records that name a substitute


class SecurityTable(NamedTuple):
    """What is known of securities, by number; each array may end before the others."""

    price: Ints  # micro-dollars, 0: none
    roles: Ints  # packed, see shared.rules.holding_roles
    divisor: Ints  # what quantity x price is divided by


class Targets(NamedTuple):
    """The targets of a chunk; those of one target are rows[starts[i]:starts[i + 1]], in order of key."""

    heads: Records  # HEAD
    starts: Ints
    rows: Records  # AIM


class Found(NamedTuple):
    """What comes out; `reasons` needs room for all positions, substitutes too, and one more an account."""

    results: Records  # RESULT
    starts: Ints  # n + 1: where each account's reasons begin
    reasons: Records  # REASON
    judged: Records  # JUDGED: room for the positions of the account that has most of those with rules
    done: Ints  # room for the rules of the account that has most


@entry_kernel
def evaluate(accounts: AccountChunk, targets: Targets, securities: SecurityTable, stale: int, found: Found) -> None:
    """Evaluate every account of a chunk into `found`.  stale: 1 when the price set is too old."""
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
        elif _value(account, target, accounts, targets, securities, stale, result):
            if target == T_NONE:
                result.state = _NO_TARGET
            else:
                filled = _against_target(account, accounts, targets, securities, found, filled)
    found.starts[len(accounts.eligibility)] = filled


@inner_kernel
def _clear(result: Records) -> None:
    """Hold the account, without a reason and without figures."""
    result.state, result.tiles, result.hold, result.hold_security = _HELD, 0, H_NONE, NONE
    result.value, result.cash, result.cash_weight = NONE, NONE, NONE
    result.cash_target, result.cash_low, result.cash_high = NONE, NONE, NONE
    result.max_drift, result.drifted, result.equivalents, result.judged = NONE, 0, 0, 0


@inner_kernel
def _role(account: int, security: int, accounts: AccountChunk, securities: SecurityTable) -> int:
    """Return the role of a security in an account."""
    own = NO_OWN_ROLE
    for row in range(accounts.role_starts[account], accounts.role_starts[account + 1]):
        if accounts.own_roles[row].security == security:
            own = accounts.own_roles[row].role
    return role_in_account(securities.roles[security] if security < len(securities.roles) else ORDINARY, own)


@inner_kernel
def _divisor(security: int, securities: SecurityTable) -> int:
    return securities.divisor[security] if security < len(securities.divisor) else 1


@view_kernel
def _value(
    account: int,
    target: int,
    accounts: AccountChunk,
    targets: Targets,
    securities: SecurityTable,
    stale: int,
    result: Records,
) -> bool:
    """Write value and cash of an account, or the hold that keeps it from being valued; say whether it has a value."""
    held_value, equivalents, hold, security = _value_positions(account, target, accounts, targets, securities, stale)
    cash = accounts.cash[account] - accounts.settings[account].set_aside_cents + equivalents
    total = held_value + cash
    if hold == H_NONE and total <= 0:
        hold = H_VALUE_NOT_POSITIVE
    if hold == H_NONE and total > MAX_VALUE_CENTS:
        hold = H_VALUE_LIMIT
    result.hold, result.hold_security = hold, security
    if hold != H_NONE:
        return False
    result.value, result.cash, result.cash_weight = total, cash, shown_weight(cash, total)
    result.equivalents = equivalents
    return True


@inner_kernel
def _hold_of(quantity: int, divisor: int, security: int, securities: SecurityTable, stale: int) -> int:
    """Return why so many units cannot be valued, H_NONE if they can."""
    if quantity < 0:
        return H_SHORT
    if quantity % divisor:
        return H_FACE
    if stale:
        return H_STALE_PRICE
    return H_NONE if security < len(securities.price) and securities.price[security] > 0 else H_MISSING_PRICE


@view_kernel
def _value_positions(
    account: int, target: int, accounts: AccountChunk, targets: Targets, securities: SecurityTable, stale: int
) -> tuple[int, int, int, int]:
    """Return (position values in cents, those of cash equivalents in cents, hold, security number).

    A price is needed of everything in V and everything to be bought; one that is absent or 0 holds the account, as does
    a stale set.  What is EXCLUDED is passed over, whatever its quantity.
    """
    total, equivalents = 0, 0
    for row in range(accounts.starts[account], accounts.starts[account + 1]):
        holding = accounts.holdings[row]
        security = holding.key >> _SHIFT
        if holding.quantity == 0:
            continue
        role = _role(account, security, accounts, securities)
        if role == _EXCLUDED:
            continue
        divisor = _divisor(security, securities)
        hold = _hold_of(holding.quantity, divisor, security, securities, stale)
        if hold != H_NONE:
            return 0, 0, hold, security
        value = value_cents(holding.quantity // divisor, securities.price[security])
        if total + equivalents + value > MAX_VALUE_CENTS:
            return 0, 0, H_VALUE_LIMIT, security
        if role == _CASH:
            equivalents += value
        else:
            total += value
    if target >= 0:
        for row in range(targets.starts[target], targets.starts[target + 1]):
            aim = targets.rows[row]
            security = aim.key >> _SHIFT
            if (aim.target == 0 and aim.rest == 0) or _role(account, security, accounts, securities) != _MANAGED:
                continue
            hold = _hold_of(0, 1, security, securities, stale)
            if hold != H_NONE:
                return 0, 0, hold, security
    return total, equivalents, H_NONE, NONE


@view_kernel
def _cash_target(account: int, accounts: AccountChunk, targets: Targets, securities: SecurityTable) -> tuple[int, int]:
    """Return the cash target in ppb and its rest: that of the target, and what it says of cash equivalents."""
    target = accounts.target_of[account]
    weight, rest = targets.heads[target].cash_ppb, targets.heads[target].cash_rest
    for row in range(targets.starts[target], targets.starts[target + 1]):
        aim = targets.rows[row]
        if _role(account, aim.key >> _SHIFT, accounts, securities) == _CASH:
            weight += aim.target
            rest += aim.rest
    return int(weight), int(rest)


@view_kernel
def _against_target(
    account: int, accounts: AccountChunk, targets: Targets, securities: SecurityTable, found: Found, filled: int
) -> int:
    """Fill the result of an account that has value and target; return the next free row of reasons."""
    settings, head = accounts.settings[account], targets.heads[accounts.target_of[account]]
    result = found.results[account]
    floor = _own_or(settings.floor_ppb, head.floor_ppb)
    cash_target, rest = _cash_target(account, accounts, targets, securities)
    aim, relative = cash_target * PPB + rest, _own_or(settings.cash_threshold_ppb, head.cash_threshold_ppb)
    low, high = band(aim, relative, floor)
    tiles, start = 0 if accounts.rebalanced[account] else _FIRST, filled
    where = side(result.cash, result.value, aim, relative, floor) if head.cash_can_trigger else 0
    if where != 0:
        tiles |= _HIGH if where > 0 else _LOW
        reason = found.reasons[filled]
        reason.key, reason.weight, reason.target = NONE, result.cash_weight, cash_target
        reason.low, reason.high = low, high
        filled += 1
    threshold = _own_or(settings.threshold_ppb, head.threshold_ppb)
    if accounts.rule_starts[account] == accounts.rule_starts[account + 1]:
        after, drift = _judge_positions(account, threshold, floor, accounts, targets, securities, found, filled)
    else:
        count = _list_positions(account, threshold, accounts, targets, securities, found.judged, result.value)
        rules = accounts.rules[accounts.rule_starts[account] : accounts.rule_starts[account + 1]]
        for index in range(len(rules)):
            is_usable = _is_usable(account, rules[index].substitute, accounts, securities)
            found.done[index] = WAITS if is_usable else DONE
        count = hand_over(found.judged, count, rules, found.done, result.value, threshold)
        result.judged = count
        after, drift = judge(found.judged[:count], found.reasons, result.value, floor, filled)
    if tiles == 0 and after > filled:
        tiles = _DRIFT
    result.state = _FLAGGED if tiles else _CLEAR
    result.tiles = tiles
    result.cash_target = cash_target
    result.cash_low = muldiv_half_away(low, 1, PPB)
    result.cash_high = muldiv_half_away(high, 1, PPB)
    result.max_drift = max(drift, abs(result.cash_weight - cash_target))
    result.drifted = after - start
    return after


@view_kernel
def _judge_positions(
    account: int,
    threshold: int,
    floor: int,
    accounts: AccountChunk,
    targets: Targets,
    securities: SecurityTable,
    found: Found,
    filled: int,
) -> tuple[int, int]:
    """Write the positions in the triggering list from row `filled` on; return (next free row, largest drift in ppb).

    Holdings and target rows are merged by key: what is held without target has target 0 and may trigger, what is
    targeted and not held has weight 0.  Only what is MANAGED can drift.  threshold and floor: ppb, where a position has
    no threshold of its own.
    """
    index, drift = accounts.target_of[account], 0
    held, held_end = accounts.starts[account], accounts.starts[account + 1]
    row, row_end = targets.starts[index], targets.starts[index + 1]
    while held < held_end or row < row_end:
        held_key = accounts.holdings[held].key if held < held_end else _LAST
        row_key = targets.rows[row].key if row < row_end else _LAST
        key = min(held_key, row_key)
        quantity, target, rest, own, can_trigger = 0, 0, 0, NONE, 1
        if held_key == key:
            quantity = accounts.holdings[held].quantity
            held += 1
        if row_key == key:
            aim = targets.rows[row]
            target, rest, own, can_trigger = aim.target, aim.rest, aim.threshold, aim.can_trigger
            row += 1
        security = key >> _SHIFT
        if _role(account, security, accounts, securities) != _MANAGED:
            continue
        value = 0
        if quantity != 0:
            value = value_cents(quantity // _divisor(security, securities), securities.price[security])
        total = found.results[account].value
        weight = shown_weight(value, total)
        drift = max(drift, abs(weight - target))
        exact, relative = target * PPB + rest, _own_or(own, threshold)
        if can_trigger and position_side(value, weight, total, exact, relative, floor) != 0:
            reason = found.reasons[filled]
            reason.key, reason.weight, reason.target = key, weight, target
            reason.low, reason.high = position_band(exact, relative, floor)
            filled += 1
    return filled, drift


@view_kernel
def _is_usable(account: int, substitute: int, accounts: AccountChunk, securities: SecurityTable) -> bool:
    """Return whether the substitute has a price and is MANAGED; else it counts as absent."""
    has_price = substitute < len(securities.price) and securities.price[substitute] > 0
    return bool(has_price and _role(account, substitute, accounts, securities) == _MANAGED)


@view_kernel
def _list_positions(
    account: int,
    threshold: int,
    accounts: AccountChunk,
    targets: Targets,
    securities: SecurityTable,
    judged: Records,
    value: int,
) -> int:
    """List what is MANAGED of the account, as `_judge_positions` goes through it, before substitution; return how many.

    value: V in cents.
    """
    index, count = accounts.target_of[account], 0
    held, held_end = accounts.starts[account], accounts.starts[account + 1]
    row, row_end = targets.starts[index], targets.starts[index + 1]
    while held < held_end or row < row_end:
        held_key = accounts.holdings[held].key if held < held_end else _LAST
        row_key = targets.rows[row].key if row < row_end else _LAST
        listed, key = judged[count], min(held_key, row_key)
        listed.key, listed.value, listed.exact, listed.shown = key, 0, 0, 0
        listed.threshold, listed.can_trigger, listed.stands = threshold, 1, 0
        security = key >> _SHIFT
        is_managed = _role(account, security, accounts, securities) == _MANAGED
        if held_key == key:
            units = accounts.holdings[held].quantity // _divisor(security, securities)
            if is_managed and units != 0:
                listed.value = value_cents(units, securities.price[security])
            held += 1
        if row_key == key:
            aim = targets.rows[row]
            listed.exact, listed.shown = aim.target * PPB + aim.rest, aim.target
            listed.threshold, listed.can_trigger = _own_or(aim.threshold, threshold), aim.can_trigger
            row += 1
        listed.aim, listed.aim_part = weight_of_value(listed.exact, value)
        count += is_managed
    return count


@inner_kernel
def _own_or(own: int, general: int) -> int:
    """Return a setting of its own, or the general one where it is not set."""
    return general if own == NONE else own
