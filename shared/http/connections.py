"""One connection of a server: it ends when its client does not ask, does not read, or holds too many of them.

The parser is h11, whichever others are installed: it refuses an unfinished head above a size (plus one read).
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import h11
import orjson
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from shared.contracts.problems import BadHead, Problem, TooManyConnections, Unavailable
from shared.http.client_addresses import Crowd, network
from shared.ids import event_id
from shared.runtime import log, metrics

PIECE_BYTES: Final = 16_384
"""A smaller piece, sent or read, is no progress: one byte now and then would hold a place for ever."""
REFUSED_AT_ONCE: Final = 100
"""Connections above a bound that are kept until they asked and can be told so; further ones are closed unheard."""
_LOOKS: Final = 5  # at a reader; not one, because after a pause of this whole process one is overdue at once
_log = log.get(__name__)


@dataclass(frozen=True)
class Bounds:
    """What clients of one listening port may take. Times in seconds.

    address_connections: of one address; None where all clients are ours.
    proxies: addresses whose connections are not counted so, for each carries requests of many clients.
    headers: what the server's own answers carry, which no app sees.
    """

    head_s: float = 10.0
    piece_s: float = 30.0
    answer_piece_s: float = 30.0
    keep_alive_s: float = 5.0
    connections: int = 600
    address_connections: int | None = None
    head_bytes: int = 16_384
    proxies: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)

    def protocol(self) -> type[H11Protocol]:
        """Return the protocol of a server that goes by these bounds."""
        return type("_Bounded", (_Watching,), {"bounds": self, "crowd": Crowd()})

    def told(self, problem: Problem) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return headers and body of an answer that the server gives by itself; the connection ends with it."""
        request_id = event_id(time.time_ns(), id(problem))
        body = orjson.dumps(problem.body(instance=request_id))
        own = {
            "Content-Type": "application/problem+json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Connection": "close",
            "X-Request-Id": request_id,
        }
        headers = {**self.headers, **problem.headers(), **own}
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()], body


USUAL: Final = Bounds()
"""What services inside go by, whose clients are ours."""


class _Watching(H11Protocol):
    """While nothing is being answered, the head of the next request must come in time; an answer must be read in time.

    uvicorn bounds only the time between two requests of a connection.
    """

    bounds: Bounds
    crowd: Crowd
    _address: str | None = None  # under which the connection is counted
    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _unsent = 0  # bytes that waited for the reader when it last took a piece
    _looks = 0  # at the reader, since then

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        metrics.CONNECTIONS.inc()
        # Nothing is added to what waits for the reader, and every byte that waits is known of.
        transport.set_write_buffer_limits(high=0)
        for why, surplus, problem in self._surpluses():
            if surplus > REFUSED_AT_ONCE:
                self._cut(why)
                return
            if surplus > 0:
                metrics.CONNECTIONS_CUT.labels(why).inc()
                self.app = _refusing(self.bounds, problem)
                break
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unsent, self._looks = self._waiting(), 0
        self._look_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking()

    def connection_lost(self, exc: Exception | None) -> None:
        metrics.CONNECTIONS.dec()
        if self._address is not None:
            self.crowd.leave(self._address)
        self._unwatch()
        self._stop_looking()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request as every refusal is answered, in place of uvicorn's plain text."""
        metrics.CONNECTIONS_CUT.labels("malformed").inc()
        _log.info("http.malformed", address=self._peer)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:  # the body is what cannot be read
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers, body = self.bounds.told(BadHead("what came is no HTTP/1.1 request; the connection is closed"))
            whole = (
                h11.Response(status_code=400, headers=self.server_state.default_headers + headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in whole))
        self.transport.close()

    def _surpluses(self) -> list[tuple[Literal["full", "address"], int, Problem]]:
        """Return by how many there are too many connections, of all and of this one's address."""
        everybody = Unavailable("too many connections are open here; try again in a moment")
        found: list[tuple[Literal["full", "address"], int, Problem]] = [
            ("full", len(self.connections) - self.bounds.connections, everybody)
        ]
        most = self.bounds.address_connections
        if most is not None and self.client is not None and self.client[0] not in self.bounds.proxies:
            self._address = network(self.client[0])
            yours = TooManyConnections(f"more than {most} connections are open from your address; close some")
            found.append(("address", self.crowd.enter(self._address) - most, yours))
        return found

    def _watch(self) -> None:
        """Let the time run, from the first byte on, where no request waits for an answer; bytes do not prolong it.

        It also runs for the rest of a body that nobody reads any more, because its request is answered.
        """
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        if cycle is not None and not cycle.response_complete:
            self._unwatch()
        elif self._head_timer is None and self.timeout_keep_alive_task is None:
            self._head_timer = self.loop.call_later(self.bounds.head_s, self._asks_nothing)

    def _unwatch(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _asks_nothing(self) -> None:
        metrics.CONNECTIONS_CUT.labels("slow_head").inc()
        self.transport.close()

    def _look_later(self) -> None:
        self._stop_looking()
        self._reader_timer = self.loop.call_later(self.bounds.answer_piece_s / _LOOKS, self._look)

    def _look(self) -> None:
        """End the connection when its client has not taken a piece in time; what waited for it is let go."""
        waiting = self._waiting()
        self._looks += 1
        if waiting <= self._unsent - PIECE_BYTES:
            self._unsent, self._looks = waiting, 0
        if self._looks >= _LOOKS:
            self._cut("unread")
        else:
            self._look_later()

    def _stop_looking(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _waiting(self) -> int:
        return self.transport.get_write_buffer_size()

    def _cut(self, why: Literal["full", "address", "unread"]) -> None:
        metrics.CONNECTIONS_CUT.labels(why).inc()
        _log.info("http.cut", why=why, address=self._peer)
        self.transport.abort()

    @property
    def _peer(self) -> str | None:
        return self.client[0] if self.client else None


def _refusing(bounds: Bounds, problem: Problem) -> ASGIApp:
    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers, body = bounds.told(problem)
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return refuse
