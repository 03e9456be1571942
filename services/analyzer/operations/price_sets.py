"""What becomes of a price set: taken in and looked at, accepted, rejected, withdrawn.  One transaction each.

A worker finds out by itself what is in force, chunk by chunk (store.price_sets.PriceBook).  A person's decision opens
an analysis of the whole book in the same transaction, because the daily one may have been done without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from services.analyzer.domain.plausible import Limits, Sheet, Verdict, look
from services.analyzer.domain.prices import read_entries
from services.analyzer.settings import Settings
from services.analyzer.store import price_sets, runs
from services.analyzer.store.database import Session
from services.analyzer.store.names import SECURITY, Names
from services.analyzer.store.price_sets import Status
from shared.contracts.platform import PricesPublished
from shared.fixed_point.text import text_of
from shared.rules.trading_calendar import NEW_YORK, business_date, is_session
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
_FROM: dict[Status, tuple[Status, ...]] = {  # from which status a person may bring a set into each
    "ACCEPTED": ("HELD", "REJECTED", "WITHDRAWN"),
    "REJECTED": ("HELD",),
    "WITHDRAWN": ("ACCEPTED",),
}


class CannotDecide(ValueError):
    """The decision cannot be made of this set; the text says why, and what can be done."""


@dataclass(frozen=True)
class PriceSetResult:
    """problems: entries that were put aside for good.  refused: why the set is not taken at all."""

    problems: list[str]
    refused: str | None = None


class Pricing:
    """Takes price sets in."""

    def __init__(self, names: Names, clock: Clock, settings: Settings) -> None:
        self._names = names
        self._clock = clock
        self._settings = settings
        self._limits = Limits(
            settings.price_jump,
            settings.price_missing_percent,
            settings.price_move_factor,
            settings.price_moves_percent,
        )

    def take_in(self, session: Session, event: PricesPublished) -> PriceSetResult:
        """Store a set unless it is there already, and let it count unless it is put aside for a look."""
        entries = read_entries(event.prices, event.unread)
        problems = [f"price set {event.price_set}: {problem}" for problem in entries.problems]
        numbers = self._names.numbers(SECURITY, entries.micro)
        micro = np.zeros(max(numbers.values(), default=-1) + 1, np.int64)
        for security_id, price in entries.micro.items():
            micro[numbers[security_id]] = price
        fresh = Sheet(event.price_set, event.as_of, micro)
        price_sets.lock(session)
        before = price_sets.known(session, event.price_set)
        if before is not None:
            if before.as_of == fresh.as_of and np.array_equal(before.micro, fresh.micro):
                return PriceSetResult(problems)  # delivered again
            taken = f"price set {event.price_set} of {event.as_of}: a set of that number has come before with other"
            return PriceSetResult(
                [], f"{taken} content (of {before.as_of}); a set never changes, send it under a new number"
            )
        now = self._clock.now()
        held = price_sets.held_securities(session)
        today = now.astimezone(NEW_YORK).date()
        verdict = look(fresh, price_sets.compared(session), held, today, is_session, self._limits)
        reasons = [*verdict.reasons, *self._wild(session, fresh, verdict)]
        status = price_sets.add(session, fresh, verdict, reasons, [*problems, *entries.notes], now)
        if reasons:
            _log.warning("prices.put_aside", price_set=event.price_set, status=status, reasons=reasons[:5])
        return PriceSetResult(problems)

    def _wild(self, session: Session, fresh: Sheet, verdict: Verdict) -> list[str]:
        ids = self._names.ids(session, SECURITY, verdict.wild)
        return [
            f"{ids[number]} moves from {text_of(last, 6, trim=True)} to"
            f" {text_of(int(fresh.micro[number]), 6, trim=True)}: it waits for a look, the rest of the set does not"
            for number, last in zip(verdict.wild.tolist(), verdict.last_micro.tolist(), strict=True)
        ]


def decide(
    session: Session, clock: Clock, settings: Settings, price_set: int, status: Status, actor: str, reason: str
) -> int | None:
    """Accept, reject or withdraw a set; return the number of the analysis opened, None when none is needed.

    Given again by the same person for the same reason, with nothing decided since, it is done once.
    Raises CannotDecide.
    """
    price_sets.lock(session)
    found = price_sets.views(session, price_set)
    if not found:
        raise CannotDecide(f"there is no price set {price_set}; `prices list` shows those there are")
    if found[0].status == status and _is_last(session, price_set, status, actor, reason):
        return None
    if found[0].status not in _FROM[status]:
        allowed = " or ".join(one.lower() for one in _FROM[status])
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
    """Let single prices count that an accepted set keeps waiting; as `decide`.  Raises CannotDecide."""
    price_sets.lock(session)
    now = clock.now()
    before = price_sets.in_force(session)
    for security_id in securities:
        row = session.execute("SELECT no FROM name WHERE kind = 'S' AND id = %s", [security_id]).fetchone()
        if row is not None and price_sets.accept_price(session, price_set, row[0], actor, reason, now):
            continue
        if not _is_last(session, price_set, "ACCEPTED", actor, reason, security_id):
            raise CannotDecide(f"no price of {security_id} waits in price set {price_set}; `prices show` lists them")
    return _evaluate_all(session, settings, now) if price_sets.in_force(session) != before else None


def _is_last(
    session: Session, price_set: int, status: Status, actor: str, reason: str, security_id: str | None = None
) -> bool:
    """Say whether this is what was decided last of the set, or of this price of it: the same command, given again."""
    mine = [one for one in price_sets.decisions(session, price_set) if one.security_id == security_id]
    return bool(mine) and (mine[-1].decision, mine[-1].actor, mine[-1].reason) == (status, actor, reason)


def _evaluate_all(session: Session, settings: Settings, now: datetime) -> int | None:
    return runs.start(session, "PRICES", business_date(now, settings.cut_off), now)
