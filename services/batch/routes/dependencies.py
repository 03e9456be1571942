"""What routes depend on: the wired service, the caller, and running a command exactly once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, cast

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.operations import wash_approvals
from services.batch.operations.context import CommandContext
from services.batch.operations.decide import CommandOutcome
from services.batch.operations.incoming import mark_stale, mark_terms
from services.batch.operations.problems import FoundStale, TermsDiffer, WashSalesMoved
from services.batch.settings import SERVICE, Settings
from services.batch.store import batch_pages, idempotency
from services.batch.store.database import Database
from services.batch.store.idempotency import CommandKey, KeptResponse
from services.batch.views.rows import batch_summary
from shared.contracts.api_batches import CommandResult
from shared.contracts.principal import Principal
from shared.contracts.problems import BadInput, IdempotencyKeyMissing, NotFound, VersionMissing
from shared.contracts.tenancy import SYSTEM, Scope, scope_of
from shared.http.invalid import refused
from shared.http.routing import vouched
from shared.runtime.clock import Clock

P = ParamSpec("P")


@dataclass(frozen=True)
class Dependencies:
    """The wired service."""

    settings: Settings
    clock: Clock
    database: Database


def dependencies_of(request: Request) -> Dependencies:
    """Return the dependencies of the app that serves the request."""
    return cast(Dependencies, request.app.state.dependencies)


async def batch_of(connection: AsyncConnection, scope: Scope, batch_id: int) -> Row[Any]:
    """Return a row of `batch_pages`.  Raises NotFound unless some account of the batch is in scope."""
    row = await batch_pages.read(connection, scope, batch_id)
    if row is None:
        raise NotFound(f"There is no request {batch_id}, or it is not yours to see.")
    return row


@asynccontextmanager
async def chunk_reader(
    request: Request, connection: AsyncConnection, batch: Row[Any]
) -> AsyncIterator[AsyncConnection]:
    """Return a connection that reads the result chunks of accounts which were found in scope.

    A chunk has results of many accounts, so the database shows none to somebody who sees a part of the batch: they are
    read on the service's behalf then, and nothing but what is of those accounts may be taken from them.

    batch: a row of `batch_pages`.
    """
    if not batch.is_part:
        yield connection
        return
    async with dependencies_of(request).database.transaction(SYSTEM) as of_service:
        yield of_service


async def door(request: Request) -> Principal:
    """Return who asks.  Raises NotSignedIn unless the gateway vouches for them."""
    service = dependencies_of(request)
    return await vouched(SERVICE, service.settings.principal_public_key, service.clock)(request)


def version_in(if_match: str | None) -> int:
    """Return the version of an If-Match header.  Raises VersionMissing without one, BadInput for anything else."""
    if if_match is None:
        raise VersionMissing(
            "The page did not say which version of the request you saw, so nothing was done. Load it again, look, then"
            " decide.",
            hint='send If-Match with the version of the batch you saw, e.g. If-Match: "7"',
        )
    text = if_match.strip()
    if not (len(text) > 2 and text[0] == text[-1] == '"' and text[1:-1].isascii() and text[1:-1].isdigit()):
        raise _no_version(f'{if_match} is not a version of a batch such as "7"')
    version = int(text[1:-1])
    if version > 2**31 - 1:
        raise _no_version(f"{if_match} is larger than any version")
    return version


def _no_version(detail: str) -> BadInput:
    return refused("/header/If-Match", "is no version of a request", detail)


@dataclass(frozen=True)
class CommandRequest:
    """A command as it was sent. status: of the response when it succeeds."""

    request: Request
    principal: Principal
    key: str | None
    body: BaseModel | None = None
    status: int = 200


async def run_once(
    sent: CommandRequest,
    command: Callable[Concatenate[CommandContext, P], Awaitable[CommandOutcome]],
    *arguments: P.args,
    **named: P.kwargs,
) -> Response:
    """Run a command exactly once under its Idempotency-Key; the command and its kept response are one transaction.

    A retry with the same key gets the kept response, marked Idempotency-Replayed; a refused command keeps nothing.
    Raises IdempotencyKeyMissing, BadInput or KeyReused, and what the command raises.
    """
    service = dependencies_of(sent.request)
    key = _key_of(sent)
    try:
        async with service.database.transaction(scope_of(sent.principal)) as connection:
            response = await idempotency.claim(connection, key, service.clock.now())
            if response is None:
                context = CommandContext(connection, service.settings, service.clock, sent.principal)
                response = _response(await command(context, *arguments, **named), sent.status)
                await idempotency.keep(connection, key, response)
    except FoundStale as refused:
        # Marked on the service's behalf, because the caller may no longer see those accounts.
        async with service.database.transaction(SYSTEM) as connection:
            await mark_stale(connection, refused.batch_id, service.clock)
        raise
    except TermsDiffer as refused:
        async with service.database.transaction(SYSTEM) as connection:
            await mark_terms(connection, refused.batch_id, refused.accounts, refused.session, service.clock)
        raise
    except WashSalesMoved as refused:
        # Checked again on the service's behalf; where that changes nothing, what was displayed is right.
        async with service.database.transaction(SYSTEM) as connection:
            changed = await wash_approvals.check_batch_again(connection, refused.batch_id, service.clock.now())
        if changed:
            raise
        return await run_once(sent, command, *arguments, **named)
    headers = dict(response.headers) | ({"Idempotency-Replayed": "true"} if response.replayed else {})
    return Response(response.body, response.status, headers, media_type="application/json")


def _key_of(sent: CommandRequest) -> CommandKey:
    if not sent.key:
        raise IdempotencyKeyMissing
    content = b"" if sent.body is None else sent.body.model_dump_json().encode()
    if b"\\u0000" in content:
        raise refused("/body", "holds a character that no text can have", "texts hold no NUL character")
    return CommandKey(sent.principal.subject, sent.request.url.path, sent.key, content)


def _response(outcome: CommandOutcome, status: int) -> KeptResponse:
    result = CommandResult(batch=batch_summary(outcome.batch), accounts=outcome.accounts)
    headers = {"ETag": f'"{result.batch.version}"'}
    if status == 202:
        headers["Location"] = f"/v1/batches/{result.batch.batch_id}"
    return KeptResponse(status, result.model_dump_json().encode(), headers)
