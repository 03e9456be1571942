"""Fixtures of all tests: where a broker, a database and the whole stack come from."""

import pytest
import structlog

from shared.kafka import isolation

pytest_plugins = ["tests.stackfix.fixtures"]


def pytest_configure() -> None:
    """Log faults as Python writes them: with every variable of every frame, as is usual on a screen, one takes 3 s."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ]
    )


@pytest.fixture(autouse=True)
def _as_if_just_started() -> None:
    """Forget at how many accounts our code raised: a process remembers it, and each test is one."""
    isolation._recent.clear()
