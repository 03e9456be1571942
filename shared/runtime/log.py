"""Structured logs: one JSON line per event on standard output, stdlib loggers included, repetitions limited."""

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog

QUIET_S = 10.0  # shortest time between two lines of the same library message
_LIBRARIES = ("aiokafka", "faust", "mode", "kafka", "psycopg", "sqlalchemy", "uvicorn", "httpx", "asyncio")


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
        if suppressed:
            record.msg = f"{record.getMessage()} (and {suppressed} more like it)"
            record.args = ()
        return True


def _cut_stack(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cut stack traces to their last 4000 characters, the innermost frames."""
    stack = event.get("exception")
    if isinstance(stack, str):
        event["exception"] = stack[-4000:]
    return event


def configure(service: str, level: str = "INFO") -> None:
    """Send every log line of this process through one JSON renderer, with the service's name."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        _cut_stack,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )

    def mark(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(RepetitionLimit())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                mark,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
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
