"""Which accounts the command `republish` covers, and what was decided of them."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store.database import driver
from shared.oncall.republish import FILTER, RepublishRequest

_GROUP: Final = 500  # accounts
_IN_A_BATCH: Final[LiteralString] = (
    f" FROM account a WHERE {FILTER} AND EXISTS (SELECT FROM batch_account m WHERE m.account_id = a.account_id)"
)
_FROM: Final[dict[str, LiteralString]] = {
    "rebalanced": f" FROM account a WHERE a.epoch > 0 AND {FILTER}",
    "returned": _IN_A_BATCH,
    "account": _IN_A_BATCH,
}
_RETURNS: Final = text(
    "SELECT * FROM (SELECT DISTINCT ON (m.account_id) m.account_id, m.enterprise_id, m.advisor_id, m.epoch, m.state,"
    " m.open, b.batch_id, b.version FROM batch_account m JOIN batch b USING (batch_id)"
    " WHERE m.account_id = ANY(:accounts) ORDER BY m.account_id, m.batch_id DESC) AS newest"
    " WHERE NOT open AND state <> 'APPROVED' ORDER BY batch_id, state, account_id"
)
_BATCH_IDS: Final = text("SELECT DISTINCT batch_id FROM batch_account WHERE account_id = ANY(:accounts) ORDER BY 1")


async def count_accounts(connection: AsyncConnection, request: RepublishRequest) -> int:
    """Return how many accounts a request covers."""
    query = "SELECT count(*)" + _FROM[request.kind]
    counted = await (await (await driver(connection)).execute(query, request.filters | {"after": ""})).fetchone()
    return 0 if counted is None else int(counted[0])


async def next_accounts(connection: AsyncConnection, request: RepublishRequest, after: str) -> list[str]:
    """Return the next group of accounts that a request covers: at most 500 ids above `after`, in order."""
    query = "SELECT a.account_id" + _FROM[request.kind] + " ORDER BY 1 LIMIT %(most)s"
    rows = await (await driver(connection)).execute(query, request.filters | {"after": after, "most": _GROUP})
    return [str(row[0]) for row in await rows.fetchall()]


async def newest_returns(connection: AsyncConnection, accounts: Sequence[str]) -> Sequence[Row[Any]]:
    """Return the member rows of accounts that left their newest batch without approval, by batch and state."""
    return (await connection.execute(_RETURNS, {"accounts": list(accounts)})).all()


async def batches_of(connection: AsyncConnection, accounts: Sequence[str]) -> list[int]:
    """Return the id of every batch that the accounts have been in, in order."""
    return list((await connection.execute(_BATCH_IDS, {"accounts": list(accounts)})).scalars())
