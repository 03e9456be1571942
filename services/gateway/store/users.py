"""Users and their entitlements: the issuer authenticates a subject, this table holds what it may see and do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.contracts.principal import Principal

_UPSERT = """
INSERT INTO app_user (subject, name, roles, enterprises, advisors, changed_at)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (subject) DO UPDATE
SET name = excluded.name, roles = excluded.roles, enterprises = excluded.enterprises,
    advisors = excluded.advisors, changed_at = excluded.changed_at
"""


async def put(connection: AsyncConnection[TupleRow], users: Sequence[Principal], now: datetime) -> None:
    """Add users or replace their entitlements; open sessions follow at their next request."""
    rows = [(user.subject, user.name, user.roles, user.enterprises, user.advisors, now) for user in users]
    async with connection.cursor() as cursor:
        await cursor.executemany(_UPSERT, rows)


async def is_known(connection: AsyncConnection[TupleRow], subject: str) -> bool:
    """Whether the subject has any role."""
    found = await connection.execute("SELECT cardinality(roles) > 0 FROM app_user WHERE subject = %s", [subject])
    row = await found.fetchone()
    return row is not None and bool(row[0])


async def rights(connection: AsyncConnection[TupleRow], subjects: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the present entitlements of users, by subject."""
    query = "SELECT subject, roles, enterprises, advisors FROM app_user WHERE subject = ANY(%s)"
    rows = await (await connection.execute(query, [list(subjects)])).fetchall()
    return {row[0]: dict(zip(("roles", "enterprises", "advisors"), row[1:], strict=True)) for row in rows}
