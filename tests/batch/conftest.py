"""A migrated database of the test's own, and the service on it with its own roles."""

from collections.abc import AsyncIterator, Callable

import pytest

from shared.postgres.migrations import migrate
from tests.batch.world import World
from tests.stackfix.places import as_role


@pytest.fixture
def batch_url(database_url: str) -> str:
    """Address of a migrated database, as its superuser."""
    migrate("batch", as_role(database_url, "batch_migrator"))
    return database_url


@pytest.fixture
async def make_world(batch_url: str) -> AsyncIterator[Callable[..., World]]:
    """Make replicas of the service; they share the database."""
    made: list[World] = []

    def make(**values: object) -> World:
        made.append(World(batch_url, **values))  # type: ignore[arg-type]  # keyword arguments of World
        return made[-1]

    yield make
    for world in made:
        await world.database.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One replica."""
    return make_world()
