"""Costs that a custodian's file gives for each unit: exact products, and both costs where both are given."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.unit_costs import agree
from tests.taxlot.mapped import altered, content_of, edited, faults_of, records_of, tried

XML = "meridian-xml"
AAPL = ('cost="10836.93000"', 'cost="{cost}" unit="{unit}"')

pytestmark = pytest.mark.fast


def mapping(folder: Path, **more: Any) -> FormatMapping:
    """The mapping of the XML export with a cost per unit: of T in percent of face.  more: keys of the lot."""
    said = content_of(XML)
    said["source"]["columns"]["unit"] = "@unit"
    percent = [{"when": {"symbol": ["T"]}, "times": "0.01"}]
    lot = said["lot"] | {"unit_cost": {"column": "unit", "factors": percent}} | more
    return altered(XML, folder, lot=lot, source=said["source"])


def aapl(folder: Path, unit: str, cost: str = "", units: str = "100") -> Path:
    """The sample with these costs, and units, of its first lot."""
    old, new = AAPL
    edits = (old, new.format(cost=cost, unit=unit)), ('position="100"', f'position="{units}"')
    return edited(XML, folder, *edits)


def basis_of(folder: Path, path: Path) -> str:
    """The cost basis that the first lot becomes."""
    return records_of(path, mapping(folder))[0].split("|")[6]


@pytest.mark.parametrize(
    ("units", "unit", "basis"),
    [
        pytest.param("100", "108.36930", "10836.93000", id="exact"),
        pytest.param("3", "33.333333", "99.999999", id="not rounded before the basis is"),
        pytest.param("52.8125", "0.00000", "0.000000000", id="free, which is known"),
        pytest.param("999999999.999999", "99.123456789012345678", "99123456788.913222333210987654321", id="long"),
        pytest.param("100", "", "", id="missing: the basis is unknown"),
    ],
)
def test_the_basis_is_quantity_times_cost_per_unit(units: str, unit: str, basis: str, tmp_path: Path) -> None:
    found = basis_of(tmp_path, aapl(tmp_path, unit, units=units))
    assert (found and Fraction(found)) == (basis and Fraction(units) * Fraction(unit))
    if len(basis) < 15:
        assert found == basis


def test_a_cost_in_percent_of_face_is_moved_by_the_mapping(tmp_path: Path) -> None:
    """10 of face at 98.50 cost 9.85."""
    path = edited(XML, tmp_path, ('cost="0.00000"', 'cost="" unit="98.50"'))
    (record,) = [record for record in records_of(path, mapping(tmp_path)) if "|T|" in record]
    assert Decimal(record.split("|")[6]) == Decimal("9.85")


@pytest.mark.parametrize(
    ("units", "unit", "cost", "fits"),
    [
        ("100", "108.37", "10836.93", True),  # between 10,836.50 and 10,837.50
        ("100", "108.37", "10837.50", True),
        ("100", "108.37", "10837.51", False),
        ("100", "108.3693", "10836.93", True),
        ("100", "108.3693", "10837.00", False),
        ("33.333", "100.00", "3333.33", True),  # a third of 100 that the file shows with three decimals
        ("33.333", "100.00", "3333.60", False),
        ("33", "100.00", "3333.33", False),  # whole units are exact
        ("100", "108.3693", "108.3693", False),  # the cost of a unit in the column of the lot's
        ("100", "108.3693", "", True),
        ("100", "", "10836.93", True),
    ],
)
def test_costs_that_do_not_agree_beyond_the_printed_digits_hold_the_account(
    units: str, unit: str, cost: str, fits: bool, tmp_path: Path
) -> None:
    path = aapl(tmp_path, unit, cost, units)
    faults = faults_of(path, mapping(tmp_path))
    assert faults == ([] if fits else [(6, "COST_DIFFERS")])
    if cost:
        assert basis_of(tmp_path, path) == cost  # what the file says of the whole lot, never the product


def test_a_difference_is_named_with_its_line_columns_and_values(tmp_path: Path) -> None:
    (fault,) = tried(aapl(tmp_path, "108.3693", "10837.00"), mapping(tmp_path)).faults
    assert fault.text("x.xml") == (
        "x.xml, line 6: the cost of a lot is another than its quantity times its cost per unit (column 'cost':"
        " 10837.00; quantity 100 at 108.3693 a unit (column 'unit') is 10836.9300)"
    )


@pytest.mark.parametrize("cost", ["", "10836.93"])
def test_a_cost_per_unit_that_cannot_be_read_holds_the_account(cost: str, tmp_path: Path) -> None:
    (fault,) = tried(aapl(tmp_path, "1,08", cost), mapping(tmp_path)).faults
    assert (fault.code, fault.line) == ("NOT_A_NUMBER", 6)
    assert "unit" in fault.detail and "1,08" in fault.detail


def test_a_quantity_that_cannot_be_read_is_what_is_named(tmp_path: Path) -> None:
    (fault,) = tried(aapl(tmp_path, "108.37", units="1oo"), mapping(tmp_path)).faults
    assert (fault.code, "quantity" in fault.detail) == ("NOT_A_NUMBER", True)


def test_a_file_may_have_no_other_cost(tmp_path: Path) -> None:
    path = aapl(tmp_path, "108.36930", "77.00")
    assert records_of(path, mapping(tmp_path, cost_basis=None))[0].split("|")[6] == "10836.93000"
    (fault,) = tried(aapl(tmp_path, "x"), mapping(tmp_path, cost_basis=None)).faults
    assert "column 'unit'" in fault.detail


@given(
    true_units=st.integers(1, 10**9),
    true_cost=st.integers(0, 10**9),
    decimals=st.tuples(st.integers(1, 4), st.integers(0, 6), st.integers(0, 4)),
)
def test_costs_rounded_to_any_digits_agree(true_units: int, true_cost: int, decimals: tuple[int, int, int]) -> None:
    """Whatever the digits that its quantity and its two costs are printed with, a lot is never at odds with itself."""
    units, each = Decimal(true_units) / 10**5, Decimal(true_cost) / 10**7
    printed = [round(value, digits) for value, digits in zip((units, each, units * each), decimals, strict=True)]
    assert agree(*printed)
