"""Numbers that are not taken as they stand: noted with field, value and what was kept, and nobody is held.

Source: product 2, "More decimals than we keep", "One bad price puts aside that price, never its set".
"""

import numpy as np
import pytest

from services.taxlot.columns import documents
from services.taxlot.columns.records import parse
from services.taxlot.domain import accounts
from services.taxlot.domain.envelope import ControlTotals
from services.taxlot.domain.records import JudgedRecords, judge
from services.taxlot.domain.remarks import remarks
from services.taxlot.intake import gather
from shared.contracts.codes import HoldingRole
from shared.rules.holding_roles import ORDINARY
from tests.taxlot.files import File, cash, good, lot
from tests.taxlot.harness import Book

MORE = "has more decimals than are kept"
ASIDE = "and was put aside; the lot was taken"


def judged(records: list[str], excluded: bool = False) -> JudgedRecords:
    """Judge the records of a file of 2026-06-11 in which every security is known."""
    table = parse("".join(records).encode(), 2).table
    known = np.ones(len(table.security.names), np.bool_)
    return judge(table, known, 20_615, ControlTotals(), np.full(len(table.line), excluded))


def said(rows: JudgedRecords, at_most: int = 100) -> list[tuple[str, str]]:
    """Return code and text of every remark."""
    found, count = remarks(rows, np.ones(len(rows.code), np.bool_), at_most)
    assert len(found) == min(count, at_most)
    return [(remark.code, remark.text) for remark in found]


@pytest.mark.fast
@pytest.mark.parametrize(
    ("record", "remark"),
    [
        (lot("1", quantity="1.1234567"), ("ROUNDED", f"quantity 1.1234567 {MORE}: 1.123457 was taken")),
        (lot("1", quantity="1.1234564"), ("ROUNDED", f"quantity 1.1234564 {MORE}: 1.123456 was taken")),
        (lot("1", basis="108.36935"), ("ROUNDED", f"cost basis 108.36935 {MORE}: 108.37 was taken")),
        (lot("1", basis="1.234"), ("ROUNDED", f"cost basis 1.234 {MORE}: 1.23 was taken")),
        (lot("1", basis="0.004"), ("ROUNDED", f"cost basis 0.004 {MORE}: 0.00 was taken")),
        (lot("1", price="12.0000005"), ("ROUNDED", f"price 12.0000005 {MORE}: 12.000001 was taken")),
        (cash("1", "-1.005"), ("ROUNDED", f"cash -1.005 {MORE}: -1.01 was taken")),
        (
            lot("1", quantity="0.0000004"),
            ("ROUNDED", f"quantity 0.0000004 {MORE}: 0 was taken, so the lot was passed over"),
        ),
        (lot("1", quantity="0"), ("NO_UNITS", "AAA: the quantity of the lot L1 is 0, so the lot was passed over")),
        (
            lot("1", quantity="-0.00", price="x"),
            ("NO_UNITS", "AAA: the quantity of the lot L1 is -0.00, so the lot was passed over"),
        ),
        (lot("1", quantity="10.000000", basis="100.000", price="1.50000000"), None),  # zeros say nothing
        (lot("1", price="1,5"), ("PRICE_PUT_ASIDE", f"AAA: the price 1,5 is not a plain decimal number {ASIDE}")),
        (lot("1", price="--"), ("PRICE_PUT_ASIDE", f"AAA: the price -- is not a plain decimal number {ASIDE}")),
        (lot("1", price="0"), ("PRICE_PUT_ASIDE", f"AAA: the price 0 is zero or less {ASIDE}")),
        (lot("1", price="-1"), ("PRICE_PUT_ASIDE", f"AAA: the price -1 is zero or less {ASIDE}")),
        (lot("1", price="0.0000004"), ("PRICE_PUT_ASIDE", f"AAA: the price 0.0000004 is zero or less {ASIDE}")),
        (
            lot("1", price="1000000.000001"),
            ("PRICE_PUT_ASIDE", f"AAA: the price 1000000.000001 is beyond the limits of the format {ASIDE}"),
        ),
    ],
)
def test_what_is_said_of_a_record_that_holds_nobody(record: str, remark: tuple[str, str] | None) -> None:
    rows = judged([record])
    assert not rows.code.any()
    assert said(rows) == ([remark] if remark else [])


