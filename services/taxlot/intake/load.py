"""Loading one file: checked, stored in one transaction, written into the ledger. Publishing is the next step."""

import contextlib
import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from services.taxlot.domain import codes
from services.taxlot.domain.codes import Hold, Refused
from services.taxlot.domain.envelope import check_date, check_totals
from services.taxlot.domain.sender import acting_at
from services.taxlot.intake import load_lock
from services.taxlot.intake.account_scope import Reach
from services.taxlot.intake.gather import Gathering
from services.taxlot.intake.inbox import Stamp, stamp_of
from services.taxlot.intake.reader import LotFile, digest_of
from services.taxlot.store import ledger, lots, platform
from services.taxlot.store.ledger import Came, Part, Problem
from shared.postgres.commits import commit_now, until_known_now
from shared.postgres.pool import BULK, Use, arguments

_FILE_SQL: Final = (
    "UPDATE file SET status = 'LOADED', records_done = %s, accounts = %s, changed = %s, held = %s, unknown = %s,"
    " reason = %s, loaded_at = %s WHERE file_id = %s"
)
_UNREAD: Final = b""  # the digest of a file that nobody could read
Progress = Callable[[int, int], None]  # records read, records in all
Begun = Callable[[int], None]  # the entry under which a file is read


class FileChanged(OSError):
    """The file is not what it was when its reading began: somebody is still writing it."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EAGAIN, f"{name} was changed while it was read; nothing of it was applied")


@dataclass(frozen=True)
class Outcome:
    """How a load ended.  status: LOADED, REFUSED or DUPLICATE; reason says why, or what was not compared."""

    file_id: int
    name: str
    status: str
    custodian: str | None = None
    data_date: date | None = None
    accounts: int = 0
    changed: int = 0
    held: int = 0
    unknown: int = 0
    code: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Judgement:
    """What a file is judged against: the instant of arrival, the business date, the oldest data allowed, and which
    enterprises a custodian's feed covers where not all."""

    now: datetime
    today: date
    max_age_days: int
    feeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@contextlib.contextmanager
def connected(database_url: str, use: Use = BULK) -> Iterator[Connection[TupleRow]]:
    """Open a connection that sees taxlot's schema, in autocommit."""
    session = arguments("taxlot", use, "taxlot-intake")
    with psycopg.connect(database_url, autocommit=True, **session) as connection:
        yield connection


def unheard(_entry: int) -> None:
    """Let nobody know under which entry a file is read."""


def load(
    database_url: str,
    path: Path,
    came: Came,
    when: Judgement,
    progress: Progress,
    silent_s: int = BULK.idle_s,
    begun: Begun = unheard,
) -> Outcome:
    """Load the file on its sender's rights; waits while another process loads one, unless it is silent for silent_s.

    A refusal is an Outcome, not an exception.  begun: told of the entry before anything is stored; with it (came.entry)
    the same file given again is known, however its first load ended, and its outcome is read, not guessed.

    Raises OSError when the file cannot be read (FileChanged while it is being written) and psycopg.Error when the
    database is away or our turn was taken from us: the file may then be loaded again, from the start.  Of these
    CommitUnknown: whether it was loaded is not known.
    """
    entry = came.entry

    def note(file_id: int) -> None:
        nonlocal entry
        entry = file_id
        begun(file_id)

    def once() -> Outcome:
        return _once(database_url, path, replace(came, entry=entry), when, progress, silent_s, note)

    return until_known_now(once)


def _once(
    database_url: str, path: Path, came: Came, when: Judgement, progress: Progress, silent_s: int, begun: Begun
) -> Outcome:
    stamp = stamp_of(path.stat())
    digest = digest_of(path)
    with connected(database_url, load_lock.use(silent_s)) as work, connected(database_url) as book:
        load_lock.wait(work, silent_s)
        work.autocommit = False  # what is stored is stored under the lock, by the session that has it
        if (known := _ended(book, came, digest)) is not None:
            return known
        entry = ledger.open_entry(book, came, digest, when.now)
        if entry.duplicate_of is not None:
            return _duplicate(entry.file_id, came, entry.duplicate_of)
        begun(entry.file_id)
        try:
            with LotFile(path) as file:
                outcome = _load(book, work, file, entry.file_id, came, when, progress)
                _look_for_changes(book, work, file, entry.file_id, stamp)
                commit_now(work)
                return outcome
        except Refused as error:
            work.rollback()
            _look_for_changes(book, work, path, entry.file_id, stamp)
            ledger.refuse(book, entry.file_id, error.code, error.detail)
            custodian, data_date = ledger.header_noted(book, entry.file_id)
            refused = Outcome(entry.file_id, came.name, "REFUSED", custodian, data_date)
            return replace(refused, code=error.code, reason=error.detail)


