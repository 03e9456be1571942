"""Price sets that were withdrawn, or accepted again after that, and up to which decision this has been published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.analyzer.store.database import Session

_WITHDRAWN: Final = "SELECT price_set FROM price_decision WHERE decision = 'WITHDRAWN'"
_UNPUBLISHED: Final = f"""
SELECT s.price_set, d.decision_no, d.decision = 'WITHDRAWN', d.decided_at, d.reason, (
    SELECT min(a.decided_at) FROM price_decision AS a
    WHERE a.price_set = s.price_set AND a.decision = 'ACCEPTED' AND a.security_no IS NULL
)
FROM price_set AS s CROSS JOIN LATERAL (
    SELECT * FROM price_decision AS of_set WHERE of_set.price_set = s.price_set AND of_set.security_no IS NULL
    ORDER BY of_set.decision_no DESC LIMIT 1
) AS d
WHERE s.price_set IN ({_WITHDRAWN}) AND d.decision_no > s.told_no ORDER BY d.decision_no
"""  # noqa: S608  # names


@dataclass(frozen=True)
class DecidedSet:
    """The newest decision on a set that has been withdrawn once.  accepted_at: when the set first came into force."""

    price_set: int
    decision_no: int
    is_withdrawn: bool
    decided_at: datetime
    reason: str
    accepted_at: datetime


def unpublished(session: Session) -> list[DecidedSet]:
    """Return the newest decisions that have not been published, in order of decision."""
    return [DecidedSet(*row) for row in session.execute(_UNPUBLISHED).fetchall()]


def mark_published(session: Session, published: Sequence[DecidedSet]) -> None:
    """Note up to which decision each set has been published."""
    with session.cursor() as cursor:
        cursor.executemany(
            "UPDATE price_set SET told_no = %s WHERE price_set = %s AND told_no < %s",
            [(decided.decision_no, decided.price_set, decided.decision_no) for decided in published],
        )


def publish_again(session: Session, since: datetime | None = None) -> int:
    """Mark every set, or those withdrawn since then, to be published again; return how many."""
    query = (
        "UPDATE price_set SET told_no = 0 WHERE price_set IN (SELECT price_set FROM price_decision"
        " WHERE decision = 'WITHDRAWN' AND (%(since)s::timestamptz IS NULL OR decided_at >= %(since)s))"
    )
    return session.execute(query, {"since": since}).rowcount
