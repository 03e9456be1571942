"""What the forwarding routes share: parameters as the document shows them, and the forwarding itself."""

from typing import Annotated

from fastapi import Header, Path, Query, Request, Response

from services.gateway.dependencies import parts_of
from services.gateway.recording import asked
from services.gateway.sessions import SignedIn
from services.gateway.upstream import Service
from shared.contracts.events import TileName
from shared.contracts.query import LARGEST_ID, ClauseText, SearchText, Whole
from shared.contracts.types import Identity

Tiles = Annotated[list[TileName] | None, Query(max_length=20, description="Only accounts with all of these tiles.")]
Clauses = Annotated[
    list[ClauseText] | None,
    Query(
        max_length=20,
        description="Filter clauses `field.op.value`, op of eq, gte, lte, in (values joined by `|`); all must hold.",
    ),
]
Search = Annotated[SearchText, Query(description="Part of an account's number or name.")]
Sort = Annotated[str | None, Query(max_length=60, description="Field to sort by; a leading `-` sorts downwards.")]
Page = Annotated[Whole, Query(ge=1, le=1_000_000, description="Page, from 1.")]
Size = Annotated[Whole, Query(ge=1, le=1000, description="Rows of a page.")]
AccountPath = Annotated[Identity, Path(description="Account id.")]
BatchPath = Annotated[Whole, Path(ge=1, le=LARGEST_ID, description="Batch id.")]
# Required in the document; what is missing is refused by the service that owns the batch, with its own code.
IdempotencyKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", max_length=200, description="Same key, same command: a retry acts only once."),
]
IfMatch = Annotated[
    str | None, Header(alias="If-Match", max_length=40, description='Version of the batch that was seen, e.g. "7".')
]


async def forward(request: Request, caller: SignedIn, service: Service) -> Response:
    """Send the request on to its service, with who asks, and return the answer as it is."""
    parts = parts_of(request)
    content = await request.body()
    if request.method != "GET":
        await asked(request, content)
    return await parts.upstream.forward(
        request,
        service,
        caller.principal,
        content=content,
        timeout_s=parts.settings.forward_timeout_s,
    )
