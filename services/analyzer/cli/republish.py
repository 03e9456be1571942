"""`python -m services.analyzer republish flags`: the stored flags, for a consumer that has lost some."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final, LiteralString

import numpy as np
import typer

from services.analyzer.columns import flags as publish
from services.analyzer.operations.evaluate import CHUNK, Evaluator
from services.analyzer.settings import SERVICE, Settings
from services.analyzer.store import flags
from services.analyzer.store.database import Database
from services.analyzer.store.names import Names
from shared.kafka.isolation import halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.oncall import command_line, outages, republish
from shared.oncall.republish import Accounts, Enterprise, Every, Public, RepublishRequest
from shared.runtime import log
from shared.runtime.clock import clock_of

app = command_line.group("Publish again what the store holds.")
_FROM: Final[LiteralString] = f" FROM flag f JOIN account_facts a USING (account_id) WHERE {republish.FILTER}"
_COUNT: Final[LiteralString] = "SELECT count(*)" + _FROM
_NEXT: Final[LiteralString] = "SELECT a.account_id" + _FROM + " ORDER BY 1 LIMIT %(limit)s"


@app.command("flags")
def republish_flags(
    context: typer.Context,
    every: Every = False,
    enterprise: Enterprise = None,
    account: Accounts = None,
    public: Public = False,
) -> None:
    """The newest flag of each account, for batch."""
    log.configure("analyzer-republish", "ERROR")
    request = republish.request("flags", every, enterprise, account, public)
    with outages.reported():
        raise typer.Exit(asyncio.run(run(context.obj, request)))


async def run(settings: Settings, request: RepublishRequest) -> int:
    """Publish flags again and return the exit code.  Raises what database and broker raise."""
    async with Database(settings.database_url, size=2) as database, Publisher(settings.kafka_url, SERVICE) as out:
        names, clock = Names(database), clock_of(settings.clock_file)
        evaluator = Evaluator(database, names, clock, settings)

        def told(accounts: Sequence[str]) -> list[Outgoing]:
            with database.session() as session:
                stored = flags.read(session, accounts)
                ids, at = evaluator.ids_of(session, stored), clock.now()
                chunks = publish.flag_chunks(stored, ids, at)
                every = replace(stored, announced=np.zeros(len(stored), bool))
                return [*chunks, *publish.public_events(every, ids)] if request.public else chunks

        def untold(alone: Sequence[str], error: Exception) -> list[Outgoing]:
            note_account_fault(alone[0], error)
            return []

        def some(after: str) -> tuple[list[str], list[Outgoing]]:
            with database.session() as session:
                chosen = request.filters | {"after": after, "limit": CHUNK}
                accounts = [str(row[0]) for row in session.execute(_NEXT, chosen)]
            named: Sequence[str] = accounts
            parts = isolate("tell flags", named, halves, told, untold) if accounts else []
            return accounts, [message for part in parts for message in part]

        async def groups() -> AsyncIterator[int]:
            after = ""
            while (found := await asyncio.to_thread(some, after))[0]:
                await out.send(found[1])
                yield len(found[0])
                after = found[0][-1]

        with database.session() as session:
            counted = session.execute(_COUNT, request.filters | {"after": ""}).fetchone()
        return await republish.report(request, 0 if counted is None else int(counted[0]), groups())
