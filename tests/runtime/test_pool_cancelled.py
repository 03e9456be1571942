"""Callers of a pool are cancelled at any moment, and again while they clean up; whoever is next is served as ever."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.postgres.pool import Pool, pool

pytestmark = pytest.mark.integration
CALLERS, TRIALS = 20, 100
LONGEST_S = 0.02  # a caller takes about so long


@pytest.fixture
async def single(database_url: str) -> AsyncIterator[Pool]:
    """A pool of a single connection, which everybody gets."""
    async with pool(database_url, "public", size=1) as opened:
        yield opened


async def _is_in_transaction(connection: AsyncConnection[TupleRow]) -> bool:
    """Return whether what one statement sets for its transaction is still there at the next one."""
    await connection.execute("SELECT set_config('app.mark', 'mine', true)")
    row = await (await connection.execute("SELECT current_setting('app.mark', true)")).fetchone()
    return row == ("mine",)


async def test_whoever_follows_callers_that_were_cancelled_has_a_connection_and_a_transaction(single: Pool) -> None:
    chance = random.Random(1)

    async def call() -> None:
        async with single.connection() as lent:
            await _is_in_transaction(lent)

    for _ in range(TRIALS):
        callers = [asyncio.ensure_future(call()) for _ in range(CALLERS)]
        loop = asyncio.get_running_loop()
        for caller in callers:
            first_s, apart_s = chance.uniform(0, LONGEST_S), chance.choice([0, 0.00005, 0.0002, 0.001])
            for again in range(chance.choice([2, 3, 6, 10])):  # as a server does to a request whose client went away
                loop.call_later(first_s + again * apart_s, caller.cancel)
        await asyncio.wait(callers)
        async with single.connection() as lent:
            assert await _is_in_transaction(lent)
