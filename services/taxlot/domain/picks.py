"""Match the lots an account picked for sale with the lots it holds.

A pick is an order of the user: it is followed to the unit or refused with its reason.  It is never cut to the units
held and never replaced by another lot.  Where less is sold than is picked, picks leave in the order given; a lot that
is picked twice has the rank of its first pick.  Source: product 5 (SPECIFIC).
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


class Matched(NamedTuple):
    """What the picks take of each lot, and of each security whose picks do not fit the reason."""

    units: list[int]  # micro-units by lot, or PICKS_MISFIT
    ranks: list[int | None]  # rank of the lot's first pick among all picks, None where it is not picked
    problems: dict[str, str]  # by security id


REMEDY: Final = "change the picks of the account, then propose again"


def match_picks(lots: Sequence[HeldLot], picks: Sequence[Pick]) -> Matched:
    """Match picks, in the order given, with the lots of an account.

    All lots of such a security are PICKS_MISFIT, so that nothing of it is sold in another order.
    """
    lot_indices: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, lot in enumerate(lots):
        lot_indices[lot.security_id, lot.lot_id].append(index)
    picked = [0] * len(lots)
    ranks: list[int | None] = [None] * len(lots)
    problems: dict[str, str] = {}
    # Picks that name a sleeve go first: those that name none take from the rest.
    for rank in sorted(range(len(picks)), key=lambda rank: picks[rank].sleeve_id is None):
        pick = picks[rank]
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
            if units > 0:
                ranks[index] = min(rank, len(picks) if (first := ranks[index]) is None else first)
    for index, lot in enumerate(lots):
        if lot.security_id in problems:
            picked[index] = PICKS_MISFIT
    return Matched(picked, ranks, problems)


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
