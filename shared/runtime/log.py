"""Structured logs: one JSON line per event on standard output, stdlib loggers included, repetitions limited.

A line has fields of `log_fields` only.  A field that is not of that list is left out and counted; in tests it raises.
"""

import logging
import sys
import time
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog

from shared.runtime import metrics, trace
from shared.runtime.log_events import EVENTS
from shared.runtime.log_fields import admitted
from shared.runtime.redaction import error_fields, library_fields
from shared.runtime.version import VERSION

QUIET_S = 10.0  # shortest time between two lines of the same library message
_LIBRARIES = ("aiokafka", "faust", "mode", "kafka", "psycopg", "sqlalchemy", "uvicorn", "httpx", "asyncio")
_LINES: Final = "rebalancer.lines"
_OF_FORMATTER: Final = ("_record", "_from_structlog")
LIBRARY: Final = "library"
"""The event of every line that a library writes."""


class RefusedField(ValueError):
    """In a test: a line has a field that no line may have."""


class RepetitionLimit(logging.Filter):
    """Passes a library's message template once per QUIET_S, with the number of repetitions suppressed since.

    While a broker is away, client libraries log thousands of equal lines a minute.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether this record is written."""
        if not record.name.startswith(_LIBRARIES):
            return True
        key = (record.name, str(record.msg)[:60])
        now = time.monotonic()
        written, suppressed = self._last.get(key, (-QUIET_S, 0))
        if now - written < QUIET_S:
            self._last[key] = (written, suppressed + 1)
            return False
        if len(self._last) > 1000:
            self._last.clear()
        self._last[key] = (now, 0)
        record.suppressed = suppressed
        return True


class _Process:
    """What lines of this process say of it, and whether a refused field raises."""

    service = ""
    raises = False


def raise_at_refused_fields() -> None:
    """Let a line with a field that is not in the list raise RefusedField: for tests."""
    _Process.raises = True


def check(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a line that may be written: the last step before it is rendered.

    `error` and `exc_info` hold an exception, or True for the one being handled; its fields take their place.  What the
    formatter needs of a library's record stays.
    Raises RefusedField in tests.
    """
    fields = dict(event)
    kept = {name: fields.pop(name) for name in _OF_FORMATTER if name in fields}
    shown, raised = fields.pop("error", None), fields.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    elif isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        fields |= error_fields(raised, stack=True)
    elif isinstance(shown, BaseException):
        fields |= error_fields(shown, stack=False)
    written, refused = admitted(fields)
    if fields.get("event") not in EVENTS:
        refused.append(f"the event {str(fields.get('event'))[:60]} is not in the list of events")
        written["event"] = "log.unknown"
    if shown is not None and not isinstance(shown, BaseException):
        refused.append("error is no exception")
    if refused:
        if _Process.raises:
            raise RefusedField("; ".join(refused))
        metrics.LOG_FIELDS_DROPPED.labels(_Process.service).inc(len(refused))
        written["dropped"] = len(refused)
    return written | kept


def _add_trace(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the ids of the current trace and span."""
    span = trace.current()
    if span is not None:
        event.setdefault("trace_id", span.trace_id)
        event.setdefault("span_id", span.span_id)
    return event


def _add_process(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["service"], event["version"] = _Process.service, VERSION
    return event


def _of_library(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the text of a library's line by the fields it may have."""
    record: logging.LogRecord = event["_record"]
    fields = library_fields(record.name, str(record.msg), event.pop("positional_args", ()))
    event.pop("stack_info", None)
    return {**event, "event": LIBRARY, "suppressed": getattr(record, "suppressed", 0) or None, **fields}


def _rendered(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps({name: value for name, value in event.items() if name not in _OF_FORMATTER}).decode()


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return lines that are complete as they are, else render the record."""
        return str(record.msg) if record.name == _LINES else super().format(record)


def configure(service: str, level: str = "INFO") -> None:
    """Send every log line of this process through one JSON renderer, with the service's name."""
    _Process.service = service
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _add_process,
    ]
    structlog.configure(
        processors=[*shared, check, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(RepetitionLimit())
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=[*shared, _of_library, check],
            pass_foreign_args=True,
            processors=[_rendered],
        )
    )
    logging.raiseExceptions = False  # what cannot be written is lost: Python would print it, unchecked, elsewhere
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in _LIBRARIES:
        logging.getLogger(library).handlers = []
        logging.getLogger(library).propagate = True
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def get(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger; events are dotted names, facts are keyword arguments (account_id=..., batch_id=...)."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(name)
    return logger


def write_lines(event: str, common: Mapping[str, Any], lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a line for each of many things, at the cost of one: bulk paths log each message.

    common: fields of all lines.  Fields are not checked here but by a test of the one caller.
    """
    logger = logging.getLogger(_LINES)
    if not logger.isEnabledFor(logging.INFO):
        return
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    head = {"event": event, "level": "info", "ts": now, "service": _Process.service, "version": VERSION, **common}
    text = b"\n".join(orjson.dumps({**head, **line}) for line in lines).decode()
    if text:
        logger.info(text)
