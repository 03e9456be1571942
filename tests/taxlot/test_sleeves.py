"""To which sleeves lots without one belong, by hand.  Source: product 2, "A row without a sleeve"; product 5."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from services.taxlot.domain.sleeves import ReportedLot, assign_sleeves, pro_rata
from shared.rules.relief.lots import NO_BASIS

pytestmark = pytest.mark.fast

Known = Mapping[tuple[str, str], Mapping[str, int]]


def lot(
    lot_id: str, quantity: int, basis: int = 0, security: str = "A", sleeve: str = "", acquired: int = 0
) -> ReportedLot:
    return ReportedLot(security, lot_id, sleeve, acquired, quantity, basis, 1)


def placed(
    lots: list[ReportedLot], known: Known | None = None, buys: Mapping[str, Mapping[str, int]] | None = None
) -> list[tuple[str, str, str, int, int]]:
    """Return (security, sleeve, lot, quantity, basis) of the split lots; the APM sleeve is OWN."""
    found = assign_sleeves(lots, known or {}, buys or {}, "OWN")
    return [(lot.security_id, lot.sleeve_id, lot.lot_id, lot.quantity, lot.basis) for lot in found]


@pytest.mark.parametrize(
    ("units", "shares", "split"),
    [
        # 10 x 1/3 = 3 1/3 and 10 x 2/3 = 6 2/3: the unit left goes to the larger remainder
        (10, {"S1": 1, "S2": 2}, {"S1": 3, "S2": 7}),
        # equal remainders: by sleeve id, whatever the order given
        (3, {"S2": 1, "S1": 1}, {"S1": 2, "S2": 1}),
        # 5/3 each: two units left, the first two sleeves
        (5, {"S3": 1, "S2": 1, "S1": 1}, {"S1": 2, "S2": 2, "S3": 1}),
        # exact, in proportion
        (12, {"S1": 4, "S2": 2}, {"S1": 8, "S2": 4}),
        # a share too small for a unit gets none
        (1, {"S1": 1, "S2": 9}, {"S1": 0, "S2": 1}),
        # the largest lot there may be in shares as large: no rounding
        (10**15, {"S1": 10**15 - 1, "S2": 1}, {"S1": 10**15 - 1, "S2": 1}),
    ],
)
def test_pro_rata(units: int, shares: dict[str, int], split: dict[str, int]) -> None:
    assert pro_rata(units, shares) == split


def test_a_lot_is_split_in_its_steps() -> None:
    """1,000 in steps of 100 over 1 : 2 are 3 and 7 of them; what is in no steps itself is shared to the last unit."""
    known, buys = {("A", "L1"): {"S1": 1, "S2": 2}}, {"A": {"S1": 500, "S2": 1_000}}
    whole = {"S1": 300, "S2": 700}
    for units, expected in ((1_000, whole), (1_001, {"S1": 334, "S2": 667})):
        given = replace(lot("L1", units), step=100)
        assert {slice_.sleeve_id: slice_.quantity for slice_ in assign_sleeves([given], known, {}, "OWN")} == expected
    given = replace(lot("L2", 1_000), step=100)
    assert {slice_.sleeve_id: slice_.quantity for slice_ in assign_sleeves([given], known, buys, "OWN")} == whole


def test_a_lot_with_a_sleeve_stays_there() -> None:
    known, buys = {("A", "L1"): {"S1": 1}}, {"A": {"S2": 10}}
    assert placed([lot("L1", 10, 100, sleeve="S9")], known, buys) == [("A", "S9", "L1", 10, 100)]


def test_a_known_lot_keeps_its_split_and_its_basis_goes_with_the_units() -> None:
    """3 : 7 of 101 cents: 30.3 are 30, the last units take 71."""
    known = {("A", "L1"): {"S1": 1, "S2": 2}, ("A", "L2"): {"S3": 1}, ("B", "L1"): {"S4": 1}}
    assert placed([lot("L1", 10, 101)], known, {"A": {"S5": 10}}) == [
        ("A", "S1", "L1", 3, 30),
        ("A", "S2", "L1", 7, 71),
    ]


def test_basis_is_cut_from_what_remains() -> None:
    """100 cents over 1 : 1 : 1: 33.3 are 33; 67 of two are 33.5, half away from zero 34; 33 remain."""
    known = {("A", "L1"): {"S1": 5, "S2": 5, "S3": 5}}
    assert placed([lot("L1", 3, 100)], known) == [
        ("A", "S1", "L1", 1, 33),
        ("A", "S2", "L1", 1, 34),
        ("A", "S3", "L1", 1, 33),
    ]


def test_basis_goes_to_the_parts_in_order_of_sleeve_id() -> None:
    """Of 101 cents half, 50.5, are 51 of OWN; S1, which the buy explains, takes the 50 that remain."""
    assert placed([lot("N1", 2, 101)], {}, {"A": {"S1": 1}}) == [("A", "OWN", "N1", 1, 51), ("A", "S1", "N1", 1, 50)]


def test_an_unknown_basis_stays_unknown_in_every_part_and_empty_parts_are_none() -> None:
    known = {("A", "L1"): {"S1": 1, "S2": 5, "S3": 6}}
    assert placed([lot("L1", 2, NO_BASIS)], known) == [
        ("A", "S2", "L1", 1, NO_BASIS),
        ("A", "S3", "L1", 1, NO_BASIS),
    ]


def test_new_lots_follow_the_approved_buys_oldest_first_and_the_rest_is_the_apm_sleeves() -> None:
    """Bought: 4 in S1, 2 in S2.  N1 (older, 3) takes 2 and 1; of N2's 5 the other 2 and 1, and 2 nothing explains."""
    buys = {"A": {"S1": 4, "S2": 2}, "B": {"S3": 9}}
    lots = [lot("N2", 5, 50, acquired=8), lot("N1", 3, 30, acquired=7)]
    assert placed(lots, {}, buys) == [
        ("A", "OWN", "N2", 2, 20),
        ("A", "S1", "N1", 2, 20),
        ("A", "S1", "N2", 2, 20),
        ("A", "S2", "N1", 1, 10),
        ("A", "S2", "N2", 1, 10),
    ]
    assert buys == {"A": {"S1": 4, "S2": 2}, "B": {"S3": 9}}, "what was given is left as it is"


