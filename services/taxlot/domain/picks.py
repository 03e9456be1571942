"""Match the lots an account picked for sale with the lots it holds.

A pick is an order of the user: it is followed to the unit or refused with its reason.  It is never cut to the units
held and never replaced by another lot.  Source: product 5 (SPECIFIC).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from shared.fixed_point.text import text_of
from shared.rules.relief.lots import PICKS_MISFIT


class HeldLot(NamedTuple):
    """The part of a lot that one sleeve holds, in micro-units."""

    security_id: str
    sleeve_id: str
    lot_id: str
    units: int


class Pick(NamedTuple):
    """Micro-units of a lot that leave first. sleeve_id None: whichever sleeve holds the lot."""

    security_id: str
    lot_id: str
    sleeve_id: str | None
    units: int


REMEDY: Final = "change the picks of the account, then propose again"


def match_picks(lots: Sequence[HeldLot], picks: Sequence[Pick]) -> tuple[list[int], dict[str, str]]:
    """Return the micro-units picked of each lot, and for each security whose picks do not fit the reason.

    All lots of such a security are PICKS_MISFIT, so that nothing of it is sold in another order.
    """
    lot_indices: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, lot in enumerate(lots):
        lot_indices[lot.security_id, lot.lot_id].append(index)
    picked = [0] * len(lots)
    problems: dict[str, str] = {}
    # Picks that name a sleeve go first: those that name none take from the rest.
    for pick in sorted(picks, key=lambda pick: pick.sleeve_id is None):
        candidates = [
            index
            for index in lot_indices[pick.security_id, pick.lot_id]
            if pick.sleeve_id is None or lots[index].sleeve_id == pick.sleeve_id
        ]
        units_by_lot, problem = _split_pick(lots, picked, candidates, pick)
        if problem is not None:
            problems.setdefault(pick.security_id, problem)
        for index, units in units_by_lot.items():
            picked[index] += units
    for index, lot in enumerate(lots):
        if lot.security_id in problems:
            picked[index] = PICKS_MISFIT
    return picked, problems


def _split_pick(
    lots: Sequence[HeldLot], picked: Sequence[int], candidates: Sequence[int], pick: Pick
) -> tuple[Mapping[int, int], str | None]:
    """Return the pick's micro-units by index of the candidate lots, or why it cannot be followed."""
    lot = f"lot {pick.lot_id} of {pick.security_id}" + (f" in sleeve {pick.sleeve_id}" if pick.sleeve_id else "")
    free = {index: lots[index].units - picked[index] for index in candidates}
    available = sum(free.values())
    if not candidates:
        return {}, f"{_units(pick.units)} units of {lot} are picked, the account has no such lot"
    if pick.units > available:
        return {}, f"{_units(pick.units)} units of {lot} are picked, the account has {_units(available)}"
    if pick.units == available:
        return free, None
    if len(candidates) > 1:
        sleeves = ", ".join(sorted(lots[index].sleeve_id for index in candidates))
        return {}, f"{lot} stands in sleeves {sleeves}: name the sleeve {_units(pick.units)} units are picked from"
    return {candidates[0]: pick.units}, None


def _units(micro: int) -> str:
    return text_of(micro, 6, trim=True)
