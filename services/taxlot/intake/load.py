"""Load one file: check it, store it in one transaction, write its end into the ledger.  Publishing is the next step."""

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
from services.taxlot.domain.codes import DataHold, FileRefused
from services.taxlot.domain.envelope import check_date, check_totals
from services.taxlot.domain.plausible import ChangeLimit
from services.taxlot.domain.sender import AccountScope, with_feed_scope
from services.taxlot.intake import load_lock
from services.taxlot.intake.formats import AnyFile, mapping_of, open_file
from services.taxlot.intake.gather import Gathering
from services.taxlot.intake.inbox import Stamp, stamp_of
from services.taxlot.intake.reader import digest_of
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.settings import SERVICE
from services.taxlot.store import ledger, lots, platform
from services.taxlot.store.ledger import Arrival, FileProblem, LedgerEntry, OwnerCounts
from shared.postgres.commits import commit_now, until_known_now
from shared.postgres.pool import BULK, Use, arguments

_FILE_SQL: Final = (
    "UPDATE file SET status = 'LOADED', records_done = %s, accounts = %s, changed = %s, held = %s, unknown = %s,"
    " reason = %s, loaded_at = %s WHERE file_id = %s"
)
_UNREAD: Final = b""  # the digest of a file that could not be read
Progress = Callable[[int, int], None]  # records read, records of the file
OnEntry = Callable[[int], None]  # the ledger entry under which a file is read


class FileChanged(OSError):
    """The file was written to while it was read."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EAGAIN, f"{name} was changed while it was read; nothing of it was applied")


@dataclass(frozen=True)
class LoadOutcome:
    """How a load ended.  status: LOADED, REFUSED or DUPLICATE; reason says why, or which sums were not compared."""

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
class Criteria:
    """What a file is judged by.

    now: the instant of arrival; today: the business date; max_age_days: calendar days; feeds: the enterprises that a
    custodian's feed covers, for custodians whose feed does not cover all.  mappings: of custodians' own formats.
    change_limit: how much an account may change without trades of ours.
    """

    now: datetime
    today: date
    max_age_days: int
    feeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mappings: MappingsInForce = field(default_factory=MappingsInForce)
    change_limit: ChangeLimit = field(default_factory=ChangeLimit)


@contextlib.contextmanager
def connected(database_url: str, use: Use = BULK) -> Iterator[Connection[TupleRow]]:
    """Open a connection that sees taxlot's schema, in autocommit."""
    session = arguments(SERVICE, use, "taxlot-intake")
    with psycopg.connect(database_url, autocommit=True, **session) as connection:
        yield connection


def ignore_entry(_entry: int) -> None:
    """Do nothing with the entry."""


def load(
    database_url: str,
    path: Path,
    arrival: Arrival,
    criteria: Criteria,
    progress: Progress,
    silent_s: int = BULK.idle_s,
    on_entry: OnEntry = ignore_entry,
) -> LoadOutcome:
    """Load the file on its sender's rights; wait while another process loads one, unless that is silent for silent_s.

    A refusal is a LoadOutcome, not an exception.  on_entry is called with the ledger entry before anything is stored.
    Given again with that entry (arrival.entry), a file whose load has ended gets the outcome of that load.

    Raises OSError if the file cannot be read (FileChanged if it is written to meanwhile) and psycopg.Error if the
    database is away or the lock was lost: the file may then be loaded again, from the start.  Of these CommitUnknown
    means that it is not known whether the file was loaded.
    """
    entry = arrival.entry

    def note_entry(file_id: int) -> None:
        nonlocal entry
        entry = file_id
        on_entry(file_id)

    def load_once() -> LoadOutcome:
        return _load_once(database_url, path, replace(arrival, entry=entry), criteria, progress, silent_s, note_entry)

    return until_known_now(load_once)


def _load_once(
    database_url: str,
    path: Path,
    arrival: Arrival,
    criteria: Criteria,
    progress: Progress,
    silent_s: int,
    on_entry: OnEntry,
) -> LoadOutcome:
    stamp = stamp_of(path.stat())
    digest = digest_of(path)
    with connected(database_url, load_lock.session_use(silent_s)) as work, connected(database_url) as book:
        load_lock.acquire(work, silent_s)
        work.autocommit = False  # the session that holds the lock is the one that stores
        if (known := _ended(book, arrival, digest)) is not None:
            return known
        mapping = mapping_of(path, arrival.name, criteria.mappings)
        entry = ledger.open_entry(book, arrival, digest, mapping, criteria.now)
        if entry.duplicate_of is not None:
            return _duplicate(entry.file_id, arrival, entry.duplicate_of)
        on_entry(entry.file_id)
        try:
            with open_file(path, arrival.name, criteria.mappings) as file:
                outcome = _load(book, work, file, entry, arrival, criteria, progress)
                _check_unchanged(book, work, file, entry.file_id, stamp)
                commit_now(work)
                return outcome
        except FileRefused as error:
            work.rollback()
            _check_unchanged(book, work, path, entry.file_id, stamp)
            ledger.refuse(book, entry.file_id, error.code, error.detail)
            custodian, data_date = ledger.header_noted(book, entry.file_id)
            refused = LoadOutcome(entry.file_id, arrival.name, "REFUSED", custodian, data_date)
            return replace(refused, code=error.code, reason=error.detail)
        except FileNotFoundError:
            _forget(book, work, entry.file_id)  # it was taken away before it could be read: nothing goes on
            raise


