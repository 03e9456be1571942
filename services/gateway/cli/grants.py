"""`python -m services.gateway grant --file FILE`: who may do what, read from a JSON file."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import psycopg
import typer
from psycopg import AsyncConnection
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.gateway.domain.record import Record
from services.gateway.settings import SERVICE
from services.gateway.store import audit, users
from shared.contracts.principal import Principal, RoleName
from shared.contracts.types import Identity
from shared.oncall import outages
from shared.postgres.commits import CommitUnknown, commit, until_known
from shared.postgres.pool import WORK, arguments
from shared.runtime.clock import Clock, clock_of
from shared.runtime.settings import DatabaseSettings


class GrantRefused(ValueError):
    """The file cannot be used; nothing was changed."""


class Grant(BaseModel):
    """One user. advisors: a list, or "all" or null: every one of these enterprises. Other fields are passed over."""

    model_config = ConfigDict(extra="ignore")

    subject: Annotated[str, Field(min_length=1, max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    roles: list[RoleName]
    enterprises: list[Identity]
    advisors: list[Identity] | Literal["all"] | None

    def principal(self) -> Principal:
        """Return the entitlements as the system knows them."""
        advisors = None if self.advisors == "all" else self.advisors
        return Principal(
            subject=self.subject,
            name=self.name,
            roles=list(self.roles),
            enterprises=self.enterprises,
            advisors=advisors,
        )


def grant(settings: DatabaseSettings, file: str) -> None:
    """Grant what a file says.  Ends the command with 1 when the file cannot be used or the database is away."""
    try:
        granted = read(file)
        with outages.reported():
            asyncio.run(store(settings.database_url, granted, clock_of(settings.clock_file)))
    except GrantRefused as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"granted: {len(granted)} users")


def read(file: str) -> list[Principal]:
    """Return the users of a file ("-": standard input). Raises GrantRefused with what is wrong and where."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        grants = TypeAdapter(list[Grant]).validate_json(text)
    except (OSError, UnicodeDecodeError) as error:
        raise GrantRefused(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "the whole file"
        raise GrantRefused(f"{file}, {where}: {first['msg']}") from error
    return [grant.principal() for grant in grants]


async def store(database_url: str, granted: list[Principal], clock: Clock) -> None:
    """Write the users; others stay as they are.

    Raises GrantRefused if the database does not respond, CommitUnknown if a COMMIT got no reply: granting the same file
    again is safe.
    """
    records: list[dict[str, Any]] = []  # of an attempt whose COMMIT may have got no reply

    async def write() -> None:
        async with await AsyncConnection.connect(database_url, **arguments(SERVICE, WORK, "grant")) as connection:
            if records and not await audit.missing(connection, records):
                return
            before = await users.rights(connection, [user.subject for user in granted])
            await users.put(connection, granted, clock.now())
            records[:] = [_record(user, before.get(user.subject), clock).body() for user in granted]
            await audit.append(connection, records)
            await commit(connection)

    try:
        await until_known(write)
    except CommitUnknown:
        raise
    except psycopg.Error as error:
        raise GrantRefused(f"the users could not be written: {error}") from error


def _record(granted: Principal, before: Mapping[str, Any] | None, clock: Clock) -> Record:
    """Return the record of a grant, written in its transaction: entitlements before and after, never the name."""
    after = granted.model_dump(include={"roles", "enterprises", "advisors"})
    more = {"before": before, "after": after}
    return Record(clock.now(), "grant", "DONE", subject="command line", ids=[granted.subject], more=more)
