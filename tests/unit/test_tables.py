"""Files of tables: what was put in comes out again, nothing runs, nothing is rounded, and a cut is seen."""

import asyncio
import csv
import io
import re
import zipfile
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables.columns import Column, Kind, Row, TableWriter
from shared.tables.csv_file import END, CsvFile, guarded, unguarded
from shared.tables.streamed import streamed
from shared.tables.xlsx_file import XlsxFile

pytestmark = pytest.mark.fast

AT = datetime(2026, 12, 2, 14, 30, tzinfo=UTC)
COLUMNS = (
    Column("Account #"),
    Column("Value", Kind.MONEY),
    Column("Units", Kind.NUMBER),
    Column("Buys", Kind.COUNT),
    Column("Since", Kind.DAY),
)
RUNS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\uff1d1",
    "'=1",
    "a;=cmd|'/c calc'!A1",
    "a\t-1",
)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15), max_value=10**15)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.sampled_from(RUNS)
DAYS = st.dates(date(1900, 3, 1), date(2200, 1, 1))


def rows() -> st.SearchStrategy[list[tuple[str, str | None, str | None, int | None, date | None]]]:
    number = NUMBERS.map(lambda value: f"{value:f}") | st.none()
    counts = st.integers(-(2**63), 2**63) | st.none()
    return st.lists(st.tuples(TEXTS, number, number, counts, DAYS | st.none()), max_size=8)


def written(writer: TableWriter, groups: Sequence[Sequence[Row]]) -> bytes:
    return b"".join([writer.head(), *(writer.rows(group) for group in groups), writer.end()])


def lines_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))


def xlsx() -> XlsxFile:
    return XlsxFile(COLUMNS, "Accounts", [("What", "Accounts to rebalance")], AT)


