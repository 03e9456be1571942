"""The database goes at COMMIT of a load: what the ledger says is read, not guessed, and the file is loaded once."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.taxlot.intake.load import Criteria, LoadOutcome, load
from services.taxlot.intake.pipeline import Intake
from services.taxlot.intake.watch import Watch
from services.taxlot.settings import Settings, enterprises_by_feed
from services.taxlot.store.ledger import Arrival
from shared.kafka.publisher import Publisher
from shared.postgres.commits import CommitUnknown
from shared.runtime.clock import FileClock, set_instant
from tests.cutting import Way, When, way_to
from tests.signing import PUBLIC_KEY
from tests.taxlot.files import File, good
from tests.taxlot.harness import NOW, TODAY, Book
from tests.waiting import until_async

pytestmark = pytest.mark.integration
BOTH = pytest.mark.parametrize("when", ["before", "after"])
STORED = "UPDATE file SET status = 'LOADED'"


@pytest.fixture
def cut(book: Book) -> Iterator[tuple[Book, Way]]:
    """A book with one account that the intake reaches by a way that can be cut."""
    book.add_accounts(["1"])
    with way_to(book.url) as (way, url):
        yield replace(book, url=url), way


def _load(book: Book, entries: list[int]) -> LoadOutcome:
    """Load the one file, as what was begun last where something was."""
    path = File(good("1")).write(book.folder / "one.lots")
    arrival = Arrival("one.lots", "INBOX", entry=entries[-1] if entries else None)
    criteria = Criteria(NOW, TODAY, 10, enterprises_by_feed(""))
    return load(book.url, path, arrival, criteria, lambda _done, _all: None, on_entry=entries.append)


def _stands(book: Book) -> tuple[list[Any], int]:
    """How the files of the ledger stand, and how often the account was changed."""
    rows = book.rows("SELECT status FROM file ORDER BY file_id")
    return [status for (status,) in rows], book.holding("1")[0]


@BOTH
def test_a_load_whose_commit_is_not_answered_is_read_again_and_stands_once(cut: tuple[Book, Way], when: When) -> None:
    book, way = cut
    way.lose(when, of=STORED)
    outcome = _load(book, [])
    assert (outcome.status, outcome.accounts, outcome.changed, way.cuts) == ("LOADED", 1, 1, [when])
    assert _stands(book) == (["LOADED"], 1)


@BOTH
def test_what_stays_unknown_is_known_as_soon_as_the_database_answers(cut: tuple[Book, Way], when: When) -> None:
    book, way = cut
    entries: list[int] = []
    way.lose(when, of=STORED, shuts=True)
    with pytest.raises(CommitUnknown):
        _load(book, entries)
    way.shut = False
    outcome = _load(book, entries)
    assert (outcome.status, outcome.file_id, outcome.accounts) == ("LOADED", entries[0], 1)
    assert _stands(book) == (["LOADED"], 1)
    assert _load(book, []).status == "DUPLICATE", "the same bytes, given once more by somebody"


async def test_a_file_of_the_inbox_that_was_loaded_after_all_is_not_refused(
    cut: tuple[Book, Way], kafka_url: str, tmp_path: Path
) -> None:
    """Its only attempt ends without an answer, so it would be given up; it is asked first how it has ended."""
    book, way = cut
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    set_instant(tmp_path / "clock.json", NOW)
    settings = Settings(
        kafka_url=kafka_url,
        database_url=book.url,
        requests_database_url=book.requests_url,
        http_port=1,
        principal_public_key=PUBLIC_KEY,
        inbox_dir=inbox,
        inbox_attempts=1,
        inbox_poll_s=0.05,
        inbox_settle_s=0,
        catch_up_s=0,
    )
    File(good("1")).write(inbox / "one.lots")
    way.lose("after", of=STORED, shuts=True)
    async with Publisher(kafka_url, "taxlot") as publisher:
        watching = asyncio.create_task(
            Watch(settings, Intake(settings, publisher, FileClock(tmp_path / "clock.json"))).run()
        )

        async def failed() -> bool:
            assert not watching.done()
            return any("CommitUnknown" in path.read_text() for path in (inbox / ".attempts").glob("*.json"))

        async def status() -> list[Any]:
            return [status for (status,) in await asyncio.to_thread(book.rows, "SELECT status FROM file")]

        await until_async(failed)
        way.shut = False
        await until_async(status, lambda seen: seen == ["PUBLISHED"])
        await until_async(lambda: asyncio.to_thread(lambda: [path.name for path in (inbox / "done").iterdir()]))
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert [path.name for path in (inbox / "done").iterdir()] == ["one.lots"]
    assert list((inbox / "refused").iterdir()) == []
