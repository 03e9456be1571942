"""The next offset of each partition of what files are judged by, stored after the messages before it.

The group's commits at the broker come later and not always: a commit that a rebalance refuses is not repeated until
the next message of its partition comes.
"""

from collections.abc import Sequence

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from shared.kafka.messages import Incoming


async def note(connection: AsyncConnection[TupleRow], done: Sequence[Incoming]) -> None:
    """Store that these messages are done; a stored offset never decreases."""
    ends: dict[tuple[str, int], int] = {}
    for message in done:
        partition = (message.topic, message.partition)
        ends[partition] = max(ends.get(partition, 0), message.offset + 1)
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO progress (topic, partition, next_offset) VALUES (%s, %s, %s) ON CONFLICT (topic, partition)"
            " DO UPDATE SET next_offset = greatest(progress.next_offset, excluded.next_offset)",
            [(*partition, end) for partition, end in sorted(ends.items())],
        )


async def read(connection: AsyncConnection[TupleRow]) -> dict[tuple[str, int], int]:
    """Return the next offset by (topic, partition)."""
    rows = await connection.execute("SELECT topic, partition, next_offset FROM progress")
    return {(topic, partition): offset async for topic, partition, offset in rows}
