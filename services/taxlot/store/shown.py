"""The ledger as one reader may see it: files that concern accounts of theirs, or that they sent, and their own part.

Explicit predicates beside row-level security, in one statement a question: "not yours" and "not there" are one answer.
Source: architecture "Tenancy".
"""

from typing import Any, Final, LiteralString

from psycopg import Connection
from psycopg.rows import TupleRow, dict_row

from shared.tenancy import MINE, Scope

# whole: the reader sees all that the file covers, and nobody else sent it; then also what concerns no account of ours.
_SEEN: Final[LiteralString] = f"""
SELECT * FROM (
    SELECT f.*, f.sent_by IS NOT DISTINCT FROM %(subject)s AS sent_by_reader,
        p.seen, p.accounts AS accounts_seen, p.held AS held_seen, p.records AS records_seen,
        (f.sent_by IS NULL OR f.sent_by = %(subject)s) AND p.seen = p.everyone AND (p.seen > 0 OR f.sent_by IS NOT NULL)
            AS whole
    FROM file f CROSS JOIN LATERAL (
        SELECT count(*) AS everyone, count(*) FILTER (WHERE {MINE}) AS seen,
            coalesce(sum(accounts) FILTER (WHERE {MINE}), 0)::bigint AS accounts,
            coalesce(sum(held) FILTER (WHERE {MINE}), 0)::bigint AS held,
            coalesce(sum(records) FILTER (WHERE {MINE}), 0)::bigint AS records
        FROM file_part WHERE file_part.file_id = f.file_id
    ) p
) shown WHERE (sent_by_reader OR seen > 0)
"""  # noqa: S608  # fixed texts
_PROBLEMS: Final[LiteralString] = f"""
SELECT p.line, p.severity, p.code, p.text, CASE WHEN a.account_id IS NULL THEN '' ELSE p.account_number END
    AS account_number
FROM file_problem p LEFT JOIN account a USING (account_id)
WHERE p.file_id = %(file)s AND (p.account_id IS NULL AND %(whole)s OR {MINE})
ORDER BY p.severity, p.line, p.text LIMIT %(limit)s
"""  # noqa: S608  # fixed texts


def newest(connection: Connection[TupleRow], scope: Scope, limit: int) -> list[dict[str, Any]]:
    """Return the newest files that concern the reader, newest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        query = _SEEN + " ORDER BY file_id DESC LIMIT %(limit)s"
        return [_own_part(row) for row in cursor.execute(query, scope.parameters() | {"limit": limit})]


def get(connection: Connection[TupleRow], scope: Scope, file_id: int, limit: int) -> dict[str, Any] | None:
    """Return one file with its `problems`, at most `limit`, holds first; None when it does not concern the reader."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SEEN + " AND file_id = %(file)s", scope.parameters() | {"file": file_id}).fetchone()
        if row is None:
            return None
        names = scope.parameters() | {"file": file_id, "whole": row["whole"], "limit": limit}
        return _own_part(row) | {"problems": cursor.execute(_PROBLEMS, names).fetchall()}


def _own_part(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the counts and the reason of the reader's own part."""
    if row["whole"]:
        return row
    row |= {name: row[f"{name}_seen"] for name in ("accounts", "held")}
    row["records_total"] = row["records_done"] = row["records_seen"]
    if row["status"] == "REFUSED":
        row["reason"] = f"{row['reason_code']}: the file was refused as a whole, nothing of it was applied"
    return row
