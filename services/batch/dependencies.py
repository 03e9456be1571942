"""The parts every route needs, and who asks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from fastapi import Request, Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.operations.collect_results import Collector
from services.batch.operations.commands import Commands
from services.batch.problems import FoundStale
from services.batch.settings import SERVICE, Settings
from services.batch.store import idempotency
from services.batch.store.database import Database
from shared.contracts.api_batches import CommandResult
from shared.contracts.principal import Principal
from shared.contracts.problems import BadInput, IdempotencyKeyMissing, VersionMissing
from shared.contracts.tenancy import SYSTEM, scope_of
from shared.http.routing import vouched
from shared.runtime.clock import Clock


@dataclass(frozen=True)
class Parts:
    """What the routes work with."""

    settings: Settings
    clock: Clock
    database: Database


def parts_of(request: Request) -> Parts:
    """Return the parts of the app that serves the request."""
    return cast(Parts, request.app.state.parts)


async def door(request: Request) -> Principal:
    """Return who asks.  Raises NotSignedIn unless the gateway vouches for them."""
    parts = parts_of(request)
    return await vouched(SERVICE, parts.settings.principal_public_key, parts.clock)(request)


Work = Callable[[AsyncConnection, Commands], Awaitable[CommandResult]]


def version_in(if_match: str | None) -> int:
    """Return the version of an If-Match header.  Raises VersionMissing without one, BadInput for anything else."""
    if if_match is None:
        raise VersionMissing('send If-Match with the version of the batch you saw, e.g. If-Match: "7"')
    text = if_match.strip()
    if not (len(text) > 2 and text[0] == text[-1] == '"' and text[1:-1].isascii() and text[1:-1].isdigit()):
        raise BadInput(f'If-Match: {if_match} is not a version of a batch such as "7"')
    version = int(text[1:-1])
    if version > 2**31 - 1:
        raise BadInput(f"If-Match: {if_match} is larger than any version")
    return version


async def command(
    request: Request, principal: Principal, key_text: str | None, body: BaseModel | None, work: Work, status: int = 200
) -> Response:
    """Run a command exactly once under its Idempotency-Key; command and answer are one transaction.

    A retry with the same key gets the kept answer, marked Idempotency-Replayed; a refused command keeps nothing.
    """
    if not key_text:
        raise IdempotencyKeyMissing
    parts = parts_of(request)
    content = b"" if body is None else body.model_dump_json().encode()
    if b"\\u0000" in content:
        raise BadInput("texts hold no NUL character")
    key = idempotency.Key(principal.subject, request.url.path, key_text, content)
    try:
        async with parts.database.transaction(scope_of(principal)) as connection:
            answer = await idempotency.claim(connection, key, parts.clock.now())
            if answer is None:
                result = await work(connection, Commands(parts.settings, parts.clock, principal))
                answer = _answer(result, status)
                await idempotency.keep(connection, key, answer)
    except FoundStale as refused:
        # Marked on the service's behalf: who asks may not see those accounts any more.
        async with parts.database.transaction(SYSTEM) as connection:
            await Collector(parts.settings, parts.clock).mark_stale(connection, refused.batch_id)
        raise
    headers = dict(answer.headers) | ({"Idempotency-Replayed": "true"} if answer.replayed else {})
    return Response(answer.body, answer.status, headers, media_type="application/json")


def _answer(result: CommandResult, status: int) -> idempotency.Answer:
    headers = {"ETag": f'"{result.batch.version}"'}
    if status == 202:
        headers["Location"] = f"/v1/batches/{result.batch.batch_id}"
    return idempotency.Answer(status, result.model_dump_json().encode(), headers)