NAMES = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def cells_of(content: bytes, sheet: int = 1) -> list[dict[str, tuple[str, str]]]:
    """Return the rows of a sheet: column letter -> ("text" or "number", what it holds)."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        root = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{sheet}.xml"))  # noqa: S314  # our own
    return [dict(map(_cell, row.findall("m:c", NAMES))) for row in root.iterfind("m:sheetData/m:row", NAMES)]


def _cell(cell: ElementTree.Element) -> tuple[str, tuple[str, str]]:
    place = re.sub(r"\d", "", cell.attrib["r"])
    assert cell.find("m:f", NAMES) is None
    if cell.attrib.get("t") == "inlineStr":
        text = cell.findtext("m:is/m:t", namespaces=NAMES) or ""
        return place, ("text", re.sub("_x([0-9A-F]{4})_", lambda found: chr(int(found[1], 16)), text))
    return place, ("number", cell.findtext("m:v", namespaces=NAMES) or "")


@given(rows())
def test_csv_gives_back_what_was_put_in(table: list[Row]) -> None:
    lines = lines_of(written(CsvFile(COLUMNS), [table[:3], table[3:]]))

    assert lines[0] == [column.header for column in COLUMNS]
    assert lines[-1] == [END, "1 row" if len(table) == 1 else f"{len(table)} rows", "", "", ""]
    for row, line in zip(table, lines[1:-1], strict=True):
        assert unguarded(line[0]) == row[0]
        assert line[1:4] == ["" if cell is None else str(cell) for cell in row[1:4]]
        assert line[4] == ("" if row[4] is None else str(row[4]))


@given(rows())
def test_xlsx_gives_back_what_was_put_in(table: list[Row]) -> None:
    lines = cells_of(written(xlsx(), [table[:3], table[3:]]))

    assert [cell for _, cell in lines[0].values()] == [column.header for column in COLUMNS]
    for row, line in zip(table, lines[1:], strict=True):
        assert line["A"] == ("text", row[0])
        for letter, cell in zip("BCD", row[1:4], strict=True):
            kind, text = line.get(letter, ("none", None))
            assert text == (None if cell is None else str(cell))
            if cell is not None:
                # As text where a spreadsheet, which computes in binary floating point, would change a digit.
                exact = Decimal(f"{float(Decimal(str(cell))):.15g}") == Decimal(str(cell))
                assert kind == ("number" if exact else "text")
        if row[4] is not None:
            assert isinstance(row[4], date)
            assert date(1899, 12, 30) + timedelta(days=int(line["E"][1])) == row[4]


@pytest.mark.parametrize("text", RUNS)
def test_a_text_that_a_spreadsheet_would_run_is_guarded_and_only_in_csv(text: str) -> None:
    [field] = lines_of(written(CsvFile(COLUMNS[:1]), [[(text,)]]))[1]

    assert field != text
    assert not re.match(r"[^\S\t\r\n]*[=+\-@\uff1d\t\r\n]", field)
    assert not re.search(r";\s*=", field)
    assert unguarded(field) == text
    assert cells_of(written(xlsx(), [[(text, None, None, None, None)]]))[1]["A"] == ("text", text)


@pytest.mark.parametrize("text", ["00012345", "O'Brien", "Smith & Sons <IRA>", "Größe; klein", "a-b", "1-2", "", "x=1"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


def test_negative_numbers_are_numbers() -> None:
    row = ("-5", "-1234.50", "-0.000001", -3, None)

    assert lines_of(written(CsvFile(COLUMNS), [[row]]))[1] == ["'-5", "-1234.50", "-0.000001", "-3", ""]
    assert cells_of(written(xlsx(), [[row]]))[1] == {
        "A": ("text", "-5"), "B": ("number", "-1234.50"), "C": ("number", "-0.000001"), "D": ("number", "-3"),
    }  # fmt: skip


@pytest.mark.parametrize("cell", ["1e5", "=1", " 1", "1,000", "", "-", "NaN", "\u0661", True, AT])
@pytest.mark.parametrize("writer", [lambda: CsvFile(COLUMNS), xlsx])
def test_what_is_no_number_is_refused_in_a_column_of_numbers(cell: object, writer: type[TableWriter]) -> None:
    with pytest.raises(ValueError, match="is no number"):
        writer().rows([("1", cell, None, None, None)])  # type: ignore[list-item]  # bool


def test_a_row_of_another_length_is_refused() -> None:
    for writer in (CsvFile(COLUMNS), xlsx()):
        with pytest.raises(ValueError, match="zip"):
            writer.rows([("1", None)])


def test_an_instant_is_in_utc() -> None:
    east = AT.astimezone(datetime.strptime("+0530", "%z").tzinfo)

    assert lines_of(written(CsvFile([Column("At", Kind.INSTANT)]), [[(east,)]]))[1] == ["2026-12-02T14:30:00Z"]


def test_the_second_sheet_says_what_the_file_is() -> None:
    content = written(xlsx(), [[("1", None, None, None, None)]])

    assert cells_of(content, 2) == [
        {"A": ("text", "What"), "B": ("text", "Accounts to rebalance")},
        {"A": ("text", "Rows"), "B": ("text", "1")},
    ]


def test_a_text_longer_than_a_cell_is_cut_and_says_so() -> None:
    text = cells_of(written(xlsx(), [[("x" * 40_000, None, None, None, None)]]))[1]["A"][1]

    assert len(text) == 32_767
    assert text.endswith("(cut: a cell holds no more)")


@pytest.mark.parametrize("writer", [lambda: CsvFile(COLUMNS), xlsx])
def test_a_file_whose_rows_break_off_is_seen_to_be_cut_off(writer: type[TableWriter]) -> None:
    async def groups() -> AsyncIterator[list[Row]]:
        yield [("1", None, None, None, None)] * 2
        raise ConnectionError("the database is away")

    async def read() -> bytes:
        pieces = []
        with pytest.raises(ConnectionError):
            async for piece in streamed(writer(), groups()):
                pieces.append(piece)
        return b"".join(pieces)

    content = asyncio.run(read())

    if isinstance(writer(), XlsxFile):
        with pytest.raises(zipfile.BadZipFile):
            zipfile.ZipFile(io.BytesIO(content))
    else:
        assert [line[0] for line in lines_of(content)] == ["Account #", "1", "1"]


@pytest.mark.parametrize("writer", [lambda: CsvFile(COLUMNS), xlsx])
def test_nothing_is_read_before_it_is_asked_for(writer: type[TableWriter]) -> None:
    read = 0

    async def groups() -> AsyncIterator[list[Row]]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield [(str(number * index), "1.00", None, None, None) for index in range(500)]

    async def ask() -> None:
        pieces = streamed(writer(), groups())
        await anext(pieces)
        assert read == 0
        await anext(pieces)

    asyncio.run(ask())

    assert 0 < read < 20
