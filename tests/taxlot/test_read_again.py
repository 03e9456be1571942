"""The same bytes by a changed mapping: taken in again, nothing twice.  A duplicate is the same bytes by the same."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg import AsyncConnection

from services.taxlot.domain.households import ApprovedBuy
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.store import households
from shared.contracts import chunks, codec, topics
from tests.taxlot.files import File, cash, lot
from tests.taxlot.harness import Book, approve, end_offsets, read_messages, run
from tests.taxlot.mapped import MAPPINGS, altered, content_of, edited, held, in_force, sample_of

DAY = date(2026, 6, 11)  # of the sample
SAMPLE = sample_of("westfield-csv")
GOOD = in_force("WESTFIELD")
UNIT = 10**6


def westfield(folder: Path, **changes: Any) -> MappingsInForce:
    """The mapping of WESTFIELD with top keys changed, in force."""
    return MappingsInForce({"WESTFIELD": altered("westfield-csv", folder, **changes)})


def mistaken(folder: Path) -> MappingsInForce:
    """A mapping that does not know the code of what is not covered: it holds two of the three accounts."""
    lots = content_of("westfield-csv")["lot"]
    lots["covered"] = {"column": "Covered", "yes": ["Covered"], "no": ["--"]}
    return westfield(folder, lot=lots)


def files(book: Book) -> list[tuple[Any, ...]]:
    """The ledger: file, status, the file that it duplicates, that it is another reading of."""
    return book.rows("SELECT file_id, status, duplicate_of, again_of FROM file ORDER BY 1")


@pytest.mark.integration
def test_the_same_bytes_are_taken_in_again_when_their_mapping_has_changed_and_only_then(
    known: Book, tmp_path: Path
) -> None:
    """Last applied decides: changed and changed back is a change; other samples and names of files are none."""
    wrong, right = mistaken(tmp_path), westfield(tmp_path)
    first = known.take_in(SAMPLE, wrong)
    assert held(known) == {"A00067890": "BAD_COVERED", "A00098765": "BAD_COVERED"}
    assert known.take_in(SAMPLE, wrong).status == "DUPLICATE"
    mended = known.take_in(SAMPLE, right)
    assert (mended.status, mended.held, mended.changed, held(known)) == ("LOADED", 0, 2, {})
    assert mended.reason is not None
    assert mended.reason.startswith(f"file {first.file_id} taken in again: its mapping has changed since")
    again = known.take_in(SAMPLE, right)
    assert (again.status, again.reason) == ("DUPLICATE", f"already loaded as file {mended.file_id}, nothing done")
    renamed = westfield(tmp_path, file_names=["*.csv"], samples=content_of("westfield-csv")["samples"] * 2)
    assert known.take_in(SAMPLE, renamed).status == "DUPLICATE"
    assert known.take_in(SAMPLE, wrong).held == 2
    assert files(known) == [
        (1, "LOADED", None, None), (2, "DUPLICATE", 1, None), (3, "LOADED", None, 1), (4, "DUPLICATE", 3, None),
        (5, "DUPLICATE", 3, None), (6, "LOADED", None, 1),
    ]  # fmt: skip


@pytest.mark.integration
def test_what_did_not_change_keeps_its_version(known: Book, tmp_path: Path) -> None:
    known.take_in(SAMPLE, mistaken(tmp_path))
    versions = "SELECT account_id, lots_version FROM holding ORDER BY 1"
    assert known.rows(versions) == [("A00012345", 1), ("A00067890", 1), ("A00098765", 1)]
    known.take_in(SAMPLE, GOOD)
    assert known.rows(versions) == [("A00012345", 1), ("A00067890", 2), ("A00098765", 2)]


@pytest.mark.integration
def test_a_refused_file_is_told_again_each_time_it_is_sent_until_it_is_taken(known: Book, tmp_path: Path) -> None:
    path = edited("westfield-csv", tmp_path, ('"Cost Basis"', '"Basis"'))
    outcomes = [known.take_in(path, GOOD) for _ in range(2)]
    assert [(each.status, each.code) for each in outcomes] == [("REFUSED", "MAPPING_MISFIT")] * 2
    assert outcomes[0].reason == outcomes[1].reason and "Cost Basis" in str(outcomes[0].reason)
    said = yaml.safe_load((MAPPINGS / "westfield-csv.yaml").read_text().replace("column: Cost Basis", "column: Basis"))
    assert known.take_in(path, westfield(tmp_path, lot=said["lot"], rows=said["rows"])).status == "LOADED"
    assert known.take_in(path, GOOD).code == "MAPPING_MISFIT"  # what was taken in stands, and the refusal is told
    assert known.take_in(path, MappingsInForce()).code == "NOT_A_LOT_FILE"
    assert [(status, again) for _, status, _, again in files(known)] == [
        ("REFUSED", None), ("REFUSED", None), ("LOADED", None), ("REFUSED", 3), ("REFUSED", 3),
    ]  # fmt: skip


@pytest.mark.integration
def test_a_file_of_before_mappings_were_noted_is_taken_in_once_more(known: Book) -> None:
    known.take_in(SAMPLE, GOOD)
    known.rows("UPDATE file SET mapping = NULL RETURNING 1")
    assert [known.take_in(SAMPLE, GOOD).status for _ in range(2)] == ["LOADED", "DUPLICATE"]
    known.add_accounts(["1"])
    file = File([lot("1"), cash("1")])
    known.load(file)
    known.rows("UPDATE file SET mapping = NULL RETURNING 1")
    assert known.load(file).status == "DUPLICATE"  # the documented format has not changed


@pytest.mark.integration
def test_an_approval_after_the_bytes_first_came_is_not_shown_by_them(known: Book, tmp_path: Path) -> None:
    """The orders of the 11th, approved after the file of the 11th was in, stay open when that is read again."""
    known.take_in(SAMPLE, mistaken(tmp_path))
    approve(known, ("A00012345", 1, "VTI", "APM", DAY, 7 * UNIT, 0))

    async def ask() -> list[ApprovedBuy]:
        async with await AsyncConnection.connect(known.url, options="-c search_path=taxlot") as connection:
            return await households.approved(connection, ["A00012345"], DAY, DAY)

    assert [buy.units for buy in run(ask())] == [7 * UNIT]
    assert known.take_in(SAMPLE, GOOD).status == "LOADED"
    assert [buy.units for buy in run(ask())] == [7 * UNIT]
    assert known.rows("SELECT DISTINCT file_id FROM holding") == [(1,)]


@pytest.mark.integration
def test_what_a_later_file_said_or_an_approval_may_have_sold_is_not_put_back(known: Book, tmp_path: Path) -> None:
    """Of one account a later file of the day came; for another, which this had not named, trades were approved."""
    known.load(File([lot("00098765", "BND"), cash("00098765")], custodian="WESTFIELD", day="2026-06-10"))
    split = content_of("westfield-csv")
    accounts = split["account"] | {"names": {"00098765": "none"}}
    known.take_in(SAMPLE, westfield(tmp_path, account=accounts, kind={"value": "UPDATED"}))
    later = [lot("00012345", "VTI", quantity="3"), cash("00012345", "5.00")]
    known.load(File(later, custodian="WESTFIELD", kind="UPDATED"))
    approve(known, ("A00098765", 1, "BND", "APM", DAY, -UNIT, 0))
    before = known.rows("SELECT * FROM holding ORDER BY account_id")
    outcome = known.take_in(SAMPLE, GOOD)
    assert (outcome.status, outcome.changed, outcome.held) == ("LOADED", 0, 0)
    assert known.rows("SELECT * FROM holding ORDER BY account_id") == before
    notes = known.rows(
        "SELECT account_id, text FROM file_problem WHERE file_id = %s AND code = 'OLDER_THAN_KNOWN' ORDER BY 1",
        outcome.file_id,
    )
    assert [account for account, _ in notes] == ["A00012345", "A00098765"]
    assert all("the custodian's next file decides" in text for _, text in notes)


@pytest.mark.integration
def test_a_new_lot_follows_the_buys_that_the_first_reading_should_have_shown(known: Book, tmp_path: Path) -> None:
    """Bought on the 10th for the sleeve S2; the first reading gave the lot another security, so nothing followed."""
    known.load(File([cash("00067890")], custodian="WESTFIELD", day="2026-06-09"))
    approve(known, ("A00067890", 1, "VTI", "S2", date(2026, 6, 10), 2_000 * UNIT, 0))
    lots = content_of("westfield-csv")["lot"]
    lots["security"]["names"] = {"VTI": "MSFT"}
    known.take_in(SAMPLE, westfield(tmp_path, lot=lots))
    known.take_in(SAMPLE, GOOD)
    ((document,),) = known.rows("SELECT document FROM lots WHERE account_id = 'A00067890'")
    assert b"S2" in bytes(document)


@pytest.mark.integration
def test_the_second_reading_is_published_as_of_the_first(
    known: Book, kafka_url: str, start_worker: Callable[..., Any], tmp_path: Path
) -> None:
    """Who waits for another file than that of the approval, as a settling account does, waits on."""
    folder = tmp_path / "mappings"
    shutil.copytree(MAPPINGS, folder)
    env = {"REBALANCER_MAPPINGS": "WESTFIELD=westfield-csv", "REBALANCER_MAPPINGS_DIR": str(folder)}
    before = end_offsets(kafka_url, topics.HOLDINGS)

    def sent(count: int) -> list[tuple[str, list[tuple[str, int]]]]:
        """The file of each message, and its accounts with their versions."""
        found = read_messages(kafka_url, before, lambda seen: len(of_ours(seen)) >= count)
        return of_ours(found)

    def of_ours(records: list[Any]) -> list[tuple[str, list[tuple[str, int]]]]:
        decoded = [codec.decode(record.value, chunks.HOLDINGS) for record in records]
        made = [
            (meta["file_id"], [(row["account_id"], row["lots_version"]) for row in rows.to_pylist()])
            for rows, meta in decoded
        ]
        return [each for each in made if each[1][0][0] in ("A00012345", "A00067890", "A00098765")]

    with start_worker() as worker:
        worker.env.update(env)
        assert worker.command("load", str(SAMPLE)).returncode == 0
        path = folder / "westfield-csv.yaml"
        path.write_text(path.read_text().replace('[Noncovered, "--"]', '[Noncovered, "--", "?"]'))
        done = worker.command("load", str(SAMPLE))
        assert "loaded as file 2" in done.stdout and "file 1 taken in again" in done.stdout
        assert worker.command("load", str(SAMPLE)).stdout == f"{SAMPLE.name}: already loaded as file 2, nothing done\n"
        found = sent(2)
    assert found == [("1", [("A00012345", 1), ("A00067890", 1), ("A00098765", 1)])] * 2
