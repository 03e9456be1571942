"""What a mapping does not understand of a file is named with line and column; what does not fit it is refused."""

from pathlib import Path

import pytest

from services.taxlot.domain.codes import FileRefused
from tests.taxlot.mapped import (
    altered,
    content_of,
    edited,
    faults_of,
    mapping_of,
    records_of,
    sample_of,
    tried,
)  # fmt: skip

pytestmark = pytest.mark.fast
CSV, FIXED, XML = "westfield-csv", "summit-clearing", "meridian-xml"


@pytest.mark.parametrize(
    ("name", "edit", "fault"),
    [
        pytest.param(CSV, ("Date downloaded", "Data downloaded"), (27, "NOT_UNDERSTOOD"), id="a line of no kind"),
        pytest.param(CSV, ('"120"', '"12O"'), (5, "NOT_A_NUMBER"), id="a letter in a number"),
        pytest.param(CSV, ('"120"', '"--"'), (5, "NOT_A_NUMBER"), id="a quantity that is missing"),
        pytest.param(CSV, ('"120"', '"1,20"'), (5, "NOT_A_NUMBER"), id="a separator at a wrong position"),
        pytest.param(CSV, ("05/14/2019", "14/05/2019"), (5, "BAD_DATE"), id="day and month the other way"),
        pytest.param(CSV, ('"$5,580.00","Covered"', '"$5,580.00","Maybe"'), (5, "BAD_COVERED"), id="a code of its own"),
        pytest.param(
            CSV, ('"Pending Activity"', '"Collateral"'), (17, "NOT_UNDERSTOOD"), id="a row that no rule is for"
        ),
        pytest.param(
            CSV,
            ('"Pending Activity"', '"Cash & Cash Investments"'),
            (17, "CASH_TWICE"),
            id="two rows claim the same cash",
        ),
        pytest.param(CSV, ('"O\'Neil, Pat","Cash', '"O\'Neil, Pat","Not Cash'), (16, "NOT_UNDERSTOOD"), id="no cash"),
        pytest.param(CSV, ('"$87,500.00"', '"$87,500.01"'), (21, "TOTAL_DIFFERS"), id="a total that differs"),
        pytest.param(CSV, ('"Grand Total",""', '"Grand Total"'), (24, "NOT_UNDERSTOOD"), id="a value too few"),
        pytest.param(FIXED, ("LCEQ", "XCEQ"), (2, "NOT_UNDERSTOOD"), id="neither long nor short"),
        pytest.param(FIXED, ("+000000000558000", "?000000000558000"), (2, "NOT_UNDERSTOOD"), id="no sign"),
        pytest.param(FIXED, ("-M", "-C"), (6, "CASH_TWICE"), id="two balances of one kind"),
        pytest.param(FIXED, ("-M", "-Z"), (6, "NOT_UNDERSTOOD"), id="a balance of no kind"),
        pytest.param(FIXED, ("T-3.5-2031 ", "T-3.5-2031"), (4, "NOT_UNDERSTOOD"), id="a line too short"),
        pytest.param(
            XML,
            ('<CashBalance currency="USD" amount="0.0', '<CashBalance currency="EUR" amount="0.0'),
            (20, "NOT_UNDERSTOOD"),
            id="another currency",
        ),
        pytest.param(XML, ('position="100"', 'position="1.0E2"'), (6, "NOT_A_NUMBER"), id="an exponent"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(
    name: str, edit: tuple[str, str], fault: tuple[int, str], tmp_path: Path
) -> None:
    assert fault in faults_of(edited(name, tmp_path, edit), mapping_of(name))


def test_a_fault_names_column_and_value(tmp_path: Path) -> None:
    (fault,) = tried(edited(CSV, tmp_path, ('"12.5"', '"12,5"')), mapping_of(CSV)).faults[:1]
    assert "quantity (column 'Quantity'): \"12,5\"" in fault.detail
    (fault,) = tried(edited(FIXED, tmp_path, ("LCEQ", "XCEQ")), mapping_of(FIXED)).faults[:1]
    assert fault.detail == "column 'long or short': 'X' is none of 'L', 'S'"


@pytest.mark.parametrize(
    ("name", "edit", "code", "says"),
    [
        pytest.param(
            CSV,
            ('"Cost Basis"', '"Basis"'),
            "MAPPING_MISFIT",
            "line 4: the column 'Cost Basis' is not there",
            id="a column that is not there",
        ),
        pytest.param(
            CSV,
            ('"Description"', '"Quantity"'),
            "MAPPING_MISFIT",
            "line 4: the column 'Quantity' stands there twice",
            id="a column twice",
        ),
        pytest.param(CSV, ("as of 06/11/2026", "of today"), "BAD_HEADER", "data date", id="no data date"),
        pytest.param(
            CSV, ("as of 06/11/2026", "as of 2026/06/11"), "BAD_HEADER", "MM/DD/YYYY", id="a data date of another style"
        ),
        pytest.param(FIXED, ("BOF SUMMIT", "BOF SUMMER"), "NOT_A_LOT_FILE", "line 1", id="another header"),
        pytest.param(FIXED, ("20260611 R", "20260611 X"), "BAD_HEADER", "kind", id="another kind"),
        pytest.param(FIXED, ("EOF SUMMIT", "P"), "BAD_TRAILER", "cut off", id="cut off"),
        pytest.param(FIXED, (" 0000000009 ", " 000000000X "), "BAD_TRAILER", "records", id="a total that is none"),
        pytest.param(XML, ("</Query>", ""), "BAD_TRAILER", "cut off", id="XML that was cut off"),
        pytest.param(XML, ("</OpenLots>", "</Open>"), "NOT_A_LOT_FILE", "line 9, column", id="XML that is broken"),
        pytest.param(XML, ("Query", "Answer"), "NOT_A_LOT_FILE", "outermost", id="another root"),
        pytest.param(
            XML, (" cost=", " basis="), "MAPPING_MISFIT", "'cost' (@cost)", id="an attribute that is not there"
        ),
        pytest.param(
            XML,
            ("<Query name", '<!DOCTYPE Query [<!ENTITY a "aaaa">]><Query name'),
            "NOT_A_LOT_FILE",
            "entities",
            id="entities",
        ),
    ],
)
def test_a_file_that_the_mapping_does_not_fit_is_refused(
    name: str, edit: tuple[str, str], code: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(FileRefused) as refused:
        tried(edited(name, tmp_path, edit), mapping_of(name))
    assert refused.value.code == code
    assert says in refused.value.detail


def test_totals_that_differ_refuse_the_file_and_those_that_are_not_stated_are_said(tmp_path: Path) -> None:
    found = tried(edited(FIXED, tmp_path, (" 000000000320743750", " 000000000320743751")), mapping_of(FIXED))
    assert found.refusal is not None and found.refusal.code == "TOTAL_MISMATCH"
    assert tried(sample_of(FIXED), mapping_of(FIXED)).remarks == [
        "the file states no sum of cost_basis; it is unchecked", "the file states no sum of cash; it is unchecked",
    ]  # fmt: skip
    found = tried(edited(FIXED, tmp_path, (" 0000000009 ", " 0000000008 ")), mapping_of(FIXED))
    assert found.refusal is not None and found.refusal.code == "COUNT_MISMATCH"


def test_a_file_of_which_nothing_is_understood_is_refused_and_holds_nobody(tmp_path: Path) -> None:
    source = content_of(FIXED)["source"] | {"width": 119}
    source["columns"] = {name: [first, min(last, 119)] for name, (first, last) in source["columns"].items()}
    with pytest.raises(FileRefused, match=r"MAPPING_MISFIT: line 2: the line has 120 characters, a row has 119"):
        tried(sample_of(FIXED), altered(FIXED, tmp_path, source=source))
    lines = sample_of(CSV).read_bytes().decode().split("\r\n")
    many = [line.replace("0001-2345", f"{number}").replace("$", "USD ") for number in range(20) for line in lines[4:6]]
    path = tmp_path / sample_of(CSV).name
    path.write_text("\n".join([*lines[:4], *many]))
    with pytest.raises(FileRefused, match=r"MAPPING_MISFIT: line 5, column .Cost Basis.: .*; none of"):
        tried(path, mapping_of(CSV))


def test_money_of_a_sweep_fund_counts_once_whichever_is_said(tmp_path: Path) -> None:
    records = records_of(sample_of(CSV), altered(CSV, tmp_path, sweep=SWEEP_AS_LOT))
    assert "10 L|00012345|WSWPX|WSWPX---||1520.75|1520.75|N||1.00|" in records
    assert "11 C|00012345|||||||||0" in records


@pytest.mark.parametrize(
    ("value", "code", "shows"),
    [
        ("$87,50.00", "NOT_A_NUMBER", '"$87,50.00"'),
        ("eighty", "NOT_A_NUMBER", '"eighty"'),
        ("200,000,000,000.00", "OUT_OF_RANGE", "200000000000.00"),
    ],
)
def test_a_total_that_cannot_be_read_holds_its_account(value: str, code: str, shows: str, tmp_path: Path) -> None:
    """It is compared with nothing, so its account is not known to be whole; one that is missing is none."""
    found = tried(
        edited(
            CSV,
            tmp_path,
            ('"$87,500.00","--"\r\n"98765","The Lee Trust","Cash', f'"{value}","--"\r\n"98765","The Lee Trust","Cash'),
        ),
        mapping_of(CSV),
    )
    assert [(fault.line, fault.code, fault.detail) for fault in found.faults] == [
        (21, code, f"total of the cost basis (column 'Cost Basis'): {shows}")
    ]


SWEEP_LOT = '"1,520.75","$1.00","$1,520.75","$1,520.75","--"'
SWEEP_AS_LOT = {"securities": ["WSWPX"], "counts": "lot", "value": {"column": "Market Value"}}


@pytest.mark.parametrize(
    ("value", "code", "shows"),
    [
        ("--", "NOT_A_NUMBER", '"--"'),
        ("N/A", "NOT_A_NUMBER", '"N/A"'),
        ("1,52.75", "NOT_A_NUMBER", '"1,52.75"'),
        ("", "NOT_A_NUMBER", "empty"),
        ("$1,520.75-", "NOT_A_NUMBER", '"$1,520.75-"'),
        ("200,000,000,000.00", "OUT_OF_RANGE", "200000000000.00"),
    ],
)
def test_a_value_of_a_sweep_fund_that_cannot_be_read_holds_its_account(
    value: str, code: str, shows: str, tmp_path: Path
) -> None:
    """Nothing could be taken out of the cash, which has the money too: it would count twice."""
    path = edited(CSV, tmp_path, (SWEEP_LOT, SWEEP_LOT.replace('"$1.00","$1,520.75"', f'"$1.00","{value}"')))
    found = tried(path, altered(CSV, tmp_path, sweep=SWEEP_AS_LOT))
    assert [(fault.line, fault.code, fault.detail) for fault in found.faults] == [
        (10, code, f"value of the sweep fund (column 'Market Value'): {shows}")
    ]


def test_a_sign_of_a_sweep_fund_that_is_not_listed_holds_its_account(tmp_path: Path) -> None:
    sign = {"column": "Covered", "negative": ["-"], "positive": ["+"]}
    value = {"column": "Market Value", "sign": sign}
    (fault,) = tried(sample_of(CSV), altered(CSV, tmp_path, sweep=SWEEP_AS_LOT | {"value": value})).faults
    assert (fault.line, fault.code, fault.detail) == (
        10,
        "NOT_UNDERSTOOD",
        "column 'Covered': '--' is none of '+', '-'",
    )


def test_accounts_without_a_cash_row_are_held_or_have_none(tmp_path: Path) -> None:
    path = edited(XML, tmp_path, ('<CashBalance currency="USD" amount="0.00000"/>', ""))
    assert (17, "CASH_MISSING") in faults_of(path, mapping_of(XML))
    cash = content_of(XML)["cash"] | {"absent": "zero"}
    assert records_of(path, altered(XML, tmp_path, cash=cash))[-1] == "17 C|M0005678|||||||||0"
