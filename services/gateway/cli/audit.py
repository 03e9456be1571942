"""`python -m services.gateway audit`: who did or saw what, one JSON object a line, newest first; or its check."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import typer
from psycopg import AsyncConnection

from services.gateway.settings import SERVICE
from services.gateway.store import audit
from shared.postgres.pool import BULK, arguments


def instant(text: str) -> str:
    """Return an instant in UTC as records write it.  Raises BadParameter when it is none or has no zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if found.tzinfo is None:
        raise typer.BadParameter("an instant needs its zone, e.g. 2026-01-02T15:04:05Z")
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def show(database_url: str, wanted: Mapping[str, Any]) -> None:
    """Print records.  wanted: the parameters of `audit.read`.  Ends the command with 1 when the database is away."""

    async def read(connection: AsyncConnection) -> int:
        for record in await audit.read(connection, **wanted):
            print(json.dumps(record, ensure_ascii=False))
        return 0

    _end(database_url, read)


def verify(database_url: str) -> None:
    """Print whether the chain of records is whole.  Ends the command with 1 when it is not, or the database is away."""
    _end(database_url, _verify)


async def _verify(connection: AsyncConnection) -> int:
    broken = await audit.broken_at(connection)
    head = await audit.head(connection)
    if broken is not None:
        print(f"broken at record {broken}: it, or one before it, was changed or taken away", file=sys.stderr)
        return 1
    print(f"whole: {head.seq} records, head {head.hash} (compare with audit.head in logs kept elsewhere)")
    return 0


def _end(database_url: str, work: Callable[[AsyncConnection], Awaitable[int]]) -> None:
    async def connected() -> int:
        try:
            async with await AsyncConnection.connect(database_url, **arguments(SERVICE, BULK, "audit")) as connection:
                return await work(connection)
        except psycopg.Error as error:
            print(f"the audit log cannot be read: {error}", file=sys.stderr)
            return 1

    raise typer.Exit(asyncio.run(connected()))
