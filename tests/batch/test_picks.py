"""What of a sale the account picked itself: by hand, and as it is booked.  Source: product 5, SPECIFIC."""

from itertools import product
from typing import Any

import pytest

from services.batch.views.picks import picked_of, picks_of
from tests.batch.harness import Harness
from tests.taxlot.build import UNIT, picking, selling

Pick = tuple[str, str | None, int]  # lot of AAA, sleeve, units
Slice = tuple[str, str, int]  # lot of AAA, sleeve, units


def row_of(picks: list[Pick]) -> dict[str, Any]:
    """A result that picks so many units of lots of AAA."""
    return {
        "securities": [{"security_id": "BBB"}, {"security_id": "AAA"}],
        "lot_picks": [
            {"security_id": "AAA", "lot_id": lot, "sleeve_id": sleeve, "quantity_micro": units * UNIT}
            for lot, sleeve, units in picks
        ],
    }


def slices_of(slices: list[Slice], security: int = 1) -> list[dict[str, Any]]:
    return [
        {"security": security, "sleeve_id": sleeve, "lot_id": lot, "quantity_micro": units * UNIT}
        for lot, sleeve, units in slices
    ]


@pytest.mark.fast
@pytest.mark.parametrize(
    ("picks", "slices", "picked", "sold"),
    [
        ([("L1", None, 4)], [("L1", "S1", 3)], [3], ["3"]),  # 3 of 4 are sold
        ([("L1", None, 4)], [("L1", "S1", 9)], [4], ["4"]),  # 5 more leave by FIFO
        ([("L1", "S2", 4)], [("L1", "S1", 9)], [0], ["0"]),  # another sleeve's part of the lot
        ([("L2", None, 4)], [("L1", "S1", 9)], [0], ["0"]),
        # All 12 of L2, wherever it stands: 5 in S1, 7 in S2, of which 2 stay.
        ([("L2", None, 12)], [("L2", "S1", 5), ("L2", "S2", 5)], [5, 5], ["10"]),
        # 2 in S1, and all 10 that this leaves: of the 4 sold in S1 2 are the pick's that names it.
        ([("L2", None, 10), ("L2", "S1", 2)], [("L2", "S1", 4), ("L2", "S2", 7)], [4, 7], ["9", "2"]),
        ([], [("L1", "S1", 9)], [0], []),
        ([("L1", None, 4)], [], [], ["0"]),
    ],
)
def test_of_a_slice_the_picks_of_its_lot_come_first(
    picks: list[Pick], slices: list[Slice], picked: list[int], sold: list[str]
) -> None:
    row, booked = row_of(picks), slices_of(slices)
    assert [picked_of(row, slice_) for slice_ in booked] == [units * UNIT for units in picked]
    assert [view.sold for view in picks_of(row, booked)] == sold


@pytest.mark.fast
def test_a_lot_of_the_same_name_of_another_security_is_not_picked() -> None:
    row, (booked,) = row_of([("L1", None, 4)]), slices_of([("L1", "S1", 9)], security=0)
    assert picked_of(row, booked) == 0
    assert [view.sold for view in picks_of(row, [booked])] == ["0"]


@pytest.mark.fast
def test_as_booked_so_many_units_are_picked_as_the_sale_and_the_picks_allow() -> None:
    """L1, L2 and L3 hold 3, 3 and 4: every sale of 0 to 10 under picks of every count of each."""
    for first, second, third in product((0, 1, 3), (0, 2, 3), (0, 3, 4)):
        picks = [("AAA", lot, None, units * UNIT) for lot, units in (("L1", first), ("L2", second), ("L3", third))]
        for units in range(11):
            booked = selling(picking(*(pick for pick in picks if pick[3])), units)
            total = sum(picked_of(booked, slice_) for slice_ in booked["slices"])
            assert total == min(units, first + second + third) * UNIT
            assert sum(float(view.sold) for view in picks_of(booked, booked["slices"])) == total / UNIT


@pytest.mark.integration
async def test_an_account_shows_its_picks_beside_the_lots_that_leave(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.propose("A1")
    picks = [
        {"security_id": "AAA", "lot_id": "A1-L1", "sleeve_id": None, "quantity_micro": 7_500_000},
        {"security_id": "BBB", "lot_id": "A1-L9", "sleeve_id": "M1", "quantity_micro": 1_000_000},
    ]
    await harness.reply(batch["batch_id"], lot_method=6, lot_picks=picks)
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    best, least = view["proposals"]  # sell 10 and 5 of A1-L1
    assert [(slice_["quantity"], slice_["picked"]) for slice_ in best["slices"]] == [("10", "7.5")]
    assert [(slice_["quantity"], slice_["picked"]) for slice_ in least["slices"]] == [("5", "5")]
    assert best["picks"] == [
        {"security_id": "AAA", "lot_id": "A1-L1", "sleeve_id": None, "quantity": "7.5", "sold": "7.5"},
        {"security_id": "BBB", "lot_id": "A1-L9", "sleeve_id": "M1", "quantity": "1", "sold": "0"},
    ]
    assert [pick["sold"] for pick in least["picks"]] == ["5", "0"]
