"""The chains of decisions, and the frozen rows that they are compared with; this module only reads."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.rules.history_chain import Link

_APPEND: Final = text("SELECT enterprise_id, position, sha256 FROM append_decision(:batch_id) ORDER BY enterprise_id")
_LINKS_OF: Final = text(
    "SELECT enterprise_id, position, sha256 FROM decision_link WHERE batch_id = :batch_id ORDER BY enterprise_id"
)
_SNAPSHOT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_NEXT: Final = text(
    "SELECT position, batch_id, previous, decision_sha256, sha256 FROM decision_link"
    " WHERE enterprise_id = :enterprise_id AND position > :after ORDER BY position LIMIT :most"
)
_AT: Final = text("SELECT sha256 FROM decision_link WHERE enterprise_id = :enterprise_id AND position = :position")
_HEAD: Final = text("SELECT position, sha256 FROM decision_head WHERE enterprise_id = :enterprise_id")
_BEFORE: Final = text(
    "SELECT batch_id, sha256 FROM decision_before WHERE :enterprise_id = ANY(enterprise_ids) AND batch_id > :after"
    " ORDER BY batch_id LIMIT :most"
)
_DECISION: Final = text("SELECT sha256, manifest FROM decision WHERE batch_id = :batch_id")
_CHUNKS: Final = text(
    "SELECT chunk_id, encode(sha256(value), 'hex') AS digest FROM result_chunk WHERE batch_id = :batch_id"
)
_ADDED: Final = text(
    "SELECT batch_id, false AS is_kept FROM batch b WHERE :enterprise_id = ANY(enterprise_ids)"
    " AND decided_at IS NOT NULL AND NOT EXISTS (SELECT FROM decision d WHERE d.batch_id = b.batch_id)"
    " UNION ALL SELECT batch_id, true FROM decision d WHERE :enterprise_id = ANY(enterprise_ids)"
    " AND NOT EXISTS (SELECT FROM decision_link l WHERE l.batch_id = d.batch_id AND l.enterprise_id = :enterprise_id)"
    " AND NOT EXISTS (SELECT FROM decision_before o WHERE o.batch_id = d.batch_id) ORDER BY 1, 2"
)
_ENTERPRISES: Final = text(
    "SELECT enterprise_id FROM decision_head UNION SELECT unnest(enterprise_ids) FROM decision ORDER BY 1"
)


async def append(connection: AsyncConnection, batch_id: int) -> Sequence[Row[Any]]:
    """Append the decision about a batch to its chains now; return enterprise_id, position and sha256 of its links.

    From here on other decisions of these enterprises wait until the transaction ends: it is the last thing to do.
    """
    return (await connection.execute(_APPEND, {"batch_id": batch_id})).all()


async def links_of(connection: AsyncConnection, batch_id: int) -> Sequence[Row[Any]]:
    """Return enterprise_id, position and sha256 of the links of a decision, none for one of before the chains."""
    return (await connection.execute(_LINKS_OF, {"batch_id": batch_id})).all()


async def hold_still(connection: AsyncConnection) -> None:
    """Have every query of a transaction that begins see the same instant, so that a chain and its head agree."""
    await connection.execute(_SNAPSHOT)


async def next_links(connection: AsyncConnection, enterprise_id: str, after: int, most: int) -> list[Link]:
    """Return at most `most` links of a chain behind position `after`, in order."""
    values = {"enterprise_id": enterprise_id, "after": after, "most": most}
    return [
        Link(row.position, row.batch_id, bytes(row.previous), bytes(row.decision_sha256), bytes(row.sha256))
        for row in await connection.execute(_NEXT, values)
    ]


async def hash_at(connection: AsyncConnection, enterprise_id: str, position: int) -> bytes | None:
    """Return the hash of a link; None if there is no such link."""
    values = {"enterprise_id": enterprise_id, "position": position}
    found: bytes | None = (await connection.execute(_AT, values)).scalar_one_or_none()
    return None if found is None else bytes(found)


async def head(connection: AsyncConnection, enterprise_id: str) -> tuple[int, bytes] | None:
    """Return position and hash of the last link as they were noted; None if nothing was decided since chains began."""
    row = (await connection.execute(_HEAD, {"enterprise_id": enterprise_id})).one_or_none()
    return None if row is None else (int(row.position), bytes(row.sha256))


async def next_before(
    connection: AsyncConnection, enterprise_id: str, after: int, most: int
) -> list[tuple[int, bytes]]:
    """Return number and digest of decisions of before the chain began, by number."""
    values = {"enterprise_id": enterprise_id, "after": after, "most": most}
    return [(int(row.batch_id), bytes(row.sha256)) for row in await connection.execute(_BEFORE, values)]


async def decision(connection: AsyncConnection, batch_id: int) -> tuple[bytes, bytes] | None:
    """Return digest and manifest of a decision; None if it is missing."""
    row = (await connection.execute(_DECISION, {"batch_id": batch_id})).one_or_none()
    return None if row is None else (bytes(row.sha256), bytes(row.manifest))


async def chunk_digests(connection: AsyncConnection, batch_id: int) -> dict[str, str]:
    """Return the SHA-256 in hex of the result chunks of a batch as they are now, by number."""
    rows = await connection.execute(_CHUNKS, {"batch_id": batch_id})
    return {str(row.chunk_id): str(row.digest) for row in rows}


async def added(connection: AsyncConnection, enterprise_id: str) -> Sequence[Row[Any]]:
    """Return batch_id and is_kept of what was added to history beside its chain.

    is_kept: a decision that has no link; else a batch that is decided without a decision.
    """
    return (await connection.execute(_ADDED, {"enterprise_id": enterprise_id})).all()


async def enterprises(connection: AsyncConnection) -> list[str]:
    """Return the enterprises that have a history."""
    return list((await connection.execute(_ENTERPRISES)).scalars())
