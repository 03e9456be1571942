"""Batches as they are written, and as their accounts add up."""

from typing import Final

from services.auditor.domain.batches import DecidedBatch, OpenBatch
from services.auditor.store.database import Snapshot, rows

STATES: Final = ("working", "proposed", "failed", "removed", "approved", "cancelled")
_OPEN: Final = (
    "SELECT batch_id, status, cancel_at, greatest(requested_at, answered_at) AS heard_at FROM batch.batch"
    " WHERE status IN ('WORKING', 'PENDING_APPROVAL') ORDER BY cancel_at LIMIT 10000"
)
_WRITTEN: Final = ", ".join(f"b.{state}" for state in STATES)
_FOUND: Final = ", ".join(f"count(*) FILTER (WHERE m.state = '{state.upper()}') AS found_{state}" for state in STATES)
_COUNTS: Final = (
    f"SELECT b.batch_id, b.accounts, {_WRITTEN}, count(m.account_id) AS found_accounts, {_FOUND} FROM batch.batch b"  # noqa: S608  # names
    " LEFT JOIN batch.batch_account m USING (batch_id)"
    " WHERE b.status IN ('WORKING', 'PENDING_APPROVAL') OR b.batch_id = ANY(%(others)s) GROUP BY b.batch_id"
)
_DECIDED: Final = (
    "SELECT batch_id FROM batch.batch WHERE decided_at IS NOT NULL AND batch_id > %(after)s ORDER BY batch_id"
    " LIMIT %(most)s"
)
_HISTORY: Final = (
    "SELECT b.batch_id, (SELECT fits FROM batch.manifest_fits(b.batch_id) AS fits) AS manifest_fits,"
    " (SELECT count(*) FROM batch.batch_account m WHERE m.batch_id = b.batch_id AND (m.open OR NOT m.frozen)) AS loose,"
    " (SELECT count(*) FROM batch.result_chunk r WHERE r.batch_id = b.batch_id AND sha256(r.value) <> r.sha256)"
    " + (SELECT count(DISTINCT m.chunk_id) FROM batch.batch_account m LEFT JOIN batch.result_chunk r USING (chunk_id)"
    " WHERE m.batch_id = b.batch_id AND m.chunk_id IS NOT NULL AND r.chunk_id IS NULL)"
    " AS misfits FROM batch.batch b WHERE b.batch_id = ANY(%(batches)s)"
)
Counts = dict[str, int]


async def undecided(connection: Snapshot) -> list[OpenBatch]:
    """Return the open batches, the earliest cut-off first."""
    return [OpenBatch(**row) for row in await rows(connection, _OPEN)]


async def counts(connection: Snapshot, others: list[int]) -> list[tuple[int, Counts, Counts]]:
    """Return number, written counts and found counts of the open batches and of these others."""
    names = ("accounts", *STATES)
    return [
        (row["batch_id"], {name: row[name] for name in names}, {name: row[f"found_{name}"] for name in names})
        for row in await rows(connection, _COUNTS, others=others)
    ]


async def decided_after(connection: Snapshot, after: int, most: int) -> list[int]:
    """Return the next decided batches by number."""
    return [row["batch_id"] for row in await rows(connection, _DECIDED, after=after, most=most)]


async def history(connection: Snapshot, batches: list[int]) -> list[DecidedBatch]:
    """Return what is kept of decided batches; their digests are computed in the database."""
    return [DecidedBatch(**row) for row in await rows(connection, _HISTORY, batches=batches)]
