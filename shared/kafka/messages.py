"""Messages in and out: CloudEvents 1.0 in binary mode, cutting into chunks, decoding, and the exception of poison.

A message made within a span carries its trace context; the outbox keeps it with the other headers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, TypeVar

import orjson
import pyarrow as pa
from pydantic import BaseModel, ValidationError

from shared import ids
from shared.contracts import chunks, codec
from shared.contracts.platform import refusal
from shared.contracts.topics import MIB, Topic
from shared.runtime import trace
from shared.runtime.trace import TraceContext

LARGEST_VALUE = 4 * MIB - 64 * 1024  # bytes of a message's value: a topic's limit, less key and headers
ENTERPRISES = "ce_enterprises"  # header: ids of enterprises, separated by commas, which no id contains
_COMPRESSION = 2  # lowest ratio of column bytes to encoded bytes: rows beyond it are cut before encoding

M = TypeVar("M", bound=BaseModel)
Headers = Sequence[tuple[str, bytes | None]]  # as received: a value may be null, a name may repeat


class BadMessage(ValueError):
    """The message can never be handled and becomes a dead letter.  code: a short fixed word; detail: a sentence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Incoming:
    """One message as the broker delivered it.  appended_ms: when the broker stored it, ms since 1970-01-01 UTC."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    appended_ms: int

    @cached_property
    def span(self) -> TraceContext:
        """The span of handling this message, of the trace that its headers name, else of a new one."""
        given = [value for name, value in self.headers if name == trace.HEADER]
        return trace.started(given[0].decode("latin-1") if len(given) == 1 and given[0] is not None else None)


def incoming(record: Any) -> Incoming:
    """Return an aiokafka record as a message."""
    return Incoming(
        record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers), record.timestamp
    )


@dataclass(frozen=True)
class Outgoing:
    """One message to publish.  Headers are CloudEvents attributes; a retry repeats the event id."""

    topic: str
    key: bytes
    value: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """A decoded work chunk: its requested columns, its metadata, the encoded bytes, and the span of handling it.

    A handler that works on several chunks makes the messages that follow from one of them within its span.
    """

    rows: pa.RecordBatch
    meta: dict[str, str]
    value: bytes
    span: TraceContext | None = None


def trade_day_of(meta: Mapping[str, str]) -> int:
    """Return the trade date of a chunk in days since 1970-01-01.  Raises BadMessage when its metadata names none."""
    try:
        return (date.fromisoformat(meta["trade_date"]) - date(1970, 1, 1)).days
    except (KeyError, ValueError) as error:
        raise BadMessage("no_trade_date", f"the chunk's metadata must name a trade_date: {dict(meta)}") from error


def decided_at_of(meta: Mapping[str, str]) -> datetime | None:
    """Return when the approvals of a chunk were decided, None in those of early releases, which do not say it.

    Raises BadMessage for what is no instant.
    """
    said = meta.get("decided_at")
    if said is None:
        return None
    try:
        instant = datetime.fromisoformat(said)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadMessage("bad_instant", f"decided_at of the chunk's metadata is no instant with its offset: {said!r}")
    return instant


def event(
    topic: Topic,
    key: str,
    body: BaseModel,
    *,
    event_id: str,
    source: str,
    at: datetime,
    enterprises: Iterable[str] = (),
) -> Outgoing:
    """Return a JSON event for a public or inbound topic.  None values are left out, never sent as null.

    enterprises: all whose accounts the event is about; a public event names them in a header, too.
    """
    plain = body.model_dump(mode="json", exclude_none=True)
    return plain_event(topic, key, plain, event_id=event_id, source=source, at=at, enterprises=enterprises)


def plain_event(
    topic: Topic,
    key: str,
    body: Mapping[str, Any],
    *,
    event_id: str,
    source: str,
    at: datetime,
    enterprises: Iterable[str] = (),
) -> Outgoing:
    """Return a JSON event from plain values, for bulk paths; the sender's tests compare it with the topic's model.

    enterprises: as of `event`.
    """
    headers = _attributes(topic.name, event_id, source, key, at) | {"content-type": "application/json"}
    if named := ",".join(sorted(enterprises)):
        headers[ENTERPRISES] = named
    return Outgoing(topic.name, key.encode(), orjson.dumps(body), headers)


def chunk(
    topic: Topic, key: str, rows: pa.RecordBatch, meta: Mapping[str, str], *, event_id: str, source: str, at: datetime
) -> Outgoing:
    """Return a work chunk for an internal topic."""
    headers = _attributes(topic.name, event_id, source, key, at) | {
        "content-type": "application/vnd.apache.arrow.stream"
    }
    return Outgoing(topic.name, key.encode(), codec.encode(rows, meta), headers)


def result_chunks(
    topic: Topic,
    rows: pa.RecordBatch,
    meta: Mapping[str, str],
    *,
    source: str,
    at: datetime,
    too_large: Callable[[pa.RecordBatch, str], pa.RecordBatch],
) -> list[Outgoing]:
    """Return rows of a request as messages for its next service: chunks of at most MAX_CHUNK_BYTES of whole rows.

    A chunk is keyed by its first account, so that a request spreads over all partitions; a retry repeats the ids.
    too_large: returns the replacement of a single row that exceeds LARGEST_VALUE, given the row and a sentence.
    """
    sent = []
    for part in split_by_size(rows):
        message = _result_chunk(topic, part, meta, source, at)
        if len(message.value) > chunks.MAX_CHUNK_BYTES and part.num_rows > 1:
            half = part.num_rows // 2
            for smaller in (part.slice(0, half), part.slice(half)):
                sent += result_chunks(topic, smaller, meta, source=source, at=at, too_large=too_large)
            continue
        if len(message.value) > LARGEST_VALUE:
            why = f"account {part.column('account_id')[0]}: {len(message.value)} bytes are more than a message carries"
            message = _result_chunk(topic, too_large(part, why), meta, source, at)
        sent.append(message)
    return sent


def _result_chunk(topic: Topic, rows: pa.RecordBatch, meta: Mapping[str, str], source: str, at: datetime) -> Outgoing:
    first = str(rows.column("account_id")[0])
    identity = ids.event_id(topic.name, meta.get("batch_id", first), meta.get("attempt", ""), first, rows.num_rows)
    return chunk(topic, first, rows, meta, event_id=identity, source=source, at=at)


def split_by_size(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield the rows in parts that are not certain to exceed MAX_CHUNK_BYTES, judged before encoding."""
    count = min(rows.num_rows, rows.nbytes // (_COMPRESSION * chunks.MAX_CHUNK_BYTES))
    if count < 2:
        if rows.num_rows:
            yield rows
        return
    size = -(-rows.num_rows // count)
    for start in range(0, rows.num_rows, size):
        yield from split_by_size(rows.slice(start, size))


def _attributes(kind: str, event_id: str, source: str, subject: str, at: datetime) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_type": kind,
        "ce_source": f"/rebalancer/{source}",
        "ce_subject": subject,
        "ce_time": at.astimezone(UTC).isoformat(),
    } | trace.header()


def decode_json(model: type[M]) -> Callable[[Incoming], M]:
    """Return a decoder for JSON events of `model`; it raises BadMessage with field, value and what is allowed.

    Fields that the model does not have are left out, also of our own events: the sender may be of a later release.
    """

    def decode(message: Incoming) -> M:
        try:
            return model.model_validate_json(message.value or b"", extra="ignore")
        except ValidationError as error:
            raise BadMessage("invalid_event", refusal(error)) from error
        except Exception as error:  # only the bytes can be the cause
            raise BadMessage("invalid_event", repr(error)[:500]) from error

    return decode


def decode_chunk(schema: pa.Schema, wanted: frozenset[str] | None = None) -> Callable[[Incoming], Chunk]:
    """Return a decoder for Arrow chunks of `schema`; it raises BadMessage if bytes or columns do not fit.

    wanted: the columns to decode, None: all.
    """

    def decode(message: Incoming) -> Chunk:
        try:
            rows, meta = codec.decode(message.value or b"", schema, wanted)
        except Exception as error:  # Arrow raises more types than it documents; only the bytes can be the cause
            raise BadMessage("invalid_chunk", f"{type(error).__name__}: {str(error)[:500]}") from error
        return Chunk(rows, meta, message.value or b"", message.span)

    return decode


def decoder(topic: Topic, wanted: frozenset[str] | None = None) -> Callable[[Incoming], Any]:
    """Return the decoder of a topic's content.  wanted: the columns of a chunk to decode, None: all.

    Raises ValueError for a topic without content, such as a dead-letter topic.
    """
    if isinstance(topic.content, pa.Schema):
        return decode_chunk(topic.content, wanted)
    if topic.content is None:
        raise ValueError(f"{topic.name} has no content to decode")
    return decode_json(topic.content)
