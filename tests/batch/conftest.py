"""A migrated database of the test's own, and the service on it with its own roles."""

from collections.abc import AsyncIterator, Callable

import pytest

from shared.postgres.migrations import migrate
from tests.batch.harness import Harness
from tests.stackfix.infrastructure import as_role


@pytest.fixture
def batch_url(database_url: str) -> str:
    """Address of a migrated database, as its superuser."""
    migrate("batch", as_role(database_url, "batch_migrator"))
    return database_url


@pytest.fixture
async def make_harness(batch_url: str) -> AsyncIterator[Callable[..., Harness]]:
    """Make replicas of the service; they share the database."""
    made: list[Harness] = []

    def make(**values: object) -> Harness:
        made.append(Harness(batch_url, **values))  # type: ignore[arg-type]  # keyword arguments of Harness
        return made[-1]

    yield make
    for harness in made:
        await harness.database.close()


@pytest.fixture
def harness(make_harness: Callable[..., Harness]) -> Harness:
    """One replica."""
    return make_harness()