def test_of_lots_of_one_day_the_lot_id_decides_which_buy_is_used_first() -> None:
    """One unit bought in S1: it is X1's, though X2 stands first."""
    assert placed([lot("X2", 1), lot("X1", 1)], {}, {"A": {"S1": 1}}) == [
        ("A", "OWN", "X2", 1, 0),
        ("A", "S1", "X1", 1, 0),
    ]


def test_what_the_apm_sleeve_bought_and_what_nothing_explains_is_one_part() -> None:
    assert placed([lot("N1", 5, 50)], {}, {"A": {"OWN": 2}}) == [("A", "OWN", "N1", 5, 50)]
    assert placed([lot("N1", 5, 50)], {}, {"A": {"S1": 5}}) == [("A", "S1", "N1", 5, 50)]
    assert placed([lot("N1", 5, 50)]) == [("A", "OWN", "N1", 5, 50)]
    # buys that are used up explain nothing
    assert placed([lot("N1", 2), lot("N2", 2, acquired=1)], {}, {"A": {"S1": 2}}) == [
        ("A", "OWN", "N2", 2, 0),
        ("A", "S1", "N1", 2, 0),
    ]


def test_parts_stand_by_security_sleeve_acquired_and_lot_id() -> None:
    lots = [
        lot("L2", 1, security="B", sleeve="S1"),
        lot("L1", 1, sleeve="S2"),
        lot("L3", 1, sleeve="S1", acquired=5),
        lot("L2", 1, sleeve="S1", acquired=6),
        lot("L1", 1, sleeve="S1", acquired=6),
    ]
    found = assign_sleeves(lots, {}, {}, "OWN")
    assert [(lot.security_id, lot.sleeve_id, lot.acquired, lot.lot_id) for lot in found] == [
        ("A", "S1", 5, "L3"),
        ("A", "S1", 6, "L1"),
        ("A", "S1", 6, "L2"),
        ("A", "S2", 0, "L1"),
        ("B", "S1", 0, "L2"),
    ]


def test_date_and_cover_go_with_every_part() -> None:
    given = ReportedLot("A", "L1", "", 7, 4, 40, 0)
    found = assign_sleeves([given], {("A", "L1"): {"S1": 1, "S2": 1}}, {}, "OWN")
    assert [(lot.acquired, lot.covered) for lot in found] == [(7, 0), (7, 0)]
