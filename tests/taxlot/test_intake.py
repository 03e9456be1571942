"""Files against the store: what refuses a file, what holds an account, what moves on, what is only reported."""

from datetime import date, timedelta

import pytest

from services.taxlot.columns import documents
from shared.fixed_point.limits import MAX_LOTS, MAX_POSITIONS
from tests.taxlot.files import File, cash, good, lot
from tests.taxlot.harness import NOW, Book

pytestmark = pytest.mark.integration

ROWS = [
    ([lot("1", quantity="12O.5"), cash("1")], "NOT_A_NUMBER", 2),
    ([lot("1", quantity=""), cash("1")], "NOT_A_NUMBER", 2),
    ([lot("1", quantity="24", basis="$120.00"), cash("1")], "NOT_A_NUMBER", 2),
    ([lot("1", quantity="--"), cash("1")], "NOT_A_NUMBER", 2),
    ([lot("1"), cash("1", "")], "NOT_A_NUMBER", 3),
    ([lot("1", quantity="1000000001"), cash("1")], "OUT_OF_RANGE", 2),
    ([lot("1", quantity="-1"), cash("1")], "SHORT_POSITION", 2),
    ([lot("1", basis="-1.00"), cash("1")], "BAD_SIGN", 2),
    ([lot("1", acquired="2024-02-31"), cash("1")], "BAD_DATE", 2),
    ([lot("1", acquired="2026-06-12"), cash("1")], "FUTURE_ACQUIRED", 2),
    ([lot("1", covered="X"), cash("1")], "BAD_COVERED", 2),
    ([lot("1", security="NOSUCH"), cash("1")], "UNKNOWN_SECURITY", 2),
    ([lot("1", lot_id="ü"), cash("1")], "BAD_TEXT", 2),
    ([lot("1", lot_id=""), cash("1")], "BAD_TEXT", 2),
    ([lot("1", sleeve="S 1"), cash("1")], "BAD_TEXT", 2),
    ([lot("1"), lot("1"), cash("1")], "DUPLICATE_LOT", 3),
    ([lot("1")], "CASH_MISSING", 2),
    ([lot("1"), cash("1"), cash("1")], "CASH_TWICE", 2),
    ([lot("1"), "L|1|short\n", cash("1")], "BAD_RECORD", 3),
    ([lot("1"), "X" + lot("1")[1:], cash("1")], "BAD_RECORD", 3),
    ([lot("1"), "C|1|AAA||||||||1.00\n", cash("1")], "BAD_RECORD", 3),
    ([lot("1"), cash("1"), "rubbish\n"], "BAD_RECORD", 4),
    ([lot("1"), cash("1"), *good("2"), lot("1", lot_id="L2")], "NOT_TOGETHER", 6),
]


@pytest.mark.parametrize(("records", "code", "line"), ROWS, ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(ROWS)])
def test_a_bad_row_holds_its_account_and_no_other(book: Book, records: list[str], code: str, line: int) -> None:
    """The account is held with file, line and reason and keeps its last good lots; its neighbours go on."""
    book.add_accounts(["1", "2", "3"])
    assert book.load(File([*good("1"), *good("2"), *good("3")], day="2026-06-10"), "yesterday.lots").held == 0
    others = [] if code == "NOT_TOGETHER" else good("2")
    gap = good("3") if records[-1] == "rubbish\n" else []  # stands between the rubbish and account 2
    outcome = book.load(File([*records, *gap, *others, *([] if gap else good("3"))]), "bad.lots")
    assert outcome.status == "LOADED"
    version, as_of, cents, hold, text = book.holding("1")
    assert (version, as_of, cents, hold) == (2, date(2026, 6, 10), 5_000, code)
    assert text.startswith(f"bad.lots, line {line}: ")
    assert book.holding("2")[:4] == (1, date(2026, 6, 11), 5_000, None)
    assert (book.holding("3")[3] is None) == (records[-1] != "rubbish\n")
    assert len(book.rows("SELECT 1 FROM lots")) == 3
    # The next good file lifts the hold by itself.
    book.load(File([*good("1"), *good("2"), *good("3")], day="2026-06-12"))
    assert book.holding("1")[:4] == (3, date(2026, 6, 12), 5_000, None)


