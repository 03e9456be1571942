"""A pool after a long outage of the database: who asks is served at once, however long it had been away."""

import pytest

from shared.postgres.pool import pool
from tests.cutting import way_to
from tests.waiting import until_so

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]


async def test_a_pool_does_not_sit_out_a_pause_that_grew_with_the_outage(database_url: str) -> None:
    with way_to(database_url) as (way, url):
        way.shut = True
        async with pool(url, "public", size=2) as connections:
            # It no longer tries by itself, so there is no pause that somebody would have to wait out.
            await until_so(connections.get_stats, lambda stats: stats["pool_size"] == 0, within_s=30)
            way.shut = False
            async with connections.connection(timeout=5) as connection:
                assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
