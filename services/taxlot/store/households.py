"""What the accounts of a tax household hold and have had approved: read when one of them sells at a loss."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

# Asked by name, never joined to a list: how long a list is cannot be foreseen, and before the first statistics are
# taken a join may read every account's lots.
_MEMBERS: Final = (
    "SELECT account_id, account_number, enterprise_id, tax_household_id, taxable FROM account"
    " WHERE enterprise_id = ANY(%s) AND tax_household_id = ANY(%s)"
)
_LOTS: Final = (
    "SELECT h.account_id, l.document IS NOT NULL AND h.hold_code IS NULL, l.document"
    " FROM holding h LEFT JOIN lots l USING (account_id) WHERE h.account_id = ANY(%s)"
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
    """An account of a household. document: its last good lots. is_seen: it has such lots and is not on hold.

    Of an account that is alone in its household neither is read: it is checked on the lots it was proposed on.
    """

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
    wanted = frozenset(households)
    enterprises, names = ({pair[place] for pair in wanted} for place in (0, 1))
    cursor = await connection.execute(_MEMBERS, (sorted(enterprises), sorted(names)))
    # Of two enterprises that name a household alike, perhaps only the one's is wanted.
    accounts: list[tuple[str, str, str, str, bool]] = [account async for account in cursor if account[2:4] in wanted]
    sizes = Counter((enterprise, household) for _, _, enterprise, household, _ in accounts)
    shared = [account for account, _, enterprise, household, _ in accounts if sizes[enterprise, household] > 1]
    lots: dict[str, tuple[bool, bytes | None]] = {}
    if shared:
        async with connection.cursor(binary=True) as binary:
            await binary.execute(_LOTS, (shared,))
            lots = {account: (is_seen, document) async for account, is_seen, document in binary}
    return [Member(*account, *lots.get(account[0], (False, None))) for account in sorted(accounts)]


async def approved(
    connection: AsyncConnection[TupleRow], accounts: Sequence[str], first: date, last: date
) -> list[Approved]:
    """Return the open approved buys of these accounts with a trade date from first to last."""
    cursor = await connection.execute(_APPROVED, (list(accounts), first, last))
    return [Approved(*row) async for row in cursor]
