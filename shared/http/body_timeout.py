"""A time limit on the body of a request, so that slow senders do not hold connections."""

import asyncio
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.connections import PIECE_BYTES


@dataclass(frozen=True)
class BodyTimeout:
    """Middleware: reading a body that stopped arriving raises 408, after which the connection is closed.

    Only time spent waiting for the client counts, not the time that the service takes to process what arrived.
    """

    app: ASGIApp
    piece_s: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _Body(receive, self.piece_s).next
        await self.app(scope, receive, send)


class _Body:
    """Messages of one request. After the last one of its body, waiting for the disconnect is not limited."""

    def __init__(self, receive: Receive, piece_s: float) -> None:
        self._receive = receive
        self._piece_s = piece_s
        self._waited_s = 0.0  # since the last whole piece
        self._received = 0  # bytes since the last whole piece
        self._is_whole = False

    async def next(self) -> Message:
        """Return the next message.  Raises HTTPException (408) if the body comes in too slowly."""
        if self._is_whole:
            return await self._receive()
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with asyncio.timeout(self._piece_s - self._waited_s):
                message = await self._receive()
        except TimeoutError as error:
            detail = (
                f"/body: less than {PIECE_BYTES:,} bytes came in {self._piece_s:g} s, and not its end; send it again"
            )
            raise HTTPException(408, detail, {"Connection": "close"}) from error
        self._waited_s += now() - began
        self._received += len(message.get("body", b""))
        if self._received >= PIECE_BYTES:
            self._waited_s, self._received = 0.0, 0
        self._is_whole = not message.get("more_body", False)
        return message
