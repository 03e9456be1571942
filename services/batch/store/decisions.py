"""Decisions: one canonical document per batch with its digest, inserted once and never changed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.manifest import Manifest

_PUT = text(
    "INSERT INTO decision (batch_id, enterprise_ids, advisor_ids, decided_at, sha256, manifest)"
    " SELECT batch_id, enterprise_ids, advisor_ids, decided_at, :sha256, :manifest FROM batch"
    " WHERE batch_id = :batch_id AND decided_at IS NOT NULL"
)
_DIGESTS = text("SELECT chunk_id, encode(sha256, 'hex') AS digest FROM result_chunk WHERE batch_id = :batch_id")

_DIGEST = text("SELECT sha256 FROM decision WHERE batch_id = :batch_id")


async def put(connection: AsyncConnection, batch_id: int, manifest: Manifest) -> None:
    """Keep the decision about a batch that was just decided.  Raises RuntimeError if the batch is undecided."""
    values = {"batch_id": batch_id, "sha256": manifest.sha256, "manifest": manifest.content}
    if (await connection.execute(_PUT, values)).rowcount != 1:
        raise RuntimeError(f"batch {batch_id} is not decided: there is nothing to keep")


async def read_digests(connection: AsyncConnection, batch_id: int) -> dict[int, str]:
    """Return the SHA-256 (hex) of every result chunk of a batch, by chunk number."""
    return {int(row.chunk_id): str(row.digest) for row in await connection.execute(_DIGESTS, {"batch_id": batch_id})}


async def read_digest(connection: AsyncConnection, batch_id: int) -> bytes | None:
    """Return the SHA-256 of the manifest of a batch; None while it is undecided."""
    found: bytes | None = (await connection.execute(_DIGEST, {"batch_id": batch_id})).scalar_one_or_none()
    return found
