"""The mappings of deploy/mappings: each sample becomes our rows, whatever the size of blocks and the form it has."""

from pathlib import Path

import numpy as np
import pytest

from services.taxlot.columns.records import Block
from services.taxlot.domain.accounts import text_at
from services.taxlot.intake.reader import LotFile
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.mapping.samples import check_samples
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
