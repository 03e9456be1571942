"""`python -m services.taxlot republish holdings`: what every account holds, for whoever has lost some."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, LiteralString

from services.taxlot.intake.publish import publish_accounts
from services.taxlot.settings import Settings
from shared.kafka.publisher import Publisher
from shared.oncall import republish
from shared.oncall.republish import Wanted
from shared.postgres import pool as db
from shared.runtime import log
from shared.runtime.clock import clock_of

KINDS: Final = {"holdings": "lots added up, cash and holds of each account, for the analyzer"}
_GROUP: Final = 2_000
_FROM: Final[LiteralString] = f" FROM holding h JOIN account a USING (account_id) WHERE {republish.FILTER}"
_COUNT: Final[LiteralString] = "SELECT count(*)" + _FROM
_NEXT: Final[LiteralString] = "SELECT a.account_id" + _FROM + " ORDER BY 1 LIMIT %(most)s"


def main(settings: Settings, arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code.  Raises what database and broker raise."""
    wanted = republish.parse("taxlot", KINDS, arguments)
    log.configure("taxlot-republish", "ERROR")
    return asyncio.run(run(settings, wanted))


async def run(settings: Settings, wanted: Wanted) -> int:
    """Publish again what is wanted."""
    clock = clock_of(settings.clock_file)
    async with db.pool(settings.database_url, "taxlot", size=2) as pool, Publisher(settings.kafka_url, "taxlot") as out:

        async def groups() -> AsyncIterator[int]:
            after = ""
            while True:
                async with pool.connection() as connection:
                    chosen = wanted.filters | {"after": after, "most": _GROUP}
                    accounts = [str(row[0]) async for row in await connection.execute(_NEXT, chosen)]
                    if not accounts:
                        return
                    yield await publish_accounts(connection, out, accounts, clock.now())
                after = accounts[-1]

        async with pool.connection() as connection:
            counted = await (await connection.execute(_COUNT, wanted.filters | {"after": ""})).fetchone()
        return await republish.report(wanted, 0 if counted is None else int(counted[0]), groups())
