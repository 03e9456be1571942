"""What a piece of work belongs to: a trace id that travels from a request to the last event it causes.

The format is W3C Trace Context (version 00): `traceparent` in HTTP and in the headers of Kafka messages.  One trace is
all that one request of a user, one file or one sweep causes; within it each request, message and sweep is a span.
Nothing is exported: the ids stand in the log lines of all services.
Source: docs/decisions/0026-traces-in-the-log.md.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

HEADER: Final = "traceparent"
_FORM: Final = re.compile(r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_SAMPLED: Final = 1
_OURS: Final = "00"  # version of what we send; the only one whose value has no further parts
_LONGEST: Final = 512  # characters; a later version may be longer than ours, not endless


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span of a trace.

    trace_id: 32 hex digits; span_id, parent_id: 16, the parent's empty for the first span; is_sampled: whether whoever
    began the trace wants it recorded, which is handed on and changes nothing here.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    is_sampled: bool = True

    @property
    def traceparent(self) -> str:
        """The value of the header with which this span's effects go out."""
        return f"{_OURS}-{self.trace_id}-{self.span_id}-{int(self.is_sampled):02x}"


_current: Final[ContextVar[TraceContext | None]] = ContextVar("trace", default=None)


def current() -> TraceContext | None:
    """Return the span within which the caller runs; None outside every request, message and sweep."""
    return _current.get()


def header() -> dict[str, str]:
    """Return the header of what the current span sends; empty outside every span."""
    span = _current.get()
    return {} if span is None else {HEADER: span.traceparent}


def started(traceparent: str | None = None) -> TraceContext:
    """Return a new span: of the trace that the header names if its form is valid, else the first of a new trace."""
    found = None
    if traceparent is not None and len(traceparent) <= _LONGEST:
        found = _FORM.fullmatch(traceparent)
    if found is None:
        return TraceContext(secrets.token_hex(16), secrets.token_hex(8))
    version, trace_id, parent_id, flags, more = found.groups()
    if not (trace_id.strip("0") and parent_id.strip("0")) or (version == _OURS and more is not None):
        return TraceContext(secrets.token_hex(16), secrets.token_hex(8))
    return TraceContext(trace_id, secrets.token_hex(8), parent_id, bool(int(flags, 16) & _SAMPLED))


def named(kind: str, number: int) -> TraceContext:
    """Return a new span of the trace that belongs to a thing of ours, such as an analysis that several processes do."""
    trace_id = hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:32]
    return TraceContext(trace_id, secrets.token_hex(8))


def of_group(spans: Iterable[TraceContext]) -> TraceContext:
    """Return the span in which messages are handled together: theirs if all are of one trace, else one of its own."""
    found = list(spans)
    return found[0] if len({span.trace_id for span in found}) == 1 else started()


@contextmanager
def within(span: TraceContext | None) -> Iterator[None]:
    """Run the block within a span; None: within the one that is current."""
    if span is None:
        yield
        return
    before = _current.set(span)
    try:
        yield
    finally:
        _current.reset(before)
