"""`python -m services.taxlot republish holdings`: what every account holds, for a consumer that has lost some."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, LiteralString

import typer

from services.taxlot.intake.publish import publish_accounts
from services.taxlot.settings import SERVICE, Settings
from shared.kafka.publisher import Publisher
from shared.oncall import command_line, outages, republish
from shared.oncall.republish import AccountOption, Enterprise, Every, RepublishRequest
from shared.postgres import pool as db
from shared.runtime import log
from shared.runtime.clock import clock_of

app = command_line.group("Publish again what the store holds.")
_GROUP: Final = 2_000
_FROM: Final[LiteralString] = f" FROM holding h JOIN account a USING (account_id) WHERE {republish.FILTER}"
_COUNT: Final[LiteralString] = "SELECT count(*)" + _FROM
_NEXT: Final[LiteralString] = "SELECT a.account_id" + _FROM + " ORDER BY 1 LIMIT %(limit)s"


@app.command()
def holdings(
    context: typer.Context, every: Every = False, enterprise: Enterprise = None, account: AccountOption = None
) -> None:
    """Lots added up, cash and holds of each account, for the analyzer."""
    log.configure("taxlot-republish", "ERROR")
    request = republish.request("holdings", every, enterprise, account)
    with outages.reported():
        raise typer.Exit(asyncio.run(run(context.obj, request)))


async def run(settings: Settings, request: RepublishRequest) -> int:
    """Publish holdings again and return the exit code.  Raises what database and broker raise."""
    clock = clock_of(settings.clock_file)
    async with (
        db.pool(settings.database_url, SERVICE, size=2) as pool,
        Publisher(settings.broker, SERVICE, settings.gateway_url) as out,
    ):

        async def groups() -> AsyncIterator[int]:
            after = ""
            while True:
                async with pool.connection() as connection:
                    chosen = request.filters | {"after": after, "limit": _GROUP}
                    accounts = [str(row[0]) async for row in await connection.execute(_NEXT, chosen)]
                    if not accounts:
                        return
                    yield await publish_accounts(connection, out, accounts, clock.now())
                after = accounts[-1]

        async with pool.connection() as connection:
            counted = await (await connection.execute(_COUNT, request.filters | {"after": ""})).fetchone()
        return await republish.report(request, 0 if counted is None else int(counted[0]), groups())
