"""Analysis runs and their shards.  A run is inserted once; a shard belongs to whoever holds its advisory lock.

A run covers the whole book, what the operator who started it may see, or the accounts that a change of targets or
prices touches, when they are many.  Of every run each reader is shown the part that concerns them.
"""

import hashlib
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, LiteralString

from services.analyzer.store import flags, price_sets
from services.analyzer.store.database import Session
from services.analyzer.store.facts import PRICE_HELD
from shared.contracts.codes import FlagState
from shared.contracts.tenancy import MINE, SYSTEM, Scope

SHARD: Final = 10_000  # accounts
Kind = Literal["DAILY", "ON_DEMAND", "TARGET", "PRICES"]
Covers = Literal["BOOK", "PORTFOLIOS", "PRICE_HELD"]
_LOCK: Final = 73_501  # first key of the shards' advisory locks
_COVERED: Final[dict[Covers, str]] = {
    "BOOK": "true",
    "PORTFOLIOS": "a.portfolio_no = ANY(%(portfolios)s)",
    "PRICE_HELD": f"a.account_id IN (SELECT account_id FROM flag WHERE {PRICE_HELD})",  # noqa: S608  # fixed
}


_OWNED: Final = (
    "(%(enterprises)s::text[] IS NULL OR a.enterprise_id = ANY(%(enterprises)s))"
    " AND (%(advisors)s::text[] IS NULL OR a.advisor_id = ANY(%(advisors)s))"
)


@dataclass(frozen=True)
class AnalysisRun:
    """A run as it stands; flagged counts accounts in the queue, held those that could not be evaluated: of the whole
    book, or of the accounts whose flags a run over a part of it has replaced.

    rights: a text that is the same for the same enterprises and advisors, empty for all.
    """

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
    rights: str = ""
    enterprises: list[str] | None = None
    advisors: list[str] | None = None

    @property
    def run_id(self) -> str:
        """The run's public name: date, kind, number; numbers of different rights tell nothing of one another."""
        reach = f"{hashlib.sha256(self.rights.encode()).hexdigest()[:8]}-" if self.rights else ""
        return f"{self.business_date}-{self.kind.lower().replace('_', '-')}-{reach}{self.seq}"


@dataclass(frozen=True)
class Shard:
    """Accounts first_id to last_id of a run. failures: how often a sweeper stopped at too many of them (toomany)."""

    run_no: int
    shard: int
    first_id: str
    last_id: str
    accounts: int
    failures: int = 0


def start(
    session: Session, kind: Kind, business_date: date, now: datetime, scope: Scope = SYSTEM, subject: str | None = None
) -> int | None:
    """Insert a run over all that the scope covers with its shards and return its number.

    A daily run is inserted once a business date, and only when there are prices and accounts; else None.
    On demand, a run of the same date and rights that is not finished yet is returned instead of a second one, and one
    of the same `subject` however long ago it was.
    """
    flags.close_barrier(session)  # one at a time from here: what is not there now comes after us
    if subject is not None:
        known = session.execute("SELECT run_no FROM analysis_run WHERE subject = %s", [subject]).fetchone()
        if known is not None:
            return int(known[0])
    if kind == "ON_DEMAND":
        open_run = session.execute(
            "SELECT run_no FROM analysis_run WHERE kind = 'ON_DEMAND' AND business_date = %s AND rights = %s"
            " AND finished_at IS NULL",
            [business_date, _reach(scope)["rights"]],
        ).fetchone()
        if open_run is not None:
            return int(open_run[0])
    if kind == "DAILY" and not _value(
        session, "SELECT EXISTS (SELECT FROM price_set) AND EXISTS (SELECT FROM account_facts)", []
    ):
        return None
    return _insert(session, kind, business_date, now, Coverage("BOOK", subject=subject), scope)


@dataclass(frozen=True)
class Coverage:
    """What a run covers. subject: what it answers to; one run is opened for it, however often it is told of.

    BOOK: all accounts.  PORTFOLIOS: those that have one of these (by number) when they are evaluated.  PRICE_HELD:
    those then held for want of a price.
    """

    covers: Covers
    portfolios: Sequence[int] | None = None
    subject: str | None = None


def start_part(session: Session, kind: Kind, part: Coverage, business_date: date, now: datetime) -> int | None:
    """Insert a run over a part of the book; return its number, None when there has been one of that subject.

    Evaluations wait from here to the end of the transaction: who comes later sees what it stores.
    """
    flags.close_barrier(session)
    return _insert(session, kind, business_date, now, part)


_INSERT: Final = """
INSERT INTO analysis_run (business_date, kind, seq, price_set, price_generation, started_at, accounts, covers,
    portfolios, subject, announced, rights, started_by, enterprises, advisors)
SELECT %(day)s, %(kind)s, CASE WHEN %(kind)s = 'DAILY' THEN 0 ELSE coalesce((SELECT max(seq) FROM analysis_run
    WHERE business_date = %(day)s AND kind = %(kind)s AND rights = %(rights)s), 0) + 1 END,
    %(set)s, %(generation)s, %(now)s, 0, %(covers)s, %(portfolios)s, %(subject)s, %(told)s,
    %(rights)s, %(started_by)s, %(enterprises)s::text[], %(advisors)s::text[]
ON CONFLICT DO NOTHING RETURNING run_no
"""


