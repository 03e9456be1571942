"""`python -m services.analyzer republish flags`: the stored flags, for a consumer that has lost some."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import typer

from services.analyzer.operations import flag_messages
from services.analyzer.operations.evaluate import CHUNK
from services.analyzer.operations.send_flags import FlagSender
from services.analyzer.settings import SERVICE, Settings
from services.analyzer.store import flags
from services.analyzer.store.database import Database, Session
from services.analyzer.store.names import Names
from shared.kafka.isolation import halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.oncall import command_line, outages, republish
from shared.oncall.republish import AccountOption, Enterprise, Every, Public, RepublishRequest
from shared.runtime import log

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
        Publisher(settings.broker, SERVICE, settings.gateway_url) as out,
    ):
        names = Names(database)

        def chunks_of(accounts: Sequence[str]) -> list[Outgoing]:
            with database.session() as session:
                stored = flags.read(session, accounts)
                return flag_messages.flag_chunks(stored, flag_messages.ids_of(session, names, stored))

        def events_of(session: Session, accounts: Sequence[str]) -> list[Outgoing]:
            def some(half: Sequence[str]) -> list[Outgoing]:
                with session.transaction():
                    return flag_messages.events_again(session, names, half)

            groups = isolate("publish flags", accounts, halves, some, skip)
            return [message for group in groups for message in group]

        def skip(alone: Sequence[str], error: Exception) -> list[Outgoing]:
            note_account_fault(alone[0], error)
            return []

        def group_after(after: str) -> tuple[Sequence[str], list[Outgoing]]:
            with database.session() as session:
                accounts: Sequence[str] = flags.accounts_chosen(
                    session, republish.FILTER, request.filters | {"after": after, "limit": CHUNK}
                )
            groups = isolate("publish flags", accounts, halves, chunks_of, skip) if accounts else []
            return accounts, [message for group in groups for message in group]

        async def sizes() -> AsyncIterator[int]:
            after, sender = "", FlagSender(out, events_of)
            while True:
                accounts, messages = await asyncio.to_thread(group_after, after)
                if not accounts:
                    return
                await out.send(messages)
                if request.public:
                    await sender.send(database.session, (), accounts)
                yield len(accounts)
                after = accounts[-1]

        with database.session() as session:
            count = flags.count_chosen(session, republish.FILTER, request.filters | {"after": ""})
        return await republish.report(request, count, sizes())
