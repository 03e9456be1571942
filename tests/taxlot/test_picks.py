"""Lots picked for sale: followed to the unit or refused with the reason, through attaching and booking."""

from typing import Any

import pyarrow as pa
import pytest

from services.taxlot.domain.picks import HeldLot, Pick, match_picks
from shared.contracts import chunks
from shared.contracts.other_releases import difference, fitted
from shared.rules.relief.lots import PICKS_MISFIT
from tests.taxlot.build import UNIT, picking, selling

pytestmark = pytest.mark.fast
Picks = tuple[tuple[str, str, str | None, int], ...]
LOTS = [
    HeldLot("AAA", "S1", "L1", 10),
    HeldLot("AAA", "S1", "L2", 5),
    HeldLot("AAA", "S2", "L2", 7),
    HeldLot("BBB", "S1", "L1", 9),
]


@pytest.mark.parametrize(
    ("picks", "picked", "problem"),
    [
        ([], [0, 0, 0, 0], None),
        ([Pick("AAA", "L1", None, 4)], [4, 0, 0, 0], None),
        ([Pick("AAA", "L1", "S1", 10)], [10, 0, 0, 0], None),
        ([Pick("AAA", "L2", "S2", 6)], [0, 0, 6, 0], None),
        ([Pick("AAA", "L2", None, 12)], [0, 5, 7, 0], None),  # all of it, wherever it stands
        ([Pick("AAA", "L2", None, 7), Pick("AAA", "L2", "S1", 5)], [0, 5, 7, 0], None),  # all that the other leaves
        ([Pick("AAA", "L1", None, 1), Pick("BBB", "L1", None, 2)], [1, 0, 0, 2], None),
        ([Pick("AAA", "L2", None, 6)], None, "stands in sleeves S1, S2: name the sleeve 0.000006 units"),
        ([Pick("AAA", "L1", None, 11)], None, "0.000011 units of lot L1 of AAA are picked, the account has 0.00001"),
        ([Pick("AAA", "L9", None, 1)], None, "lot L9 of AAA are picked, the account has no such lot"),
        ([Pick("AAA", "L1", "S2", 1)], None, "lot L1 of AAA in sleeve S2 are picked, the account has no such lot"),
        ([Pick("AAA", "L2", "S1", 3), Pick("AAA", "L2", None, 10)], None, "the account has 0.000009"),
    ],
)
def test_picks_fit_to_the_unit_or_say_why(picks: list[Pick], picked: list[int] | None, problem: str | None) -> None:
    found = match_picks(LOTS, picks)
    if problem is None:
        assert (found.units, found.problems) == (picked, {})
    else:
        assert found.units == [PICKS_MISFIT] * 3 + [0]  # BBB is not touched by a bad pick of AAA
        assert problem in found.problems["AAA"]


@pytest.mark.parametrize(
    ("picks", "ranks"),
    [
        ([], [None, None, None, None]),
        ([Pick("BBB", "L1", None, 1), Pick("AAA", "L2", "S2", 1), Pick("AAA", "L1", None, 1)], [2, None, 1, 0]),
        ([Pick("AAA", "L1", None, 1), Pick("AAA", "L2", None, 12)], [0, 1, 1, None]),  # one pick of two sleeves
        # L2 of S1 is picked twice: its rank is that of the first of the two, whichever takes its units first
        ([Pick("AAA", "L2", None, 9), Pick("AAA", "L1", None, 1), Pick("AAA", "L2", "S1", 3)], [1, 0, 0, None]),
        ([Pick("AAA", "L2", "S1", 3), Pick("AAA", "L1", None, 1), Pick("AAA", "L2", None, 9)], [1, 0, 2, None]),
    ],
)
def test_a_lot_has_the_place_of_its_first_pick(picks: list[Pick], ranks: list[int | None]) -> None:
    assert match_picks(LOTS, picks).ranks == ranks


def test_picks_leave_first_and_the_rest_is_taken_fifo() -> None:
    result = selling(picking(("AAA", "L3", None, 2 * UNIT), ("AAA", "L2", "S1", UNIT)), 5)
    assert [(entry["lot_id"], entry["quantity_micro"] // UNIT) for entry in result["slices"]] == [
        ("L3", 2), ("L2", 1), ("L1", 2),
    ]  # fmt: skip
    assert result["proposals"][0]["failure_code"] is None


PICKED_MORE = (("AAA", "L3", None, 4 * UNIT), ("AAA", "L2", None, 2 * UNIT))


@pytest.mark.parametrize(("picks", "left"), [(PICKED_MORE, [("L3", 3)]), (PICKED_MORE[::-1], [("L2", 2), ("L3", 1)])])
def test_of_more_picks_than_are_sold_the_first_ones_leave(picks: Picks, left: list[tuple[str, int]]) -> None:
    result = selling(picking(*picks), 3)
    assert [(entry["lot_id"], entry["quantity_micro"] // UNIT) for entry in result["slices"]] == left


def test_chunks_of_a_release_that_kept_no_order_are_read_and_their_oldest_lots_leave() -> None:
    lots = picking(*PICKED_MORE)
    older = without_ranks(lots)
    assert difference(older.schema, chunks.LOTS) is None
    result = selling(fitted(older, list(chunks.LOTS)), 3)
    assert [(entry["lot_id"], entry["quantity_micro"] // UNIT) for entry in result["slices"]] == [("L2", 2), ("L3", 1)]


def without_ranks(lots: pa.RecordBatch) -> pa.RecordBatch:
    """Return LOTS rows as a release wrote them that knew no ranks of picks."""
    rows = lots.to_pylist()
    for row in rows:
        row["lots"] = [{name: value for name, value in entry.items() if name != "pick_rank"} for entry in row["lots"]]
    inner = [field for field in chunks.LOT_FIELDS if field.name != "pick_rank"]
    kept: list[Any] = [field for field in chunks.LOTS if field.name != "lots"]
    schema = pa.schema([*kept, pa.field("lots", pa.list_(pa.struct(inner)))])
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def test_a_pick_that_does_not_fit_fails_the_logic_that_sells_its_security() -> None:
    lots = picking(("AAA", "L2", None, 5 * UNIT))
    failed = selling(lots, 1)
    assert (failed["slices"], failed["proposals"][0]["failure_code"]) == ([], "PICKS_DO_NOT_FIT")
    assert failed["proposals"][0]["failure_text"] == (
        "account A: 5 units of lot L2 of AAA are picked, the account has 3:"
        " change the picks of the account, then propose again"
    )
    assert selling(lots, 0)["proposals"][0]["failure_code"] is None  # nothing of it is sold: it does not matter
