"""The mappings of deploy/mappings: each sample becomes our rows; what does not fit is named with line and column."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from benchmarks.mapped import FORMATS, Format
from deploy.contracts import mapping_schema
from services.taxlot.cli.map import app
from services.taxlot.columns.records import Block
from services.taxlot.domain.accounts import text_at
from services.taxlot.domain.codes import FileRefused
from services.taxlot.intake.reader import LotFile
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.mapping.mapping_file import MappingRefused, read_mapping
from services.taxlot.mapping.samples import check_samples
from tests.commands import run
from tests.taxlot.mapped import (
    MAPPINGS,
    NAMES,
    altered,
    content_of,
    edited,
    faults_of,
    mapping_of,
    records_of,
    sample_of,
    texts_of,
    tried,
)  # fmt: skip

pytestmark = pytest.mark.fast
CSV, FIXED, XML = "westfield-csv", "summit-clearing", "meridian-xml"


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_pass(name: str) -> None:
    check_samples(MAPPINGS / f"{name}.yaml", mapping_of(name))


def test_a_csv_export_of_an_advisor() -> None:
    assert records_of(sample_of(CSV), mapping_of(CSV)) == [
        "5 L|00012345|AAPL|AAPL-05142019|2019-05-14|120|5580.00|Y||271.01|",
        "6 L|00012345|AAPL|AAPL-11042024|2024-11-04|12.5|2777.63|Y||271.01|",
        "8 L|00012345|AAPL_01-15-2027_250.00_C|AAPL01152027250.00C-03022026|2026-03-02|-1||Y||31.50|",
        "11 C|00012345|||||||||1520.75",  # the sweep fund of line 10 is the same money
        "13 L|00067890|VTI|VTI---||1040||N||331.17|",
        "14 L|00067890|VTI|VTI-03012021|2021-03-01|5.9375|1247.63|Y||331.17|",
        "16 C|00067890|||||||||10199.47",  # 10,449.47 and pending -250.00
        "19 L|00098765|BND|BND-02282015|2015-02-28|1000|80000.00|N||72.50|",
        "20 L|00098765|BND|BND-02282015-2|2015-02-28|200|7500.00|Y||72.50|",
        "22 C|00098765|||||||||0.00",
    ]


def test_a_fixed_width_file_of_a_clearing_firm() -> None:
    assert records_of(sample_of(FIXED), mapping_of(FIXED)) == [
        "2 L|000012345|AAPL|A-1|2019-05-14|120.00000|5580.00|Y||271.010000|",
        "3 L|000012345|AAPL|A-2|2024-11-04|12.50000|2777.63|Y||271.010000|",
        "4 L|000012345|T-3.5-2031|B-1|2024-06-15|3000.00000|3000.00|N||98.5000|",  # 0.985 dollars a dollar of face
        "5 C|000012345|||||||||-2479.25",  # cash 1,520.75 and margin -4,000.00
        "7 L|000067890|VTI|V-1||79.93750||N||331.170000|",
        "8 L|000067890|TSLA|S-1|2026-04-02|-5.00000||Y||412.500000|",
        "9 C|000067890|||||||||0",
    ]


def test_an_xml_query() -> None:
    assert records_of(sample_of(XML), mapping_of(XML)) == [
        "6 L|M0001234|AAPL|4100001|2019-05-14|100|10836.93000|Y||271.0100|",
        "7 L|M0001234|MSFT|4100002|2024-11-04|52.8125|1001.37000|Y||480.2500|",
        "8 L|M0001234|SPY___270115C00700000|4100003|2026-03-02|-2||N||21.5000|",
        "12 C|M0001234|||||||||3205.50000",
        "17 L|M0005678|T|4100009||10.0000|0.00000|N||20.0000|",
        "20 C|M0005678|||||||||0.00000",
    ]


def test_a_lot_may_have_a_second_date_and_a_term_of_its_own() -> None:
    """The column of the second date is empty where there is none; what was inherited is LONG."""
    found = {}
    with MappedFile(sample_of(XML), mapping_of(XML)) as file:
        for table in (block.table for block in file.blocks()):
            assert table.holding_since is not None and table.term is not None
            for row in np.flatnonzero(table.record.where("L")).tolist():
                term = table.term.names[int(table.term.index[row])]
                found[text_at(table.lot_id, row)] = (text_at(table.holding_since, row), term)
    assert found == {
        "4100001": ("2018-02-13", ""), "4100002": ("", ""), "4100003": ("", ""), "4100009": ("", "LONG"),
    }  # fmt: skip


def test_costs_finer_than_a_cent_are_rounded_and_not_misunderstood(tmp_path: Path) -> None:
    """1001.375 is kept as 1001.38: 10836.93 + 1001.38 + 0 = 11838.31."""
    found = tried(edited(XML, tmp_path, ("1001.37000", "1001.37500")), mapping_of(XML))
    assert (found.is_good, found.found.basis_cents) == (True, 1_183_831)


def test_a_price_that_is_put_aside_is_not_understood(tmp_path: Path) -> None:
    """The intake would take the lot without it; a mapping that misreads its column is not to be put in force."""
    assert (6, "NOT_UNDERSTOOD") in faults_of(edited(XML, tmp_path, ("271.0100", "271,0100")), mapping_of(XML))


def with_second_dates(block: Block) -> list[str]:
    """The records of a block with their line, holding since and term."""
    table = block.table
    assert table.holding_since is not None and table.term is not None
    more = [
        f"|{text_at(table.holding_since, row)}|{table.term.names[int(table.term.index[row])]}"
        for row in range(len(table.line))
    ]
    return [text + last for text, last in zip(texts_of(block), more, strict=True)]


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(("H|", "H|"), id="as it is"),
        pytest.param(("\n", "\r\n"), id="CRLF"),
        pytest.param(("271.01|\n", "271.01|||\n"), id="two more fields that are empty"),
        pytest.param(("1520.75\n", "1520.75||\n"), id="two more fields of cash"),
        pytest.param(("331.17|\n", "331.17||2018-03-01|LONG\n"), id="both of the two more fields"),
        pytest.param(("2023-02-13", "2023-02-30"), id="a date that is none"),
    ],
)
def test_the_documented_format_is_the_mapping_of_that_name(edit: tuple[str, str], tmp_path: Path) -> None:
    path, mapping = edited("documented", tmp_path, edit), mapping_of("documented")
    with LotFile(path) as own, MappedFile(path, mapping) as mapped:
        assert (own.header.custodian, own.header.data_date, own.header.kind, own.promised) == (
            mapped.header.custodian, mapped.header.data_date, mapped.header.kind, mapped.promised,
        )  # fmt: skip
        own_records = [text.replace('"', "") for block in own.blocks() for text in with_second_dates(block)]
        found = [text.replace('"', "") for block in mapped.blocks() for text in with_second_dates(block)]
        assert own_records == found and len(found) == 6


def test_records_of_another_number_of_fields_are_not_understood(tmp_path: Path) -> None:
    path = edited("documented", tmp_path, ("271.01||2023-02-13|", "271.01||2023-02-13"))
    assert (3, "NOT_UNDERSTOOD") in faults_of(path, mapping_of("documented"))


@pytest.mark.parametrize("size", [1, 60, 200, 500, 1 << 20])
@pytest.mark.parametrize("name", NAMES)
def test_the_size_of_blocks_changes_nothing(name: str, size: int) -> None:
    assert records_of(sample_of(name), mapping_of(name), size) == records_of(sample_of(name), mapping_of(name))


def test_line_breaks_of_the_other_kind_and_no_mark_change_nothing(tmp_path: Path) -> None:
    path = edited(CSV, tmp_path, ("\r\n", "\n"), ("\ufeff", ""))
    assert records_of(path, mapping_of(CSV)) == records_of(sample_of(CSV), mapping_of(CSV))


def test_rows_of_an_account_that_stand_apart_are_brought_together(tmp_path: Path) -> None:
    lines = sample_of(FIXED).read_text().splitlines(keepends=True)
    lots, balances = ([line for line in lines if line.startswith(kind)] for kind in ("P", "B0"))
    path = tmp_path / sample_of(FIXED).name
    path.write_text("".join([lines[0], *lots, *balances, lines[-1]]))
    apart = records_of(path, altered(FIXED, tmp_path, grouped=False))
    usual = records_of(sample_of(FIXED), mapping_of(FIXED))
    assert [record.split(" ")[1] for record in apart] == [record.split(" ")[1] for record in usual]


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


def test_columns_of_fixed_widths_are_counted_in_bytes_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / sample_of(FIXED).name
    path.write_bytes(sample_of(FIXED).read_bytes().replace(b"EQ   ", b"EQ \xe9 ", 1))
    assert records_of(path, altered(FIXED, tmp_path, encoding="latin-1")) == records_of(
        sample_of(FIXED), mapping_of(FIXED)
    )


@pytest.mark.parametrize("size", [1, 120, 1 << 20])
def test_an_account_number_may_stand_in_a_line_above_its_rows(tmp_path: Path, size: int) -> None:
    lines = ['"Positions and lots as of 06/11/2026"', '"Account ...0001-2345, Doe"']
    heading, row = (
        "Symbol,Lot,Date Acquired,Quantity,Price,Market Value,Cost Basis,Covered",
        "05/14/2019,1,$2.00,$2.00,$2.00",
    )
    for number in ("", '"Account ...0006-7890, O\'Neil"'):
        lines += [number, heading, f"AAPL,1,{row},Covered", "Cash & Cash Investments,--,--,--,--,$5.00,--,--"]
    path = tmp_path / sample_of(CSV).name
    path.write_text("\r\n".join(lines))
    source = content_of(CSV)["source"] | {"sections": {"Account Number": "Account [.]+(?P<value>[0-9-]+)"}}
    date = content_of(CSV)["data_date"] | {"pattern": "as of (?P<value>[0-9/]{10})"}
    rules = [{"when": {"Symbol": ["Symbol"]}, "is": "skip"}, *content_of(CSV)["rows"][1:]]
    mapping = altered(CSV, tmp_path, source=source, data_date=date, rows=rules)
    assert records_of(path, mapping, size) == [
        "5 L|00012345|AAPL|AAPL-05142019|2019-05-14|1|2.00|Y||2.00|",
        "6 C|00012345|||||||||5.00",
        "9 L|00067890|AAPL|AAPL-05142019|2019-05-14|1|2.00|Y||2.00|",
        "10 C|00067890|||||||||5.00",
    ]


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


def test_an_attribute_of_the_element_around_counts_only_inside_it(tmp_path: Path) -> None:
    """A statement that names no account does not go to the account of the statement before it."""
    path = edited(XML, tmp_path, ('account="M0005678" ', ""))
    assert {record.split("|")[1] for record in records_of(path, mapping_of(XML))} == {"M0001234", ""}
    assert (17, "BAD_TEXT") in faults_of(path, mapping_of(XML))


def test_children_of_xml_records_are_columns_too(tmp_path: Path) -> None:
    columns = content_of(XML)["source"]["columns"] | {"symbol": "security/symbol"}
    mapping = altered(XML, tmp_path, source=content_of(XML)["source"] | {"columns": columns})
    path = tmp_path / "meridian-x.xml"
    path.write_text(
        '<Query scope="all"><Statement account="M1" asOf="2026-06-11;202500"><OpenLot currency="USD" id="1" opened=""'
        ' position="1" cost="1" mark="1" covered="true" heldSince="" origin="">'
        "<security><name>A</name><symbol>AT&amp;T</symbol></security>"
        '</OpenLot><CashBalance currency="USD" amount="1"/></Statement></Query>'
    )
    assert records_of(path, mapping)[0] == "1 L|M1|AT&T|1||1|1|Y||1|"


WITH_UNIT_COST = content_of(CSV)["lot"] | {"unit_cost": {"column": "Price"}}


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (CSV, {"colour": "red"}, "colour: Extra inputs"),
        (CSV, {"rows": [{"is": "lot"}, {"is": "cash"}]}, "takes all rows"),
        (CSV, {"rows": [{"is": "lot"}]}, "of none that it is cash"),
        (CSV, {"account": {"column": "Account Number", "pad_to": 8, "strip_zeros": True}}, "leading zeros"),
        (CSV, {"missing": [0]}, "missing.0: Input should be a valid string"),
        (CSV, {"data_date": {"search": "head", "pattern": "(["}}, "no regular expression"),
        (CSV, {"data_date": {"search": "head", "pattern": "[0-9]"}}, "no group"),
        (CSV, {"data_date": {"value": "06/11/2026", "style": "MM/DD/YY"}}, "each once"),
        (CSV, {"sweep": {"securities": ["X"], "counts": "lot"}}, "`value` is needed"),
        (CSV, {"source": content_of(CSV)["source"] | {"short_width": 3}}, "short_width is less than width"),
        (CSV, {"lot": WITH_UNIT_COST, "totals": {"cost_basis": {"value": "1"}}}, "cannot have the cost basis"),
        (FIXED, {"account": {"column": "client"}}, "columns that `source` does not name: client"),
        (FIXED, {"source": {"type": "fixed", "width": 5, "columns": {"a": [3, 9]}}}, "does not lie between 1 and 5"),
        (FIXED, {"samples": []}, "samples: List should have at least 1 item"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_with_the_path_of_the_fault(
    name: str, change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(MappingRefused) as refused:
        altered(name, tmp_path, **change)
    assert says in str(refused.value)


def test_a_key_that_stands_twice_and_what_is_no_yaml_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    for text, says in (("version: 1\nversion: 1\n", "stands twice"), ("a: [", "no YAML"), ("- 1", "m.yaml: mapping: ")):
        path.write_text(text)
        with pytest.raises(MappingRefused) as refused:
            read_mapping(path)
        assert says in str(refused.value)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cash": "1.00"}, "has cash 1.00, read were 11720.22"),
        ({"lots": 8}, "has lots 8, read were 7"),
        ({"file": "samples/none.csv"}, "cannot be read"),
        ({"quantity": "many"}, "not a plain decimal"),
    ],
)
def test_a_sample_that_does_not_pass_is_named(change: dict[str, Any], says: str, tmp_path: Path) -> None:
    sample = content_of(CSV)["samples"][0] | change
    mapping = altered(CSV, tmp_path, samples=[sample])
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / sample_of(CSV).name).write_bytes(sample_of(CSV).read_bytes())
    with pytest.raises(MappingRefused) as refused:
        check_samples(tmp_path / f"{CSV}.yaml", mapping)
    assert says in str(refused.value)


def test_the_published_schema_is_that_of_the_model_and_every_mapping_keeps_to_it() -> None:
    assert mapping_schema.PATH.read_text() == mapping_schema.generated(), "run `python -m deploy.contracts`"
    schema = jsonschema.Draft202012Validator(json.loads(mapping_schema.generated()))
    for name in NAMES:
        assert "docs/mapping.schema.json" in (MAPPINGS / f"{name}.yaml").read_text().splitlines()[0]
        assert not list(schema.iter_errors(content_of(name)))


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `map`."""
    code = run(app, None, *arguments)
    output = capsys.readouterr()
    return code, output.out, output.err


