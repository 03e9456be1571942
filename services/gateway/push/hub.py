"""Browsers that listen: each with a short queue of its own, so that a slow one neither holds up nor fills anything."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from services.gateway.domain.changes import Change
from services.gateway.domain.ring import Numbered, Ring
from services.gateway.push.event_ids import Places
from shared.contracts.api_work import Pushed
from shared.contracts.principal import Principal
from shared.contracts.problems import Unavailable
from shared.contracts.tenancy import Scope, scope_of
from shared.runtime import metrics

RING_SIZE: Final = 2000
QUEUE_SIZE: Final = 200
STREAMS_PER_SESSION: Final = 6  # as many connections as a browser opens to one host
RETRY_MS: Final = 2000

Look = Callable[[], Awaitable[Principal | None]]  # the session's user as of now; None when the session has ended


class Hub:
    """Hands changes to every listener that may hear of them. It is open only while the feed behind it is connected."""

    def __init__(self, heartbeat_s: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._listeners: list[_Listener] = []
        self._ring, self._places = Ring(1), Places()
        self._open = False

    @property
    def is_open(self) -> bool:
        """Say whether changes are handed out."""
        return self._open

    def open(self) -> None:
        """Begin to hand out changes: ids of an earlier run are answered with `reset` from now on."""
        self._ring, self._places = Ring(RING_SIZE), Places()
        self._open = True

    def close(self) -> None:
        """End all streams: what is missed from now on cannot be told, so clients must know they are not live."""
        self._open = False
        for listener in list(self._listeners):
            listener.end()

    def end_session(self, session: bytes) -> None:
        """End the streams of a session that was signed out."""
        for listener in list(self._listeners):
            if listener.session == session:
                listener.end()

    def publish(self, changes: Iterable[Change]) -> None:
        """Hand changes to whom they concern."""
        for change in changes:
            numbered = self._ring.add(change)
            for listener in self._listeners:
                listener.offer(numbered)

    def listen(self, session: bytes, who: Principal, last_id: str | None, look: Look) -> AsyncIterator[bytes]:
        """Return the bytes of a stream of server-sent events, beginning after `last_id`.

        Raises Unavailable while the feed is away: the client then asks by itself until the stream opens.
        """
        if not self._open:
            raise Unavailable("live updates are away for a moment; ask again every few seconds meanwhile")
        return self._stream(session, scope_of(who), last_id, look)

    async def _stream(self, session: bytes, scope: Scope, last_id: str | None, look: Look) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        looked_s = loop.time()
        listener = _Listener(session, scope, self._places)
        begin = self._join(listener, last_id)
        try:
            yield begin
            while self._open or listener.has_more:
                patience_s = max(0.0, looked_s + self._heartbeat_s - loop.time())
                ready = await listener.take(patience_s)
                if ready is None:
                    return
                if ready:
                    yield b"".join(listener.written(one) for one in ready)
                if loop.time() - looked_s >= self._heartbeat_s:
                    who = await look()
                    if who is None:
                        return
                    listener.scope = scope_of(who)
                    looked_s = loop.time()
                    yield b": alive\n\n"
        finally:
            self._listeners.remove(listener)
            metrics.PUSH_STREAMS.dec()

    def _join(self, listener: "_Listener", last_id: str | None) -> bytes:
        """Let the listener in, in one step with reading what it missed, and return how its stream begins."""
        mine = [one for one in self._listeners if one.session == listener.session]
        for oldest in mine[: max(0, len(mine) - STREAMS_PER_SESSION + 1)]:
            oldest.end()
        self._listeners.append(listener)
        metrics.PUSH_STREAMS.inc()
        begin = f"retry: {RETRY_MS}\n\n".encode()
        if last_id is None:
            return begin
        seen = listener.places.number_of(last_id)
        missed = None if seen is None else self._ring.since(seen)
        if missed is None:
            return begin + _event("reset", listener.places.id_of(self._ring.last), b"{}")
        return begin + b"".join(listener.written(one) for one in missed if one.change.audience.hears(listener.scope))


@dataclass(eq=False)
class _Listener:
    session: bytes
    scope: Scope
    places: Places  # of the run it began in, which it may outlive by what it has queued

    def __post_init__(self) -> None:
        self._waiting: list[Numbered] = []
        self._ended = False
        self._wake = asyncio.Event()

    def offer(self, numbered: Numbered) -> None:
        """Queue a change. A full queue ends the stream: the browser comes back and gets the rest from the ring."""
        if not numbered.change.audience.hears(self.scope):
            return
        if len(self._waiting) >= QUEUE_SIZE:
            self.end()
            return
        self._waiting.append(numbered)
        self._wake.set()

    def end(self) -> None:
        """End the stream after what is queued."""
        self._ended = True
        self._wake.set()

    @property
    def has_more(self) -> bool:
        """Say whether anything is still queued."""
        return bool(self._waiting)

    async def take(self, patience_s: float) -> list[Numbered] | None:
        """Return what is queued, waiting up to patience_s for the first; empty when nothing came, None at the end."""
        if not self._wake.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), patience_s)
        taken, self._waiting = self._waiting, []
        if self._ended and not taken:
            return None
        if not self._ended:
            self._wake.clear()
        return taken

    def written(self, numbered: Numbered) -> bytes:
        """Return a change as a server-sent event."""
        change = numbered.change
        pushed = Pushed(kind=change.kind, id=change.entity, version=change.version)
        return _event(change.kind, self.places.id_of(numbered.number), orjson.dumps(pushed.model_dump()))


def _event(kind: str, event_id: str, data: bytes) -> bytes:
    return f"id: {event_id}\nevent: {kind}\ndata: ".encode() + data + b"\n\n"
