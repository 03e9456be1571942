"""A file acts on its sender's rights: nothing of others changes, and nobody learns of others' by it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from services.taxlot.domain.sender import NOBODY, Sender
from services.taxlot.intake import uploads
from services.taxlot.intake.inbox import Inbox
from services.taxlot.intake.uploads import TooLarge
from services.taxlot.settings import enterprises_by_feed
from services.taxlot.store import visible_files
from shared.contracts import custody
from shared.contracts.problems import BadInput
from shared.contracts.tenancy import Scope
from tests.taxlot.files import File, cash, good, lot
from tests.taxlot.harness import NOW, Book

pytestmark = pytest.mark.integration

ANN = Sender("ann", ("E1",), None)
DORA = Sender("dora", ("E1",), ("V2",))
BOB = Sender("bob", ("E2",), None)
BAD = "L|{}|AAA|L1|2020-01-02|ten|100.00|Y|S1||\n"


def sees(book: Book, who: Sender, file_id: int) -> dict[str, Any] | None:
    """What a reader with the rights of `who` is shown of a file."""
    mine = scope(who)
    found: dict[str, Any] | None = book.asked_as(
        mine, lambda connection: visible_files.get(connection, mine, file_id, 200)
    )
    return found


def scope(who: Sender) -> Scope:
    return Scope(who.subject or "", who.enterprises or (), who.advisors)


def listed(book: Book, who: Sender) -> list[int]:
    mine = scope(who)
    rows = book.asked_as(mine, lambda connection: visible_files.newest(connection, mine, 50))
    return [row["file_id"] for row in rows]


@pytest.fixture
def two(book: Book) -> Book:
    """Two enterprises at one custodian: 001 of E1/V1, 002 of E1/V2, 101 of E2/V9; all with the custodian's file."""
    book.add_accounts(["001"])
    book.add_accounts(["002"], owner=("E1", "V2"))
    book.add_accounts(["101"], owner=("E2", "V9"))
    assert book.load(File([*good("001"), *good("002"), *good("101")])).accounts == 3
    return book


def updated(records: Sequence[str]) -> File:
    return File(list(records), kind=custody.UPDATED)


def test_an_upload_changes_nothing_of_another_enterprise_and_says_so(two: Book) -> None:
    before = two.holding("101")
    loaded = two.load(updated([lot("101", quantity="1"), cash("101", "123456.78")]), sender=ANN)
    assert (loaded.status, loaded.accounts, loaded.changed, loaded.unknown) == ("LOADED", 0, 0, 1)
    assert two.holding("101") == before
    mine = sees(two, ANN, loaded.file_id)
    assert mine is not None
    (note,) = mine["problems"]
    assert (note["severity"], note["code"], note["line"]) == ("NOTE", "UNKNOWN_ACCOUNT", 2)
    nobodys = two.load(updated([lot("999"), cash("999")]), sender=ANN)
    other = sees(two, ANN, nobodys.file_id)
    assert other is not None
    assert [problem | {"text": problem["text"].replace("999", "101")} for problem in other["problems"]] == [note]
    assert sees(two, BOB, loaded.file_id) is None and loaded.file_id not in listed(two, BOB)


@pytest.mark.parametrize("sender", [ANN, DORA, NOBODY], ids=["other enterprise", "other advisor", "nobody"])
def test_a_bad_row_holds_nobody_elses_account(two: Book, sender: Sender) -> None:
    two.load(updated([BAD.format("101"), cash("101"), *good("001")]), sender=sender)
    assert two.holding("101")[3] is None
    two.load(updated([BAD.format("001"), cash("001")]), sender=replace(sender, subject="x"))
    assert (two.holding("001")[3] is not None) == (sender is ANN)


def test_a_whole_file_of_somebody_with_part_of_the_rights_holds_no_account_of_others(two: Book) -> None:
    loaded = two.load(File(good("002"), day="2026-06-12"), sender=DORA)
    assert (loaded.accounts, loaded.held) == (1, 0)
    assert [two.holding(number)[3] for number in ("001", "002", "101")] == [None, None, None]
    held = two.load(File(good("002"), day="2026-06-12"), sender=ANN)
    assert (held.accounts, held.held) == (2, 1)
    assert [two.holding(number)[3] for number in ("001", "101")] == ["MISSING_FROM_FILE", None]


