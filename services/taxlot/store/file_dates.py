"""The date that the newest custodian files bear, for the metrics."""

from datetime import date, timedelta
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

_REMEMBERED: Final = timedelta(days=30)
_NEWEST: Final = (
    "SELECT min(newest) FROM (SELECT max(data_date) AS newest FROM file WHERE status IN ('LOADED', 'PUBLISHED')"
    " AND data_date >= %s GROUP BY custodian) AS custodians"
)


async def furthest_behind(connection: AsyncConnection[TupleRow], today: date) -> date | None:
    """Return the date of the newest file of the custodian that is furthest behind, None if there is no file.

    A custodian without a file for 30 days counts no more: it no longer sends any.
    """
    row = await (await connection.execute(_NEWEST, [today - _REMEMBERED])).fetchone()
    return None if row is None else row[0]
