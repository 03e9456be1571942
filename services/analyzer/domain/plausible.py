"""Review of a price set on arrival: accepted, or held until a person decides.  Source: product 2, 3.

A set is held as a whole if it is dated ahead, is older than the set in force, lacks most of the held securities or
moves many prices beyond a limit.  A single price that moves beyond the limit is withheld alone: one bad price never
holds its set.
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
class ReviewLimits:
    """Limits of the review.

    jump: how far the number of a set may lie above the number in force.
    missing_percent: share of the held, priced securities that a set may lack.
    factor: a price that grows or shrinks by this factor or more is an outlier.
    moves_percent: share of the held, priced securities that may be outliers before the set is held as a whole.
    """

    jump: int
    missing_percent: int
    factor: int
    moves_percent: int


@dataclass(frozen=True)
class PriceSet:
    """A price set; micro[security number] in millionths of a dollar, 0 where there is none."""

    price_set: int
    as_of: date
    micro: Ints


@dataclass(frozen=True)
class Verdict:
    """reasons: why the whole set is held, empty if accepted.  outliers: numbers of the securities withheld alone."""

    reasons: list[str]
    outliers: Ints
    last_micro: Ints  # last good price of each outlier, in millionths of a dollar


def review(
    fresh: PriceSet,
    before: PriceSet | None,
    held: Ints,
    today: date,
    is_session: Callable[[date], bool],
    limits: ReviewLimits,
) -> Verdict:
    """Compare a set with the set in force (None: there is none).

    before: the set in force, withheld prices at their last good value.  held: numbers of the securities that accounts
    hold or have held.  today: the calendar day in New York.
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
    outliers = np.flatnonzero(counted & _moved(new, old, limits.factor))
    if len(outliers) > 1 and len(outliers) * PERCENT > (total - missing) * limits.moves_percent:
        reasons.append(
            f"{len(outliers)} of {total - missing} held securities move by a factor of {limits.factor} or more since"
            f" price set {before.price_set}, more than {limits.moves_percent} %"
        )
    return Verdict(reasons, outliers, old[outliers])


def _out_of_order(fresh: PriceSet, before: PriceSet, limits: ReviewLimits) -> list[str]:
    known = f"price set {before.price_set} of {before.as_of}, which is in force"
    if fresh.as_of < before.as_of:
        return [f"it is of {fresh.as_of}, older than {known}"]
    if fresh.price_set < before.price_set:
        return [f"its number {fresh.price_set} is lower than that of {known}"]
    if fresh.price_set - before.price_set > limits.jump:
        return [f"its number {fresh.price_set} lies more than {limits.jump} above {known}"]
    return []


def _counted(old: Ints, held: Ints) -> NDArray[np.bool_]:
    """Return the priced securities that a new set is compared on: those held, or all if no holdings are known."""
    priced = old > 0
    among = np.zeros(len(old), bool)
    among[held[held < len(old)]] = True
    return priced & among if (priced & among).any() else priced


def _moved(new: Ints, old: Ints, factor: int) -> NDArray[np.bool_]:
    """Return where both prices exist and differ by `factor` or more; the limit of prices rules out overflow."""
    return (new > 0) & (old > 0) & ((new >= old * factor) | (old >= new * factor))


def _stretched(micro: Ints, size: int) -> Ints:
    return np.concatenate((micro, np.zeros(size - len(micro), np.int64)))
