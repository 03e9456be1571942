"""Accounts, securities and approved trades as others have told us; the newest version of each wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from shared.contracts.platform import AccountChanged, SecurityChanged
from shared.contracts.succession import Admitted, Known, admit, content_of

_FIELDS: Final = (
    "account_id", "version", "enterprise_id", "advisor_id", "custodian", "account_number", "apm_sleeve_id",
    "tax_household_id", "taxable", "content",
)  # fmt: skip
_ACCOUNT: Final = ", ".join(_FIELDS)
_MERGE_ACCOUNTS: Final = (
    f"INSERT INTO account ({_ACCOUNT}) SELECT {_ACCOUNT} FROM fresh ORDER BY account_id"  # noqa: S608  # names
    " ON CONFLICT (account_id) DO UPDATE SET (version, enterprise_id, advisor_id, custodian, account_number,"
    " apm_sleeve_id, tax_household_id, taxable, content) = (excluded.version, excluded.enterprise_id,"
    " excluded.advisor_id, excluded.custodian, excluded.account_number, excluded.apm_sleeve_id,"
    " excluded.tax_household_id, excluded.taxable, excluded.content) WHERE account.version < excluded.version"
).encode()


@dataclass(frozen=True)
class KnownAccount:
    """An account at a custodian. content: digest of what is stored of it, None when nothing is or it is held."""

    account_id: str
    account_number: str
    apm_sleeve_id: str
    content: bytes | None


async def save_securities(
    connection: AsyncConnection[TupleRow], events: Sequence[SecurityChanged]
) -> Admitted[SecurityChanged]:
    """Store the securities unless a newer version is there; return what was admitted and what was refused."""
    query = "SELECT security_id, version, content FROM security WHERE security_id = ANY(%s)"
    known = await _known(connection, query, [one.security_id for one in events])
    admitted = admit(events, lambda one: one.security_id, known)
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO security (security_id, version, kind, content) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (security_id) DO UPDATE SET version = excluded.version, kind = excluded.kind,"
            " content = excluded.content WHERE security.version < excluded.version",
            [(one.security_id, one.version, one.kind, content_of(one)) for one in admitted.newest],
        )
    return admitted


async def _known(connection: AsyncConnection[TupleRow], query: str, names: Sequence[str]) -> dict[str, Known]:
    rows = await (await connection.execute(query.encode(), [list(names)])).fetchall()
    return {name: Known(version, content) for name, version, content in rows}


async def save_accounts(
    connection: AsyncConnection[TupleRow], events: Sequence[AccountChanged]
) -> Admitted[AccountChanged]:
    """Store the accounts unless a newer version is there; return what was admitted and what was refused."""
    query = "SELECT account_id, version, content FROM account WHERE account_id = ANY(%s)"
    known = await _known(connection, query, [one.account_id for one in events])
    admitted = admit(events, lambda one: one.account_id, known)
    async with connection.cursor() as cursor:
        await cursor.execute("CREATE TEMP TABLE fresh (LIKE account) ON COMMIT DROP")
        async with cursor.copy(f"COPY fresh ({_ACCOUNT}) FROM STDIN".encode()) as copy:
            for one in admitted.newest:
                names = (one.enterprise_id, one.advisor_id, one.custodian, one.account_number, one.apm_sleeve_id)
                household = (one.tax_household_id, one.custody == "TAXABLE")
                await copy.write_row((one.account_id, one.version, *names, *household, content_of(one)))
        await cursor.execute(_MERGE_ACCOUNTS)
    return admitted


async def save_approved(connection: AsyncConnection[TupleRow], rows: Sequence[tuple[Any, ...]]) -> None:
    """Store approved sleeve trades, once each.

    A row is (account, epoch, security, sleeve, trade date, micro-units, micro-units of it crossed).
    """
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO approved_trade (account_id, epoch, security_id, sleeve_id, trade_date, quantity_micro,"
            " crossed_micro, file_before) SELECT t.*, h.file_id"
            " FROM (VALUES (%s, %s::int, %s, %s, %s::date, %s::bigint, %s::bigint)) AS t (account_id)"
            " LEFT JOIN holding h USING (account_id) ON CONFLICT DO NOTHING",
            rows,
        )


def securities(connection: Connection[TupleRow]) -> frozenset[str]:
    """Return every security of the master."""
    return frozenset(row[0] for row in connection.execute("SELECT security_id FROM security"))


def custodians(connection: Connection[TupleRow]) -> frozenset[str]:
    """Return every custodian that an account of ours names."""
    return frozenset(row[0] for row in connection.execute("SELECT DISTINCT custodian FROM account"))


def accounts_at(connection: Connection[TupleRow], custodian: str) -> list[KnownAccount]:
    """Return all accounts at a custodian with the digest of what is stored of each."""
    rows = connection.execute(
        "SELECT a.account_id, a.account_number, a.apm_sleeve_id, CASE WHEN h.hold_code IS NULL THEN h.content END"
        " FROM account a LEFT JOIN holding h USING (account_id) WHERE a.custodian = %s ORDER BY a.account_number",
        (custodian,),
    )
    return [KnownAccount(*row) for row in rows]


def approved_buys(
    connection: Connection[TupleRow], accounts: Sequence[str], since: date
) -> list[tuple[str, str, str, int]]:
    """Return (account, security, sleeve, micro-units to market) of buys approved on or after `since`."""
    rows = connection.execute(
        "SELECT account_id, security_id, sleeve_id, sum(quantity_micro - crossed_micro)::bigint FROM approved_trade"
        " WHERE account_id = ANY(%s) AND trade_date >= %s GROUP BY 1, 2, 3"
        " HAVING sum(quantity_micro - crossed_micro) > 0 ORDER BY 1, 2, 3",
        (list(accounts), since),
    )
    return [(account, security, sleeve, int(units)) for account, security, sleeve, units in rows]
