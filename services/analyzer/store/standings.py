"""The standing of every account, read shard by shard after the daily analysis.

A standing is a summary of what the analyzer stores of an account: flag version, epoch, lots version, date and file.
batch and taxlot compare it with their own and repair what lost messages left wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import numpy as np
import pyarrow as pa
from psycopg import sql

from services.analyzer.store import pgcopy
from services.analyzer.store.database import Session
from services.analyzer.store.pgcopy import NULL
from services.analyzer.store.shards import Shard
from shared.columnar import Arrow, array
from shared.contracts import comparison

_LOCK: Final = "hashtext('analyzer.standing')"
_COLUMNS: Final = (
    "a.account_id", "a.enterprise_id", "a.advisor_id", "a.file_id", "f.flag_version", "a.epoch", "a.lots_version",
    "(a.as_of - DATE '1970-01-01')",
)  # fmt: skip
_QUERY: Final = sql.SQL(
    f"SELECT {', '.join(_COLUMNS)} FROM"  # noqa: S608  # names
    " (SELECT * FROM account_facts WHERE account_id BETWEEN {first} AND {last}) AS a LEFT JOIN"
    " (SELECT account_id, flag_version FROM flag WHERE account_id BETWEEN {first} AND {last}) AS f USING (account_id)"
    " ORDER BY 1"
)
_NEXT: Final = """
SELECT s.run_no, s.shard, s.first_id, s.last_id, s.accounts FROM analysis_shard AS s
WHERE s.done AND NOT s.told AND s.run_no = (
    SELECT max(run_no) FROM analysis_run WHERE kind = 'DAILY' AND announced AND finished_at <= %s
) ORDER BY s.shard LIMIT 1
"""


@contextmanager
def claim(session: Session, ended_by: datetime) -> Iterator[Shard | None]:
    """Lend a shard of the newest daily run whose standings are not published; None when there is none or it is taken.

    ended_by: the run must have ended by then, so that its flags have arrived.  No transaction is open inside.
    """
    row = session.execute(_NEXT, [ended_by]).fetchone()
    if row is None:
        session.commit()
        yield None
        return
    got = session.execute(f"SELECT pg_try_advisory_lock({_LOCK})").fetchone()
    session.commit()
    if got is None or not got[0]:
        yield None
        return
    try:
        row = session.execute(_NEXT, [ended_by]).fetchone()
        session.commit()
        yield None if row is None else Shard(*row)
    finally:
        if not session.broken:
            session.rollback()
            session.execute(f"SELECT pg_advisory_unlock({_LOCK})")
            session.commit()


def mark_published(session: Session, shard: Shard) -> None:
    """Note that the standings of the shard have been published, and commit."""
    mark = "UPDATE analysis_shard SET told = true WHERE run_no = %s AND shard = %s"
    session.execute(mark, [shard.run_no, shard.shard])
    session.commit()


def read(session: Session, shard: Shard) -> pa.RecordBatch:
    """Return the standings of a shard as rows of STANDING, in order of account id."""
    query = _QUERY.format(first=sql.Literal(shard.first_id), last=sql.Literal(shard.last_id))
    table = pgcopy.read(session, query, (), len(_COLUMNS))
    days, versions = table.ints(7), table.ints(4)
    columns: dict[str, Arrow] = {
        "account_id": table.texts(0),
        "enterprise_id": table.texts(1),
        "advisor_id": table.texts(2),
        "file_id": table.texts(3),
        "flag_version": array(versions, pa.int64(), mask=versions == NULL),
        "epoch": array(table.ints(5)),
        "lots_version": array(table.ints(6)),
        "as_of": array(np.where(days == NULL, 0, days), pa.int32(), mask=days == NULL),
    }
    arrays: list[Arrow] = [columns[field.name].cast(field.type) for field in comparison.STANDING]
    session.commit()
    return pa.RecordBatch.from_arrays(arrays, schema=comparison.STANDING)
