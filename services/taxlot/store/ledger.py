"""The ledger of files: what came in, how far it is read, what was wrong, what is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from services.taxlot.domain.envelope import Header
from services.taxlot.domain.sender import FEED, Sender
from services.taxlot.store.platform import listed

FileSource = Literal["COMMAND", "INBOX", "UPLOAD"]
DOCUMENTED: Final = b""  # in place of a mapping's fingerprint: the documented format, which never changes


@dataclass(frozen=True)
class Arrival:
    """How a file came: its name, by which way, and the sender on whose rights it acts.

    entry: the ledger entry under which a load of this file was begun before, if known.
    """

    name: str
    source: FileSource
    sender: Sender = FEED
    entry: int | None = None


@dataclass(frozen=True)
class OwnerCounts:
    """Counts of a file for one enterprise and advisor: accounts it covers, of them held, and records."""

    accounts: int = 0
    held: int = 0
    records: int = 0


@dataclass(frozen=True)
class LedgerEntry:
    """The entry of a file to be loaded, or (duplicate_of) of one whose bytes are loaded already as that entry.

    again_of: the first entry of the same bytes, where they are read again because the mapping has changed since.
    """

    file_id: int
    duplicate_of: int | None = None
    again_of: int | None = None

    @property
    def first(self) -> int:
        """The first entry of these bytes.  Holdings bear it whichever reading they are of: what came after the bytes
        first came, an approval or another file, came after them still when they are read again."""
        return self.file_id if self.again_of is None else self.again_of


@dataclass(frozen=True)
class FileProblem:
    """A problem of a file: HOLD holds its account, NOTE is only shown."""

    line: int
    severity: Literal["HOLD", "NOTE"]
    code: str
    account_number: str
    account_id: str | None
    text: str


def open_entry(
    connection: Connection[TupleRow], arrival: Arrival, digest: bytes, mapping: bytes | None, now: datetime
) -> LedgerEntry:
    """Return the entry to load under; the same bytes with other rights are another file.

    mapping: fingerprint of what the file would be read by now, None if there is none.  The same bytes are a duplicate
    if they were last taken in by the same; by which those of before fingerprints were kept is not known.
    Call with the load lock held: a LOADING entry then is one whose process died.
    """
    sender = arrival.sender
    row = connection.execute(
        "SELECT file_id, status, mapping, again_of FROM file WHERE digest = %s AND rights = %s"
        " AND status IN ('LOADING', 'LOADED', 'PUBLISHED') ORDER BY file_id DESC LIMIT 1",
        (digest, sender.rights),
    ).fetchone()
    if row is not None and row[1] == "LOADING":
        connection.execute(
            # It came when its first load began: what was approved since, it does not show.
            "UPDATE file SET name = %s, source = %s, sent_by = %s, mapping = %s, records_done = 0 WHERE file_id = %s",
            (arrival.name, arrival.source, sender.subject, mapping, row[0]),
        )
        return LedgerEntry(row[0], again_of=row[3])
    status, duplicate_of, again_of = "LOADING", None, None
    if row is not None and mapping is not None and mapping in (DOCUMENTED, row[2]):
        status, duplicate_of = "DUPLICATE", row[0]
    elif row is not None:
        again_of = row[0] if row[3] is None else row[3]
    inserted = connection.execute(
        "INSERT INTO file (name, digest, source, status, received_at, duplicate_of, sent_by, sent_enterprises,"
        " sent_advisors, rights, mapping, again_of, custodian, data_date, kind, reason)"
        " SELECT %(name)s, %(digest)s, %(source)s, %(status)s, %(now)s, %(original)s::bigint, %(subject)s,"
        " %(enterprises)s::text[], %(advisors)s::text[], %(rights)s, %(mapping)s::bytea, %(again_of)s::bigint,"
        " o.custodian, o.data_date, o.kind,"
        " CASE WHEN o.file_id IS NOT NULL THEN 'already loaded as file ' || o.file_id || ', nothing done' END"
        " FROM (SELECT 1) single LEFT JOIN file o ON o.file_id = %(original)s::bigint RETURNING file_id",
        {
            "name": arrival.name,
            "digest": digest,
            "source": arrival.source,
            "status": status,
            "now": now,
            "original": duplicate_of,
            "subject": sender.subject,
            "enterprises": listed(sender.enterprises),
            "advisors": listed(sender.advisors),
            "rights": sender.rights,
            "mapping": mapping,
            "again_of": again_of,
        },
    ).fetchone()
    assert inserted is not None  # noqa: S101  # INSERT ... RETURNING gives a row
    if duplicate_of is not None:
        connection.execute(
            "INSERT INTO file_part (file_id, enterprise_id, advisor_id)"
            " SELECT %s, enterprise_id, advisor_id FROM file_part WHERE file_id = %s",
            (inserted[0], duplicate_of),
        )
    return LedgerEntry(inserted[0], duplicate_of, again_of)


@dataclass(frozen=True)
class EndedFile:
    """How the load of an entry ended; the fields are columns of `file`."""

    status: Literal["LOADED", "REFUSED"]
    custodian: str | None
    data_date: date | None
    accounts: int
    changed: int
    held: int
    unknown: int
    code: str | None
    reason: str | None


def ended(connection: Connection[TupleRow], arrival: Arrival, digest: bytes) -> EndedFile | None:
    """Return how the load under arrival.entry ended; None if it has not, or was never begun.

    Call with the load lock held: then no load of it can still commit.
    """
    row = connection.execute(
        "SELECT CASE status WHEN 'REFUSED' THEN 'REFUSED' ELSE 'LOADED' END, custodian, data_date, accounts, changed,"
        " held, unknown, reason_code, reason FROM file WHERE file_id = %s AND digest = %s AND rights = %s"
        " AND status IN ('LOADED', 'PUBLISHED', 'REFUSED')",
        (arrival.entry, digest, arrival.sender.rights),
    ).fetchone()
    return None if row is None else EndedFile(*row)


def note_header(connection: Connection[TupleRow], file_id: int, header: Header, records: int) -> None:
    """Store the header and the record count of the trailer."""
    connection.execute(
        "UPDATE file SET custodian = %s, data_date = %s, kind = %s, records_total = %s WHERE file_id = %s",
        (header.custodian, header.data_date, header.kind, records, file_id),
    )


def note_progress(connection: Connection[TupleRow], file_id: int, records: int) -> None:
    """Store how many records have been read."""
    connection.execute("UPDATE file SET records_done = %s WHERE file_id = %s", (records, file_id))


def refuse(connection: Connection[TupleRow], file_id: int, code: str, reason: str) -> None:
    """End the entry: nothing of the file was applied."""
    connection.execute(
        "UPDATE file SET status = 'REFUSED', reason_code = %s, reason = %s WHERE file_id = %s", (code, reason, file_id)
    )


def forget(connection: Connection[TupleRow], file_id: int) -> None:
    """Delete the entry of a load that was given up because the file has changed or is gone."""
    connection.execute("DELETE FROM file WHERE file_id = %s AND status = 'LOADING'", (file_id,))


def newest_loaded(connection: Connection[TupleRow], custodian: str, sender: Sender) -> date | None:
    """Return the data date of the newest file loaded from a custodian on these rights."""
    row = connection.execute(
        "SELECT max(data_date) FROM file WHERE custodian = %s AND rights = %s AND status IN ('LOADED', 'PUBLISHED')",
        (custodian, sender.rights),
    ).fetchone()
    return None if row is None else row[0]


def newest_before(connection: Connection[TupleRow], custodian: str, sender: Sender, file_id: int) -> date:
    """Return the data date of the newest file loaded from a custodian on these rights before this one, or date.min."""
    row = connection.execute(
        "SELECT max(data_date) FROM file WHERE custodian = %s AND rights = %s AND file_id < %s"
        " AND status IN ('LOADED', 'PUBLISHED')",
        (custodian, sender.rights, file_id),
    ).fetchone()
    return date.min if row is None or row[0] is None else row[0]


def header_noted(connection: Connection[TupleRow], file_id: int) -> tuple[str | None, date | None]:
    """Return custodian and data date, None if no header was read."""
    row = connection.execute("SELECT custodian, data_date FROM file WHERE file_id = %s", (file_id,)).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def note_owner_counts(
    connection: Connection[TupleRow], file_id: int, counts: Mapping[tuple[str, str], OwnerCounts]
) -> None:
    """Store the counts of the file by (enterprise, advisor)."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO file_part (file_id, enterprise_id, advisor_id, accounts, held, records)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (file_id, enterprise_id, advisor_id) DO UPDATE"
            " SET accounts = excluded.accounts, held = excluded.held, records = excluded.records",
            [(file_id, *owner, part.accounts, part.held, part.records) for owner, part in sorted(counts.items())],
        )


def add_problems(connection: Connection[TupleRow], file_id: int, problems: Sequence[FileProblem]) -> None:
    """Store the problems of a file in place of those of an earlier load of it."""
    connection.execute("DELETE FROM file_problem WHERE file_id = %s", (file_id,))
    if not problems:
        return
    names = ("line", "severity", "code", "account_number", "account_id", "text")
    # Whole columns in one statement: COPY FROM is refused for a table with row-level security.
    connection.execute(
        "INSERT INTO file_problem (file_id, line, severity, code, account_number, account_id, text)"
        " SELECT %s, * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])",
        (file_id, *([getattr(problem, name) for problem in problems] for name in names)),
    )


def unpublished(connection: Connection[TupleRow]) -> list[int]:
    """Return the files whose load has ended and that are not yet published."""
    rows = connection.execute(
        "SELECT file_id FROM file WHERE announced_at IS NULL AND status <> 'LOADING' ORDER BY file_id"
    )
    return [row[0] for row in rows]