def test_map_check_shows_what_lines_become_and_what_is_not_understood(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = str(MAPPINGS / f"{CSV}.yaml")
    code, out, err = shown(capsys, "check", mapping, str(sample_of(CSV)))
    assert (code, err) == (0, "")
    assert "line 5: L|00012345|AAPL|AAPL-05142019|2019-05-14|120|5580.00|Y||271.01|\n" in out
    assert "line 10: a sweep lot, whose money is in the cash\n" in out
    assert "line 17: added to the account's cash\n" in out
    assert "all understood: 3 accounts, 7 lots" in out
    path = str(edited(CSV, tmp_path, ('"12.5"', '"12,5"'), ('"Pending Activity"', '"Collateral"')))
    code, out, err = shown(capsys, "check", mapping, path, "--lines", "3")
    assert code == 1
    assert out.count("\nline ") == 3
    assert "line 6: quantity, cost basis or cash is not a plain decimal" in err
    assert "quantity (column 'Quantity'): \"12,5\"" in err
    assert "line 17: a row of the account is not understood" in err


def test_map_try_compares_what_the_file_says_with_what_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapping = str(MAPPINGS / f"{FIXED}.yaml")
    code, out, _ = shown(capsys, "try", mapping, str(sample_of(FIXED)))
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line}
    assert rows["quantity"] == ["3207.4375", "3207.4375"]
    assert rows["cash"] == ["not", "stated", "-2479.25"]
    path = str(edited(FIXED, tmp_path, (" 0000000009 ", " 0000000010 ")))
    code, _, err = shown(capsys, "try", mapping, path)
    assert (code, "COUNT_MISMATCH" in err) == (1, True)


def test_map_says_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mapping, sample = str(MAPPINGS / f"{CSV}.yaml"), str(sample_of(CSV))
    assert shown(capsys, "samples", mapping)[:2] == (0, f"{CSV}.yaml: all samples pass\n")
    assert shown(capsys, "check", str(tmp_path / "none.yaml"), sample)[0] == 2
    assert shown(capsys, "check", mapping, str(tmp_path / "none.csv"))[0] == 1
    code, _, err = shown(capsys, "try", mapping, str(sample_of(FIXED)))
    assert (code, "REFUSED, MAPPING_MISFIT" in err) == (1, True)


@pytest.mark.parametrize("form", [form for form in FORMATS if form.mapping], ids=lambda form: form.mapping)
def test_the_book_of_the_benchmark_is_understood(form: Format, tmp_path: Path) -> None:
    path = tmp_path / form.file_name
    path.write_text("".join(form.lines(200)))
    found = tried(path, mapping_of(form.mapping or ""))
    assert (found.is_good, found.accounts, found.lots) == (True, 3, 200)
