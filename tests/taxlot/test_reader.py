"""Reading: every record once, with its line, whatever the block size; text to numbers as Python's Decimal says."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.taxlot.domain import text
from services.taxlot.domain.codes import FileRefused
from services.taxlot.intake.reader import LotFile
from shared.rules.relief.lots import NO_DATE
from tests.taxlot.build import column
from tests.taxlot.files import File, cash, lot

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("size", [1, 40, 100, 200, 1_000, 1 << 20])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_blocks_hold_whole_accounts_and_every_line(tmp_path: Path, size: int, newline: str) -> None:
    records = [
        line
        for number in range(7)
        for line in (*[lot(f"{number}", lot_id=f"L{k}") for k in range(number)], cash(f"{number}"))
    ]
    path = tmp_path / "f.lots"
    path.write_bytes(File(records).text().replace("\n", newline).encode())
    lines: list[int] = []
    seen: list[str] = []
    with LotFile(path) as file:
        for block in file.blocks(size):
            lines += block.table.line.tolist()
            accounts = [block.table.account.names[index] for index in block.table.account.index]
            assert not set(accounts) & set(seen)
            seen += accounts
    assert lines == list(range(2, len(records) + 2))
    assert seen == [record.split("|")[1] for record in records]


def test_malformed_records_keep_the_lines_of_the_others(tmp_path: Path) -> None:
    records = [lot("1"), "L|1|too short\n", cash("1"), "rubbish\n", lot("2"), cash("2")]
    with LotFile(File(records).write(tmp_path / "f.lots")) as file:
        (block,) = file.blocks()
    assert block.table.line.tolist() == [2, 4, 6, 7]
    assert [(record.line, record.accounts) for record in block.malformed] == [(3, ("1",)), (5, ("1", "2"))]
    assert block.records == 6


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (File(header="hello\n"), "NOT_A_LOT_FILE"),
        (File(header="H|CUSTODY_LOTS|2|NORTH|2026-06-11|REFRESHED|2026-06-11T23:00:00Z\n"), "NOT_A_LOT_FILE"),
        (File(header="H|CUSTODY_LOTS|1|NORTH|2026-06-11|REFRESHED\n"), "BAD_HEADER"),
        (File(header="H|CUSTODY_LOTS|1||2026-06-11|REFRESHED|2026-06-11T23:00:00Z\n"), "BAD_HEADER"),
        (File(header="H|CUSTODY_LOTS|1|NORTH|2026-06-31|REFRESHED|2026-06-11T23:00:00Z\n"), "BAD_HEADER"),
        (File(header="H|CUSTODY_LOTS|1|NORTH|2026-06-11|SOME|2026-06-11T23:00:00Z\n"), "BAD_HEADER"),
        (File(header="H|CUSTODY_LOTS|1|NORTH|2026-06-11|REFRESHED|yesterday\n"), "BAD_HEADER"),
        (File(trailer="T|0|0|0.00\n"), "BAD_TRAILER"),
        (File(trailer="T|0|0|0.00|x\n"), "BAD_TRAILER"),
        (File([lot("1"), cash("1")], trailer=" "), "BAD_TRAILER"),
    ],
)
def test_first_and_last_line(tmp_path: Path, file: File, code: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        LotFile(file.write(tmp_path / "f.lots"))
    assert refusal.value.code == code


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"\n", b"\xff\xfe\x00", b"PK\x03\x04" * 50_000)):
        path = tmp_path / f"{number}.lots"
        path.write_bytes(content)
        with pytest.raises(FileRefused) as refusal:
            LotFile(path)
        assert refusal.value.code == "NOT_A_LOT_FILE"


digits = st.text("0123456789", min_size=1, max_size=14)


@settings(deadline=None)  # the first example loads a compiled kernel
@given(st.lists(st.tuples(st.sampled_from(["", "-"]), digits, st.one_of(st.just(""), digits)), max_size=20))
def test_decimals_equal_python(numbers: list[tuple[str, str, str]]) -> None:
    """A plain decimal becomes Decimal's value, rounded as Decimal rounds, or is refused where the limit is passed."""
    texts = [sign + whole + ("." + fraction if fraction else "") for sign, whole, fraction in numbers]
    found = text.numbers(*column(texts), 6, 10**15)
    for number, *(value, code, shown, rounded, beyond) in zip(texts, *(each.tolist() for each in found), strict=True):
        exact = Decimal(number).scaleb(6)
        kept = exact.to_integral_value(ROUND_HALF_UP)
        if abs(kept) > 10**15:
            assert code == text.TOO_LARGE
        else:
            assert (code, value) == (text.GOOD, int(kept))
            assert shown == len(number.partition(".")[2])
            assert bool(rounded) is (kept != exact)
            assert beyond == ((exact - kept) * 10**6).to_integral_value(ROUND_HALF_UP)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_gets_a_status_and_no_exception(given: str) -> None:
    """What Python's grammar of the format does not know is not GOOD."""
    import re

    _, status = text.decimals(*column([given]), 6, 10**15)
    plain = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", given) is not None
    assert (
        (status[0] in (text.GOOD, text.TOO_LARGE, text.MALFORMED))
        if plain
        else (status[0] == (text.EMPTY if not given else text.MALFORMED))
    )


@settings(deadline=None)
@given(st.lists(st.one_of(st.text("0123456789.-x", max_size=24), st.dates().map(str)), min_size=1, max_size=8))
def test_texts_are_read_alike_without_the_compiler(texts: list[str]) -> None:
    """The kernels' own text, run as plain Python, gives the same numbers, days and statuses."""
    offsets, data = column(texts)
    plain: Any = text
    numbers, found = text.numbers(offsets, data, 6, 10**15), text.dates(offsets, data)
    values, beyond = np.zeros((2, len(texts)), np.int64)
    marks = np.zeros((3, len(texts)), np.uint8)
    plain._numbers.py_func(offsets, data, 6, 10**15, values, marks, beyond)
    days, status = np.full(len(texts), NO_DATE, np.int64), np.zeros(len(texts), np.uint8)
    plain._dates.py_func(offsets, data, days, status)
    assert [each.tolist() for each in (values, *marks, beyond)] == [each.tolist() for each in numbers]
    assert [days.tolist(), status.tolist()] == [each.tolist() for each in found]


@pytest.mark.parametrize(
    ("given", "day", "code"),
    [
        ("2026-02-28", 20_512, text.GOOD),
        ("2024-02-29", 19_782, text.GOOD),
        ("2023-02-29", NO_DATE, text.MALFORMED),
        ("1900-01-02", -25_566, text.GOOD),
        ("1900-01-01", NO_DATE, text.GOOD),
        ("1753-01-01", NO_DATE, text.GOOD),
        ("", NO_DATE, text.GOOD),
        ("20240229", NO_DATE, text.MALFORMED),
        ("2024-2-029", NO_DATE, text.MALFORMED),
        ("2024-13-01", NO_DATE, text.MALFORMED),
    ],
)
def test_dates(given: str, day: int, code: int) -> None:
    days, status = text.dates(*column([given]))
    assert (days[0], status[0]) == (day, code)