def refuse(
    database_url: str,
    path: Path,
    came: Came,
    why: tuple[str, str],
    now: datetime,
    silent_s: int = BULK.idle_s,
) -> Outcome:
    """Write a refusal (code, reason) of a file into the ledger, unless it has been loaded; return how it has ended.

    Raises psycopg.Error.
    """
    try:
        digest = digest_of(path) if path.is_file() and not path.is_symlink() else _UNREAD
    except OSError:
        digest = _UNREAD
    with connected(database_url, load_lock.use(silent_s)) as book:
        load_lock.wait(book, silent_s)
        if (known := _ended(book, came, digest)) is not None:
            return known
        entry = ledger.open_entry(book, came, digest, now)
        if entry.duplicate_of is not None:
            return _duplicate(entry.file_id, came, entry.duplicate_of)
        ledger.refuse(book, entry.file_id, *why)
        return Outcome(entry.file_id, came.name, "REFUSED", code=why[0], reason=why[1])


def _ended(book: Connection[TupleRow], came: Came, digest: bytes) -> Outcome | None:
    """Return how this very file has ended, None where it has not."""
    found = ledger.ended(book, came, digest)
    if found is None or came.entry is None:
        return None
    return Outcome(file_id=came.entry, name=came.name, **asdict(found))


def _duplicate(file_id: int, came: Came, of: int) -> Outcome:
    return Outcome(file_id, came.name, "DUPLICATE", reason=f"already loaded as file {of}, nothing done")


def _look_for_changes(
    book: Connection[TupleRow], work: Connection[TupleRow], file: LotFile | Path, file_id: int, stamp: Stamp
) -> None:
    """Raise FileChanged, and take the entry out of the ledger, when the file is not what it was at `stamp`."""
    status = file.status() if isinstance(file, LotFile) else file.stat()
    if stamp_of(status) != stamp:
        work.rollback()
        work.execute("SELECT")  # raises when the turn, and with it the entry, is another's by now
        ledger.forget(book, file_id)
        raise FileChanged(file.name)


def _load(
    book: Connection[TupleRow],
    work: Connection[TupleRow],
    file: LotFile,
    file_id: int,
    came: Came,
    when: Judgement,
    progress: Progress,
) -> Outcome:
    header, promised = file.header, file.promised
    ledger.note_header(book, file_id, header, promised.records)
    acting = acting_at(came.sender, header.custodian, when.feeds)
    accounts = platform.accounts_at(work, header.custodian, acting)
    if not accounts:
        raise Refused("WRONG_CUSTODIAN", f"no account of ours is at a custodian named {header.custodian!r}")
    ledger.note_parts(book, file_id, {one.owner: Part() for one in accounts})
    check_date(header, when.today, ledger.newest_loaded(work, header.custodian, acting), when.max_age_days)
    lots.start_gathering(work)
    gathering = Gathering(work, header, Reach(accounts, header.data_date), platform.securities(work))
    for block in file.blocks():
        gathering.add(block)
        ledger.note_progress(book, file_id, gathering.totals.records)
        progress(gathering.totals.records, promised.records)
    remarks = check_totals(promised, gathering.totals)
    if header.refreshed:
        for account in gathering.missing():
            gathering.holds[account.account_id] = Hold(codes.MISSING_FROM_FILE, 0)
    if came.sender.subject is None:  # what one person reports is nothing to measure a custodian's next file by
        before = lots.swap_reported_prices(work, header.custodian, header.data_date, gathering.prices)
        gathering.note_price_jumps(before)
    held = [(account, hold.code, hold.text(came.name)) for account, hold in gathering.holds.items()]
    covered, changed = lots.merge(work, file_id, header.data_date, held)
    ledger.add_problems(work, file_id, _problems(gathering, came.name))
    ledger.note_parts(work, file_id, gathering.parts())
    outcome = Outcome(
        file_id,
        came.name,
        "LOADED",
        header.custodian,
        header.data_date,
        covered + len(held),
        changed,
        len(held),
        gathering.unknown,
        reason="; ".join(remarks) or None,
    )
    counts = (gathering.totals.records, outcome.accounts, changed, len(held), gathering.unknown)
    work.execute(_FILE_SQL, (*counts, outcome.reason, when.now, file_id))
    return outcome


def _problems(gathering: Gathering, name: str) -> list[Problem]:
    numbers = gathering.reach.number_of()
    held = [
        Problem(hold.line, "HOLD", hold.code, numbers[account], account, hold.text(name))
        for account, hold in gathering.holds.items()
    ]
    return held + [
        Problem(note.line, "NOTE", note.code, note.account_number, note.account_id, note.text)
        for note in gathering.notes
    ]
