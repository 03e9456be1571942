"""A command that is sent twice acts once: its response is kept under the sender's key, in the command's transaction.

A second request with the same key waits for the first one's transaction. A refused command keeps nothing, because it
changed nothing.  Source: operations 3, api "Idempotency-Key".
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.problems import KeyReused

KEPT: Final = timedelta(days=7)

_CLAIM = text(
    "INSERT INTO idempotency (subject, route, key, body_sha256, made_at)"
    " VALUES (:subject, :route, :key, :digest, :now) ON CONFLICT DO NOTHING"
)
_READ = text(
    "SELECT body_sha256, status, body, headers FROM idempotency"
    " WHERE subject = :subject AND route = :route AND key = :key"
)
_KEEP = text(
    "UPDATE idempotency SET status = :status, body = :body, headers = :headers"
    " WHERE subject = :subject AND route = :route AND key = :key"
)
# By the database's own clock, which set published_at.
_FORGET_SENT = text("DELETE FROM outbox WHERE published_at < clock_timestamp() - interval '3 days'")
_FORGET = text("DELETE FROM idempotency WHERE made_at < :before")


@dataclass(frozen=True)
class CommandKey:
    """An Idempotency-Key with its sender, path and body; the same key with another body is refused."""

    subject: str
    route: str
    key: str
    body: bytes

    def where(self) -> dict[str, str]:
        """Return the values of the primary key."""
        return {"subject": self.subject, "route": self.route, "key": self.key}


@dataclass(frozen=True)
class KeptResponse:
    """A response as it is sent. replayed: it was made for an earlier request with the same key."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    replayed: bool = False


async def claim(connection: AsyncConnection, key: CommandKey, now: datetime) -> KeptResponse | None:
    """Claim the key for this transaction; return the kept response if the command was done before.

    Raises KeyReused if the key was used with another body.
    """
    digest = hashlib.sha256(key.body).digest()
    done = await connection.execute(_CLAIM, {**key.where(), "digest": digest, "now": now})
    if done.rowcount == 1:
        return None
    row = (await connection.execute(_READ, key.where())).one()
    if bytes(row.body_sha256) != digest:
        raise KeyReused(
            "It carries the mark of another command, so nothing was done. Load the page again, then give it once more.",
            hint="this Idempotency-Key belongs to a request with another body; use a new key for a new command",
        )
    return KeptResponse(int(row.status), bytes(row.body), dict(row.headers), replayed=True)


async def keep(connection: AsyncConnection, key: CommandKey, response: KeptResponse) -> None:
    """Keep the response under the claimed key."""
    values = {
        **key.where(),
        "status": response.status,
        "body": response.body,
        "headers": orjson.dumps(dict(response.headers)).decode(),
    }
    await connection.execute(_KEEP, values)


async def forget(connection: AsyncConnection, now: datetime) -> None:
    """Drop responses kept for more than 7 days, and messages that were published more than 3 days ago."""
    await connection.execute(_FORGET, {"before": now - KEPT})
    await connection.execute(_FORGET_SENT)
