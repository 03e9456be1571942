"""Price sets that were withdrawn, the undecided batches that may rest on them, and the approvals that do.

Source: product 6; docs/decisions/0012-price-sets-wait-for-a-look.md.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.events import PriceSetDecided

_PUT: Final = text(
    "INSERT INTO withdrawn_prices AS w (price_set, version, is_withdrawn, reason, decided_at)"
    " VALUES (:price_set, :version, :is_withdrawn, :reason, :decided_at)"
    " ON CONFLICT (price_set) DO UPDATE SET version = excluded.version, is_withdrawn = excluded.is_withdrawn,"
    " reason = excluded.reason, decided_at = excluded.decided_at WHERE w.version < excluded.version"
)
_WITHDRAWN: Final = text(
    "SELECT price_set FROM withdrawn_prices WHERE is_withdrawn AND price_set = ANY(:price_sets) ORDER BY 1"
)
# Includes batches with accounts being worked on: a result made on such a set may arrive in a concurrent transaction.
_UNDECIDED: Final = text(
    "SELECT DISTINCT batch_id FROM batch_account WHERE open AND (state = 'WORKING' OR price_set = ANY(:price_sets))"
    " ORDER BY 1"
)
_NOTE: Final = text(
    "INSERT INTO withdrawn_approval (price_set, batch_id, accounts, noted_at)"
    " SELECT m.price_set, b.batch_id, count(*), :now FROM batch b JOIN batch_account m USING (batch_id)"
    " WHERE b.status = 'APPROVED' AND b.decided_at >= :since AND m.state = 'APPROVED'"
    " AND m.price_set = ANY(:price_sets) GROUP BY 1, 2 ORDER BY 1, 2"
    " ON CONFLICT DO NOTHING RETURNING price_set, batch_id, accounts"
)
_UNSEEN: Final = text(
    "SELECT coalesce(sum(accounts), 0) FROM withdrawn_approval JOIN withdrawn_prices USING (price_set)"
    " WHERE is_withdrawn AND seen_by IS NULL"
)
_SEEN: Final = text("UPDATE withdrawn_approval SET seen_by = :seen_by WHERE price_set = :price_set AND seen_by IS NULL")
_LIST: Final = text("SELECT price_set, is_withdrawn, reason, decided_at FROM withdrawn_prices ORDER BY price_set")
_APPROVED: Final = text(
    "SELECT w.price_set, w.batch_id, w.accounts, w.seen_by, b.decided_at, b.decided_name"
    " FROM withdrawn_approval w JOIN batch b USING (batch_id) ORDER BY 1, 2"
)
_WAITING: Final = text(
    "SELECT m.price_set, m.batch_id, count(*) AS accounts FROM batch_account m"
    " JOIN withdrawn_prices w ON w.price_set = m.price_set AND w.is_withdrawn WHERE m.open GROUP BY 1, 2 ORDER BY 1, 2"
)


async def put(connection: AsyncConnection, decided: Sequence[PriceSetDecided]) -> list[int]:
    """Keep the newest decision about each price set; return which of these sets are withdrawn now."""
    await connection.execute(_PUT, [decision.model_dump(exclude={"accepted_at"}) for decision in decided])
    sets = {"price_sets": sorted({decision.price_set for decision in decided})}
    return list((await connection.execute(_WITHDRAWN, sets)).scalars())


async def undecided_on(connection: AsyncConnection, price_sets: Sequence[int]) -> list[int]:
    """Return undecided batches with proposals made on these sets, or being worked on, in locking order."""
    return list((await connection.execute(_UNDECIDED, {"price_sets": list(price_sets)})).scalars())


async def note_approvals(
    connection: AsyncConnection, price_sets: Sequence[int], since: datetime, now: datetime
) -> Sequence[Row[Any]]:
    """Note the approved batches that rest on these sets; return those not noted before.

    since: batches decided earlier cannot rest on them.
    """
    values = {"price_sets": list(price_sets), "since": since, "now": now}
    return (await connection.execute(_NOTE, values)).all()


async def unseen(connection: AsyncConnection) -> int:
    """Return the number of approved accounts on withdrawn sets that nobody has marked as seen."""
    return int((await connection.execute(_UNSEEN)).scalar_one())


async def mark_seen(connection: AsyncConnection, price_set: int, seen_by: str) -> bool:
    """Note who looked at the approvals made on a set; return whether any was unseen."""
    return (await connection.execute(_SEEN, {"price_set": price_set, "seen_by": seen_by})).rowcount > 0


async def listed(connection: AsyncConnection) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]], Sequence[Row[Any]]]:
    """Return all sets that were ever withdrawn, the approvals made on them, and the open proposals made on them."""
    found = [(await connection.execute(query)).all() for query in (_LIST, _APPROVED, _WAITING)]
    return found[0], found[1], found[2]
