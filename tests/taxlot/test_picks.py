"""Lots picked for sale: followed to the unit or refused with the reason, through attaching and booking."""

import pytest

from services.taxlot.domain.picks import HeldLot, Pick, match_picks
from shared.rules.relief.lots import PICKS_MISFIT
from tests.taxlot.build import UNIT, picking, selling

pytestmark = pytest.mark.fast
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
    got, problems = match_picks(LOTS, picks)
    if problem is None:
        assert (got, problems) == (picked, {})
    else:
        assert got == [PICKS_MISFIT] * 3 + [0]  # BBB is not touched by a bad pick of AAA
        assert problem in problems["AAA"]


def test_picks_leave_first_and_the_rest_is_taken_fifo() -> None:
    result = selling(picking(("AAA", "L3", None, 2 * UNIT), ("AAA", "L2", "S1", UNIT)), 5)
    assert [(entry["lot_id"], entry["quantity_micro"] // UNIT) for entry in result["slices"]] == [
        ("L1", 2), ("L2", 1), ("L3", 2),
    ]  # fmt: skip
    assert result["proposals"][0]["failure_code"] is None


def test_of_more_picks_than_are_sold_the_oldest_lots_leave() -> None:
    result = selling(picking(("AAA", "L3", None, 4 * UNIT), ("AAA", "L2", None, 2 * UNIT)), 3)
    assert [(entry["lot_id"], entry["quantity_micro"] // UNIT) for entry in result["slices"]] == [("L2", 2), ("L3", 1)]


def test_a_pick_that_does_not_fit_fails_the_logic_that_sells_its_security() -> None:
    lots = picking(("AAA", "L2", None, 5 * UNIT))
    failed = selling(lots, 1)
    assert (failed["slices"], failed["proposals"][0]["failure_code"]) == ([], "PICKS_DO_NOT_FIT")
    assert failed["proposals"][0]["failure_text"] == (
        "account A: 5 units of lot L2 of AAA are picked, the account has 3:"
        " change the picks of the account, then propose again"
    )
    assert selling(lots, 0)["proposals"][0]["failure_code"] is None  # nothing of it is sold: it does not matter
