"""What the accounts of a tax household hold and have had approved: read when one of them sells at a loss."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

_MEMBERS: Final = (
    "SELECT a.account_id, a.account_number, a.enterprise_id, a.tax_household_id, a.taxable,"
    " l.document IS NOT NULL AND h.hold_code IS NULL, l.document"
    " FROM (SELECT DISTINCT * FROM unnest(%s::text[], %s::text[])) AS wanted (enterprise_id, tax_household_id)"
    " JOIN account a USING (enterprise_id, tax_household_id)"
    " LEFT JOIN holding h USING (account_id) LEFT JOIN lots l USING (account_id) ORDER BY a.account_id"
)
# A good file dated on the trade date or later shows the buy; one of the trade date itself only if it came afterwards.
_APPROVED: Final = (
    "SELECT account_id, security_id, trade_date, sum(units)::bigint FROM ("
    " SELECT t.account_id, t.security_id, t.trade_date, sum(t.quantity_micro - t.crossed_micro) AS units"
    " FROM approved_trade t LEFT JOIN holding h USING (account_id)"
    " WHERE t.account_id = ANY(%s) AND t.trade_date BETWEEN %s AND %s AND (h.content IS NULL OR h.as_of < t.trade_date"
    " OR h.as_of = t.trade_date AND (h.file_id = t.file_before OR h.hold_code IS NOT NULL))"
    " GROUP BY t.account_id, t.epoch, t.security_id, t.trade_date) AS net"
    " WHERE units > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)


class Member(NamedTuple):
    """An account of a household. document: its last good lots. is_seen: it has such lots and is not on hold."""

    account_id: str
    account_number: str
    enterprise_id: str
    household_id: str
    taxable: bool
    is_seen: bool
    document: bytes | None


class Approved(NamedTuple):
    """Micro-units of a security bought on the market by an approval that no good file has shown yet."""

    account_id: str
    security_id: str
    trade_date: date
    units: int


async def members(connection: AsyncConnection[TupleRow], households: Sequence[tuple[str, str]]) -> list[Member]:
    """Return every account of these (enterprise, household) pairs, in order of account id."""
    enterprises, names = [pair[0] for pair in households], [pair[1] for pair in households]
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(_MEMBERS, (enterprises, names))
        return [Member(*row) async for row in cursor]


async def approved(
    connection: AsyncConnection[TupleRow], accounts: Sequence[str], first: date, last: date
) -> list[Approved]:
    """Return the open approved buys of these accounts with a trade date from first to last."""
    cursor = await connection.execute(_APPROVED, (list(accounts), first, last))
    return [Approved(*row) async for row in cursor]
