"""Where each account is in the work: derived from its flag, its epoch and its open membership, kept as published.

Triggers note the accounts of which any of these changes (`account_state_due`).  Whoever takes a note reads what the
noting transaction committed, or something newer; so the last note of an account always leads to its true state.
Source: architecture "View"; product 3, 6.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.settings import SERVICE
from shared.contracts.codes import FlagState
from shared.oncall.republish import RepublishRequest

_FIELDS: Final = "account_id, enterprise_id, advisor_id, version, state, batch_id, batch_status, since"
_CHANGING: Final = "enterprise_id, advisor_id, state, batch_id, batch_status"

_LEAD: Final = text("SELECT pg_try_advisory_xact_lock(hashtext(:name))")
_UNPUBLISHED: Final = text(
    "SELECT count(*) FROM"
    " (SELECT FROM outbox WHERE published_at IS NULL AND parked_reason IS NULL LIMIT :most) AS waiting"
)
# As an array, so that rows are found by index however many are due.
_TAKE: Final = text(
    "DELETE FROM account_state_due WHERE id = ANY(ARRAY(SELECT id FROM account_state_due ORDER BY id LIMIT :most))"
    " RETURNING account_id, again"
)
# The first that applies. A flag of an epoch before the account's newest was evaluated before its approval.
_STATE: Final = (
    "CASE WHEN m.batch_id IS NOT NULL THEN 'IN_BATCH'"
    f" WHEN f.epoch < a.epoch OR f.state = {FlagState.SETTLING:d} THEN 'SETTLING'"
    f" WHEN f.state = {FlagState.HELD:d} THEN 'HELD' WHEN f.state = {FlagState.OFF:d} THEN 'OFF'"
    f" WHEN f.state = {FlagState.CLEAR:d} THEN 'CLEAR' ELSE 'QUEUED' END"
)
_PUT: Final = text(
    f"INSERT INTO account_state AS s ({_FIELDS})"  # noqa: S608  # names
    f" SELECT a.account_id, a.enterprise_id, a.advisor_id, 1, {_STATE}, m.batch_id, b.status, :now"
    " FROM account a JOIN flag f USING (account_id) LEFT JOIN batch_account m ON m.account_id = a.account_id AND m.open"
    " LEFT JOIN batch b ON b.batch_id = m.batch_id WHERE a.account_id = ANY(:accounts)"
    " ON CONFLICT (account_id) DO UPDATE SET version = s.version + 1, since = excluded.since,"
    f" ({_CHANGING}) = ROW (excluded.enterprise_id, excluded.advisor_id, excluded.state, excluded.batch_id,"
    " excluded.batch_status)"
    " WHERE (s.enterprise_id, s.advisor_id, s.state, s.batch_id, s.batch_status) IS DISTINCT FROM"
    " (excluded.enterprise_id, excluded.advisor_id, excluded.state, excluded.batch_id, excluded.batch_status)"
    f" RETURNING {_FIELDS}"
)
_READ: Final = text(f"SELECT {_FIELDS} FROM account_state WHERE account_id = ANY(:accounts)")  # noqa: S608  # names
_ASK: Final = text(
    "INSERT INTO account_state_due (account_id, again) SELECT account_id, true FROM account_state"
    " WHERE (CAST(:enterprise AS text) IS NULL OR enterprise_id = :enterprise)"
    " AND (CAST(:accounts AS text[]) IS NULL OR account_id = ANY(:accounts)) ORDER BY account_id"
)


async def lead(connection: AsyncConnection) -> bool:
    """Return whether this transaction is the only one, of all replicas, that works on states until it ends."""
    return bool((await connection.execute(_LEAD, {"name": f"{SERVICE}-account-states"})).scalar_one())


async def unpublished(connection: AsyncConnection, most: int) -> int:
    """Return how many messages of the outbox wait for the relay, counted up to `most`."""
    return int((await connection.execute(_UNPUBLISHED, {"most": most})).scalar_one())


async def take_due(connection: AsyncConnection, most: int) -> dict[str, bool]:
    """Take up to `most` notes, the oldest first; return the accounts, and whether to publish them in any case."""
    due: dict[str, bool] = {}
    for account_id, again in await connection.execute(_TAKE, {"most": most}):
        due[account_id] = again or due.get(account_id, False)
    return due


async def put_changed(connection: AsyncConnection, accounts: Sequence[str], now: datetime) -> Sequence[Row[Any]]:
    """Store the states of accounts that are not as they were stored, each with its next version; return those rows.

    An account without a flag is not evaluated yet and has no state.
    """
    return (await connection.execute(_PUT, {"accounts": list(accounts), "now": now})).all()


async def read(connection: AsyncConnection, accounts: Sequence[str]) -> Sequence[Row[Any]]:
    """Return the stored states of accounts."""
    return (await connection.execute(_READ, {"accounts": list(accounts)})).all()


async def ask_again(connection: AsyncConnection, request: RepublishRequest) -> int:
    """Note that the stored states which a request covers are to be published again; return how many."""
    return (await connection.execute(_ASK, dict(request.filters))).rowcount