def test_one_number_for_two_accounts_is_a_named_problem_and_never_the_file_of_one_for_the_other(two: Book) -> None:
    two.add_accounts(["001"], owner=("E2", "V9"), prefix="B")
    before = two.holding("001")[:3]
    ambiguous = two.load(updated(good("001")))
    assert ambiguous.held == 2
    for prefix in ("A", "B"):
        (code, text) = two.holding("001", prefix)[3:]
        assert code == "AMBIGUOUS_NUMBER" and "more than one account" in text
    assert two.holding("001")[1:3] == before[1:3]
    clear = two.load(updated([lot("001", quantity="7"), cash("001", "9.00")]), sender=ANN)
    assert (clear.accounts, clear.held) == (1, 0)
    assert two.holding("001")[2:4] == (900, None)
    assert two.holding("001", "B")[3] == "AMBIGUOUS_NUMBER"


def test_readers_see_their_own_part_of_a_custodians_file(two: Book) -> None:
    records = [BAD.format("001"), cash("001"), *good("002"), *good("101"), *good("777")]
    loaded = two.load(File(records, day="2026-06-12"))
    whole, ann, dora, bob = (
        sees(two, reader, loaded.file_id) for reader in (Sender("aud", ("E1", "E2"), None), ANN, DORA, BOB)
    )
    assert whole is not None and ann is not None and dora is not None and bob is not None
    names = ("accounts", "held", "records_total")
    assert [whole[name] for name in names] == [3, 1, 8]
    assert [ann[name] for name in names] == [2, 1, 4]
    assert [dora[name] for name in names] == [1, 0, 2]
    assert [bob[name] for name in names] == [1, 0, 2]
    codes = [[problem["code"] for problem in view["problems"]] for view in (whole, ann, dora, bob)]
    assert codes == [["NOT_A_NUMBER", "UNKNOWN_ACCOUNT"], ["NOT_A_NUMBER"], [], []]
    for stranger in (NOBODY, Sender("eve", ("E3",), None), Sender("eve", ("E1",), ("V7",))):
        assert sees(two, stranger, loaded.file_id) is None and not listed(two, stranger)


def test_a_refused_file_is_told_to_those_it_concerns_without_its_sums(two: Book) -> None:
    refused = two.load(replace(File(good("001"), day="2026-06-12"), trailer="T|2|10|100.00|50.01\n"))
    whole, part = sees(two, Sender("aud", ("E1", "E2"), None), refused.file_id), sees(two, BOB, refused.file_id)
    assert whole is not None and part is not None
    assert "50.01" in whole["reason"]
    assert part["reason"] == "TOTAL_MISMATCH: the file was refused as a whole, nothing of it was applied"
    nameless = two.load(replace(File(good("001")), header="what\n"), sender=BOB)
    assert sees(two, BOB, nameless.file_id) is not None and sees(two, ANN, nameless.file_id) is None


OF_EVERYBODY_IT_CONCERNS = {
    "file_id", "name", "status", "custodian", "data_date", "reason_code", "duplicate_of", "received_at", "sent_by",
}  # fmt: skip


def test_no_raw_select_of_the_role_that_serves_shows_anything_of_another_tenant(two: Book) -> None:
    records = [BAD.format("001"), cash("001"), *good("002"), BAD.format("101"), cash("101"), *good("777")]
    common = two.load(File(records, day="2026-06-12")).file_id
    theirs = two.load(updated([BAD.format("101"), cash("101"), *good("778")]), sender=BOB).file_id
    own = two.load(updated([BAD.format("001"), cash("001"), *good("779")]), sender=ANN).file_id

    def asked(who: Sender | None, statement: str, *values: Any) -> list[Any]:
        async def ask(connection: AsyncConnection[TupleRow]) -> list[Any]:
            return await (await connection.execute(statement.encode(), values)).fetchall()

        found: list[Any] = two.asked_as(None if who is None else scope(who), ask)
        return found

    every = [common, theirs, own]
    problems = "SELECT DISTINCT file_id, account_id FROM file_problem ORDER BY 1"
    assert two.rows("SELECT count(*) FROM file_problem WHERE account_id IS NULL") == [(3,)]
    for who, files, held in ((ANN, [1, common, own], "A001"), (BOB, [1, common, theirs], "A101"), (None, [], "")):
        assert asked(who, "SELECT file_id FROM file ORDER BY 1") == [(file_id,) for file_id in files]
        assert asked(who, problems) == [(file_id, held) for file_id in files[1:]]
        owners = asked(who, "SELECT DISTINCT enterprise_id FROM file_part")
        assert owners == ([(who.enterprises[0],)] if who is not None and who.enterprises else [])
        whole = "SELECT file_id, accounts, held FROM whole_files(%s)"
        assert asked(who, whole, every) == [(file_id, 1, 1) for file_id in files[2:]]
        notes = [asked(who, "SELECT code FROM notes_of_whole_file(%s)", file_id) for file_id in every]
        assert notes == [[("UNKNOWN_ACCOUNT",)] if file_id in files[2:] else [] for file_id in every]
    columns = [row[0] for row in two.rows("SELECT attname FROM pg_attribute WHERE attrelid = 'file'::regclass"
                                          " AND attnum > 0 AND NOT attisdropped")]  # fmt: skip
    for column in columns:
        statement = f"SELECT {column} FROM file"
        if column in OF_EVERYBODY_IT_CONCERNS:
            asked(ANN, statement)
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                asked(ANN, statement)


