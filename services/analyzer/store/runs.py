"""Analysis runs, read: one run, the newest one that a reader may see, those whose completion is to be published.

A run covers the whole book, the accounts of the operator who started it, or the accounts that a large change of targets
or prices touches.  Readers see only the counts of their own accounts.  Runs start in run_start.py, are swept by shard
(shards.py) and end in run_end.py.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, LiteralString

from services.analyzer.store.database import Session
from shared.contracts.tenancy import MINE, Scope

RunKind = Literal["DAILY", "ON_DEMAND", "TARGET", "PRICES"]
Covers = Literal["BOOK", "PORTFOLIOS", "PRICE_HELD"]


@dataclass(frozen=True)
class AnalysisRun:
    """One analysis run.

    accounts: how many it covers.  done: how many of them are in shards that are done.
    flagged, held: accounts in the queue, and accounts that could not be evaluated, when the run ended; counted over the
    whole book, or over the accounts whose flags a run over a part has replaced.  None while the run goes on.
    rights: a text that is equal for equal enterprises and advisors, empty for all.
    """

    run_no: int
    business_date: date
    kind: RunKind
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
        """The public name: date, kind, number.

        Runs of different rights count separately and carry a digest of the rights, so a name tells nothing of others.
        """
        digest = f"{hashlib.sha256(self.rights.encode()).hexdigest()[:8]}-" if self.rights else ""
        return f"{self.business_date}-{self.kind.lower().replace('_', '-')}-{digest}{self.seq}"


@dataclass(frozen=True)
class RunOutcome:
    """The counts of a finished run for one enterprise and advisor."""

    enterprise_id: str
    advisor_id: str
    accounts: int
    flagged: int
    held: int


_SELECT: Final = """
SELECT r.run_no, r.business_date, r.kind, r.seq, r.price_set, r.started_at, r.finished_at, r.accounts,
       coalesce((SELECT sum(s.accounts) FROM analysis_shard AS s WHERE s.run_no = r.run_no AND s.done), 0)::bigint,
       r.flagged, r.held, r.covers, r.portfolios, r.rights, r.enterprises, r.advisors
FROM analysis_run AS r
"""
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


def get(session: Session, run_no: int | None = None) -> AnalysisRun | None:
    """Return a run, without a number the latest; None when there is none."""
    chosen = "" if run_no is None else "WHERE r.run_no = %s"
    query = f"{_SELECT} {chosen} ORDER BY r.run_no DESC LIMIT 1"
    row = session.execute(query.encode(), [] if run_no is None else [run_no]).fetchone()
    return None if row is None else AnalysisRun(*row)


def latest_seen(session: Session, scope: Scope) -> AnalysisRun | None:
    """Return the newest run that covers accounts of the scope, with the counts of these; None when there is none."""
    row = session.execute(_LATEST, scope.parameters()).fetchone()
    return None if row is None else AnalysisRun(*row)


def has_daily(session: Session, business_date: date) -> bool:
    """Return whether the daily run of this business date has been started."""
    query = "SELECT FROM analysis_run WHERE business_date = %s AND kind = 'DAILY'"
    return session.execute(query, [business_date]).fetchone() is not None


def is_daily_finished(session: Session, business_date: date) -> bool:
    """Return whether the daily run of this business date has ended."""
    query = "SELECT FROM analysis_run WHERE business_date = %s AND kind = 'DAILY' AND finished_at IS NOT NULL"
    return session.execute(query, [business_date]).fetchone() is not None


def last_daily_finished_at(session: Session) -> datetime | None:
    """Return when the newest finished daily run ended, None if none has."""
    row = session.execute(
        "SELECT finished_at FROM analysis_run WHERE kind = 'DAILY' AND finished_at IS NOT NULL"
        " ORDER BY run_no DESC LIMIT 1"
    ).fetchone()
    return None if row is None else row[0]


def unannounced(session: Session) -> list[AnalysisRun]:
    """Return the finished runs whose completion has not been published."""
    query = f"{_SELECT} WHERE r.finished_at IS NOT NULL AND NOT r.announced ORDER BY r.run_no"
    return [AnalysisRun(*row) for row in session.execute(query.encode())]


def outcomes(session: Session, run_no: int) -> list[RunOutcome]:
    """Return the counts of a finished run, in order of enterprise and advisor."""
    query = (
        "SELECT enterprise_id, advisor_id, accounts, flagged, held FROM analysis_outcome"
        " WHERE run_no = %s ORDER BY enterprise_id, advisor_id"
    )
    return [RunOutcome(*row) for row in session.execute(query, [run_no])]
