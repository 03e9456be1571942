"""Analysis runs and their shards.  A run is inserted once; a shard belongs to whoever holds its advisory lock.

A run covers the whole book, or the accounts that a change of targets or prices touches, when they are many.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from services.analyzer.store import flags, price_sets
from services.analyzer.store.database import Session
from services.analyzer.store.facts import PRICE_HELD
from shared.contracts.chunks import FlagState

SHARD: Final = 10_000  # accounts
Kind = Literal["DAILY", "ON_DEMAND", "TARGET", "PRICES"]
Covers = Literal["BOOK", "PORTFOLIOS", "PRICE_HELD"]
_LOCK: Final = 73_501  # first key of the shards' advisory locks
_COVERED: Final[dict[Covers, str]] = {
    "BOOK": "true",
    "PORTFOLIOS": "a.portfolio_no = ANY(%(portfolios)s)",
    "PRICE_HELD": f"a.account_id IN (SELECT account_id FROM flag WHERE {PRICE_HELD})",  # noqa: S608  # fixed
}


@dataclass(frozen=True)
class Run:
    """A run as it stands; flagged counts accounts in the queue, held those that could not be evaluated: of the whole
    book, or of the accounts whose flags a run over a part of it has replaced."""

    run_no: int
    business_date: date
    kind: Kind
    seq: int
    price_set: int
    started_at: datetime
    finished_at: datetime | None
    accounts: int
    done: int
    flagged: int | None
    held: int | None
    covers: Covers
    portfolios: list[int] | None

    @property
    def run_id(self) -> str:
        """The run's public name: date, kind, number."""
        return f"{self.business_date}-{self.kind.lower().replace('_', '-')}-{self.seq}"


@dataclass(frozen=True)
class Shard:
    """Accounts first_id to last_id of a run."""

    run_no: int
    shard: int
    first_id: str
    last_id: str
    accounts: int


def start(session: Session, kind: Kind, business_date: date, now: datetime) -> int | None:
    """Insert a run over the whole book with its shards and return its number.

    A daily run is inserted once a business date, and only when there are prices and accounts; else None.
    On demand, a run of the same date that is not finished yet is returned instead of a second one.
    """
    flags.close_barrier(session)
    if kind == "ON_DEMAND":
        open_run = session.execute(
            "SELECT run_no FROM analysis_run WHERE kind = 'ON_DEMAND' AND business_date = %s AND finished_at IS NULL",
            [business_date],
        ).fetchone()
        if open_run is not None:
            return int(open_run[0])
    if kind == "DAILY" and not _value(
        session, "SELECT EXISTS (SELECT FROM price_set) AND EXISTS (SELECT FROM account_facts)", []
    ):
        return None
    return _insert(session, kind, business_date, now, Part("BOOK"))


@dataclass(frozen=True)
class Part:
    """What a run covers. subject: what it answers to; one run is opened for it, however often it is told of.

    BOOK: all accounts.  PORTFOLIOS: those that have one of these (by number) when they are evaluated.  PRICE_HELD:
    those then held for want of a price.
    """

    covers: Covers
    portfolios: Sequence[int] | None = None
    subject: str | None = None


def start_part(session: Session, kind: Kind, part: Part, business_date: date, now: datetime) -> int | None:
    """Insert a run over a part of the book; return its number, None when there has been one of that subject.

    Evaluations wait from here to the end of the transaction: who comes later sees what it stores.
    """
    flags.close_barrier(session)
    return _insert(session, kind, business_date, now, part)


def _insert(session: Session, kind: Kind, business_date: date, now: datetime, part: Part) -> int | None:
    generation, price_set = price_sets.in_force(session)
    values = {
        "day": business_date, "kind": kind, "now": now, "set": price_set or 0, "generation": generation,
        "covers": part.covers, "portfolios": None if part.portfolios is None else list(part.portfolios),
        "subject": part.subject, "size": SHARD, "told": part.covers != "BOOK",
    }  # fmt: skip
    inserted = session.execute(
        "INSERT INTO analysis_run (business_date, kind, seq, price_set, price_generation, started_at, accounts, covers,"
        " portfolios, subject, announced) SELECT %(day)s, %(kind)s, CASE WHEN %(kind)s = 'DAILY' THEN 0"
        " ELSE coalesce((SELECT max(seq) FROM analysis_run WHERE business_date = %(day)s AND kind = %(kind)s), 0) + 1"
        " END, %(set)s, %(generation)s, %(now)s, 0, %(covers)s, %(portfolios)s, %(subject)s, %(told)s"
        " ON CONFLICT DO NOTHING RETURNING run_no",
        values,
    ).fetchone()
    if inserted is None:
        return None
    values["run"] = inserted[0]
    session.execute(
        "INSERT INTO analysis_shard (run_no, shard, first_id, last_id, accounts)"  # noqa: S608  # fixed
        " SELECT %(run)s, shard, min(account_id), max(account_id), count(*)"
        " FROM (SELECT account_id, (row_number() OVER (ORDER BY account_id) - 1) / %(size)s AS shard"
        f" FROM account_facts AS a WHERE {_COVERED[part.covers]}) AS numbered GROUP BY shard".encode(),
        values,
    )
    session.execute(
        "UPDATE analysis_run SET accounts ="
        " coalesce((SELECT sum(accounts) FROM analysis_shard WHERE run_no = %(run)s), 0) WHERE run_no = %(run)s",
        values,
    )
    return int(inserted[0])


