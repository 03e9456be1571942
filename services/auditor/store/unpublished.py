"""What waits to be published, in every service that stores such things."""

from datetime import datetime
from typing import Final

from services.auditor.domain.unpublished import Unpublished
from services.auditor.store.database import Snapshot, rows

_OLDEST_MESSAGE: Final = (
    "SELECT id, topic, extract(epoch FROM clock_timestamp() - created_at)::float8 AS age_s FROM batch.outbox"
    " WHERE published_at IS NULL AND parked_reason IS NULL ORDER BY id LIMIT 1"
)
_REFUSED: Final = (
    "SELECT id, topic FROM batch.outbox WHERE published_at IS NULL AND parked_reason IS NOT NULL ORDER BY id LIMIT 100"
)
_FILES: Final = (
    "SELECT file_id, extract(epoch FROM %(now)s - coalesce(loaded_at, received_at))::float8 AS age_s FROM taxlot.file"
    " WHERE announced_at IS NULL AND status <> 'LOADING' ORDER BY file_id LIMIT 100"
)
_ANALYSES: Final = (
    "SELECT run_no, extract(epoch FROM %(now)s - finished_at)::float8 AS age_s FROM analyzer.analysis_run"
    " WHERE finished_at IS NOT NULL AND NOT announced ORDER BY run_no LIMIT 100"
)
_RUNNING: Final = (
    "SELECT extract(epoch FROM %(now)s - min(started_at))::float8 AS age_s FROM analyzer.analysis_run"
    " WHERE finished_at IS NULL"
)


async def waiting(connection: Snapshot, now: datetime) -> list[Unpublished]:
    """Return the oldest message that waits, all that are refused, and the files and analyses that wait.

    now: of the clock that the services write their instants with.
    """
    oldest = [
        Unpublished("message", "the outbox of batch", row["age_s"]) for row in await rows(connection, _OLDEST_MESSAGE)
    ]
    refused = [
        Unpublished("message", f"message {row['id']} of batch for {row['topic']}", 0.0, refused=True)
        for row in await rows(connection, _REFUSED)
    ]
    files = [
        Unpublished("file", f"file {row['file_id']}", row["age_s"]) for row in await rows(connection, _FILES, now=now)
    ]
    analyses = [
        Unpublished("analysis", f"analysis {row['run_no']}", row["age_s"])
        for row in await rows(connection, _ANALYSES, now=now)
    ]
    return [*oldest, *refused, *files, *analyses]


async def oldest_message_s(connection: Snapshot) -> float:
    """Return the age of the oldest message in an outbox that waits, in seconds; 0 if none does."""
    return max((row["age_s"] for row in await rows(connection, _OLDEST_MESSAGE)), default=0.0)


async def analysis_running_s(connection: Snapshot, now: datetime) -> float:
    """Return for how long an analysis has been going on, in seconds; 0 if none is."""
    (row,) = await rows(connection, _RUNNING, now=now)
    return max(0.0, row["age_s"] or 0.0)
