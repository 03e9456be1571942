"""Fixtures of the analyzer's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.analyzer.harness import Harness, settings_for


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """An analyzer on an empty database, its clock at noon of Monday 2026-01-05 in New York."""
    settings = settings_for(database_url, kafka_url, tmp_path / "clock.json")
    async with Harness(settings) as opened:
        yield opened