@pytest.mark.fast
def test_every_field_of_a_record_has_its_own_remark_and_a_bad_record_none() -> None:
    rows = judged([lot("1", quantity="1.1234567", basis="1.234", price="x"), lot("1", basis="1.234", covered="?")])
    assert [code for code, _ in said(rows)] == ["PRICE_PUT_ASIDE", "ROUNDED", "ROUNDED"]
    assert said(rows, at_most=1) == said(rows)[:1]
    assert remarks(rows, np.array([False, True]), 9) == ([], 0)


@pytest.mark.fast
def test_a_lot_that_rounds_to_nothing_is_no_lot() -> None:
    """Another of the same key is then no second one; what is EXCLUDED is taken as it comes."""
    rows = judged([lot("1", quantity="0.0000004"), lot("1"), lot("1", lot_id="L2", quantity="-0.0000004"), cash("1")])
    groups = accounts.group(rows.table)
    assert accounts.account_holds(rows, groups) == {}
    assert rows.table.line[accounts.sorted_lots(rows, groups, [0]).rows].tolist() == [3]
    assert judged([lot("1", quantity="0.0000004")], excluded=True).is_lot.tolist() == [True]


@pytest.mark.integration
def test_more_decimals_than_are_kept_are_noted_and_hold_nobody(book: Book) -> None:
    book.add_accounts(["1", "2"])
    records = [lot("1", quantity="1.1234567", basis="108.36935", price="2.1234567"), cash("1", "0.125"), *good("2")]
    nobody = [lot("9", basis="0.001")]  # no account of ours
    outcome = book.load(File([*records, *nobody], trailer="T|5|21.1234567|208.37035|50.125\n"))
    assert (outcome.status, outcome.held, outcome.reason) == ("LOADED", 0, None)
    assert book.holding("1")[2:4] == (13, None)
    notes = book.rows("SELECT line, code, account_id, text FROM file_problem WHERE severity = 'NOTE' ORDER BY 1, 4")
    assert notes == [
        (2, "ROUNDED", "A1", f"cost basis 108.36935 {MORE}: 108.37 was taken"),
        (2, "ROUNDED", "A1", f"price 2.1234567 {MORE}: 2.123457 was taken"),
        (2, "ROUNDED", "A1", f"quantity 1.1234567 {MORE}: 1.123457 was taken"),
        (3, "ROUNDED", "A1", f"cash 0.125 {MORE}: 0.13 was taken"),
        (6, "UNKNOWN_ACCOUNT", None, "no account of ours at NORTH has the number '9': its records were passed over"),
    ]


@pytest.mark.integration
@pytest.mark.parametrize("trailer", ["T|3|20|216.72|50.00\n", "T|3|20|216.73|50.00\n", "T|3|20|216.728|50.00\n"])
def test_a_trailer_may_add_up_what_is_written_or_what_is_kept(book: Book, trailer: str) -> None:
    """108.364 twice: as written 216.728, as kept 216.72."""
    book.add_accounts(["1"])
    rows = [lot("1", basis="108.364"), lot("1", lot_id="L2", basis="108.364"), cash("1")]
    assert book.load(File(rows, trailer=trailer)).status == "LOADED"


