"""Price sets: taken in and reviewed, accepted, rejected, withdrawn.  One transaction each.

Workers notice by themselves which set is in force, once a chunk (store.price_sets.PriceBook).  A decision of a person
opens an analysis of the whole book in the same transaction, because the daily analysis may be over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.analyzer.domain.plausible import PriceSet, ReviewLimits, Verdict, review
from services.analyzer.domain.prices import read_entries
from services.analyzer.settings import Settings
from services.analyzer.store import price_sets, run_start
from services.analyzer.store.database import Session
from services.analyzer.store.names import SECURITY, Names, known_number
from services.analyzer.store.price_sets import PriceSetStatus
from shared.contracts.platform import PricesPublished
from shared.fixed_point.text import text_of
from shared.rules.trading_calendar import NEW_YORK, business_date, is_session
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
_FROM: dict[
    PriceSetStatus, tuple[PriceSetStatus, ...]
] = {  # the status that a set must have for a person to give it each of these
    "ACCEPTED": ("HELD", "REJECTED", "WITHDRAWN"),
    "REJECTED": ("HELD",),
    "WITHDRAWN": ("ACCEPTED",),
}


class CannotDecide(ValueError):
    """The decision is not possible for this set; the text says why, and what is possible."""


@dataclass(frozen=True)
class PriceSetResult:
    """problems: entries that were left out.  refused: why the set as a whole is not taken in."""

    problems: list[str]
    refused: str | None = None


def take_in(session: Session, names: Names, clock: Clock, settings: Settings, event: PricesPublished) -> PriceSetResult:
    """Store a price set unless it is stored already; it comes into force unless the review holds it."""
    entries = read_entries(event.prices, event.unread)
    problems = [f"price set {event.price_set}: {problem}" for problem in entries.problems]
    numbers = names.numbers(SECURITY, entries.micro)
    micro = np.zeros(max(numbers.values(), default=-1) + 1, np.int64)
    for security_id, price in entries.micro.items():
        micro[numbers[security_id]] = price
    fresh = PriceSet(event.price_set, event.as_of, micro)
    price_sets.lock(session)
    before = price_sets.known(session, event.price_set)
    if before is not None:
        if before.as_of == fresh.as_of and np.array_equal(before.micro, fresh.micro):
            return PriceSetResult(problems)  # delivered again
        known = f"price set {event.price_set} of {event.as_of}: a set of that number has come before with other"
        text = f"{known} content (of {before.as_of}); a set never changes, send it under a new number"
        return PriceSetResult([], text)
    now = clock.now()
    held = price_sets.held_securities(session)
    today = now.astimezone(NEW_YORK).date()
    limits = ReviewLimits(
        settings.price_jump, settings.price_missing_percent, settings.price_move_factor, settings.price_moves_percent
    )
    verdict = review(fresh, price_sets.comparison_set(session), held, today, is_session, limits)
    reasons = [*verdict.reasons, *_withheld_prices(session, names, fresh, verdict)]
    status = price_sets.add(session, fresh, verdict, reasons, [*problems, *entries.notes], now)
    if reasons:
        _log.warning("prices.put_aside", price_set=event.price_set, status=status, problems=len(reasons))
    return PriceSetResult(problems)


def _withheld_prices(session: Session, names: Names, fresh: PriceSet, verdict: Verdict) -> list[str]:
    ids = names.ids(session, SECURITY, verdict.outliers)
    return [
        f"{ids[number]} moves from {text_of(last, 6, trim=True)} to"
        f" {text_of(int(fresh.micro[number]), 6, trim=True)}: it waits for a look, the rest of the set does not"
        for number, last in zip(verdict.outliers.tolist(), verdict.last_micro.tolist(), strict=True)
    ]


def decide(
    session: Session, clock: Clock, settings: Settings, price_set: int, status: PriceSetStatus, actor: str, reason: str
) -> int | None:
    """Accept, reject or withdraw a set; return the number of the analysis opened, None when none is needed.

    Given again by the same person for the same reason, with nothing decided in between, it is done once.
    Raises CannotDecide.
    """
    price_sets.lock(session)
    found = price_sets.views(session, price_set)
    if not found:
        raise CannotDecide(f"there is no price set {price_set}; `prices list` shows those there are")
    if found[0].status == status and _is_last(session, price_set, status, actor, reason):
        return None
    if found[0].status not in _FROM[status]:
        allowed = " or ".join(name.lower() for name in _FROM[status])
        raise CannotDecide(
            f"price set {price_set} is {found[0].status.lower()}; only one that is {allowed} can be {status.lower()}"
        )
    now = clock.now()
    before = price_sets.in_force(session)
    price_sets.decide(session, price_set, status, actor, reason, now)
    return _evaluate_all(session, settings, now) if price_sets.in_force(session) != before else None


def accept_prices(
    session: Session, clock: Clock, settings: Settings, price_set: int, securities: Sequence[str],
    actor: str, reason: str,
) -> int | None:  # fmt: skip
    """Accept single prices that an accepted set withholds; returns as `decide`.  Raises CannotDecide."""
    price_sets.lock(session)
    now = clock.now()
    before = price_sets.in_force(session)
    for security_id in securities:
        number = known_number(session, SECURITY, security_id)
        if number is not None and price_sets.accept_price(session, price_set, number, actor, reason, now):
            continue
        if not _is_last(session, price_set, "ACCEPTED", actor, reason, security_id):
            raise CannotDecide(f"no price of {security_id} waits in price set {price_set}; `prices show` lists them")
    return _evaluate_all(session, settings, now) if price_sets.in_force(session) != before else None


def _is_last(
    session: Session, price_set: int, status: PriceSetStatus, actor: str, reason: str, security_id: str | None = None
) -> bool:
    """Return whether this is the last decision on the set, or on this price of it: the same command given again."""
    made = [did for did in price_sets.decisions(session, price_set) if did.security_id == security_id]
    return bool(made) and (made[-1].decision, made[-1].actor, made[-1].reason) == (status, actor, reason)


def _evaluate_all(session: Session, settings: Settings, now: datetime) -> int | None:
    return run_start.start(session, "PRICES", business_date(now, settings.cut_off), now)
