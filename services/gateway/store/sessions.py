"""Rows of sessions. Ids are hashed by the caller; whether a row is still valid is decided in domain.session."""

from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.gateway.domain.session import SessionLimits
from shared.contracts.principal import Principal

_FIND = """
SELECT session.started_at, session.used_at, session.id_token,
       app_user.subject, app_user.name, app_user.roles, app_user.enterprises, app_user.advisors
FROM session JOIN app_user USING (subject) WHERE session.id_hash = %s
"""


@dataclass(frozen=True)
class SessionRow:
    """A session with its user's present entitlements."""

    started: datetime
    used: datetime
    id_token: str
    principal: Principal


async def insert(
    connection: AsyncConnection[TupleRow], id_hash: bytes, subject: str, id_token: str, now: datetime
) -> None:
    """Add a session that starts now; repeating it has no effect."""
    await connection.execute(
        "INSERT INTO session (id_hash, subject, id_token, started_at, used_at) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (id_hash) DO NOTHING",
        [id_hash, subject, id_token, now, now],
    )


async def find(connection: AsyncConnection[TupleRow], id_hash: bytes) -> SessionRow | None:
    """Return the session's row, or None if there is none."""
    row = await (await connection.execute(_FIND, [id_hash])).fetchone()
    if row is None:
        return None
    names = ("subject", "name", "roles", "enterprises", "advisors")
    return SessionRow(row[0], row[1], row[2], Principal.model_validate(dict(zip(names, row[3:], strict=True))))


async def touch(connection: AsyncConnection[TupleRow], id_hash: bytes, now: datetime) -> None:
    """Store the time of the last use."""
    await connection.execute("UPDATE session SET used_at = %s WHERE id_hash = %s", [now, id_hash])


async def delete(connection: AsyncConnection[TupleRow], id_hash: bytes) -> None:
    """End a session."""
    await connection.execute("DELETE FROM session WHERE id_hash = %s", [id_hash])


async def delete_ended(connection: AsyncConnection[TupleRow], now: datetime, limits: SessionLimits) -> None:
    """Delete sessions that have ended by time."""
    await connection.execute(
        "DELETE FROM session WHERE used_at <= %s OR started_at <= %s", [now - limits.idle, now - limits.absolute]
    )
