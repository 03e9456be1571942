"""Shards of analysis runs: ranges of account ids, each worked on by whoever holds its advisory lock."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from services.analyzer.store import facts
from services.analyzer.store.database import Session
from services.analyzer.store.runs import AnalysisRun

_LOCK: Final = 73_501  # first key of the shards' advisory locks
_OPEN: Final = (
    "SELECT run_no, shard, first_id, last_id, accounts, failures FROM analysis_shard WHERE NOT done"
    " ORDER BY failures, run_no, shard"
)


@dataclass(frozen=True)
class Shard:
    """Accounts first_id to last_id of a run.

    failures: how often a sweeper stopped because our code raised at too many of its accounts (TooMany).
    """

    run_no: int
    shard: int
    first_id: str
    last_id: str
    accounts: int
    failures: int = 0


@contextmanager
def claim(session: Session, but: Container[tuple[int, int]] = ()) -> Iterator[Shard | None]:
    """Lend an open shard that nobody else holds, oldest run first; None when there is none.  Commit inside as needed.

    Shards that have failed come after all others.  but: (run, shard) of shards not to lend.
    The lock ends with the connection, so the shard of a dead sweeper is free again.
    """
    for row in session.execute(_OPEN).fetchall():
        shard = Shard(*row)
        if (shard.run_no, shard.shard) in but:
            continue
        key = (shard.run_no * 100_000 + shard.shard) % 2**31
        if not _is_true(session, "SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, key]):
            continue
        session.commit()
        try:
            still = "SELECT NOT done FROM analysis_shard WHERE run_no = %s AND shard = %s"
            if _is_true(session, still, [shard.run_no, shard.shard]):
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


def covered(run: AnalysisRun | None, shard: Shard) -> facts.Condition:
    """Return which accounts between the ends of a shard its run covers; all when the run is gone."""
    if run is None:
        return facts.EVERY
    if run.covers == "PORTFOLIOS":
        return facts.of_portfolios(run.portfolios or ())
    if run.covers == "PRICE_HELD":
        return facts.price_held(shard.first_id, shard.last_id, shard.run_no)
    return facts.of_owners(run.enterprises, run.advisors)


def mark_done(session: Session, shard: Shard) -> None:
    """Note that all of the shard has been evaluated and published, and commit.

    The commit does not wait for the disk: if the note is lost with the server, the shard is done again and publishes
    the same.
    """
    session.execute("SET LOCAL synchronous_commit = off")
    session.execute(
        "WITH parts AS (UPDATE analysis_part SET done = true WHERE run_no = %(run)s AND shard = %(shard)s)"
        " UPDATE analysis_shard SET done = true WHERE run_no = %(run)s AND shard = %(shard)s",
        {"run": shard.run_no, "shard": shard.shard},
    )
    session.commit()


def note_failure(session: Session, shard: Shard) -> None:
    """Count that a sweeper stopped at too many accounts of the shard, and commit."""
    note = "UPDATE analysis_shard SET failures = failures + 1 WHERE run_no = %s AND shard = %s"
    session.execute(note, [shard.run_no, shard.shard])
    session.commit()


def is_all_done(session: Session, run_no: int) -> bool:
    """Return whether every shard of a run is done; of several lanes that finish together the last one sees it."""
    has_open = _is_true(session, "SELECT EXISTS (SELECT FROM analysis_shard WHERE run_no = %s AND NOT done)", [run_no])
    session.commit()
    return not has_open


def _is_true(session: Session, query: str, values: Sequence[int]) -> bool:
    row = session.execute(query.encode(), values).fetchone()
    return row is not None and bool(row[0])
