"""Whole lists, read part by part from a cursor of the database, so that memory does not grow with them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncConnection


async def parts(connection: AsyncConnection, query: Select[Any], size: int) -> AsyncGenerator[Sequence[Row[Any]], None]:
    """Yield the rows of a query, `size` at a time; what is not asked for is not read."""
    async with connection.stream(query, execution_options={"yield_per": size}) as rows:
        async for part in rows.partitions():
            yield part
