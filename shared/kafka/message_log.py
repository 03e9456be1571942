"""The canonical lines of a group of messages: one for each message, written together when the group has ended."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

from shared.contracts.topics import Topic
from shared.kafka.messages import Chunk, Incoming
from shared.runtime import log
from shared.runtime.log_fields import refusal
from shared.runtime.trace import TraceContext

_EVENT: Final = "message.handled"
_AGAIN: Final = "again"
_NAMED: Final = ("account_id", "batch_id", "file_id", "run_id")  # ids of an event, or in the metadata of a chunk


class MessageLog:
    """What became of each message of a group, made when its handling begins.  span: in which it is handled."""

    def __init__(self, topic: Topic, messages: Sequence[Incoming], span: TraceContext) -> None:
        self._topic = topic
        self._messages = messages
        self._span = span
        self._began_s = time.monotonic()
        self._outcomes: dict[tuple[int, int], tuple[str, str | None]] = {}
        self._decoded: dict[tuple[int, int], Any] = {}
        self._retries = 0

    def decoded(self, message: Incoming, item: Any) -> None:
        """Note the content of a message."""
        self._decoded[message.partition, message.offset] = item

    def ended(self, message: Incoming, outcome: str, code: str | None = None) -> None:
        """Note what became of a message.  code: of its dead letter."""
        self._outcomes[message.partition, message.offset] = outcome, code

    def retried(self) -> None:
        """Note that messages of the group are tried again."""
        self._retries += 1

    def write(self) -> None:
        """Write the lines.  A message of which nothing was noted will be delivered again."""
        kind = self._topic.key.replace(" ", "_")
        common = {"topic": self._topic.name, "key": kind, "duration_ms": _ms(self._began_s)}
        log.write_lines(_EVENT, common | {"attempts": 1 + self._retries}, self._lines())

    def _lines(self) -> Iterator[dict[str, Any]]:
        now_ms = time.time() * 1000
        for message in self._messages:
            at = message.partition, message.offset
            outcome, code = self._outcomes.get(at, (_AGAIN, None))
            line: dict[str, Any] = {
                "partition": message.partition,
                "offset": message.offset,
                "bytes": len(message.value or b""),
                "age_ms": max(0, round(now_ms - message.appended_ms)),
                "outcome": outcome,
                "trace_id": message.span.trace_id,
                "span_id": message.span.span_id,
            }
            if code is not None:
                line["code"] = code
            if message.span.parent_id:
                line["parent_id"] = message.span.parent_id
            if message.span.trace_id != self._span.trace_id:
                line["group_trace_id"] = self._span.trace_id
            yield line | _about(self._decoded.get(at))


def _about(item: Any) -> dict[str, Any]:
    """Return the ids that a message names, and the rows of a chunk."""
    if item is None:
        return {}
    if isinstance(item, Chunk):
        given = {name: item.meta[name] for name in _NAMED if name in item.meta}
        enterprise, about = item.meta.get("enterprise_id"), {"rows": item.rows.num_rows}
    else:
        given = {name: value for name in _NAMED if (value := getattr(item, name, None)) is not None}
        enterprise, about = getattr(item, "enterprise_id", None), {}
    found = about | given | ({} if enterprise is None else {"enterprise": [enterprise]})
    return {name: value for name, value in found.items() if refusal(name, value) is None}


def _ms(since_s: float) -> float:
    return round((time.monotonic() - since_s) * 1000, 1)
