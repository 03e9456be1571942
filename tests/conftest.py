"""Fixtures of all tests: where a broker, a database and the whole stack come from."""

from collections.abc import MutableMapping
from typing import Any

import pytest
import structlog

from shared.kafka import isolation
from shared.runtime import log

pytest_plugins = ["tests.stackfix.fixtures"]


def pytest_configure() -> None:
    """Log faults as Python writes them: with every variable of every frame, as is usual on a screen, one takes 3 s."""
    log.raise_at_refused_fields()
    structlog.configure(
        processors=[
            _refuse_fields,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


def _refuse_fields(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Raise at a field that is not in the list; the event is shown as it was given."""
    log.check(logger, name, event)
    return event


@pytest.fixture(autouse=True)
def _as_if_just_started() -> None:
    """Forget at how many accounts our code raised: a process remembers it, and each test is one."""
    isolation._recent.clear()