def _insert(
    session: Session, kind: Kind, business_date: date, now: datetime, part: Coverage, scope: Scope = SYSTEM
) -> int | None:
    generation, price_set = price_sets.in_force(session)
    values = {
        "day": business_date, "kind": kind, "now": now, "set": price_set or 0, "generation": generation,
        "covers": part.covers, "portfolios": None if part.portfolios is None else list(part.portfolios),
        "subject": part.subject, "size": SHARD, "told": part.covers != "BOOK", **_reach(scope),
    }  # fmt: skip
    inserted = session.execute(_INSERT, values).fetchone()
    if inserted is None:
        return None
    values["run"] = inserted[0]
    session.execute(
        "WITH numbered AS (SELECT account_id, enterprise_id, advisor_id,"  # noqa: S608  # fixed
        " (row_number() OVER (ORDER BY account_id) - 1) / %(size)s AS shard"
        f" FROM account_facts AS a WHERE {_COVERED[part.covers]} AND {_OWNED}),"
        " shards AS (INSERT INTO analysis_shard (run_no, shard, first_id, last_id, accounts)"
        " SELECT %(run)s, shard, min(account_id), max(account_id), count(*) FROM numbered GROUP BY shard)"
        " INSERT INTO analysis_part (run_no, shard, enterprise_id, advisor_id, accounts)"
        " SELECT %(run)s, shard, enterprise_id, advisor_id, count(*) FROM numbered GROUP BY 2, 3, 4".encode(),
        values,
    )
    session.execute(_FORGET, values)
    session.execute(
        "UPDATE analysis_run SET accounts ="
        " coalesce((SELECT sum(accounts) FROM analysis_shard WHERE run_no = %(run)s), 0) WHERE run_no = %(run)s",
        values,
    )
    return int(inserted[0])


def _reach(scope: Scope) -> dict[str, Any]:
    """Return whose accounts a scope's run covers, and who starts it."""
    if scope.service:
        return {"enterprises": None, "advisors": None, "started_by": None, "rights": ""}
    named = ["*" if part is None else ",".join(sorted(part)) for part in (scope.enterprises, scope.advisors)]
    owners = {name: value for name, value in scope.parameters().items() if name != "subject"}
    return owners | {"started_by": scope.subject, "rights": "|".join(named)}


# What readers are shown of a run is what they wait for; later only its totals stay.
_FORGET: Final = (
    "DELETE FROM analysis_part USING analysis_run AS r WHERE r.run_no = analysis_part.run_no"
    " AND r.finished_at < %(now)s - interval '30 days'"
)


_OPEN: Final = (
    "SELECT run_no, shard, first_id, last_id, accounts, failures FROM analysis_shard WHERE NOT done"
    " ORDER BY failures, run_no, shard"
)


@contextmanager
def claim(session: Session, but: Container[tuple[int, int]] = ()) -> Iterator[Shard | None]:
    """Lend an open shard nobody else holds, oldest run first; None when there is none.  Commit inside as needed.

    Those that have failed stand behind all others.  but: (run, shard) of those not to lend.
    The lock lives with the connection: a dead sweeper's shard is free again.
    """
    for row in session.execute(_OPEN).fetchall():
        shard = Shard(*row)
        if (shard.run_no, shard.shard) in but:
            continue
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
        "WITH told AS (UPDATE analysis_part SET done = true WHERE run_no = %(run)s AND shard = %(shard)s)"
        " UPDATE analysis_shard SET done = true WHERE run_no = %(run)s AND shard = %(shard)s",
        {"run": shard.run_no, "shard": shard.shard},
    )
    session.commit()


def note_failure(session: Session, shard: Shard) -> None:
    """Note that a sweeper stopped at too many accounts of the shard, and commit."""
    note = "UPDATE analysis_shard SET failures = failures + 1 WHERE run_no = %s AND shard = %s"
    session.execute(note, [shard.run_no, shard.shard])
    session.commit()


def is_all_done(session: Session, run_no: int) -> bool:
    """Say whether every shard of a run is done: of those who finish together the last one sees it."""
    is_open = _value(session, "SELECT EXISTS (SELECT FROM analysis_shard WHERE run_no = %s AND NOT done)", [run_no])
    session.commit()
    return not is_open


