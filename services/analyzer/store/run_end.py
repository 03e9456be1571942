"""Ending an analysis run: counts are taken when the last shard is done; the completion is noted as published."""

from datetime import datetime
from typing import Final

from services.analyzer.store.database import Session
from shared.contracts.codes import FlagState

_FINISH: Final = (
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
    ") AS c ON (c.enterprise_id, c.advisor_id) = (p.enterprise_id, p.advisor_id)"
)
_TOTALS: Final = (
    "UPDATE analysis_run AS r SET (flagged, held) = (SELECT coalesce(sum(o.flagged), 0), coalesce(sum(o.held), 0)"
    " FROM analysis_outcome AS o WHERE o.run_no = r.run_no) WHERE finished_at IS NOT NULL AND flagged IS NULL"
)


def finish(session: Session, now: datetime) -> None:
    """End every run whose shards are all done; flags are counted as they are at that moment."""
    states = {
        "flagged": int(FlagState.FLAGGED),
        "no_target": int(FlagState.NO_TARGET),
        "held": int(FlagState.HELD),
    }
    session.execute(_FINISH, {"now": now, **states})
    session.execute(_TOTALS)


def mark_announced(session: Session, run_no: int) -> None:
    """Note that the completion of a run has been published."""
    session.execute("UPDATE analysis_run SET announced = true WHERE run_no = %s", [run_no])