@pytest.mark.parametrize(
    ("sleeves", "lots", "code"),
    [
        (1, MAX_LOTS, None),
        (1, MAX_LOTS + 1, "TOO_MANY_LOTS"),
        (MAX_POSITIONS, MAX_POSITIONS, None),
        (MAX_POSITIONS + 1, MAX_POSITIONS + 1, "TOO_MANY_POSITIONS"),
    ],
)
def test_an_account_too_large_is_held_alone(book: Book, sleeves: int, lots: int, code: str | None) -> None:
    """What is taken in can be carried through every step of a proposal; the file and its other accounts go on."""
    book.add_accounts(["1", "2"])
    large = [lot("1", lot_id=f"L{index}", sleeve=f"S{index % sleeves}") for index in range(lots)]
    outcome = book.load(File([*large, cash("1"), *good("2")]), "large.lots")
    assert (outcome.status, outcome.held) == ("LOADED", int(code is not None))
    *_, hold, text = book.holding("1")
    assert hold == code
    assert book.holding("2")[3] is None
    if code is not None:
        most = MAX_LOTS if code == "TOO_MANY_LOTS" else MAX_POSITIONS
        assert text.startswith("large.lots, line 2: ")
        assert f"{most + 1} " in text
        assert f"at most {most}" in text
        book.load(File([*good("1"), *good("2")], day="2026-06-12"))
        assert book.holding("1")[3] is None


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (File(good("1"), custodian="SOUTH"), "WRONG_CUSTODIAN"),
        (File(good("1"), day="2026-06-15"), "FUTURE_DATE"),
        (File(good("1"), day="2026-06-09"), "STALE_DATE"),
        (File(good("1"), trailer="T|3|10|100.00|50.00\n"), "COUNT_MISMATCH"),
        (File(good("1"), trailer="T|2|10.000001|100.00|50.00\n"), "TOTAL_MISMATCH"),
        (File(good("1"), trailer="T|2|10|100.01|50.00\n"), "TOTAL_MISMATCH"),
        (File(good("1"), trailer="T|2|10|100.00|-50.00\n"), "TOTAL_MISMATCH"),
        (File(good("1"), header="H|CUSTODY|\n"), "NOT_A_LOT_FILE"),
    ],
)
def test_a_refused_file_changes_nothing(book: Book, file: File, code: str) -> None:
    book.add_accounts(["1"])
    book.load(File(good("1"), day="2026-06-10"))
    before = book.rows("SELECT * FROM holding"), book.rows("SELECT * FROM lots")
    outcome = book.load(file)
    assert (outcome.status, outcome.code) == ("REFUSED", code)
    assert (book.rows("SELECT * FROM holding"), book.rows("SELECT * FROM lots")) == before
    # The corrected file is no duplicate of the refused one.
    assert book.load(File(good("1"))).status == "LOADED"


def test_a_file_that_is_too_old_for_a_first_one(book: Book) -> None:
    book.add_accounts(["1"])
    assert book.load(File(good("1"), day="2026-06-01")).code == "STALE_DATE"


def test_the_same_bytes_twice_do_nothing(book: Book) -> None:
    book.add_accounts(["1"])
    first = book.load(File(good("1")))
    again = book.load(File(good("1")), "other-name.lots")
    assert (again.status, again.reason) == ("DUPLICATE", f"already loaded as file {first.file_id}, nothing done")
    assert book.holding("1")[0] == 1


def test_a_reader_that_died_is_begun_again(book: Book) -> None:
    """A LOADING entry of the same bytes under the load lock is a dead reader's: its entry is used again.

    The file came when it was first read: an approval since then is not shown by it.
    """
    book.add_accounts(["1"])
    came = NOW - timedelta(minutes=6)
    book.rows(
        "INSERT INTO file (name, digest, source, status, received_at) SELECT 'x', sha256(%s), 'INBOX', 'LOADING', %s"
        " RETURNING 1",
        File(good("1")).text().encode(),
        came,
    )
    assert book.load(File(good("1"))).file_id == 1
    assert book.rows("SELECT file_id, received_at FROM file") == [(1, came)]