@contextmanager
def claim(session: Session) -> Iterator[Shard | None]:
    """Lend an open shard nobody else holds, oldest run first; None when there is none.  Commit inside as needed.

    The lock lives with the connection: a dead sweeper's shard is free again.
    """
    for row in session.execute(
        "SELECT run_no, shard, first_id, last_id, accounts FROM analysis_shard WHERE NOT done ORDER BY run_no, shard"
    ).fetchall():
        shard = Shard(*row)
        key = (shard.run_no * 100_000 + shard.shard) % 2**31
        if not _value(session, "SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, key]):
            continue
        session.commit()
        try:
            still = "SELECT NOT done FROM analysis_shard WHERE run_no = %s AND shard = %s"
            if _value(session, still, [shard.run_no, shard.shard]):
                session.commit()
                yield shard
                return
        finally:
            if not session.broken:
                session.rollback()
                session.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, key])
                session.commit()
    session.commit()
    yield None


def mark_done(session: Session, shard: Shard) -> None:
    """Note that everything of the shard has been evaluated and published, and commit.

    Not waiting for the disk: where the note is lost with the server, the shard is done again and publishes the same.
    """
    session.execute("SET LOCAL synchronous_commit = off")
    session.execute(
        "UPDATE analysis_shard SET done = true WHERE run_no = %s AND shard = %s", [shard.run_no, shard.shard]
    )
    session.commit()


def is_all_done(session: Session, run_no: int) -> bool:
    """Say whether every shard of a run is done: of those who finish together the last one sees it."""
    is_open = _value(session, "SELECT EXISTS (SELECT FROM analysis_shard WHERE run_no = %s AND NOT done)", [run_no])
    session.commit()
    return not is_open


def finish(session: Session, now: datetime) -> None:
    """Close every run whose shards are all done; flags are counted as they stand at that moment."""
    session.execute(
        "UPDATE analysis_run AS r SET finished_at = %(now)s, (flagged, held) ="
        " (SELECT count(*) FILTER (WHERE state <> %(held)s), count(*) FILTER (WHERE state = %(held)s)"
        " FROM flag AS f WHERE state IN (%(flagged)s, %(no_target)s, %(held)s)"
        " AND (r.covers = 'BOOK' OR f.run_no = r.run_no))"
        " WHERE finished_at IS NULL AND NOT EXISTS"
        " (SELECT FROM analysis_shard AS s WHERE s.run_no = r.run_no AND NOT s.done)",
        {
            "now": now,
            "flagged": int(FlagState.FLAGGED),
            "no_target": int(FlagState.NO_TARGET),
            "held": int(FlagState.HELD),
        },
    )


_SELECT: Final = """
SELECT r.run_no, r.business_date, r.kind, r.seq, r.price_set, r.started_at, r.finished_at, r.accounts,
       coalesce((SELECT sum(s.accounts) FROM analysis_shard AS s WHERE s.run_no = r.run_no AND s.done), 0)::bigint,
       r.flagged, r.held, r.covers, r.portfolios
FROM analysis_run AS r
"""


def unannounced(session: Session) -> list[Run]:
    """Return finished runs whose completion has not been published."""
    query = f"{_SELECT} WHERE r.finished_at IS NOT NULL AND NOT r.announced ORDER BY r.run_no"
    return [Run(*row) for row in session.execute(query.encode())]


def mark_announced(session: Session, run_no: int) -> None:
    """Note that a run's completion has been published."""
    session.execute("UPDATE analysis_run SET announced = true WHERE run_no = %s", [run_no])


def get(session: Session, run_no: int | None = None) -> Run | None:
    """Return a run, the latest without a number, None when there is none."""
    chosen = "" if run_no is None else "WHERE r.run_no = %s"
    query = f"{_SELECT} {chosen} ORDER BY r.run_no DESC LIMIT 1"
    row = session.execute(query.encode(), [] if run_no is None else [run_no]).fetchone()
    return None if row is None else Run(*row)


def _value(session: Session, query: str, values: Sequence[int]) -> bool:
    row = session.execute(query.encode(), values).fetchone()
    return row is not None and bool(row[0])
