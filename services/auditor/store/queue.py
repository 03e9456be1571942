"""Where accounts are now, and the flags of those that are queued: the store keeps no earlier states."""

from datetime import datetime
from typing import Any, Final

from services.auditor.store.database import Snapshot, rows

_STATES: Final = (
    "SELECT account_id, enterprise_id, advisor_id, version, state, batch_id, batch_status, since"
    " FROM batch.account_state WHERE state NOT IN ('OFF', 'CLEAR')"
)
_FLAGS: Final = (
    "SELECT f.account_id, f.state, f.tiles, f.source, f.needed_since, f.last_rebalanced"
    " FROM batch.flag f JOIN batch.account_state s USING (account_id)"
    " WHERE s.state = 'QUEUED'"
)
_MOVED: Final = "SELECT account_id FROM batch.account_state WHERE since > %(at)s"
_EVALUATED: Final = "SELECT account_id FROM batch.flag WHERE evaluated_at > %(at)s"


async def states(connection: Snapshot) -> list[dict[str, Any]]:
    """Return the states of accounts that are neither clear nor off, as they were published last."""
    return list(await rows(connection, _STATES))


async def flags(connection: Snapshot) -> list[dict[str, Any]]:
    """Return the flags of queued accounts."""
    return list(await rows(connection, _FLAGS))


async def moved_after(connection: Snapshot, at: datetime) -> set[str]:
    """Return the accounts whose state changed after an instant."""
    return {row["account_id"] for row in await rows(connection, _MOVED, at=at)}


async def evaluated_after(connection: Snapshot, at: datetime) -> set[str]:
    """Return the accounts that were evaluated after an instant."""
    return {row["account_id"] for row in await rows(connection, _EVALUATED, at=at)}