def test_version_grows_only_with_content(book: Book) -> None:
    book.add_accounts(["1", "2", "3"])
    book.load(File([*good("1"), *good("2"), *good("3")], day="2026-06-10"))
    changed = [lot("1", basis="100.01"), cash("1"), lot("2"), cash("2", "50.01"), *good("3")]
    outcome = book.load(File(changed))
    assert (outcome.accounts, outcome.changed) == (3, 2)
    assert [book.holding(number)[:2] for number in "123"] == [
        (2, date(2026, 6, 11)),
        (2, date(2026, 6, 11)),
        (1, date(2026, 6, 11)),
    ]


def test_missing_from_a_refreshed_file_is_held_from_an_updated_one_not(book: Book) -> None:
    book.add_accounts(["1", "2"])
    book.add_accounts(["9"], custodian="SOUTH")
    book.load(File([*good("1"), *good("2")], day="2026-06-09"))
    book.load(File(good("1"), day="2026-06-10", kind="UPDATED"))
    assert book.holding("2")[:4] == (1, date(2026, 6, 9), 5_000, None)
    book.load(File(good("1"), day="2026-06-11"), "short.lots")
    assert book.holding("2")[3:] == (
        "MISSING_FROM_FILE",
        "short.lots: the account is not in a file that should hold every account",
    )
    assert book.rows("SELECT 1 FROM holding WHERE account_id = 'A9'") == []


def test_unknown_account_numbers_are_reported(book: Book) -> None:
    book.add_accounts(["01"])
    outcome = book.load(File([*good("1"), *good("01")]))
    assert (outcome.accounts, outcome.held, outcome.unknown) == (1, 0, 1)
    assert book.rows("SELECT line, severity, code, account_number FROM file_problem") == [
        (2, "NOTE", "UNKNOWN_ACCOUNT", "1")
    ]


def test_an_unreadable_column_is_not_compared_and_said_so(book: Book) -> None:
    book.add_accounts(["1", "2"])
    file = File([lot("1", quantity="many"), cash("1"), *good("2")], trailer="T|4|999|200.00|100.00\n")
    outcome = book.load(file)
    assert outcome.reason == "quantity holds 1 values that are no numbers; its sum is unchecked"


def lots_of(book: Book, number: str) -> list[tuple[str, str, str, int, int]]:
    ((document,),) = book.rows("SELECT document FROM lots WHERE account_id = %s", f"A{number}")
    batch, _ = documents.joined([bytes(document)])
    rows = batch.select(["security_id", "sleeve_id", "lot_id", "quantity_micro", "basis_cents"]).to_pylist()
    return [tuple(row.values()) for row in rows]


def test_lots_stand_in_the_order_of_the_contract(book: Book) -> None:
    """By security, sleeve, acquired (missing first), lot id."""
    book.add_accounts(["1"])
    wanted = [
        ("AAA", "S1", "Z", "1900-01-01"),
        ("AAA", "S1", "B", "2020-01-01"),
        ("AAA", "S1", "B2", "2020-01-01"),
        ("AAA", "S1", "A", "2021-01-01"),
        ("AAA", "S2", "A", "2019-01-01"),
        ("BBB", "S0", "A", "2018-01-01"),
    ]
    rows = [
        lot("1", security=sec, lot_id=name, acquired=day, sleeve=sleeve) for sec, sleeve, name, day in reversed(wanted)
    ]
    book.load(File([cash("1"), *rows]))
    assert [lot_row[:3] for lot_row in lots_of(book, "1")] == [lot_row[:3] for lot_row in wanted]


def test_the_key_of_a_lot_is_security_lot_id_and_sleeve(book: Book) -> None:
    """One lot id of two securities and of two sleeves is three lots; without a sleeve each keeps its own split."""
    book.add_accounts(["1"], apm="OWN")
    rows = [lot("1"), lot("1", sleeve="S2", quantity="30"), lot("1", security="BBB", sleeve="S3", quantity="7")]
    assert book.load(File([*rows, cash("1")], day="2026-06-10")).held == 0
    three = [("AAA", "S1", "L1", 10), ("AAA", "S2", "L1", 30), ("BBB", "S3", "L1", 7)]
    assert lots_of(book, "1") == [(*key, units * 1_000_000, 10_000) for *key, units in three]
    rows = [lot("1", sleeve="", quantity="20"), lot("1", security="BBB", sleeve="", quantity="5"), cash("1")]
    assert book.load(File(rows)).held == 0
    three = [("AAA", "S1", "L1", 5), ("AAA", "S2", "L1", 15), ("BBB", "S3", "L1", 5)]
    assert [row[:4] for row in lots_of(book, "1")] == [(*key, units * 1_000_000) for *key, units in three]


