"""Fixtures of every test: a gateway with its surroundings, and browsers."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.harness import Harness, harness_at


@pytest.fixture
async def harness(database_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """A gateway with a user `pat` who may do everything at enterprise E1."""
    async with harness_at(database_url, tmp_path) as built:
        await built.grant("pat", ("viewer", "trader", "approver", "operator"))
        yield built


@pytest.fixture
async def visitor(harness: Harness) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody signed in with yet."""
    async with harness.client() as client:
        yield client


@pytest.fixture
async def pat(harness: Harness, visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """Pat's browser, signed in."""
    await harness.sign_in(visitor)
    return visitor
