"""What was put aside because the service or the broker could not deal with it, and having it tried again.

`parked` lists batches at which a sweep failed and outbox rows that the broker refuses for ever; `release` has them
tried again at once, after the cause was mended.
"""

import asyncio

import typer

from services.batch.settings import Settings
from services.batch.store import parking
from services.batch.store.database import Database, driver
from shared.contracts.tenancy import SYSTEM
from shared.oncall import outages
from shared.outbox import rows as outbox_rows
from shared.postgres.commits import until_known


def list_parked(settings: Settings) -> None:
    """Print batches and messages that are put aside.  Ends the command when the database is away."""
    with outages.reported():
        asyncio.run(_list(settings))


def release(settings: Settings, kind: str, ids: list[int]) -> None:
    """Have batches ("batch") or outbox rows ("message") tried again; always exits, with 1 when one is not put aside."""
    with outages.reported():
        missing = asyncio.run(_release_all(settings, kind, ids))
    for number in missing:
        print(f"{kind} {number}: is not put aside")
    raise typer.Exit(1 if missing else 0)


async def _list(settings: Settings) -> None:
    async with (
        Database(settings.database_url, settings.requests_database_url) as database,
        database.transaction(SYSTEM) as connection,
    ):
        batches = await parking.parked(connection)
        messages = await outbox_rows.parked(await driver(connection))
    for row in batches:
        print(
            f"batch {row.batch_id}: since {row.parked_at:%Y-%m-%d %H:%M:%S}, failed {row.failures} times,"
            f" tried again at {row.again_at:%Y-%m-%d %H:%M:%S} UTC or when released: {row.reason}"
        )
    for message in messages:
        print(
            f"message {message['id']}: of {message['created_at']:%Y-%m-%d %H:%M:%S}, {message['topic']} key"
            f" {message['key']}, {message['bytes']} bytes: {message['reason']}"
        )
    if not batches and not messages:
        print("nothing is put aside")


async def _release_all(settings: Settings, kind: str, ids: list[int]) -> list[int]:
    """Return which of them are not put aside."""
    async with Database(settings.database_url, settings.requests_database_url) as database:
        return [number for number in ids if not await _release(database, kind, number)]


async def _release(database: Database, kind: str, number: int) -> bool:
    async def released() -> bool:
        async with database.transaction(SYSTEM) as connection:
            if kind == "batch":
                return await parking.release(connection, number)
            return await outbox_rows.release(await driver(connection), number)

    return await until_known(released)