def test_sleeves_of_rows_without_one(book: Book) -> None:
    """Known lots keep their split, a new one follows approved buys, the rest is the APM sleeve's."""
    book.add_accounts(["1"], apm="OWN")
    first = [
        lot("1", lot_id="L1", quantity="3", basis="1.00", sleeve="S1"),
        lot("1", lot_id="L1", quantity="6", sleeve="S2"),
    ]
    book.load(File([*first, cash("1")], day="2026-06-10"))
    assert book.holding("1")[3] is None
    book.rows(
        "INSERT INTO approved_trade VALUES ('A1', 1, 'BBB', 'S1', '2026-06-10', 4000000, 0),"
        " ('A1', 1, 'BBB', 'S2', '2026-06-10', 5000000, 3000000) RETURNING 1"
    )
    now = [
        lot("1", lot_id="L1", quantity="9", basis="9.01", sleeve=""),
        lot("1", security="BBB", lot_id="N1", quantity="3", basis="30.00", sleeve=""),
        lot("1", security="BBB", lot_id="N2", quantity="5", basis="", sleeve=""),
    ]
    book.load(File([*now, cash("1")]))
    unknown = -(1 << 61)
    # N1: 3 of the 6 bought to market, 4 : 2, so 2 and 1; N2: the other 2 and 1, then 2 that nothing explains.
    assert lots_of(book, "1") == [
        ("AAA", "S1", "L1", 3_000_000, 300),
        ("AAA", "S2", "L1", 6_000_000, 601),
        ("BBB", "OWN", "N2", 2_000_000, unknown),
        ("BBB", "S1", "N1", 2_000_000, 2_000),
        ("BBB", "S1", "N2", 2_000_000, unknown),
        ("BBB", "S2", "N1", 1_000_000, 1_000),
        ("BBB", "S2", "N2", 1_000_000, unknown),
    ]


def test_jumps_by_a_split_ratio_are_reported(book: Book) -> None:
    book.add_accounts(["1"])
    book.load(File([lot("1", quantity="10", price="100"), cash("1")], day="2026-06-10"))
    outcome = book.load(File([lot("1", quantity="20", price="51"), cash("1")]))
    assert outcome.held == 0
    assert sorted(
        book.rows("SELECT code, account_number, text FROM file_problem WHERE file_id = %s", outcome.file_id)
    ) == [
        ("SPLIT_RATIO", "", "AAA: the price moved as after a split 2 for 1"),
        ("SPLIT_RATIO", "1", "AAA: the units of a lot changed by a usual split ratio"),
    ]


def test_accounts_with_cash_alone(book: Book) -> None:
    """An account may hold nothing but cash; so may every account of a file."""
    book.add_accounts(["1", "2"])
    assert book.load(File([cash("1"), cash("2", "-3.00")])).held == 0
    assert (book.holding("2")[2], lots_of(book, "1")) == (-300, [])


def test_an_empty_file_of_a_custodian(book: Book) -> None:
    """A complete file without records is good; every account is missing from it."""
    book.add_accounts(["1"])
    assert (book.load(File()).status, book.holding("1")[3]) == ("LOADED", "MISSING_FROM_FILE")


def test_prices_that_differ_are_reported(book: Book) -> None:
    book.add_accounts(["1"])
    book.load(File([lot("1", price="100"), lot("1", lot_id="L2", price="101"), cash("1")]))
    assert book.rows("SELECT code FROM file_problem") == [("PRICE_DIFFERS",)]


def test_a_file_taken_away_before_it_is_read_leaves_no_entry(book: Book) -> None:
    """An entry that says LOADING for ever would be a file that somebody waits for."""
    book.add_accounts(["1"])
    with pytest.raises(FileNotFoundError):
        book.load(File(good("1")), "gone.lots", on_entry=lambda _entry: (book.folder / "gone.lots").unlink())
    assert book.rows("SELECT FROM file") == []
