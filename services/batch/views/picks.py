"""Which lots the account picked for sale itself (lot method SPECIFIC), and what of them a proposal sells.

Source: product 5.  What is picked leaves first, so of a slice as many units are picked as the picks of its lot cover.
A pick that names no sleeve counts in each of the lot's sleeves: it fits only where the lot stands in one, or where all
of it is picked.  Picks that do not fit sell nothing: the logic that sells their security fails.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.batch.views import sentences
from shared.contracts.api_proposals import PickView

Row = Mapping[str, Any]
Lot = tuple[str, str, str]  # security, lot, sleeve


def picked_of(row: Row, one: Row) -> int:
    """Return how many micro-units of a slice of the answered row were picked."""
    lot = _lot_of(row, one)
    covered = sum(int(pick["quantity_micro"]) for pick in row["lot_picks"] or () if _names(pick, lot))
    return min(covered, int(one["quantity_micro"]))


def picks_of(row: Row, slices: Sequence[Row]) -> list[PickView]:
    """Return the account's picks, and how much of each leaves by `slices`, which are those of one logic.

    Of a lot that is picked both in a sleeve and without one, the pick that names the sleeve counts first there.
    """
    unclaimed = {_lot_of(row, one): picked_of(row, one) for one in slices}
    picks = list(row["lot_picks"] or ())
    sold = [0] * len(picks)
    for place in sorted(range(len(picks)), key=lambda place: picks[place]["sleeve_id"] is None):
        for lot in unclaimed:
            if _names(picks[place], lot):
                part = min(int(picks[place]["quantity_micro"]) - sold[place], unclaimed[lot])
                sold[place] += part
                unclaimed[lot] -= part
    return [
        PickView(
            security_id=pick["security_id"],
            lot_id=pick["lot_id"],
            sleeve_id=pick["sleeve_id"],
            quantity=sentences.units(pick["quantity_micro"]),
            sold=sentences.units(units),
        )
        for pick, units in zip(picks, sold, strict=True)
    ]


def _lot_of(row: Row, one: Row) -> Lot:
    return row["securities"][one["security"]]["security_id"], one["lot_id"], one["sleeve_id"]


def _names(pick: Row, lot: Lot) -> bool:
    security_id, lot_id, sleeve_id = lot
    return (pick["security_id"], pick["lot_id"]) == (security_id, lot_id) and pick["sleeve_id"] in (None, sleeve_id)
