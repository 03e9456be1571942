"""Lots by account in bulk: the accounts of a file are gathered in temporary tables and merged in one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg import Connection
from psycopg.rows import TupleRow

_GATHER = """
CREATE TEMP TABLE fresh_lots (account_id text, document bytea) ON COMMIT DROP;
ALTER TABLE fresh_lots ALTER COLUMN document SET STORAGE EXTERNAL;
ALTER TABLE fresh_lots SET (toast_tuple_target = 8160);
CREATE TEMP TABLE covered (account_id text, cash_cents bigint, content bytea) ON COMMIT DROP;
CREATE TEMP TABLE held (account_id text, code text, text text) ON COMMIT DROP;
"""
_MERGE_LOTS = """
INSERT INTO lots (account_id, document)
SELECT f.account_id, f.document FROM fresh_lots f
WHERE NOT EXISTS (SELECT 1 FROM held h WHERE h.account_id = f.account_id)
ON CONFLICT (account_id) DO UPDATE SET document = excluded.document
"""
_MERGE_COVERED = """
INSERT INTO holding AS h (account_id, lots_version, as_of, file_id, cash_cents, content)
SELECT c.account_id, 1, %(as_of)s, %(file_id)s, c.cash_cents, c.content FROM covered c
WHERE NOT EXISTS (SELECT 1 FROM held x WHERE x.account_id = c.account_id)
ON CONFLICT (account_id) DO UPDATE SET
    lots_version = h.lots_version
        + CASE WHEN h.hold_code IS NOT NULL OR h.content IS DISTINCT FROM excluded.content THEN 1 ELSE 0 END,
    as_of = excluded.as_of, file_id = excluded.file_id, cash_cents = excluded.cash_cents, content = excluded.content,
    hold_code = NULL, hold_text = NULL
"""
_MERGE_HELD = """
INSERT INTO holding AS h (account_id, lots_version, as_of, file_id, hold_code, hold_text)
SELECT account_id, 1, %(as_of)s, %(file_id)s, code, text FROM held
ON CONFLICT (account_id) DO UPDATE SET
    lots_version = h.lots_version + 1, file_id = excluded.file_id,
    hold_code = excluded.hold_code, hold_text = excluded.hold_text
"""


@dataclass(frozen=True)
class CoveredAccount:
    """A good account of a file: its cash and the digest of its lots and cash."""

    account_id: str
    cash_cents: int
    content: bytes


def start_gathering(connection: Connection[TupleRow]) -> None:
    """Create the temporary tables; they end with the transaction."""
    connection.execute(_GATHER)


def gather_documents(connection: Connection[TupleRow], rows: Iterable[tuple[str, bytes]]) -> None:
    """Add changed documents: (account, document)."""
    with connection.cursor() as cursor, cursor.copy("COPY fresh_lots FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "bytea"])
        for row in rows:
            copy.write_row(row)


def gather_covered(connection: Connection[TupleRow], rows: Iterable[CoveredAccount]) -> None:
    """Add the good accounts of a block."""
    with connection.cursor() as cursor, cursor.copy("COPY covered FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "int8", "bytea"])
        for account in rows:
            copy.write_row((account.account_id, account.cash_cents, account.content))


def merge(
    connection: Connection[TupleRow], file_id: int, as_of: date, held: Sequence[tuple[str, str, str]]
) -> tuple[int, int]:
    """Apply what was gathered; return how many accounts are good and how many documents changed.

    held: (account, code, sentence) of every account the file holds; a hold wins over lots of the same file.
    """
    with connection.cursor() as cursor:
        with cursor.copy("COPY held FROM STDIN") as copy:
            for row in held:
                copy.write_row(row)
        cursor.execute("ANALYZE fresh_lots (account_id); ANALYZE covered; ANALYZE held")
        names = {"file_id": file_id, "as_of": as_of}
        changed = cursor.execute(_MERGE_LOTS).rowcount
        covered = cursor.execute(_MERGE_COVERED, names).rowcount
        cursor.execute(_MERGE_HELD, names)
    return covered, changed


def documents(connection: Connection[TupleRow], accounts: Sequence[str]) -> dict[str, bytes]:
    """Return the stored document of each account that has one."""
    rows = connection.execute(
        "SELECT account_id, document FROM lots WHERE account_id = ANY(%s)", (list(accounts),), binary=True
    )
    return {account: bytes(document) for account, document in rows}


def last_seen(connection: Connection[TupleRow], accounts: Sequence[str]) -> dict[str, date]:
    """Return the date of the last good file of each account that had one."""
    rows = connection.execute(
        "SELECT account_id, as_of FROM holding WHERE account_id = ANY(%s) AND content IS NOT NULL", (list(accounts),)
    )
    return dict(rows.fetchall())


def settled_later(
    connection: Connection[TupleRow], accounts: Sequence[str], file_id: int, data_date: date
) -> frozenset[str]:
    """Return the accounts of which the bytes that first came as this file no longer decide when they are read again.

    A later file has named them; or another one was their last, and a trade was approved on the data date or after it:
    whether before or after the bytes came is not known, and they would count as showing the trade.
    """
    rows = connection.execute(
        "SELECT account_id FROM holding h WHERE account_id = ANY(%s) AND (file_id > %s OR file_id < %s AND EXISTS"
        " (SELECT FROM approved_trade t WHERE t.account_id = h.account_id AND t.trade_date >= %s))",
        (list(accounts), file_id, file_id, data_date),
    )
    return frozenset(account for (account,) in rows)


def swap_reported_prices(
    connection: Connection[TupleRow], custodian: str, as_of: date, prices: dict[str, int]
) -> dict[str, int]:
    """Store the prices a file reports and return those the custodian reported before, in micro-dollars."""
    before: dict[str, int] = dict(
        connection.execute(
            "SELECT security_id, price_micro FROM reported_price WHERE custodian = %s", (custodian,)
        ).fetchall()
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO reported_price VALUES (%s, %s, %s, %s) ON CONFLICT (custodian, security_id)"
            " DO UPDATE SET price_micro = excluded.price_micro, data_date = excluded.data_date",
            [(custodian, security, price, as_of) for security, price in prices.items()],
        )
    return before
