"""A migrated database of the test's own with a role that row-level security binds, and the service on it."""

from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from shared.migrations import migrate
from tests.batch.world import World

ROLE, PASSWORD = "batch_under_test", "only-for-tests"  # pragma: allowlist secret


@pytest.fixture
def batch_url(database_url: str) -> Iterator[str]:
    """Address of a migrated database, as an ordinary role that owns the schema."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        role, database = sql.Identifier(ROLE), sql.Identifier(connection.info.dbname)
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD)))
        connection.execute(sql.SQL("CREATE SCHEMA batch AUTHORIZATION {}").format(role))
        connection.execute(sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, role))
    place = urlsplit(database_url)
    url = f"postgresql://{ROLE}:{PASSWORD}@{place.hostname}:{place.port}{place.path}"
    migrate("batch", url)
    yield url


@pytest.fixture
async def make_world(batch_url: str, database_url: str) -> AsyncIterator[Callable[..., World]]:
    """Make replicas of the service; they share the database."""
    made: list[World] = []

    def make(**values: object) -> World:
        made.append(World(batch_url, database_url, **values))  # type: ignore[arg-type]  # keyword arguments of World
        return made[-1]

    yield make
    for world in made:
        await world.database.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One replica."""
    return make_world()
