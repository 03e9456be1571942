"""`python -m services.gateway audit`: who did or saw what, an object a line, newest first; or: is the chain whole."""

import argparse
import json
import sys
from datetime import UTC, datetime

import psycopg
from psycopg import AsyncConnection

from services.gateway.store import audit
from shared.postgres.pool import BULK, arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--subject", help="only what this user did or saw")
    parser.add_argument("--id", help="only what is about this account, batch, file or user")
    parser.add_argument("--since", type=_instant, help="from this instant, e.g. 2026-01-02T15:04:05Z")
    parser.add_argument("--until", type=_instant, help="before this instant")
    parser.add_argument("--limit", type=int, default=1000, help="at most so many (default: 1000)")
    parser.add_argument("--verify", action="store_true", help="look whether a record was changed or taken away")


async def main(database_url: str, wanted: argparse.Namespace) -> int:
    """Do it and return the exit code: 1 when the chain is broken or the database does not answer."""
    try:
        async with await AsyncConnection.connect(database_url, **arguments("gateway", BULK, "audit")) as connection:
            return await (_verify(connection) if wanted.verify else _show(connection, wanted))
    except psycopg.Error as error:
        print(f"the audit log cannot be read: {error}", file=sys.stderr)
        return 1


async def _show(connection: AsyncConnection, wanted: argparse.Namespace) -> int:
    names = ("subject", "id", "since", "until", "limit")
    for record in await audit.read(connection, **{name: getattr(wanted, name) for name in names}):
        print(json.dumps(record, ensure_ascii=False))
    return 0


async def _verify(connection: AsyncConnection) -> int:
    broken = await audit.broken_at(connection)
    head = await audit.head(connection)
    if broken is not None:
        print(f"broken at record {broken}: it, or one before it, was changed or taken away", file=sys.stderr)
        return 1
    print(f"whole: {head.seq} records, head {head.hash} (compare with audit.head in logs kept elsewhere)")
    return 0


def _instant(text: str) -> str:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs its zone, e.g. 2026-01-02T15:04:05Z")
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
