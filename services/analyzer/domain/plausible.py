"""Whether a price set may count at once, or waits for somebody's look.  Pure.  Source: product 2, 3.

A set that is wrong as a whole (from the future, older than the one in force, missing most of what is held, moving many
prices beyond a limit) is put aside as a whole.  A single price that moves beyond the limit is put aside alone: one bad
price puts aside that price, never its set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.analyzer.domain.layout import Ints

PERCENT: Final = 100


@dataclass(frozen=True)
class Limits:
    """jump: how far the number may lie above that in force. missing_percent: of the held securities priced so far.

    factor: a price that moves by so many times, up or down, is wild; moves_percent: more of them are the set's fault.
    """

    jump: int
    missing_percent: int
    factor: int
    moves_percent: int


@dataclass(frozen=True)
class Sheet:
    """A price set; micro[security number] in millionths of a dollar, 0 where there is none."""

    price_set: int
    as_of: date
    micro: Ints


@dataclass(frozen=True)
class Verdict:
    """reasons: why the whole set waits, none: it counts. wild: numbers of the securities whose prices wait alone."""

    reasons: list[str]
    wild: Ints
    last_micro: Ints  # of each wild one, the last price that counted


def look(
    fresh: Sheet, before: Sheet | None, held: Ints, today: date, is_session: Callable[[date], bool], limits: Limits
) -> Verdict:
    """Judge a set against the one in force (None: there is none) and the securities that accounts hold or have held.

    `before` counts a price that waits alone at its last good value.  today: the calendar day in New York.
    """
    reasons = []
    if fresh.as_of > today:
        reasons.append(f"it is of {fresh.as_of}, which lies ahead: today is {today}")
    elif not is_session(fresh.as_of):
        reasons.append(f"the exchange did not trade on {fresh.as_of}, so there are no closing prices of that day")
    nothing = np.zeros(0, np.int64)
    if before is None:
        return Verdict(reasons, nothing, nothing)
    reasons += _out_of_order(fresh, before, limits)
    size = max(len(fresh.micro), len(before.micro))
    new, old = _stretched(fresh.micro, size), _stretched(before.micro, size)
    counted = _counted(old, held)
    missing = int(np.count_nonzero(counted & (new == 0)))
    total = int(np.count_nonzero(counted))
    if missing * PERCENT > total * limits.missing_percent:
        reasons.append(
            f"it misses {missing} of {total} held securities that price set {before.price_set} prices,"
            f" more than {limits.missing_percent} %"
        )
    wild = np.flatnonzero(counted & _moved(new, old, limits.factor))
    if len(wild) > 1 and len(wild) * PERCENT > (total - missing) * limits.moves_percent:
        reasons.append(
            f"{len(wild)} of {total - missing} held securities move by a factor of {limits.factor} or more since price"
            f" set {before.price_set}, more than {limits.moves_percent} %"
        )
    return Verdict(reasons, wild, old[wild])


def _out_of_order(fresh: Sheet, before: Sheet, limits: Limits) -> list[str]:
    known = f"price set {before.price_set} of {before.as_of}, which is in force"
    if fresh.as_of < before.as_of:
        return [f"it is of {fresh.as_of}, older than {known}"]
    if fresh.price_set < before.price_set:
        return [f"its number {fresh.price_set} is lower than that of {known}"]
    if fresh.price_set - before.price_set > limits.jump:
        return [f"its number {fresh.price_set} lies more than {limits.jump} above {known}"]
    return []


def _counted(old: Ints, held: Ints) -> NDArray[np.bool_]:
    """Return which priced securities the new set is measured by: those held, all as long as no holdings are known."""
    priced = old > 0
    among = np.zeros(len(old), bool)
    among[held[held < len(old)]] = True
    return priced & among if (priced & among).any() else priced


def _moved(new: Ints, old: Ints, factor: int) -> NDArray[np.bool_]:
    """Return where both prices exist and one is `factor` times the other, or more; limits of prices keep it exact."""
    return (new > 0) & (old > 0) & ((new >= old * factor) | (old >= new * factor))


def _stretched(micro: Ints, size: int) -> Ints:
    return np.concatenate((micro, np.zeros(size - len(micro), np.int64)))
