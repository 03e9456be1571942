"""Which lots the account picked for sale itself (lot method SPECIFIC), and what of them a proposal sells.

Source: product 5.  What is picked leaves first, so of a slice as many units are picked as the picks of its lot cover.
A pick that names no sleeve counts in each of the lot's sleeves: it fits only where the lot stands in one, or where all
of it is picked.  Picks that do not fit sell nothing: the logic that sells their security fails.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.batch.domain import sentences
from shared.contracts.api import PickView

Row = Mapping[str, Any]


def picked_of(row: Row, one: Row) -> int:
    """Return how many micro-units of a slice of the answered row were picked."""
    lot = row["securities"][one["security"]]["security_id"], one["lot_id"]
    covered = sum(
        int(pick["quantity_micro"])
        for pick in row["lot_picks"] or ()
        if (pick["security_id"], pick["lot_id"]) == lot and pick["sleeve_id"] in (None, one["sleeve_id"])
    )
    return min(covered, int(one["quantity_micro"]))


def picks_of(row: Row, slices: Sequence[Row]) -> list[PickView]:
    """Return the account's picks, and how much of each leaves by `slices`, which are those of one logic.

    Of a lot that is picked both in a sleeve and without one, the pick that names the sleeve counts first there.
    """
    sold: dict[tuple[str, str, str], int] = {
        (row["securities"][one["security"]]["security_id"], one["lot_id"], one["sleeve_id"]): picked_of(row, one)
        for one in slices
    }
    views = {}
    picks = row["lot_picks"] or ()
    for place in sorted(range(len(picks)), key=lambda place: picks[place]["sleeve_id"] is None):
        pick = picks[place]
        left = int(pick["quantity_micro"])
        for (security_id, lot_id, sleeve_id), units in sold.items():
            if (security_id, lot_id) == (pick["security_id"], pick["lot_id"]) and pick["sleeve_id"] in (
                None,
                sleeve_id,
            ):
                part = min(left, units)
                left -= part
                sold[security_id, lot_id, sleeve_id] -= part
        views[place] = PickView(
            security_id=pick["security_id"],
            lot_id=pick["lot_id"],
            sleeve_id=pick["sleeve_id"],
            quantity=sentences.units(pick["quantity_micro"]),
            sold=sentences.units(pick["quantity_micro"] - left),
        )
    return [views[place] for place in range(len(picks))]
