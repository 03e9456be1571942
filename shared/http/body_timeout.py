"""How long a server waits for the body of a request: who sends slowly does not hold a place for long."""

import asyncio
from dataclasses import dataclass

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.connections import PIECE_BYTES


@dataclass(frozen=True)
class Patience:
    """Lets whoever reads a body that stopped coming fail with 408; after it the connection is closed.

    Only time spent waiting for the client counts: a service that writes slowly holds its client up, not the reverse.
    """

    app: ASGIApp
    piece_s: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = _Body(receive, self.piece_s).next
        await self.app(scope, receive, send)


class _Body:
    """The messages of one request; after the last of its body the wait for the end of the connection is unbounded."""

    def __init__(self, receive: Receive, piece_s: float) -> None:
        self._receive = receive
        self._piece_s = piece_s
        self._waited_s = 0.0  # since the last whole piece
        self._got = 0  # bytes, since then
        self._is_whole = False

    async def next(self) -> Message:
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
        self._got += len(message.get("body", b""))
        if self._got >= PIECE_BYTES:
            self._waited_s, self._got = 0.0, 0
        self._is_whole = not message.get("more_body", False)
        return message
