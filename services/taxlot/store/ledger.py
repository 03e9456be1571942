"""The ledger of files: what came in, how far it is, what was wrong, what has been told to others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from services.taxlot.domain.envelope import Header

Source = Literal["COMMAND", "INBOX", "UPLOAD"]
_LOAD_LOCK = "taxlot-load"


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


def lock_loading(connection: Connection[TupleRow]) -> None:
    """Wait until no other process loads a file; held until the connection closes."""
    connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (_LOAD_LOCK,))


def open_entry(connection: Connection[TupleRow], name: str, digest: bytes, source: Source, now: datetime) -> Entry:
    """Return the entry to load under.  Call under the load lock: a LOADING entry then is one whose reader died."""
    row = connection.execute(
        "SELECT file_id, status FROM file WHERE digest = %s AND status IN ('LOADING', 'LOADED', 'PUBLISHED')", (digest,)
    ).fetchone()
    if row is not None and row[1] == "LOADING":
        connection.execute(
            "UPDATE file SET name = %s, source = %s, received_at = %s, records_done = 0 WHERE file_id = %s",
            (name, source, now, row[0]),
        )
        return Entry(row[0])
    status, duplicate_of = ("LOADING", None) if row is None else ("DUPLICATE", row[0])
    made = connection.execute(
        "INSERT INTO file (name, digest, source, status, received_at, duplicate_of, custodian, data_date, kind, reason)"
        " SELECT %(name)s, %(digest)s, %(source)s, %(status)s, %(now)s, %(original)s::bigint, o.custodian, o.data_date,"
        " o.kind, CASE WHEN o.file_id IS NOT NULL THEN 'already loaded as file ' || o.file_id || ', nothing done' END"
        " FROM (SELECT 1) one LEFT JOIN file o ON o.file_id = %(original)s::bigint RETURNING file_id",
        {
            "name": name,
            "digest": digest,
            "source": source,
            "status": status,
            "now": now,
            "original": duplicate_of,
        },
    ).fetchone()
    assert made is not None  # noqa: S101  # INSERT ... RETURNING gives a row
    return Entry(made[0], duplicate_of)


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


def newest_loaded(connection: Connection[TupleRow], custodian: str) -> date | None:
    """Return the data date of the newest file loaded from a custodian."""
    row = connection.execute(
        "SELECT max(data_date) FROM file WHERE custodian = %s AND status IN ('LOADED', 'PUBLISHED')", (custodian,)
    ).fetchone()
    return None if row is None else row[0]


def add_problems(connection: Connection[TupleRow], file_id: int, problems: Sequence[Problem]) -> None:
    """Store what was wrong, in place of what an earlier reader of the same file stored."""
    connection.execute("DELETE FROM file_problem WHERE file_id = %s", (file_id,))
    columns = "file_id, line, severity, code, account_number, account_id, text"
    with connection.cursor() as cursor, cursor.copy(f"COPY file_problem ({columns}) FROM STDIN") as copy:
        for one in problems:
            copy.write_row((file_id, one.line, one.severity, one.code, one.account_number, one.account_id, one.text))


def unannounced(connection: Connection[TupleRow]) -> list[int]:
    """Return the files that have ended and of which others have not yet been told everything."""
    rows = connection.execute(
        "SELECT file_id FROM file WHERE announced_at IS NULL AND status <> 'LOADING' ORDER BY file_id"
    )
    return [row[0] for row in rows]


_VIEW = (
    "SELECT file_id, name, source, status, custodian, data_date, kind, records_total, records_done, accounts, changed,"
    " held, unknown, reason_code, reason, duplicate_of, received_at, loaded_at, published_at FROM file"
)


def get(connection: Connection[TupleRow], file_id: int) -> dict[str, Any] | None:
    """Return one file as shown to users."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_VIEW + " WHERE file_id = %s", (file_id,)).fetchone()


def newest(connection: Connection[TupleRow], limit: int) -> list[dict[str, Any]]:
    """Return the newest files, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_VIEW + " ORDER BY file_id DESC LIMIT %s", (limit,)).fetchall()


def problems_of(
    connection: Connection[TupleRow], file_id: int, enterprises: list[str], advisors: list[str] | None, limit: int
) -> list[dict[str, Any]]:
    """Return what was wrong in a file, holds first, by line: of the file as a whole and of accounts of these advisors.

    A row whose account nobody knows belongs to no enterprise; it is shown without the account.  advisors: None for all.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT p.line, p.severity, p.code, CASE WHEN a.account_id IS NULL THEN '' ELSE p.account_number END"
            " AS account_number, p.text FROM file_problem p LEFT JOIN account a USING (account_id)"
            " WHERE p.file_id = %(file)s AND (p.account_id IS NULL OR (a.enterprise_id = ANY(%(enterprises)s)"
            " AND (%(every)s OR a.advisor_id = ANY(%(advisors)s)))) ORDER BY p.severity, p.line LIMIT %(limit)s",
            {
                "file": file_id,
                "enterprises": enterprises,
                "every": advisors is None,
                "advisors": advisors or [],
                "limit": limit,
            },
        ).fetchall()
