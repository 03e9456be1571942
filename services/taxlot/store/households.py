"""Read the accounts of tax households, their lots and approved trades: needed when one of them sells at a loss, or buys
what they have sold."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.taxlot.domain.households import NO_SALES, ApprovedBuy, ApprovedSales, Member

# Lots are asked for by account id in a statement of their own: joined to a list of unknown length, and before the
# first statistics are taken, the planner may read every account's lots.
_MEMBERS: Final = (
    "SELECT account_id, account_number, enterprise_id, tax_household_id, taxable FROM account"
    " WHERE enterprise_id = ANY(%s) AND tax_household_id = ANY(%s)"
)
# The newest approval that the lots show is the one before the first that they do not: files show approvals in order.
# Whether the last good file of an account on hold since came before or after an approval of its own day is not known:
# it counts as shown, so that nothing sold is taken off twice.
# A file of the trade date itself shows an approval only if it came after it, in whatever order the two were taken in.
_CAME_BEFORE: Final = "coalesce(f.received_at <= t.decided_at, h.file_id = t.file_before)"
_LOTS: Final = (
    "SELECT h.account_id, l.document IS NOT NULL AND h.hold_code IS NULL, l.document, coalesce("  # noqa: S608  # a constant
    "(SELECT min(t.epoch) - 1 FROM approved_trade t WHERE t.account_id = h.account_id AND (h.content IS NULL"
    f" OR h.as_of < t.trade_date OR h.as_of = t.trade_date AND {_CAME_BEFORE})), a.epoch, 0)"
    " FROM holding h LEFT JOIN lots l USING (account_id) LEFT JOIN approval a USING (account_id)"
    " LEFT JOIN file f ON f.file_id = h.file_id"
    " WHERE h.account_id = ANY(%s)"
)
# A good file dated on the trade date or later shows the buy, as `_CAME_BEFORE` says.
_APPROVED: Final = (
    "SELECT account_id, security_id, trade_date, sum(units)::bigint FROM ("  # noqa: S608  # a constant
    " SELECT t.account_id, t.security_id, t.trade_date, sum(t.quantity_micro - t.crossed_micro) AS units"
    " FROM approved_trade t LEFT JOIN holding h USING (account_id) LEFT JOIN file f ON f.file_id = h.file_id"
    " WHERE t.account_id = ANY(%s) AND t.trade_date BETWEEN %s AND %s AND (h.content IS NULL OR h.as_of < t.trade_date"
    f" OR h.as_of = t.trade_date AND ({_CAME_BEFORE} OR h.hold_code IS NOT NULL))"
    " GROUP BY t.account_id, t.epoch, t.security_id, t.trade_date) AS net"
    " WHERE units > 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
_SOLD: Final = (
    "SELECT account_id, security_id, trade_date FROM approved_trade"
    " WHERE account_id = ANY(%s) AND trade_date BETWEEN %s AND %s"
    " GROUP BY account_id, epoch, security_id, trade_date HAVING sum(quantity_micro - crossed_micro) < 0"
)


async def accounts(
    connection: AsyncConnection[TupleRow], households: Sequence[tuple[str, str]]
) -> dict[str, tuple[str, str]]:
    """Return (enterprise, household) of every account of these ones."""
    wanted = frozenset(households)
    enterprises, names = ({pair[field] for pair in wanted} for field in (0, 1))
    cursor = await connection.execute(_MEMBERS, (sorted(enterprises), sorted(names)))
    return {account[0]: account[2:4] async for account in cursor if account[2:4] in wanted}


async def sold(
    connection: AsyncConnection[TupleRow], accounts: Sequence[str], first: date, last: date
) -> ApprovedSales:
    """Return what approvals of these accounts sold with a trade date from first to last."""
    rows = await (await connection.execute(_SOLD, (list(accounts), first, last))).fetchall()
    if not rows:
        return NO_SALES
    account, security, day = zip(*rows, strict=True)
    return ApprovedSales(account, security, np.array(day, "datetime64[D]").astype(np.int64))


async def members(connection: AsyncConnection[TupleRow], households: Sequence[tuple[str, str]]) -> list[Member]:
    """Return every account of these (enterprise, household) pairs, in order of account id."""
    wanted = frozenset(households)
    enterprises, names = ({pair[field] for pair in wanted} for field in (0, 1))
    cursor = await connection.execute(_MEMBERS, (sorted(enterprises), sorted(names)))
    # Two enterprises may use the same household id, and only one of them may be wanted.
    accounts: list[tuple[str, str, str, str, bool]] = [account async for account in cursor if account[2:4] in wanted]
    sizes = Counter((enterprise, household) for _, _, enterprise, household, _ in accounts)
    shared = [account for account, _, enterprise, household, _ in accounts if sizes[enterprise, household] > 1]
    lots: dict[str, tuple[bool, bytes | None, int]] = {}
    if shared:
        async with connection.cursor(binary=True) as binary:
            await binary.execute(_LOTS, (shared,))
            lots = {account: (is_seen, document, epoch) async for account, is_seen, document, epoch in binary}
    return [Member(*account, *lots.get(account[0], (False, None, 0))) for account in sorted(accounts)]


async def approved(
    connection: AsyncConnection[TupleRow], accounts: Sequence[str], first: date, last: date
) -> list[ApprovedBuy]:
    """Return the open approved buys of these accounts with a trade date from first to last."""
    cursor = await connection.execute(_APPROVED, (list(accounts), first, last))
    return [ApprovedBuy(*row) async for row in cursor]
