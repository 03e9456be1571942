"""Targets after substitution, on which flags are judged, for the rare account that names substitutes.

The target of a replaced security becomes min(its target, its weight), its substitute gets the rest, sleeve by sleeve;
one that is replaced itself hands over last, and a ring hands over nothing.  As amounts, because a substitute's target
is no multiple of 1e-18 of V.  Source: product 4, fine points (substitutes; "Flags are judged on targets after
substitution").
"""

from typing import Final

from services.analyzer.domain.layout import KEY_SHIFT, SLEEVE_MASK, Ints
from shared.fixed_point.amounts import add_amounts, is_more, weight_of_value
from shared.fixed_point.arithmetic import divmod_product
from shared.fixed_point.compiled import inner_kernel, view_kernel
from shared.fixed_point.limits import EDGE, PPB
from shared.fixed_point.records import Records, record
from shared.rules.bands import band_amounts, position_band, shown_weight, side_of

JUDGED: Final = record(
    "key",
    "value",  # cents
    "aim",  # cents: the target x V
    "aim_part",  # 1e-18 of a cent
    "exact",  # the target in 1e-18; of what substitution changed rounded down, to be shown
    "shown",  # ppb
    "threshold",  # ppb
    "can_trigger",
    "stands",  # 1: is replaced, and stands at its target by definition
)
"""A position of one account while targets are handed over."""

WAITS: Final = 0
DONE: Final = 1  # has handed over, or has no substitute that can be used


@view_kernel
def hand_over(judged: Records, count: int, rules: Records, done: Ints, value: int, threshold: int) -> int:
    """Hand over in the first `count` positions what rules say; return how many positions there are now.

    rules: RESTRICTION records with substitutes; done: WAITS or DONE of each.  judged: room for each substitute in each
    sleeve besides.  value: V in cents; threshold: of what is new, in ppb.
    """
    found = True
    while found:
        found = False
        for index in range(len(rules)):
            if done[index] == DONE or _awaits(rules, done, rules[index].security):
                continue
            done[index] = DONE
            found = True
            for row in range(count):
                if judged[row].key >> KEY_SHIFT == rules[index].security:
                    count = _replace(judged, count, row, rules[index].substitute, value, threshold)
    return count


@view_kernel
def judge(judged: Records, reasons: Records, value: int, floor: int, filled: int) -> tuple[int, int]:
    """Write the positions that trigger from row `filled` on; return (next free row, largest drift in ppb)."""
    drift = 0
    least, least_part = weight_of_value(floor * PPB, value)
    for position in judged:
        weight = shown_weight(position.value, value)
        drift = max(drift, abs(weight - position.shown))
        where = 1 if position.value > 0 else 0
        if position.aim > 0 or position.aim_part > 0:
            low, low_part, high, _ = band_amounts(
                position.aim, position.aim_part, position.threshold, least, least_part, value
            )
            where = side_of(position.value, low, low_part, high)
        if where != 0 and position.can_trigger and not position.stands:
            reason = reasons[filled]
            reason.key, reason.weight, reason.target = position.key, weight, position.shown
            reason.low, reason.high = position_band(position.exact, position.threshold, floor)
            filled += 1
    return filled, drift


@inner_kernel
def _awaits(rules: Records, done: Ints, security: int) -> bool:
    """Return whether what the security replaces has not handed over yet."""
    waits = False
    for index in range(len(rules)):
        waits |= done[index] == WAITS and rules[index].substitute == security
    return waits


@inner_kernel
def _replace(judged: Records, count: int, row: int, substitute: int, value: int, threshold: int) -> int:
    """Move what the position's target is more than its value to its substitute in the sleeve; return the new count."""
    position = judged[row]
    if not is_more(position.aim, position.aim_part, position.value, 0):
        return count
    key = substitute << KEY_SHIFT | (position.key & SLEEVE_MASK)
    twin = 0
    while twin < count and judged[twin].key != key:
        twin += 1
    if twin == count:
        judged[twin].key, judged[twin].value, judged[twin].aim, judged[twin].aim_part = key, 0, 0, 0
        judged[twin].threshold, judged[twin].can_trigger, judged[twin].stands = threshold, 1, 0
        count += 1
    more = position.aim - position.value
    aim, part = add_amounts(judged[twin].aim, judged[twin].aim_part, more, position.aim_part)
    judged[twin].aim, judged[twin].aim_part = aim, part
    position.aim, position.aim_part, position.stands = position.value, 0, 1
    _show(judged[twin], value)
    _show(position, value)
    return count


@inner_kernel
def _show(position: Records, value: int) -> None:
    """Set the target as a weight, from its amount, which may be more than V in an overdrawn account."""
    position.exact = EDGE
    if position.aim < value:
        weight, rest = divmod_product(position.aim, EDGE, value)
        position.exact = weight + (rest + position.aim_part) // value
    position.shown = (position.exact + PPB // 2) // PPB
