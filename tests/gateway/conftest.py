"""The house of each test: a gateway, its issuer, and what is behind it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.gateway.house import House, house_at


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A gateway with a user `pat` who may do everything at enterprise E1."""
    async with house_at(database_url, tmp_path) as built:
        await built.grant("pat", ("viewer", "trader", "approver", "operator"))
        yield built


@pytest.fixture
async def visitor(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that nobody signed in with yet."""
    async with house.client() as client:
        yield client


@pytest.fixture
async def pat(house: House, visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """Pat's browser, signed in."""
    await house.sign_in(visitor)
    return visitor
