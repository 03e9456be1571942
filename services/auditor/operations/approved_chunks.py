"""Result chunks of approved batches, as history keeps them, each with its approved accounts."""

from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Final

from services.auditor.store import orders
from services.auditor.store.database import Snapshot

_TOGETHER: Final = 16  # result chunks of up to 512 kB


async def approved_chunks(
    connection: Snapshot, batches: list[int]
) -> AsyncIterator[tuple[int, bytes, list[orders.ApprovedAccount]]]:
    """Yield batch, chunk and the chunk's accounts; nothing of a batch that is not approved.

    Raises KeyError if a chunk is missing.
    """
    of_chunks: dict[tuple[int, int], list[orders.ApprovedAccount]] = defaultdict(list)
    for account in await orders.members(connection, batches):
        of_chunks[account.batch_id, account.chunk_id].append(account)
    keys = sorted(of_chunks)
    for start in range(0, len(keys), _TOGETHER):
        some = keys[start : start + _TOGETHER]
        contents = await orders.chunks(connection, [chunk_id for _, chunk_id in some])
        for batch_id, chunk_id in some:
            yield batch_id, contents[chunk_id], of_chunks[batch_id, chunk_id]
