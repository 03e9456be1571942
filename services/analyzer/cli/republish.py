"""`python -m services.analyzer republish flags`: the stored flags, for a consumer that has lost some."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import numpy as np
import typer

from services.analyzer.operations import flag_messages
from services.analyzer.operations.evaluate import CHUNK
from services.analyzer.settings import SERVICE, Settings
from services.analyzer.store import flags
from services.analyzer.store.database import Database
from services.analyzer.store.names import Names
from shared.kafka.isolation import halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.oncall import command_line, outages, republish
from shared.oncall.republish import AccountOption, Enterprise, Every, Public, RepublishRequest
from shared.runtime import log
from shared.runtime.clock import clock_of

app = command_line.group("Publish again what the store holds.")


@app.command("flags")
def republish_flags(
    context: typer.Context,
    every: Every = False,
    enterprise: Enterprise = None,
    account: AccountOption = None,
    public: Public = False,
) -> None:
    """The newest flag of each account, for batch."""
    log.configure("analyzer-republish", "ERROR")
    request = republish.request("flags", every, enterprise, account, public)
    with outages.reported():
        raise typer.Exit(asyncio.run(run(context.obj, request)))


async def run(settings: Settings, request: RepublishRequest) -> int:
    """Publish flags again and return the exit code.  Raises what database and broker raise."""
    async with (
        Database(settings.database_url, size=2) as database,
        Publisher(settings.kafka_url, SERVICE, settings.gateway_url) as out,
    ):
        names, clock = Names(database), clock_of(settings.clock_file)

        def messages_of(accounts: Sequence[str]) -> list[Outgoing]:
            with database.session() as session:
                stored = flags.read(session, accounts)
                ids, at = flag_messages.ids_of(session, names, stored), clock.now()
                chunks = flag_messages.flag_chunks(stored, ids, at)
                unannounced = replace(stored, announced=np.zeros(len(stored), bool))
                return [*chunks, *flag_messages.public_events(unannounced, ids)] if request.public else chunks

        def skip(alone: Sequence[str], error: Exception) -> list[Outgoing]:
            note_account_fault(alone[0], error)
            return []

        def group_after(after: str) -> tuple[Sequence[str], list[Outgoing]]:
            with database.session() as session:
                accounts: Sequence[str] = flags.accounts_chosen(
                    session, republish.FILTER, request.filters | {"after": after, "limit": CHUNK}
                )
            groups = isolate("publish flags", accounts, halves, messages_of, skip) if accounts else []
            return accounts, [message for group in groups for message in group]

        async def sizes() -> AsyncIterator[int]:
            after = ""
            while True:
                accounts, messages = await asyncio.to_thread(group_after, after)
                if not accounts:
                    return
                await out.send(messages)
                yield len(accounts)
                after = accounts[-1]

        with database.session() as session:
            count = flags.count_chosen(session, republish.FILTER, request.filters | {"after": ""})
        return await republish.report(request, count, sizes())
