"""Do the lots an account picked for sale fit the lots it has?

A pick is an order of the user: it is followed to the unit or refused with its reason, never cut to what is there and
never replaced by another lot.  Source: product 5 (SPECIFIC).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from shared.fixed_point.text import text_of
from shared.rules.relief.lots import PICKS_MISFIT


class Held(NamedTuple):
    """A lot of the account, one a sleeve; units in micro-units."""

    security_id: str
    sleeve_id: str
    lot_id: str
    units: int


class Pick(NamedTuple):
    """Micro-units of a lot that leave first. sleeve_id None: wherever the lot stands."""

    security_id: str
    lot_id: str
    sleeve_id: str | None
    units: int


REMEDY: Final = "change the picks of the account, then propose again"


def fit(lots: Sequence[Held], picks: Sequence[Pick]) -> tuple[list[int], dict[str, str]]:
    """Return the micro-units picked of each lot, and by security why its picks do not fit.

    All lots of a security whose picks do not fit are PICKS_MISFIT, so that nothing of it is sold by another order.
    """
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, lot in enumerate(lots):
        places[lot.security_id, lot.lot_id].append(place)
    picked = [0] * len(lots)
    problems: dict[str, str] = {}
    # Picks that name a sleeve go first: what they leave is there for those that do not.
    for pick in sorted(picks, key=lambda one: one.sleeve_id is None):
        mine = [
            place
            for place in places[pick.security_id, pick.lot_id]
            if pick.sleeve_id is None or lots[place].sleeve_id == pick.sleeve_id
        ]
        parts, problem = _parts(lots, picked, mine, pick)
        if problem is not None:
            problems.setdefault(pick.security_id, problem)
        for place, units in parts.items():
            picked[place] += units
    for place, lot in enumerate(lots):
        if lot.security_id in problems:
            picked[place] = PICKS_MISFIT
    return picked, problems


def _parts(
    lots: Sequence[Held], picked: Sequence[int], places: Sequence[int], pick: Pick
) -> tuple[Mapping[int, int], str | None]:
    """Return how the pick falls to the lot's parts by sleeve, or why it cannot."""
    lot = f"lot {pick.lot_id} of {pick.security_id}" + (f" in sleeve {pick.sleeve_id}" if pick.sleeve_id else "")
    free = {place: lots[place].units - picked[place] for place in places}
    have = sum(free.values())
    if not places:
        return {}, f"{_units(pick.units)} units of {lot} are picked, the account has no such lot"
    if pick.units > have:
        return {}, f"{_units(pick.units)} units of {lot} are picked, the account has {_units(have)}"
    if pick.units == have:
        return free, None
    if len(places) > 1:
        sleeves = ", ".join(sorted(lots[place].sleeve_id for place in places))
        return {}, f"{lot} stands in sleeves {sleeves}: name the sleeve {_units(pick.units)} units are picked from"
    return {places[0]: pick.units}, None


def _units(micro: int) -> str:
    return text_of(micro, 6, trim=True)
