"""Whole lists, read group by group from a cursor of the database, so that memory does not grow with them."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncConnection


async def row_groups(
    connection: AsyncConnection, query: Select[Any], size: int
) -> AsyncGenerator[Sequence[Row[Any]], None]:
    """Yield the rows of a query, `size` at a time; what is not asked for is not read."""
    rows = await connection.stream(query, execution_options={"yield_per": size})
    try:
        async for group in rows.partitions():
            yield group
    finally:
        await rows.close()  # as a context it would stay open when the reader stops early
