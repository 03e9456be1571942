"""Whether the terms that an approval shows hold on the session on which its orders are traded.

Terms are shown as of the session of the proposal's request.  A session that has closed meanwhile is not the one on
which the orders are traded, and a lot may have become long-term by the next.  Source: product 3, "After approval".
"""

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns.terms import of_other_term
from services.batch.domain.schedule import session_of
from services.batch.store import members, results


async def differing(connection: AsyncConnection, batch: Row[Any], now: datetime) -> list[str]:
    """Return the proposed accounts of a locked batch that show a term which is another if it is approved now.

    Nothing is read while the session of the request still is the one on which orders are traded.
    Raises NoSession if `now` lies beyond the calendar.
    """
    session = session_of(now)
    if session == session_of(batch.requested_at):
        return []
    by_chunk: dict[int, list[Row[Any]]] = {}
    for row in await members.read_proposed(connection, batch.batch_id):
        by_chunk.setdefault(row.chunk_id, []).append(row)
    found: list[str] = []
    async for contents in results.read_groups(connection, sorted(by_chunk)):
        for number, content in contents.items():
            found += await asyncio.to_thread(of_other_term, content, by_chunk[number], batch.logic, session)
    return found
