"""A table as a stream of bytes, made while its rows are read."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence

from shared.tables.columns import Row, TableWriter


async def streamed(writer: TableWriter, groups: AsyncIterable[Sequence[Row]]) -> AsyncIterator[bytes]:
    """Yield the bytes of a file: what is not yet asked for is not yet read.

    The end is left out when reading the rows fails or somebody stops asking, so that the file is seen to be cut off.
    """
    yield writer.head()
    async for rows in groups:
        piece = await asyncio.to_thread(writer.rows, rows)
        if piece:
            yield piece
    yield await asyncio.to_thread(writer.end)