def finish(session: Session, now: datetime) -> None:
    """Close every run whose shards are all done; flags are counted as they stand at that moment."""
    session.execute(
        "WITH ended AS (UPDATE analysis_run AS r SET finished_at = %(now)s WHERE finished_at IS NULL AND NOT EXISTS"
        " (SELECT FROM analysis_shard AS s WHERE s.run_no = r.run_no AND NOT s.done) RETURNING run_no, covers)"
        " INSERT INTO analysis_outcome (run_no, enterprise_id, advisor_id, accounts, flagged, held)"
        " SELECT p.run_no, p.enterprise_id, p.advisor_id, p.accounts, coalesce(c.flagged, 0), coalesce(c.held, 0)"
        " FROM ended CROSS JOIN LATERAL (SELECT run_no, enterprise_id, advisor_id, sum(accounts) AS accounts"
        " FROM analysis_part WHERE run_no = ended.run_no GROUP BY 1, 2, 3) AS p LEFT JOIN LATERAL ("
        "SELECT a.enterprise_id, a.advisor_id, count(*) FILTER (WHERE f.state <> %(held)s) AS flagged,"
        " count(*) FILTER (WHERE f.state = %(held)s) AS held FROM flag AS f JOIN account_facts AS a USING (account_id)"
        " WHERE f.state IN (%(flagged)s, %(no_target)s, %(held)s)"
        " AND (ended.covers = 'BOOK' OR f.run_no = ended.run_no) GROUP BY 1, 2"
        ") AS c ON (c.enterprise_id, c.advisor_id) = (p.enterprise_id, p.advisor_id)",
        {
            "now": now,
            "flagged": int(FlagState.FLAGGED),
            "no_target": int(FlagState.NO_TARGET),
            "held": int(FlagState.HELD),
        },
    )
    session.execute(
        "UPDATE analysis_run AS r SET (flagged, held) = (SELECT coalesce(sum(o.flagged), 0), coalesce(sum(o.held), 0)"
        " FROM analysis_outcome AS o WHERE o.run_no = r.run_no) WHERE finished_at IS NOT NULL AND flagged IS NULL"
    )


_SELECT: Final = """
SELECT r.run_no, r.business_date, r.kind, r.seq, r.price_set, r.started_at, r.finished_at, r.accounts,
       coalesce((SELECT sum(s.accounts) FROM analysis_shard AS s WHERE s.run_no = r.run_no AND s.done), 0)::bigint,
       r.flagged, r.held, r.covers, r.portfolios, r.rights, r.enterprises, r.advisors
FROM analysis_run AS r
"""


def unannounced(session: Session) -> list[AnalysisRun]:
    """Return finished runs whose completion has not been published."""
    query = f"{_SELECT} WHERE r.finished_at IS NOT NULL AND NOT r.announced ORDER BY r.run_no"
    return [AnalysisRun(*row) for row in session.execute(query.encode())]


@dataclass(frozen=True)
class Outcome:
    """What of a finished run concerns one enterprise and advisor."""

    enterprise_id: str
    advisor_id: str
    accounts: int
    flagged: int
    held: int


def outcomes(session: Session, run_no: int) -> list[Outcome]:
    """Return what of a finished run concerns each enterprise and advisor, in this order."""
    query = (
        "SELECT enterprise_id, advisor_id, accounts, flagged, held FROM analysis_outcome"
        " WHERE run_no = %s ORDER BY enterprise_id, advisor_id"
    )
    return [Outcome(*row) for row in session.execute(query, [run_no])]


_LATEST: Final[LiteralString] = f"""
SELECT r.run_no, r.business_date, r.kind, r.seq, r.price_set, r.started_at, r.finished_at, p.accounts, p.done,
       (SELECT sum(flagged)::bigint FROM analysis_outcome AS o WHERE o.run_no = r.run_no AND {MINE}),
       (SELECT sum(held)::bigint FROM analysis_outcome AS o WHERE o.run_no = r.run_no AND {MINE}),
       r.covers, r.portfolios, r.rights
FROM analysis_run AS r JOIN (
    SELECT run_no, sum(accounts)::bigint AS accounts, coalesce(sum(accounts) FILTER (WHERE done), 0)::bigint AS done
    FROM analysis_part WHERE {MINE} AND run_no = (SELECT max(run_no) FROM analysis_part WHERE {MINE}) GROUP BY run_no
) AS p USING (run_no)
"""  # noqa: S608  # fixed texts


def latest_seen(session: Session, scope: Scope) -> AnalysisRun | None:
    """Return the newest run that covers accounts of the scope, with the counts of these; None when there is none."""
    row = session.execute(_LATEST, scope.parameters()).fetchone()
    return None if row is None else AnalysisRun(*row)


def mark_announced(session: Session, run_no: int) -> None:
    """Note that a run's completion has been published."""
    session.execute("UPDATE analysis_run SET announced = true WHERE run_no = %s", [run_no])


def get(session: Session, run_no: int | None = None) -> AnalysisRun | None:
    """Return a run, the latest without a number, None when there is none."""
    chosen = "" if run_no is None else "WHERE r.run_no = %s"
    query = f"{_SELECT} {chosen} ORDER BY r.run_no DESC LIMIT 1"
    row = session.execute(query.encode(), [] if run_no is None else [run_no]).fetchone()
    return None if row is None else AnalysisRun(*row)


def _value(session: Session, query: str, values: Sequence[int]) -> bool:
    row = session.execute(query.encode(), values).fetchone()
    return row is not None and bool(row[0])
