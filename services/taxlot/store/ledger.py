"""The ledger of files: what came in, how far it is, what was wrong, what has been told to others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from psycopg import Connection
from psycopg.rows import TupleRow

from services.taxlot.domain.envelope import Header
from services.taxlot.domain.sender import FEED, Sender
from services.taxlot.store.platform import listed

Source = Literal["COMMAND", "INBOX", "UPLOAD"]


@dataclass(frozen=True)
class Came:
    """How a file came: the name it was given, by which way, and on whose rights it acts.

    entry: the one under which this very file was begun before, where that is known.
    """

    name: str
    source: Source
    sender: Sender = FEED
    entry: int | None = None


@dataclass(frozen=True)
class Part:
    """What of a file concerns one enterprise and advisor: accounts it covers, of them held, and records."""

    accounts: int = 0
    held: int = 0
    records: int = 0


@dataclass(frozen=True)
class Entry:
    """A file that may now be read, or (duplicate_of) one whose bytes are loaded already."""

    file_id: int
    duplicate_of: int | None = None


@dataclass(frozen=True)
class Problem:
    """One line of what was wrong (HOLD) or worth a look (NOTE)."""

    line: int
    severity: Literal["HOLD", "NOTE"]
    code: str
    account_number: str
    account_id: str | None
    text: str


def open_entry(connection: Connection[TupleRow], came: Came, digest: bytes, now: datetime) -> Entry:
    """Return the entry to load under; the same bytes on other rights are another file.

    Call in the turn of a load: a LOADING entry then is one whose reader died.
    """
    sender = came.sender
    row = connection.execute(
        "SELECT file_id, status FROM file WHERE digest = %s AND rights = %s"
        " AND status IN ('LOADING', 'LOADED', 'PUBLISHED')",
        (digest, sender.rights),
    ).fetchone()
    if row is not None and row[1] == "LOADING":
        connection.execute(
            "UPDATE file SET name = %s, source = %s, sent_by = %s, received_at = %s, records_done = 0"
            " WHERE file_id = %s",
            (came.name, came.source, sender.subject, now, row[0]),
        )
        return Entry(row[0])
    status, duplicate_of = ("LOADING", None) if row is None else ("DUPLICATE", row[0])
    made = connection.execute(
        "INSERT INTO file (name, digest, source, status, received_at, duplicate_of, sent_by, sent_enterprises,"
        " sent_advisors, rights, custodian, data_date, kind, reason)"
        " SELECT %(name)s, %(digest)s, %(source)s, %(status)s, %(now)s, %(original)s::bigint, %(subject)s,"
        " %(enterprises)s::text[], %(advisors)s::text[], %(rights)s, o.custodian, o.data_date, o.kind,"
        " CASE WHEN o.file_id IS NOT NULL THEN 'already loaded as file ' || o.file_id || ', nothing done' END"
        " FROM (SELECT 1) one LEFT JOIN file o ON o.file_id = %(original)s::bigint RETURNING file_id",
        {
            "name": came.name,
            "digest": digest,
            "source": came.source,
            "status": status,
            "now": now,
            "original": duplicate_of,
            "subject": sender.subject,
            "enterprises": listed(sender.enterprises),
            "advisors": listed(sender.advisors),
            "rights": sender.rights,
        },
    ).fetchone()
    assert made is not None  # noqa: S101  # INSERT ... RETURNING gives a row
    if duplicate_of is not None:
        connection.execute(
            "INSERT INTO file_part (file_id, enterprise_id, advisor_id)"
            " SELECT %s, enterprise_id, advisor_id FROM file_part WHERE file_id = %s",
            (made[0], duplicate_of),
        )
    return Entry(made[0], duplicate_of)


@dataclass(frozen=True)
class Ended:
    """How an entry stands that has ended; the names are the columns'."""

    status: Literal["LOADED", "REFUSED"]
    custodian: str | None
    data_date: date | None
    accounts: int
    changed: int
    held: int
    unknown: int
    code: str | None
    reason: str | None


