"""Accounts, securities and approved trades from other services; the newest version of each wins."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import orjson
from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from services.taxlot.domain.sender import KnownAccount, Sender
from services.taxlot.domain.treatment import SecurityFacts
from shared.contracts.codes import HoldingRole
from shared.contracts.holding_roles import packed_roles, price_divisor
from shared.contracts.platform import AccountChanged, SecurityChanged
from shared.contracts.succession import Admitted, Known, admit, content_of

_FIELDS: Final = (
    "account_id", "version", "enterprise_id", "advisor_id", "custodian", "account_number", "apm_sleeve_id",
    "tax_household_id", "taxable", "holding_roles", "content",
)  # fmt: skip
_ACCOUNT: Final = ", ".join(_FIELDS)
_MERGE_ACCOUNTS: Final = (
    f"INSERT INTO account ({_ACCOUNT}) SELECT {_ACCOUNT} FROM fresh ORDER BY account_id"  # noqa: S608  # names
    " ON CONFLICT (account_id) DO UPDATE SET (version, enterprise_id, advisor_id, custodian, account_number,"
    " apm_sleeve_id, tax_household_id, taxable, holding_roles, content) ="
    " (excluded.version, excluded.enterprise_id,"
    " excluded.advisor_id, excluded.custodian, excluded.account_number, excluded.apm_sleeve_id,"
    " excluded.tax_household_id, excluded.taxable, excluded.holding_roles, excluded.content)"
    " WHERE account.version < excluded.version"
).encode()


async def save_securities(
    connection: AsyncConnection[TupleRow], events: Sequence[SecurityChanged]
) -> Admitted[SecurityChanged]:
    """Store the securities unless a newer version is stored; return which were admitted and which refused."""
    query = "SELECT security_id, version, content FROM security WHERE security_id = ANY(%s)"
    known = await _known(connection, query, [event.security_id for event in events])
    admitted = admit(events, lambda event: event.security_id, known)
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO security (security_id, version, kind, roles, price_divisor, content)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (security_id) DO UPDATE SET version = excluded.version,"
            " kind = excluded.kind, roles = excluded.roles, price_divisor = excluded.price_divisor,"
            " content = excluded.content WHERE security.version < excluded.version",
            [
                (
                    event.security_id,
                    event.version,
                    event.kind,
                    packed_roles(event),
                    price_divisor(event),
                    content_of(event),
                )
                for event in admitted.newest
            ],
        )
    return admitted


async def _known(connection: AsyncConnection[TupleRow], query: str, names: Sequence[str]) -> dict[str, Known]:
    rows = await (await connection.execute(query.encode(), [list(names)])).fetchall()
    return {name: Known(version, content) for name, version, content in rows}


async def save_accounts(
    connection: AsyncConnection[TupleRow], events: Sequence[AccountChanged]
) -> Admitted[AccountChanged]:
    """Store the accounts unless a newer version is stored; return which were admitted and which refused."""
    query = "SELECT account_id, version, content FROM account WHERE account_id = ANY(%s)"
    known = await _known(connection, query, [event.account_id for event in events])
    admitted = admit(events, lambda event: event.account_id, known)
    async with connection.cursor() as cursor:
        await cursor.execute("CREATE TEMP TABLE fresh (LIKE account) ON COMMIT DROP")
        async with cursor.copy(f"COPY fresh ({_ACCOUNT}) FROM STDIN".encode()) as copy:
            for event in admitted.newest:
                names = (event.enterprise_id, event.advisor_id, event.custodian, event.account_number)
                household = (event.apm_sleeve_id, event.tax_household_id, event.custody == "TAXABLE")
                roles = {own.security_id: int(HoldingRole[own.role]) for own in event.holding_roles}
                said = orjson.dumps(roles).decode() if roles else None
                await copy.write_row((event.account_id, event.version, *names, *household, said, content_of(event)))
        await cursor.execute(_MERGE_ACCOUNTS)
    return admitted


async def save_approved(connection: AsyncConnection[TupleRow], rows: Sequence[tuple[Any, ...]]) -> None:
    """Store approved sleeve trades, once each.

    A row is (account, epoch, security, sleeve, trade date, micro-units, micro-units of it crossed, instant of the
    approval).  Without the instant, the file that an account has now counts as the one it had before its approval.
    """
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO approved_trade (account_id, epoch, security_id, sleeve_id, trade_date, quantity_micro,"
            " crossed_micro, decided_at, file_before) SELECT t.*, h.file_id"
            " FROM (VALUES (%s, %s::int, %s, %s, %s::date, %s::bigint, %s::bigint, %s::timestamptz)) AS t (account_id)"
            " LEFT JOIN holding h USING (account_id) ON CONFLICT DO NOTHING",
            rows,
        )


def securities(connection: Connection[TupleRow]) -> dict[str, SecurityFacts]:
    """Return every security of the master."""
    kinds: dict[tuple[int, int], SecurityFacts] = {}
    rows = connection.execute("SELECT security_id, roles, price_divisor FROM security")
    return {name: kinds.setdefault((roles, by), SecurityFacts(roles, by)) for name, roles, by in rows}


def accounts_at(connection: Connection[TupleRow], custodian: str, sender: Sender) -> list[KnownAccount]:
    """Return the accounts at a custodian that a sender's file may change, by account number."""
    rows = connection.execute(
        "SELECT a.account_id, a.account_number, a.apm_sleeve_id, a.enterprise_id, a.advisor_id,"
        " CASE WHEN h.content IS NOT NULL THEN h.as_of END, CASE WHEN h.hold_code IS NULL THEN h.content END,"
        " a.holding_roles"
        " FROM account a LEFT JOIN holding h USING (account_id) WHERE a.custodian = %(custodian)s"
        " AND (%(enterprises)s::text[] IS NULL OR a.enterprise_id = ANY(%(enterprises)s))"
        " AND (%(advisors)s::text[] IS NULL OR a.advisor_id = ANY(%(advisors)s)) ORDER BY a.account_number",
        {"custodian": custodian, "enterprises": listed(sender.enterprises), "advisors": listed(sender.advisors)},
    )
    owners: dict[tuple[str, str], tuple[str, str]] = {}
    return [
        KnownAccount(account, number, sleeve, owners.setdefault((enterprise, advisor), (enterprise, advisor)), *rest)
        for account, number, sleeve, enterprise, advisor, *rest in rows
    ]


def listed(names: tuple[str, ...] | None) -> list[str] | None:
    """Return names as a list, which the driver passes as an array."""
    return None if names is None else list(names)


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


def traded_since(connection: Connection[TupleRow], accounts: Sequence[KnownAccount]) -> dict[str, set[str]]:
    """Return by account the securities in which trades were approved on or after the date of its last good file."""
    rows = connection.execute(
        "SELECT DISTINCT t.account_id, t.security_id FROM approved_trade t"
        " JOIN unnest(%s::text[], %s::date[]) AS a (account_id, as_of) USING (account_id)"
        " WHERE t.trade_date >= a.as_of",
        ([account.account_id for account in accounts], [account.as_of for account in accounts]),
    )
    traded: dict[str, set[str]] = {}
    for account, security in rows:
        traded.setdefault(account, set()).add(security)
    return traded
