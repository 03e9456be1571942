"""Decisions as they were made: one canonical document a batch with its digest, inserted once and never changed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.manifest import Manifest

_PUT = text(
    "INSERT INTO decision (batch_id, enterprise_ids, advisor_ids, decided_at, sha256, manifest)"
    " SELECT batch_id, enterprise_ids, advisor_ids, decided_at, :sha256, :manifest FROM batch"
    " WHERE batch_id = :batch_id AND decided_at IS NOT NULL"
)
_GET = text("SELECT sha256, manifest FROM decision WHERE batch_id = :batch_id")
_DIGESTS = text("SELECT chunk_id, encode(sha256, 'hex') AS digest FROM result_chunk WHERE batch_id = :batch_id")


async def put(connection: AsyncConnection, batch_id: int, manifest: Manifest) -> None:
    """Keep the decision about a batch that was just decided.  Raises RuntimeError when the batch is undecided."""
    values = {"batch_id": batch_id, "sha256": manifest.sha256, "manifest": manifest.content}
    if (await connection.execute(_PUT, values)).rowcount != 1:
        raise RuntimeError(f"batch {batch_id} is not decided: there is nothing to keep")


async def read(connection: AsyncConnection, batch_id: int) -> Manifest | None:
    """Return the decision about a batch, or None while it is undecided."""
    row = (await connection.execute(_GET, {"batch_id": batch_id})).one_or_none()
    return None if row is None else Manifest(bytes(row.manifest), bytes(row.sha256))


async def read_digests(connection: AsyncConnection, batch_id: int) -> dict[int, str]:
    """Return the digest of every answered chunk of a batch."""
    return {int(row.chunk_id): str(row.digest) for row in await connection.execute(_DIGESTS, {"batch_id": batch_id})}
