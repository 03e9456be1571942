"""Connections of a server: closed if the client is slow to send or to read, or has too many of them.

The parser is always h11, because it bounds the size of an unfinished head (plus one read).
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import h11
import orjson
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from shared.contracts.problems import BadHead, Problem, TooManyConnections, Unavailable
from shared.http.client_addresses import Crowd, network
from shared.runtime import log, metrics, trace

PIECE_BYTES: Final = 16_384
"""Less than this, sent or read, is no progress: otherwise a byte now and then would hold a connection for ever."""
REFUSED_AT_ONCE: Final = 100
"""Connections above a bound that are kept until they can be refused properly; further ones are closed at once."""
UNACKNOWLEDGED_MS: Final = 60_000
"""How long sent bytes may stay unacknowledged; otherwise the kernel retries for 15 minutes after a client vanished.

Longer than `Bounds.response_piece_s`, which cuts clients that are there and do not read."""
_CHECKS: Final = 5  # of a reader per period; with a single one, a pause of this process would cut every reader
_log = log.get(__name__)


@dataclass(frozen=True)
class Bounds:
    """Limits on the clients of one listening port; times in seconds.

    address_connections: limit of one address; None if all clients are ours.
    proxies: addresses exempt from it, because their connections carry requests of many clients.
    headers: added to responses of the server itself, which no app sees.
    """

    head_s: float = 10.0
    piece_s: float = 30.0
    response_piece_s: float = 30.0
    keep_alive_s: float = 5.0
    connections: int = 600
    address_connections: int | None = None
    head_bytes: int = 16_384
    proxies: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)

    def protocol(self) -> type[H11Protocol]:
        """Return the protocol class of a server with these bounds."""
        return type("_Bounded", (_Watching,), {"bounds": self, "crowd": Crowd()})

    def refusal(self, problem: Problem) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """Return headers and body of a response by the server itself, after which the connection is closed."""
        request_id = trace.started().trace_id
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
"""Bounds of internal services, whose clients are ours."""


class _Watching(H11Protocol):
    """Limits the time for the head of a request, and for reading a response.

    uvicorn limits only the time between two requests of a connection.
    """

    bounds: Bounds
    crowd: Crowd
    _address: str | None = None  # by which the connection is counted
    _head_timer: asyncio.TimerHandle | None = None
    _reader_timer: asyncio.TimerHandle | None = None
    _unsent = 0  # bytes that waited for the reader when it last read a piece
    _checks = 0  # of the reader, since then

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        metrics.CONNECTIONS.inc()
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
        # The app is paused while anything waits for the reader, and pause_writing is called for every byte that waits.
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
        self._unsent, self._checks = self._waiting(), 0
        self._check_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_checking()

    def connection_lost(self, exc: Exception | None) -> None:
        metrics.CONNECTIONS.dec()
        if self._address is not None:
            self.crowd.leave(self._address)
        self._unwatch()
        self._stop_checking()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Respond to a malformed request with a problem document, instead of uvicorn's plain text."""
        metrics.CONNECTIONS_CUT.labels("malformed").inc()
        _log.info("http.malformed", address=self._peer)
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:  # its body is malformed
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers, body = self.bounds.refusal(BadHead())
            whole = (
                h11.Response(status_code=400, headers=self.server_state.default_headers + headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            )
            self.transport.write(b"".join(self.conn.send(event) or b"" for event in whole))
        self.transport.close()

    def _surpluses(self) -> list[tuple[Literal["full", "address"], int, Problem]]:
        """Return by how many connections the limits are exceeded, in total and for this client's address."""
        everybody = Unavailable("Too many connections are open here. Try again in a moment.")
        found: list[tuple[Literal["full", "address"], int, Problem]] = [
            ("full", len(self.connections) - self.bounds.connections, everybody)
        ]
        most = self.bounds.address_connections
        if most is not None and self.client is not None and self.client[0] not in self.bounds.proxies:
            self._address = network(self.client[0])
            yours = TooManyConnections(f"More than {most} connections are open from your address. Close some pages.")
            found.append(("address", self.crowd.enter(self._address) - most, yours))
        return found

    def _watch(self) -> None:
        """Start the head timer at the first byte unless a response is pending; further bytes do not extend it.

        It also runs while the rest of a body arrives after the response has been sent.
        """
        cycle: RequestResponseCycle | None = self.cycle  # none before the first request
        if cycle is not None and not cycle.response_complete:
            self._unwatch()
        elif self._head_timer is None and self.timeout_keep_alive_task is None:
            self._head_timer = self.loop.call_later(self.bounds.head_s, self._head_is_late)

    def _unwatch(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        metrics.CONNECTIONS_CUT.labels("slow_head").inc()
        self.transport.close()

    def _check_later(self) -> None:
        self._stop_checking()
        self._reader_timer = self.loop.call_later(self.bounds.response_piece_s / _CHECKS, self._check_reader)

    def _check_reader(self) -> None:
        """Abort the connection if its client has not read a piece in time; buffered bytes are dropped."""
        waiting = self._waiting()
        self._checks += 1
        if waiting <= self._unsent - PIECE_BYTES:
            self._unsent, self._checks = waiting, 0
        if self._checks >= _CHECKS:
            self._cut("unread")
        else:
            self._check_later()

    def _stop_checking(self) -> None:
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def _waiting(self) -> int:
        return self.transport.get_write_buffer_size()

    def _cut(self, why: Literal["full", "address", "unread"]) -> None:
        metrics.CONNECTIONS_CUT.labels(why).inc()
        _log.info("http.cut", reason=why, address=self._peer)
        self.transport.abort()

    @property
    def _peer(self) -> str | None:
        return self.client[0] if self.client else None


def _refusing(bounds: Bounds, problem: Problem) -> ASGIApp:
    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers, body = bounds.refusal(problem)
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return refuse
