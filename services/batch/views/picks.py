"""The lots that an account picked for sale (lot method SPECIFIC), and how much of them a proposal sells.

Source: product 5.  Picked lots leave first, so as many units of a slice are picked as the picks of its lot cover.
A pick that names no sleeve counts in each of the lot's sleeves: it fits only if the lot is in one sleeve, or if all of
the lot is picked.  Picks that do not fit sell nothing: the logic that sells their security fails.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from services.batch.views import sentences
from shared.contracts.api_proposals import PickView

ResultRow = Mapping[str, Any]
Lot = tuple[str, str, str]  # security, lot, sleeve


def picked_of(result: ResultRow, slice_: ResultRow) -> int:
    """Return how many micro-units of a slice of the result were picked."""
    lot = _lot_of(result, slice_)
    covered = sum(int(pick["quantity_micro"]) for pick in result["lot_picks"] or () if _covers(pick, lot))
    return min(covered, int(slice_["quantity_micro"]))


def picks_of(result: ResultRow, slices: Sequence[ResultRow]) -> list[PickView]:
    """Return the account's picks, and how many units of each leave by `slices`, which are those of one logic.

    Where a lot is picked both in a sleeve and without one, the pick that names the sleeve counts first there.
    """
    unclaimed = {_lot_of(result, slice_): picked_of(result, slice_) for slice_ in slices}
    picks = list(result["lot_picks"] or ())
    sold = [0] * len(picks)
    for index in sorted(range(len(picks)), key=lambda index: picks[index]["sleeve_id"] is None):
        for lot in unclaimed:
            if _covers(picks[index], lot):
                units = min(int(picks[index]["quantity_micro"]) - sold[index], unclaimed[lot])
                sold[index] += units
                unclaimed[lot] -= units
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


def _lot_of(result: ResultRow, slice_: ResultRow) -> Lot:
    return result["securities"][slice_["security"]]["security_id"], slice_["lot_id"], slice_["sleeve_id"]


def _covers(pick: ResultRow, lot: Lot) -> bool:
    security_id, lot_id, sleeve_id = lot
    return (pick["security_id"], pick["lot_id"]) == (security_id, lot_id) and pick["sleeve_id"] in (None, sleeve_id)