@pytest.mark.integration
def test_of_5000_prices_of_a_file_a_bad_one_is_put_aside_alone(book: Book) -> None:
    """A price with a comma among those of five accounts with 1,000 securities each, and one of seven decimals."""
    book.add_accounts([str(number) for number in range(5)])
    names = [f"P{number:04}" for number in range(5_000)]
    book.rows("INSERT INTO security SELECT unnest(%s::text[]), 1, 'STOCK' RETURNING 1", names)
    texts = {"P0007": "1,234.5", "P0008": "12.3456785"}
    lots = [lot(name[1], security=name, lot_id=name, price=texts.get(name, "10.5")) for name in names]
    records = [row for number in range(5) for row in (*lots[1_000 * number : 1_000 * (number + 1)], cash(str(number)))]
    assert book.load(File(records)).held == 0
    stored = dict(book.rows("SELECT security_id, price_micro FROM reported_price"))
    assert len(stored) == 4_999
    assert "P0007" not in stored
    assert stored["P0008"] == 12_345_679
    assert book.rows("SELECT code, line, text FROM file_problem ORDER BY code") == [
        ("PRICE_PUT_ASIDE", 9, f"P0007: the price 1,234.5 is not a plain decimal number {ASIDE}"),
        ("ROUNDED", 10, f"price 12.3456785 {MORE}: 12.345679 was taken"),
    ]


@pytest.mark.integration
def test_too_many_remarks_are_counted(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOST_NOTES", 2)
    book.add_accounts(["1"])
    book.load(File([*(lot("1", lot_id=f"L{number}", basis="0.001") for number in range(5)), cash("1")]))
    assert book.rows("SELECT line, text FROM file_problem ORDER BY line") == [
        (0, "3 more values were rounded or put aside; the first 2 are listed"),
        (2, f"cost basis 0.001 {MORE}: 0.00 was taken"),
        (3, f"cost basis 0.001 {MORE}: 0.00 was taken"),
    ]


@pytest.mark.integration
def test_a_row_without_units_is_passed_over_and_its_account_goes_on(book: Book) -> None:
    """Of what is EXCLUDED it is taken: shown greyed, and in nothing."""
    book.add_accounts(["1"])
    option = ORDINARY | HoldingRole.EXCLUDED
    book.rows("UPDATE security SET roles = %s WHERE security_id = 'BBB' RETURNING 1", option)
    rows = [lot("1"), lot("1", lot_id="L2", quantity="0"), lot("1", "BBB", quantity="0"), cash("1")]
    outcome = book.load(File(rows))
    assert (outcome.status, outcome.held) == ("LOADED", 0)
    assert book.rows("SELECT line, code, severity, text FROM file_problem") == [
        (3, "NO_UNITS", "NOTE", "AAA: the quantity of the lot L2 is 0, so the lot was passed over")
    ]
    ((stored,),) = book.rows("SELECT document FROM lots")
    lots = documents.joined([bytes(stored)])[0]
    assert lots.select(["security_id", "lot_id"]).to_pylist() == [
        {"security_id": "AAA", "lot_id": "L1"},
        {"security_id": "BBB", "lot_id": "L1"},
    ]


@pytest.mark.integration
def test_face_finer_than_is_kept_is_noted_and_holds_nobody(book: Book) -> None:
    """AAA is priced in percent of face: 3,000.12345 at 98.50 are $2,955.12.  The sums are those of the file."""
    book.add_accounts(["1", "2"])
    book.rows("UPDATE security SET price_divisor = 100 WHERE security_id = 'AAA' RETURNING 1")
    shares = [lot("2", quantity="0.0001", sleeve="S1"), lot("2", quantity="0.0002", sleeve="S2"), cash("2")]
    bond = [lot("1", quantity="3000.12345", price="98.50"), cash("1")]
    book.load(File([*bond, *shares], day="2026-06-10"))
    outcome = book.load(File([*bond, lot("2", quantity="1000", sleeve=""), cash("2")]))
    assert (outcome.status, outcome.held, outcome.reason) == ("LOADED", 0, None)
    text = f"quantity 3000.12345 {MORE}: 3000.1235 was taken"
    rounded = "SELECT line, account_id, text FROM file_problem WHERE code = 'ROUNDED'"
    assert book.rows(rounded) == [(2, "A1", text)] * 2
    units = []
    for (stored,) in book.rows("SELECT document FROM lots ORDER BY account_id"):
        units += documents.joined([bytes(stored)])[0].column("quantity_micro").to_pylist()
    assert units == [3_000_123_500, 333_333_300, 666_666_700]  # split over its sleeves in what can be traded
