"""Listening browsers, each with a short queue: a slow one neither delays the others nor takes much memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from services.gateway.domain.change_log import ChangeLog, Numbered
from services.gateway.domain.changes import Change
from services.gateway.push.event_ids import EventIds
from shared.contracts.api_work import Pushed
from shared.contracts.principal import Principal
from shared.contracts.problems import Unavailable
from shared.contracts.tenancy import Scope, scope_of
from shared.runtime import metrics

CHANGES_KEPT: Final = 2000
QUEUE_SIZE: Final = 200
STREAMS_PER_SESSION: Final = 6  # as many connections as a browser opens to one host
RETRY_MS: Final = 2000
# A heartbeat is an event, as pages do not see comments, and has no id, so that a browser resumes after the last change.
ALIVE: Final = b"event: alive\ndata: {}\n\n"

CheckSession = Callable[
    [], Awaitable[Principal | None]
]  # the session's user as of now; None once the session has ended


class Hub:
    """Passes changes to every listener that may be notified. It is open only while the feed is connected."""

    def __init__(self, heartbeat_s: float, check_s: float) -> None:
        """heartbeat_s: longest silence of a stream; check_s: how often its session is looked at."""
        self._heartbeat_s = heartbeat_s
        self._check_s = check_s
        self._listeners: list[_Listener] = []
        self._changes, self._event_ids = ChangeLog(1), EventIds()
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether changes are passed on."""
        return self._open

    def open(self) -> None:
        """Begin a new run: streams that resume after an id of an earlier one start with `reset`."""
        self._changes, self._event_ids = ChangeLog(CHANGES_KEPT), EventIds()
        self._open = True

    def close(self) -> None:
        """End all streams: changes may be missed from now on, and clients must not believe to be live."""
        self._open = False
        for listener in list(self._listeners):
            listener.end()

    def end_session(self, session: bytes) -> None:
        """End the streams of a session that was signed out."""
        for listener in list(self._listeners):
            if listener.session == session:
                listener.end()

    def publish(self, changes: Iterable[Change]) -> None:
        """Number changes and queue each for the listeners of its audience."""
        for change in changes:
            numbered = self._changes.add(change)
            for listener in self._listeners:
                listener.offer(numbered)

    def listen(
        self, session: bytes, user: Principal, last_id: str | None, check_session: CheckSession
    ) -> AsyncIterator[bytes]:
        """Return the bytes of a stream of server-sent events that resumes after `last_id`.

        Raises Unavailable while the feed is disconnected: the client polls until the stream opens.
        """
        if not self._open:
            raise Unavailable("Live updates are away for a moment. Lists are looked at every few seconds meanwhile.")
        return self._stream(session, scope_of(user), last_id, check_session)

    async def _stream(
        self, session: bytes, scope: Scope, last_id: str | None, check_session: CheckSession
    ) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        checked_s = beat_s = loop.time()
        listener = _Listener(session, scope, self._event_ids)
        start = self._join(listener, last_id)
        try:
            yield start
            while self._open or listener.has_more:
                due_s = min(beat_s + self._heartbeat_s, checked_s + self._check_s)
                ready = await listener.take(max(0.0, due_s - loop.time()))
                if ready is None:
                    return
                if ready:
                    yield b"".join(listener.event_of(numbered) for numbered in ready)
                if loop.time() - checked_s >= self._check_s:
                    user = await check_session()
                    if user is None:
                        return
                    listener.scope = scope_of(user)
                    checked_s = loop.time()
                if loop.time() - beat_s >= self._heartbeat_s:
                    beat_s = loop.time()
                    yield ALIVE
        finally:
            self._listeners.remove(listener)
            metrics.PUSH_STREAMS.dec()

    def _join(self, listener: "_Listener", last_id: str | None) -> bytes:
        """Add the listener and return the start of its stream with the changes it missed, in one step."""
        of_session = [known for known in self._listeners if known.session == listener.session]
        for oldest in of_session[: max(0, len(of_session) - STREAMS_PER_SESSION + 1)]:
            oldest.end()
        self._listeners.append(listener)
        metrics.PUSH_STREAMS.inc()
        start = f"retry: {RETRY_MS}\n\n".encode() + ALIVE
        if last_id is None:
            return start
        seen = listener.event_ids.number_of(last_id)
        missed = None if seen is None else self._changes.since(seen)
        if missed is None:
            return start + _event("reset", listener.event_ids.id_of(self._changes.last), b"{}")
        visible = [numbered for numbered in missed if numbered.change.audience.includes(listener.scope)]
        return start + b"".join(listener.event_of(numbered) for numbered in visible)


@dataclass(eq=False)
class _Listener:
    """One stream. event_ids: of the run in which it began, which its queue may outlive."""

    session: bytes
    scope: Scope
    event_ids: EventIds

    def __post_init__(self) -> None:
        self._waiting: list[Numbered] = []
        self._ended = False
        self._wake = asyncio.Event()

    def offer(self, numbered: Numbered) -> None:
        """Queue a change of its audience. A full queue ends the stream: the browser reconnects and resumes."""
        if not numbered.change.audience.includes(self.scope):
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
        """Whether changes are queued."""
        return bool(self._waiting)

    async def take(self, patience_s: float) -> list[Numbered] | None:
        """Return the queued changes, waiting up to patience_s for the first; empty if none came, None at the end."""
        if not self._wake.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), patience_s)
        taken, self._waiting = self._waiting, []
        if self._ended and not taken:
            return None
        if not self._ended:
            self._wake.clear()
        return taken

    def event_of(self, numbered: Numbered) -> bytes:
        """Return a change as a server-sent event."""
        change = numbered.change
        pushed = Pushed(kind=change.kind, id=change.entity, version=change.version)
        return _event(change.kind, self.event_ids.id_of(numbered.number), orjson.dumps(pushed.model_dump()))


def _event(kind: str, event_id: str, data: bytes) -> bytes:
    return f"id: {event_id}\nevent: {kind}\ndata: ".encode() + data + b"\n\n"