def ended(connection: Connection[TupleRow], came: Came, digest: bytes) -> Ended | None:
    """Return how this very file has ended; None when it has not, or was never begun.

    Call in the turn of a load: then nothing of it is on its way to being committed.
    """
    row = connection.execute(
        "SELECT CASE status WHEN 'REFUSED' THEN 'REFUSED' ELSE 'LOADED' END, custodian, data_date, accounts, changed,"
        " held, unknown, reason_code, reason FROM file WHERE file_id = %s AND digest = %s AND rights = %s"
        " AND status IN ('LOADED', 'PUBLISHED', 'REFUSED')",
        (came.entry, digest, came.sender.rights),
    ).fetchone()
    return None if row is None else Ended(*row)


def note_header(connection: Connection[TupleRow], file_id: int, header: Header, records: int) -> None:
    """Write down what the file says of itself."""
    connection.execute(
        "UPDATE file SET custodian = %s, data_date = %s, kind = %s, records_total = %s WHERE file_id = %s",
        (header.custodian, header.data_date, header.kind, records, file_id),
    )


def note_progress(connection: Connection[TupleRow], file_id: int, records: int) -> None:
    """Write down how many records have been read."""
    connection.execute("UPDATE file SET records_done = %s WHERE file_id = %s", (records, file_id))


def refuse(connection: Connection[TupleRow], file_id: int, code: str, reason: str) -> None:
    """End the entry: nothing of the file was applied."""
    connection.execute(
        "UPDATE file SET status = 'REFUSED', reason_code = %s, reason = %s WHERE file_id = %s", (code, reason, file_id)
    )


def forget(connection: Connection[TupleRow], file_id: int) -> None:
    """Take out an entry whose reading came to nothing and whose bytes will not come again."""
    connection.execute("DELETE FROM file WHERE file_id = %s AND status = 'LOADING'", (file_id,))


def newest_loaded(connection: Connection[TupleRow], custodian: str, sender: Sender) -> date | None:
    """Return the data date of the newest file loaded from a custodian on these rights."""
    row = connection.execute(
        "SELECT max(data_date) FROM file WHERE custodian = %s AND rights = %s AND status IN ('LOADED', 'PUBLISHED')",
        (custodian, sender.rights),
    ).fetchone()
    return None if row is None else row[0]


def header_noted(connection: Connection[TupleRow], file_id: int) -> tuple[str | None, date | None]:
    """Return custodian and data date as far as the file has told them."""
    row = connection.execute("SELECT custodian, data_date FROM file WHERE file_id = %s", (file_id,)).fetchone()
    return (None, None) if row is None else (row[0], row[1])


def note_parts(connection: Connection[TupleRow], file_id: int, parts: Mapping[tuple[str, str], Part]) -> None:
    """Write down whom the file concerns: (enterprise, advisor) and what of it is theirs."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO file_part (file_id, enterprise_id, advisor_id, accounts, held, records)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (file_id, enterprise_id, advisor_id) DO UPDATE"
            " SET accounts = excluded.accounts, held = excluded.held, records = excluded.records",
            [(file_id, *owner, one.accounts, one.held, one.records) for owner, one in sorted(parts.items())],
        )


def add_problems(connection: Connection[TupleRow], file_id: int, problems: Sequence[Problem]) -> None:
    """Store what was wrong, in place of what an earlier reader of the same file stored."""
    connection.execute("DELETE FROM file_problem WHERE file_id = %s", (file_id,))
    if not problems:
        return
    names = ("line", "severity", "code", "account_number", "account_id", "text")
    # Whole columns in one statement: COPY does not go into a table with row-level security.
    connection.execute(
        "INSERT INTO file_problem (file_id, line, severity, code, account_number, account_id, text)"
        " SELECT %s, * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])",
        (file_id, *([getattr(one, name) for one in problems] for name in names)),
    )


def unannounced(connection: Connection[TupleRow]) -> list[int]:
    """Return the files that have ended and of which others have not yet been told everything."""
    rows = connection.execute(
        "SELECT file_id FROM file WHERE announced_at IS NULL AND status <> 'LOADING' ORDER BY file_id"
    )
    return [row[0] for row in rows]