def refuse(
    database_url: str,
    path: Path,
    arrival: Arrival,
    refusal: tuple[str, str],
    now: datetime,
    mappings: MappingsInForce,
    silent_s: int = BULK.idle_s,
) -> LoadOutcome:
    """Write a refusal (code, reason) of a file into the ledger, unless the file has been loaded by the same mapping.

    Return how it ended.  Raises psycopg.Error.
    """
    digest, mapping = _UNREAD, None
    with contextlib.suppress(OSError):
        if path.is_file() and not path.is_symlink():
            digest, mapping = digest_of(path), mapping_of(path, arrival.name, mappings)
    with connected(database_url, load_lock.session_use(silent_s)) as book:
        load_lock.acquire(book, silent_s)
        if (known := _ended(book, arrival, digest)) is not None:
            return known
        entry = ledger.open_entry(book, arrival, digest, mapping, now)
        if entry.duplicate_of is not None:
            return _duplicate(entry.file_id, arrival, entry.duplicate_of)
        ledger.refuse(book, entry.file_id, *refusal)
        return LoadOutcome(entry.file_id, arrival.name, "REFUSED", code=refusal[0], reason=refusal[1])


def _ended(book: Connection[TupleRow], arrival: Arrival, digest: bytes) -> LoadOutcome | None:
    """Return how the load of this file under its known entry ended, None if it has not."""
    ended = ledger.ended(book, arrival, digest)
    if ended is None or arrival.entry is None:
        return None
    return LoadOutcome(file_id=arrival.entry, name=arrival.name, **asdict(ended))


def _duplicate(file_id: int, arrival: Arrival, original: int) -> LoadOutcome:
    return LoadOutcome(file_id, arrival.name, "DUPLICATE", reason=f"already loaded as file {original}, nothing done")


def _check_unchanged(
    book: Connection[TupleRow], work: Connection[TupleRow], file: AnyFile | Path, file_id: int, stamp: Stamp
) -> None:
    """Raise FileChanged, and delete the ledger entry, if the file has changed since `stamp`."""
    status = file.stat() if isinstance(file, Path) else file.status()
    if stamp_of(status) != stamp:
        _forget(book, work, file_id)
        raise FileChanged(file.name)


def _forget(book: Connection[TupleRow], work: Connection[TupleRow], file_id: int) -> None:
    """Delete the ledger entry of a load that is given up.  Raises psycopg.Error if the lock was lost."""
    work.rollback()
    work.execute("SELECT")  # raises if the lock, and with it the entry, has gone to another process
    ledger.forget(book, file_id)


def _load(
    book: Connection[TupleRow],
    work: Connection[TupleRow],
    file: AnyFile,
    entry: LedgerEntry,
    arrival: Arrival,
    criteria: Criteria,
    progress: Progress,
) -> LoadOutcome:
    """Load a file that is new, or read by another mapping than before.  Raises FileRefused if it cannot be taken."""
    file_id, header, promised = entry.file_id, file.header, file.promised
    ledger.note_header(book, file_id, header, promised.records)
    sender = with_feed_scope(arrival.sender, header.custodian, criteria.feeds)
    accounts = platform.accounts_at(work, header.custodian, sender)
    if not accounts:
        raise FileRefused("WRONG_CUSTODIAN", f"no account of ours is at a custodian named {header.custodian!r}")
    ledger.note_owner_counts(book, file_id, {account.owner: OwnerCounts() for account in accounts})
    check_date(header, criteria.today, ledger.newest_loaded(work, header.custodian, sender), criteria.max_age_days)
    lots.start_gathering(work)
    scope, securities = AccountScope(accounts, header.data_date), platform.securities(work)
    gathering = Gathering(work, header, scope, securities, criteria.change_limit)
    if entry.again_of is not None:
        names = [account.account_id for account in accounts]
        scope.later = lots.settled_later(work, names, entry.again_of, header.data_date)
        gathering.buys_since = ledger.newest_before(work, header.custodian, sender, entry.again_of)
    for block in file.blocks():
        gathering.add(block)
        ledger.note_progress(book, file_id, gathering.totals.records)
        progress(gathering.totals.records, promised.records)
    remarks = check_totals(promised, gathering.totals)
    if entry.again_of is not None:
        remarks.insert(0, f"file {entry.again_of} taken in again: its mapping has changed since")
    if "records" in promised.lacking:
        ledger.note_header(work, file_id, header, gathering.totals.records)
    if header.refreshed:
        for account in gathering.missing():
            gathering.holds[account.account_id] = DataHold(codes.MISSING_FROM_FILE, 0)
    if arrival.sender.subject is None:  # one person's upload is no measure for the custodian's next file
        before = lots.swap_reported_prices(work, header.custodian, header.data_date, gathering.prices)
        gathering.note_price_jumps(before)
    gathering.note_unlisted()
    held = [(account, hold.code, hold.text(arrival.name)) for account, hold in gathering.holds.items()]
    covered, changed = lots.merge(work, entry.first, header.data_date, held)
    ledger.add_problems(work, file_id, _problems(gathering, arrival.name))
    ledger.note_owner_counts(work, file_id, gathering.owner_counts())
    outcome = LoadOutcome(
        file_id,
        arrival.name,
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
    work.execute(_FILE_SQL, (*counts, outcome.reason, criteria.now, file_id))
    return outcome


def _problems(gathering: Gathering, name: str) -> list[FileProblem]:
    numbers = gathering.scope.numbers()
    held = [
        FileProblem(hold.line, "HOLD", hold.code, numbers[account], account, hold.text(name))
        for account, hold in gathering.holds.items()
    ]
    return held + [
        FileProblem(note.line, "NOTE", note.code, note.account_number, note.account_id, note.text)
        for note in gathering.notes
    ]
