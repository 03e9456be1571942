"""`python -m services.analyzer republish flags`: every flag as it stands, for whoever has lost some."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final, LiteralString

import numpy as np

from services.analyzer.columns import flags as publish
from services.analyzer.operations.evaluate import CHUNK, Evaluator
from services.analyzer.settings import Settings
from services.analyzer.store import flags
from services.analyzer.store.database import Database
from services.analyzer.store.names import Names
from shared.kafka.isolation import apart, cannot, halves
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.oncall import republish
from shared.oncall.republish import Wanted
from shared.runtime import log
from shared.runtime.clock import clock_of

KINDS: Final = {"flags": "the newest flag of each account, for batch"}
_FROM: Final[LiteralString] = f" FROM flag f JOIN account_facts a USING (account_id) WHERE {republish.FILTER}"
_COUNT: Final[LiteralString] = "SELECT count(*)" + _FROM
_NEXT: Final[LiteralString] = "SELECT a.account_id" + _FROM + " ORDER BY 1 LIMIT %(most)s"


def main(settings: Settings, arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code.  Raises what database and broker raise."""
    wanted = republish.parse("analyzer", KINDS, arguments, public=True)
    log.configure("analyzer-republish", "ERROR")
    return asyncio.run(run(settings, wanted))


async def run(settings: Settings, wanted: Wanted) -> int:
    """Publish again what is wanted."""
    async with Database(settings.database_url, size=2) as database, Publisher(settings.kafka_url, "analyzer") as out:
        names, clock = Names(database), clock_of(settings.clock_file)
        evaluator = Evaluator(database, names, clock, settings)

        def told(accounts: Sequence[str]) -> list[Outgoing]:
            with database.session() as session:
                stored = flags.read(session, accounts)
                ids, at = evaluator.ids_of(session, stored), clock.now()
                chunks = publish.flag_chunks(stored, ids, at)
                every = replace(stored, announced=np.zeros(len(stored), bool))
                return [*chunks, *publish.public_events(every, ids)] if wanted.public else chunks

        def untold(alone: Sequence[str], error: Exception) -> list[Outgoing]:
            cannot(alone[0], error)
            return []

        def some(after: str) -> tuple[list[str], list[Outgoing]]:
            with database.session() as session:
                chosen = wanted.filters | {"after": after, "most": CHUNK}
                accounts = [str(row[0]) for row in session.execute(_NEXT, chosen)]
            named: Sequence[str] = accounts
            parts = apart("tell flags", named, halves, told, untold) if accounts else []
            return accounts, [message for part in parts for message in part]

        async def groups() -> AsyncIterator[int]:
            after = ""
            while (found := await asyncio.to_thread(some, after))[0]:
                await out.send(found[1])
                yield len(found[0])
                after = found[0][-1]

        with database.session() as session:
            counted = session.execute(_COUNT, wanted.filters | {"after": ""}).fetchone()
        return await republish.report(wanted, 0 if counted is None else int(counted[0]), groups())
