"""For people on call: what was put aside because the service or the broker could not deal with it, and trying it again.

`parked` lists batches at which a sweep failed and outbox rows that the broker refuses for ever; `release` has one tried
again at once, after its cause was mended.
"""

import argparse
from typing import Any

from services.batch.settings import Settings
from services.batch.store import parking
from services.batch.store.database import Database, driver
from shared.contracts.tenancy import SYSTEM
from shared.outbox import rows as outbox_rows
from shared.postgres.commits import until_known


def add_commands(commands: Any) -> None:
    """Add both commands to the parser's."""
    commands.add_parser("parked", help="list batches and messages that were put aside, with the reason of each")
    release = commands.add_parser("release", help="have what was put aside tried again at once")
    release.add_argument("kind", choices=("batch", "message"))
    release.add_argument("id", type=int, nargs="+", help="as `parked` lists them")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what the arguments say and return the exit code: 1 when something to be released is not put aside."""
    database = Database(settings.database_url, settings.requests_database_url)
    try:
        if arguments.command == "parked":
            await _list(database)
            return 0
        missing = [one for one in arguments.id if not await _release(database, arguments.kind, one)]
        for one in missing:
            print(f"{arguments.kind} {one}: is not put aside")
        return 1 if missing else 0
    finally:
        await database.close()


async def _list(database: Database) -> None:
    async with database.transaction(SYSTEM) as connection:
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


async def _release(database: Database, kind: str, number: int) -> bool:
    async def released() -> bool:
        async with database.transaction(SYSTEM) as connection:
            if kind == "batch":
                return await parking.release(connection, number)
            return await outbox_rows.release(await driver(connection), number)

    return await until_known(released)
