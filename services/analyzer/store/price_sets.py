"""Price sets and which of them is in force.  A set never changes; every decision on it is recorded and stays.

Prices are ordered by the generation of the decision, not by the number of the set: after a withdrawal the earlier set
is in force again, and its prices count as newer than the withdrawn ones.  Decisions are made one at a time.
Source: architecture "Guard".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

import numpy as np

from services.analyzer.domain.layout import Ints, from_bytes, to_bytes
from services.analyzer.domain.plausible import PriceSet, Verdict
from services.analyzer.store.database import Session

PriceSetStatus = Literal["ACCEPTED", "HELD", "REJECTED", "WITHDRAWN"]
ITSELF: Final = "analyzer"  # actor of decisions made by rule


@dataclass(frozen=True)
class Prices:
    """The prices in force; micro[security number] in millionths of a dollar, 0 where there is none.

    price_set and as_of are 0 and None when no set is in force.  generation grows with every change of what is in force.
    """

    price_set: int
    as_of: date | None
    micro: Ints
    generation: int = 0


NO_PRICES: Final = Prices(0, None, np.zeros(0, np.int64))


class PriceBook:
    """The prices in force, kept in memory and checked by their generation once a chunk."""

    def __init__(self) -> None:
        self._cached = NO_PRICES

    def newest(self, session: Session) -> Prices:
        """Return the prices in force, NO_PRICES before the first set."""
        generation, number = in_force(session)
        if generation != self._cached.generation:
            self._cached = _load(session, generation, number)
        return self._cached


def in_force(session: Session) -> tuple[int, int | None]:
    """Return the present generation and the number of the set in force, if any."""
    row = session.execute(
        "SELECT generation, in_force FROM price_decision ORDER BY decision_no DESC LIMIT 1"
    ).fetchone()
    if row is None:
        return 0, None
    generation, number = row
    return int(generation), number


def as_of_in_force(session: Session) -> date | None:
    """Return the date of the set in force, None when no set is."""
    _, number = in_force(session)
    row = session.execute("SELECT as_of FROM price_set WHERE price_set = %s", [number]).fetchone()
    return None if row is None else row[0]


def _load(session: Session, generation: int, number: int | None) -> Prices:
    row = session.execute("SELECT as_of, document FROM price_set WHERE price_set = %s", [number]).fetchone()
    if row is None:
        return Prices(0, None, np.zeros(0, np.int64), generation)
    as_of, document = row
    micro = from_bytes(document)
    for security_no, _, _ in _withheld(session, number):
        micro[security_no] = 0
    return Prices(number or 0, as_of, micro, generation)


def lock(session: Session) -> None:
    """Let decisions be made one at a time: wait for the others, until the end of this transaction."""
    session.execute("SELECT pg_advisory_xact_lock(hashtext('analyzer.price'))")


def comparison_set(session: Session) -> PriceSet | None:
    """Return the set in force for comparison with new sets: a withheld price counts at its last good price."""
    _, number = in_force(session)
    row = session.execute("SELECT as_of, document FROM price_set WHERE price_set = %s", [number]).fetchone()
    if row is None or number is None:
        return None
    as_of, document = row
    micro = from_bytes(document)
    for security_no, _, last_micro in _withheld(session, number):
        micro[security_no] = last_micro
    return PriceSet(number, as_of, micro)


def known(session: Session, price_set: int) -> PriceSet | None:
    """Return a set as it arrived, None when it has not."""
    row = session.execute("SELECT as_of, document FROM price_set WHERE price_set = %s", [price_set]).fetchone()
    if row is None:
        return None
    as_of, document = row
    return PriceSet(price_set, as_of, from_bytes(document))


def held_securities(session: Session) -> Ints:
    """Return the numbers of all securities that an account holds or has held."""
    rows = session.execute("SELECT security_no FROM held_security").fetchall()
    return np.array([number for (number,) in rows], np.int64)


def note_held(session: Session, securities: Sequence[int]) -> None:
    """Add these securities to those that accounts hold or have held."""
    session.execute(
        "INSERT INTO held_security (security_no) SELECT * FROM unnest(%s::int[]) ORDER BY 1 ON CONFLICT DO NOTHING",
        [list(securities)],
    )


def add(
    session: Session, fresh: PriceSet, verdict: Verdict, reasons: Sequence[str], notes: Sequence[str], now: datetime
) -> PriceSetStatus:
    """Store a new set with its verdict and the decision that follows; return its status.  Call `lock` before."""
    status: PriceSetStatus = "HELD" if verdict.reasons else "ACCEPTED"
    session.execute(
        "INSERT INTO price_set (price_set, as_of, document, status, reasons, notes, arrived_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [fresh.price_set, fresh.as_of, to_bytes(fresh.micro), status, list(reasons), list(notes), now],
    )
    if status == "ACCEPTED":
        with session.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO price_withheld (price_set, security_no, price_micro, last_micro) VALUES (%s, %s, %s, %s)",
                [
                    (fresh.price_set, number, int(fresh.micro[number]), last)
                    for number, last in zip(verdict.outliers.tolist(), verdict.last_micro.tolist(), strict=True)
                ],
            )
    why = "; ".join(verdict.reasons) or "nothing speaks against it"
    record(session, fresh.price_set, status, ITSELF, why, now)
    return status


def decide(session: Session, price_set: int, status: PriceSetStatus, actor: str, reason: str, now: datetime) -> None:
    """Give a set another status and record who decided it and why.  Call `lock` before."""
    session.execute("UPDATE price_set SET status = %s WHERE price_set = %s", [status, price_set])
    record(session, price_set, status, actor, reason, now)


def accept_price(session: Session, price_set: int, security_no: int, actor: str, reason: str, now: datetime) -> bool:
    """Accept a price that is withheld; return whether there was one.  Call `lock` before."""
    done = session.execute(
        "DELETE FROM price_withheld WHERE price_set = %s AND security_no = %s", [price_set, security_no]
    )
    if done.rowcount:
        record(session, price_set, "ACCEPTED", actor, reason, now, security_no)
    return bool(done.rowcount)


def record(
    session: Session, price_set: int, decision: PriceSetStatus, actor: str, reason: str, now: datetime,
    security_no: int | None = None,
) -> None:  # fmt: skip
    """Record a decision with the generation and the set that are in force after it.

    In force is, of the accepted sets, the one accepted last.
    """
    generation, before = in_force(session)
    row = session.execute(
        "SELECT s.price_set FROM price_set AS s JOIN price_decision AS d USING (price_set)"
        " WHERE s.status = 'ACCEPTED' AND d.decision = 'ACCEPTED' AND d.security_no IS NULL"
        " ORDER BY d.decision_no DESC LIMIT 1"
    ).fetchone()
    after = None if row is None else row[0]
    if decision == "ACCEPTED" and security_no is None:
        after = price_set
    changed = after != before or (security_no is not None and price_set == after)
    session.execute(
        "INSERT INTO price_decision (price_set, security_no, decision, actor, reason, decided_at, generation, in_force)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [price_set, security_no, decision, actor, reason, now, generation + changed, after],
    )


def _withheld(session: Session, price_set: int | None) -> list[tuple[int, int, int]]:
    """Return (security number, price, last good price) of the withheld prices of a set, in millionths of a dollar."""
    return session.execute(
        "SELECT security_no, price_micro, last_micro FROM price_withheld WHERE price_set = %s ORDER BY 1", [price_set]
    ).fetchall()


def waiting(session: Session) -> tuple[int, int]:
    """Return how many sets are held for review, and how many prices of the set in force are withheld."""
    _, number = in_force(session)
    row = session.execute(
        "SELECT (SELECT count(*) FROM price_set WHERE status = 'HELD'),"
        " (SELECT count(*) FROM price_withheld WHERE price_set = %s)",
        [number],
    ).fetchone()
    held, withheld = row or (0, 0)
    return held, withheld


@dataclass(frozen=True)
class PriceSetView:
    """A price set as the command line shows it.  priced: how many securities it prices."""

    price_set: int
    as_of: date
    status: PriceSetStatus
    arrived_at: datetime | None
    priced: int
    withheld: list[tuple[str, int, int]]  # security id, price, last good price; in millionths of a dollar
    reasons: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Decision:
    """Who decided what, and why.  security_id: set when the decision is on a single price."""

    decision: PriceSetStatus
    security_id: str | None
    actor: str
    reason: str
    decided_at: datetime


def views(session: Session, price_set: int | None = None, limit: int = 20) -> list[PriceSetView]:
    """Return price sets in order of arrival, newest first; or only the set with that number."""
    rows = session.execute(
        "SELECT s.price_set, s.as_of, s.status, s.arrived_at, s.document, s.reasons, s.notes FROM price_set AS s"
        " WHERE %(number)s::bigint IS NULL OR s.price_set = %(number)s"
        " ORDER BY s.arrived_at DESC NULLS LAST, s.price_set DESC LIMIT %(limit)s",
        {"number": price_set, "limit": limit},
    ).fetchall()
    found = []
    for number, as_of, status, arrived_at, document, reasons, notes in rows:
        withheld = session.execute(
            "SELECT n.id, w.price_micro, w.last_micro FROM price_withheld AS w"
            " JOIN name AS n ON n.kind = 'S' AND n.no = w.security_no WHERE w.price_set = %s ORDER BY 1",
            [number],
        ).fetchall()
        priced = int(np.count_nonzero(from_bytes(document)))
        found.append(PriceSetView(number, as_of, status, arrived_at, priced, withheld, reasons, notes))
    return found


def decisions(session: Session, price_set: int) -> list[Decision]:
    """Return the decisions on a set, in order."""
    rows = session.execute(
        "SELECT d.decision, n.id, d.actor, d.reason, d.decided_at FROM price_decision AS d"
        " LEFT JOIN name AS n ON n.kind = 'S' AND n.no = d.security_no WHERE d.price_set = %s ORDER BY d.decision_no",
        [price_set],
    )
    return [Decision(*row) for row in rows]
