"""How long a server waits for its clients, and for how many: who sends slowly does not hold a place for long.

uvicorn bounds only the time between two requests of a connection. Answers are not bounded here: a push stream lasts.
The parser is h11, whichever others are installed: it refuses an unfinished head above a size (plus one read).
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from shared.problems import Unavailable

PIECE_BYTES: Final = 16_384
"""A smaller piece does not start the wait for a body anew: one byte now and then is no progress."""
REFUSED_AT_ONCE: Final = 100
"""Connections above the bound that are kept until they asked and can be told so; further ones are closed unheard."""


@dataclass(frozen=True)
class Bounds:
    """What clients of one listening port may take. Times in seconds."""

    head_s: float = 10.0
    piece_s: float = 30.0
    keep_alive_s: float = 5.0
    connections: int = 600
    head_bytes: int = 16_384

    def protocol(self) -> type[H11Protocol]:
        """Return the protocol of a server that goes by these bounds."""
        return type("_Bounded", (_Watching,), {"bounds": self})


USUAL: Final = Bounds()
"""What services inside go by, whose clients are ours."""


class _Watching(H11Protocol):
    """One connection: while nothing is being answered, the head of the next request must come in time."""

    bounds: Bounds
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        surplus = len(self.connections) - self.bounds.connections
        if surplus > REFUSED_AT_ONCE:
            transport.abort()
            return
        if surplus > 0:
            self.app = _full
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Let the time run, from the first byte on, where no request waits for an answer; bytes do not prolong it.

        It also runs for the rest of a body that nobody reads any more, because its request is answered.
        """
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        if cycle is not None and not cycle.response_complete:
            self._unwatch()
        elif self._head_timer is None and self.timeout_keep_alive_task is None:
            self._head_timer = self.loop.call_later(self.bounds.head_s, self.transport.close)

    def _unwatch(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    problem = Unavailable("too many connections are open here; try again in a moment")
    headers = problem.headers() | {"Content-Type": "application/problem+json", "Connection": "close"}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": orjson.dumps(problem.body())})


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
