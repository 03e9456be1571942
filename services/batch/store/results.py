"""Answered chunks as they came, read a few at a time and as bytes: a large batch holds tens of megabytes of them."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store.database import driver

_AT_ONCE: Final = 16
_READ: Final = "SELECT chunk_id, value FROM result_chunk WHERE chunk_id = ANY(%s)"


async def groups(connection: AsyncConnection, numbers: Sequence[int]) -> AsyncIterator[dict[int, bytes]]:
    """Yield the chunks of these numbers in groups, by number, in the order given."""
    for start in range(0, len(numbers), _AT_ONCE):
        yield await _read(connection, numbers[start : start + _AT_ONCE])


async def one(connection: AsyncConnection, number: int) -> bytes:
    """Return the chunk of this number."""
    return (await _read(connection, [number]))[number]


async def _read(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, bytes]:
    below = await driver(connection)
    async with below.cursor(binary=True) as cursor:
        await cursor.execute(_READ, (list(numbers),))
        found = {int(number): bytes(value) for number, value in await cursor.fetchall()}
    return {number: found[number] for number in numbers}