def test_the_same_bytes_of_another_sender_are_another_file(two: Book) -> None:
    file = updated([*good("001"), lot("101", quantity="3"), cash("101")])
    first, second = two.load(file, sender=ANN), two.load(file, sender=BOB)
    assert (first.status, second.status, second.changed) == ("LOADED", "LOADED", 1)
    assert two.load(file, sender=ANN).status == "DUPLICATE"
    assert two.rows("SELECT sent_by, sent_enterprises, sent_advisors FROM file WHERE file_id = %s", second.file_id) == [
        ("bob", ["E2"], None)
    ]


def test_a_later_file_of_one_sender_neither_bars_nor_yields_to_an_earlier_one_of_another(two: Book) -> None:
    two.load(replace(updated([lot("001", quantity="4"), cash("001", "1.00")]), day="2026-06-12"), sender=ANN)
    feed = two.load(File([*good("001"), *good("002"), lot("101", quantity="7.3001"), cash("101")]))
    assert (feed.status, feed.changed, feed.held) == ("LOADED", 1, 0)
    assert two.holding("001")[2] == 100
    whole = sees(two, Sender("aud", ("E1", "E2"), None), feed.file_id)
    assert whole is not None and [problem["code"] for problem in whole["problems"]] == ["OLDER_THAN_KNOWN"]


def test_a_custodians_feed_covers_the_enterprises_that_are_configured(two: Book) -> None:
    file = File([*good("001"), *good("002"), lot("101", quantity="2"), cash("101")], day="2026-06-12")
    loaded = two.load(file, feeds="NORTH=E1;SOUTH=E2")
    assert (loaded.accounts, loaded.unknown, two.holding("101")[0]) == (2, 1, 1)
    assert two.load(File(good("001")), sender=Sender("eve", ("E3",), None)).code == "WRONG_CUSTODIAN"
    for wrong in ("NORTH", "NORTH=", "=E1", "A=E1;A=E2"):
        with pytest.raises(ValueError, match="such as NORTH=E1,E2"):
            enterprises_by_feed(wrong)


async def _pieces(*pieces: bytes) -> Any:
    for piece in pieces:
        yield piece


async def test_an_upload_carries_its_sender_on_disk_from_its_first_moment(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path, 0.0)
    folder = tmp_path / "uploads"
    for who in (ANN, DORA):
        await uploads.receive(_pieces(b"H|", b"x"), folder, "day.lots", who, NOW, 10)
    found = list(inbox.waiting())
    assert [(file.name, file.source) for file in found] == [("day.lots", "UPLOAD")] * 2
    assert {file.sender for file in found} == {ANN, DORA}
    for error, pieces in ((TooLarge, (b"x" * 11,)), (BadInput, ())):
        with pytest.raises(error):
            await uploads.receive(_pieces(*pieces), folder, "more.lots", ANN, NOW, 10)
    assert len(list(inbox.waiting())) == 2
    (folder / "by-hand.lots").write_bytes(b"x")
    assert [file.sender for file in inbox.waiting() if file.name == "by-hand.lots"] == [NOBODY]
    for file in list(inbox.waiting()):
        inbox.move(file.path, None)
    assert not list(folder.iterdir())
