"""The ledger as one reader may see it: files that cover accounts of theirs or that they sent, with their own counts.

Read with the database role of requests, in the reader's scope.  Each query has explicit predicates beside row-level
security: a file of others cannot be distinguished from a file that does not exist.  Source: architecture "Tenancy".
"""

from typing import Any, Final, LiteralString

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row

from shared.contracts.tenancy import MINE, Scope

_PARTS: Final[LiteralString] = f"""
SELECT f.file_id, f.name, f.status, f.custodian, f.data_date, f.reason_code, f.duplicate_of, f.received_at,
    p.accounts, p.held, p.records
FROM file f CROSS JOIN LATERAL (
    SELECT count(*) AS seen, coalesce(sum(accounts), 0)::bigint AS accounts, coalesce(sum(held), 0)::bigint AS held,
        coalesce(sum(records), 0)::bigint AS records
    FROM file_part WHERE file_part.file_id = f.file_id AND {MINE}
) p
WHERE (f.sent_by = %(subject)s OR p.seen > 0)
"""  # noqa: S608  # fixed texts


def _query(chosen: LiteralString) -> LiteralString:
    """Return the query of chosen files; whole_files() returns a row where the reader may see the whole file."""
    return f"""
WITH part AS MATERIALIZED ({_PARTS} {chosen})
SELECT part.*, whole.file_id IS NOT NULL AS is_whole, whole.accounts AS all_accounts, whole.held AS all_held,
    whole.records_total, whole.records_done, whole.reason
FROM part LEFT JOIN whole_files(ARRAY(SELECT file_id FROM part)) AS whole USING (file_id) ORDER BY file_id DESC
"""  # noqa: S608  # fixed texts


_NEWEST: Final = _query("ORDER BY f.file_id DESC LIMIT %(limit)s")
_ONE: Final = _query("AND f.file_id = %(file)s")
_PROBLEMS: Final[LiteralString] = f"""
SELECT p.line, p.severity, p.code, p.text, p.account_number FROM file_problem p JOIN account USING (account_id)
WHERE p.file_id = %(file)s AND {MINE}
UNION ALL
SELECT line, severity, code, text, '' FROM notes_of_whole_file(%(file)s)
ORDER BY severity, line, text LIMIT %(limit)s
"""  # noqa: S608  # fixed texts


async def newest(connection: AsyncConnection[TupleRow], scope: Scope, limit: int) -> list[dict[str, Any]]:
    """Return the newest files that the reader may see, newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_NEWEST, scope.parameters() | {"limit": limit})
        return [_visible(row) async for row in cursor]


async def get(connection: AsyncConnection[TupleRow], scope: Scope, file_id: int, limit: int) -> dict[str, Any] | None:
    """Return one file with its `problems`, at most `limit`, holds first; None if the reader may not see it."""
    names = scope.parameters() | {"file": file_id, "limit": limit}
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_ONE, names)).fetchone()
        if row is None:
            return None
        problems = await (await cursor.execute(_PROBLEMS, names)).fetchall()
        return _visible(row) | {"problems": problems}


def _visible(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with counts and reason of the whole file, or else of the reader's own accounts."""
    if row["is_whole"]:
        return row | {name: row[f"all_{name}"] for name in ("accounts", "held")}
    row["records_total"] = row["records_done"] = row["records"]
    if row["status"] == "REFUSED":
        row["reason"] = f"{row['reason_code']}: the file was refused as a whole, nothing of it was applied"
    elif row["duplicate_of"] is not None:
        row["reason"] = f"already loaded as file {row['duplicate_of']}, nothing done"
    return row
