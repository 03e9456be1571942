"""Accounts, flags and finished analyses from other services: bulk upserts; the newest version wins.

Every flag is stored, also those of accounts in a batch and those of an older epoch; the queue is a view over them.
Source: architecture "View".
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store.database import copy_table
from services.batch.store.tables import ACCOUNT, FLAG, FLAG_DETAIL
from shared.contracts.events import AnalysisCompleted
from shared.contracts.platform import AccountChanged
from shared.contracts.succession import Admitted, Known, admit, content_of

_ACCOUNT_FIELDS: Final = (
    "account_id", "version", "enterprise_id", "advisor_id", "account_number", "name", "custodian", "custody",
    "tax_household_id", "content",
)  # fmt: skip
_FLAG_FIELDS: Final = tuple(column.name for column in FLAG.c)
_DETAIL_FIELDS: Final = tuple(column.name for column in FLAG_DETAIL.c)


def _upsert(table: str, source: str, fields: Sequence[str], version: str) -> str:
    listed = ", ".join(fields)
    changed = ", ".join(f"{field} = excluded.{field}" for field in fields if field != "account_id")
    return (
        f"INSERT INTO {table} ({listed}) SELECT DISTINCT ON (account_id) {listed} FROM {source}"  # noqa: S608  # names
        f" ORDER BY account_id, {version} DESC"
        f" ON CONFLICT (account_id) DO UPDATE SET {changed} WHERE {table}.{version} < excluded.{version}"
    )


_KNOWN = text("SELECT account_id, version, content FROM account WHERE account_id = ANY(:accounts)")
_PUT_ACCOUNTS = text(_upsert(ACCOUNT.name, "incoming_account", _ACCOUNT_FIELDS, "version"))
_PUT_FLAGS = text(_upsert(FLAG.name, "incoming_flag", _FLAG_FIELDS, "flag_version"))
_PUT_DETAILS = text(_upsert(FLAG_DETAIL.name, "incoming_detail", _DETAIL_FIELDS, "flag_version"))
_PUT_ANALYSIS = text(
    "INSERT INTO analysis (enterprise_id, advisor_id, run_id, version, accounts, seen_at)"
    " VALUES (:enterprise_id, :advisor_id, :run_id, :version, :accounts, :seen_at)"
    " ON CONFLICT (enterprise_id, advisor_id) DO UPDATE SET run_id = excluded.run_id, version = excluded.version,"
    " accounts = excluded.accounts, seen_at = excluded.seen_at WHERE analysis.version < excluded.version"
)


async def put_accounts(
    connection: AsyncConnection,
    accounts: Sequence[AccountChanged],
    lock_batches: Callable[[AsyncConnection], Awaitable[None]] | None = None,
) -> Admitted[AccountChanged]:
    """Store accounts and return which were admitted and refused. This service's epoch and last rebalance stay.

    lock_batches: awaited once the accounts are in `incoming_account` and before any is stored, because the locks of
    batches precede those of accounts everywhere.
    """
    ids = {"accounts": [account.account_id for account in accounts]}
    known = {name: Known(version, content) for name, version, content in await connection.execute(_KNOWN, ids)}
    admitted = admit(accounts, lambda account: account.account_id, known)
    if not admitted.newest:
        return admitted
    columns = {field: [getattr(account, field) for account in admitted.newest] for field in _ACCOUNT_FIELDS[:-1]}
    rows = pa.table(columns | {"content": [rf"\x{content_of(account).hex()}" for account in admitted.newest]})
    await copy_table(
        connection,
        "incoming_account",
        f"SELECT {', '.join(_ACCOUNT_FIELDS)} FROM account",  # noqa: S608  # column names
        rows,
    )
    if lock_batches is not None:
        await lock_batches(connection)
    await connection.execute(_PUT_ACCOUNTS)
    return admitted


async def put_flags(connection: AsyncConnection, flags: pa.Table, details: pa.Table) -> None:
    """Store flags and the details of those that have any; `incoming_flag` holds the flags until the transaction ends.

    flags: columns of the table flag; details: of flag_detail.
    """
    await copy_table(connection, "incoming_flag", "SELECT * FROM flag", flags.select(list(_FLAG_FIELDS)))
    await connection.execute(_PUT_FLAGS)
    if details.num_rows:
        like = "SELECT * FROM flag_detail"
        await copy_table(connection, "incoming_detail", like, details.select(list(_DETAIL_FIELDS)))
        await connection.execute(_PUT_DETAILS)


async def put_analysis(connection: AsyncConnection, done: AnalysisCompleted, seen_at: datetime) -> None:
    """Store that an analysis of an enterprise's accounts has ended, by advisor; a repeated event changes nothing."""
    values: list[dict[str, Any]] = [
        {
            "enterprise_id": done.enterprise_id, "advisor_id": advisor.advisor_id, "run_id": done.run_id,
            "version": done.version, "accounts": advisor.accounts, "seen_at": seen_at,
        }
        for advisor in done.advisors
    ]  # fmt: skip
    if values:
        await connection.execute(_PUT_ANALYSIS, values)
