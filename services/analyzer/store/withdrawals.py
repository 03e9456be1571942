"""Which price sets were withdrawn, or accepted again after that, and up to which decision others know of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.analyzer.store.database import Session

_WITHDRAWN: Final = "SELECT price_set FROM price_decision WHERE decision = 'WITHDRAWN'"
_UNTOLD: Final = f"""
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
    """What was decided last of a set that has been withdrawn once; accepted_at: when it first counted."""

    price_set: int
    decision_no: int
    is_withdrawn: bool
    decided_at: datetime
    reason: str
    accepted_at: datetime


def untold(session: Session) -> list[DecidedSet]:
    """Return the newest decisions that others have not been told of, in their order."""
    return [DecidedSet(*row) for row in session.execute(_UNTOLD).fetchall()]


def mark_told(session: Session, told: Sequence[DecidedSet]) -> None:
    """Note up to which decision others have been told."""
    with session.cursor() as cursor:
        cursor.executemany(
            "UPDATE price_set SET told_no = %s WHERE price_set = %s AND told_no < %s",
            [(one.decision_no, one.price_set, one.decision_no) for one in told],
        )


def tell_again(session: Session, since: datetime | None = None) -> int:
    """Have it told once more of every set, or of those withdrawn since then; return of how many."""
    query = (
        "UPDATE price_set SET told_no = 0 WHERE price_set IN (SELECT price_set FROM price_decision"
        " WHERE decision = 'WITHDRAWN' AND (%(since)s::timestamptz IS NULL OR decided_at >= %(since)s))"
    )
    return session.execute(query, {"since": since}).rowcount
