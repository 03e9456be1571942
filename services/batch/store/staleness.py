"""Which proposals are stale, told by one SQL expression over a member, its account, its newest flag and price sets.

Newer prices do not make a proposal stale.  Newer lots, targets and settings do, and holds, an account that moved, and
prices that were withdrawn, because then its figures were wrong.
Source: product 6; docs/decisions/0012-price-sets-wait-for-a-look.md.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.codes import FlagState

_HELD, _OFF = int(FlagState.HELD), int(FlagState.OFF)

# The account a has another owner, custodian, number or tax status than when it went into the batch as member m.
_MOVED: Final = (
    "CASE WHEN (a.enterprise_id, a.advisor_id) <> (m.enterprise_id, m.advisor_id) THEN 'MOVED'"
    " WHEN (a.custodian, a.account_number) <> (m.custodian, m.account_number) THEN 'CUSTODIAN'"
    " WHEN (a.custody = 'TAXABLE') <> m.taxable THEN 'CUSTODY' END"
)
_WITHDRAWN: Final = "SELECT w.price_set FROM withdrawn_prices w WHERE w.is_withdrawn"


def stale_code(proposal: str) -> str:
    """Return the SQL of the code that makes a proposal stale, null if none does.

    It is an expression over member m, its account a and its flag f.  proposal: the table with the versions it is made
    from, m or one of incoming results.
    """
    return (
        f"coalesce({_MOVED}, CASE WHEN f.state = {_HELD} THEN 'HELD' WHEN f.state = {_OFF} THEN 'OFF'"
        f" WHEN f.lots_version > {proposal}.lots_version THEN 'LOTS'"
        f" WHEN f.target_version > {proposal}.target_version THEN 'TARGET'"
        f" WHEN f.facts_version > {proposal}.facts_version THEN 'SETTINGS'"
        f" WHEN {proposal}.price_set IN ({_WITHDRAWN}) THEN 'PRICES' END)"
    )


def stale_text(proposal: str) -> str:
    """Return the SQL of the particulars of `stale_code`, null if there are none."""
    return (
        f"CASE {stale_code(proposal)} WHEN 'HELD' THEN (SELECT hold_text FROM flag_detail d"  # noqa: S608  # names
        " WHERE d.account_id = f.account_id AND d.flag_version = f.flag_version)"
        f" WHEN 'PRICES' THEN 'price set ' || {proposal}.price_set END"
    )


_TOUCHED = text(
    "SELECT DISTINCT m.batch_id FROM incoming_flag i JOIN flag f USING (account_id) JOIN account a USING (account_id)"  # noqa: S608  # names
    " JOIN batch_account m ON m.account_id = f.account_id AND m.open"
    f" WHERE m.state = 'WORKING' OR (m.stale_code IS NULL AND {stale_code('m')} IS NOT NULL) ORDER BY m.batch_id"
)
_TOUCHED_BY_ACCOUNTS = text(
    "SELECT DISTINCT m.batch_id FROM incoming_account a JOIN batch_account m ON m.account_id = a.account_id AND m.open"  # noqa: S608  # names
    f" WHERE {_MOVED} IS NOT NULL ORDER BY m.batch_id"
)
_MARK = text(
    f"UPDATE batch_account m SET stale_code = {stale_code('m')},"  # noqa: S608  # column names
    f" stale_text = {stale_text('m')}"
    " FROM account a LEFT JOIN flag f USING (account_id)"
    " WHERE m.batch_id = :batch_id AND a.account_id = m.account_id AND m.state = 'PROPOSED'"
    f" AND m.stale_code IS NULL AND {stale_code('m')} IS NOT NULL"
)
# In the order in which accounts are stored, so that the two never deadlock.
_LOCK_PROPOSED = text(
    "SELECT account_id FROM account WHERE account_id IN"
    " (SELECT account_id FROM batch_account WHERE batch_id = :batch_id AND state = 'PROPOSED')"
    " ORDER BY account_id FOR NO KEY UPDATE"
)
_HAS_MOVED: Final = f"(a.account_id IS NULL OR {_MOVED} IS NOT NULL)"
# Flags mark the accounts of batches as they come, but none that was removed then, nor one that was being put back.
_UNMARKED = text(
    f"SELECT count(*) FILTER (WHERE {_HAS_MOVED}) AS moved,"  # noqa: S608  # names
    f" count(*) FILTER (WHERE {_HAS_MOVED} OR m.price_set IN ({_WITHDRAWN}) OR (m.removed_version IS NOT NULL AND"
    f" EXISTS (SELECT FROM flag f WHERE f.account_id = m.account_id AND {stale_code('m')} IS NOT NULL))) AS stale"
    " FROM batch_account m LEFT JOIN account a USING (account_id)"
    " WHERE m.batch_id = :batch_id AND m.state = 'PROPOSED'"
)
_LIFT_LOGIC = text(
    "UPDATE batch_account SET stale_code = NULL, stale_text = NULL"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND stale_code = 'LOGIC'"
)
_MARK_LOGIC = text(
    "UPDATE batch_account SET stale_code = 'LOGIC', stale_text = remarks::jsonb -> :logic ->> 'failure_text'"
    " WHERE batch_id = :batch_id AND state = 'PROPOSED' AND stale_code IS NULL"
    " AND remarks::jsonb -> :logic ->> 'failure_code' IS NOT NULL"
)
_MARK_TERMS = text(
    "UPDATE batch_account SET stale_code = 'TERMS', stale_text = :session"
    " WHERE batch_id = :batch_id AND account_id = ANY(:accounts) AND state = 'PROPOSED' AND stale_code IS NULL"
)


async def batches_touched_by_flags(connection: AsyncConnection) -> list[int]:
    """Return the batches in which flags stored by this transaction may make proposals stale, in locking order.

    Batches with accounts still being worked on are included, because a result may arrive in a concurrent transaction.
    """
    return list((await connection.execute(_TOUCHED)).scalars())


async def batches_touched_by_accounts(connection: AsyncConnection) -> list[int]:
    """Return the batches in which accounts about to be stored will have moved, in locking order."""
    return list((await connection.execute(_TOUCHED_BY_ACCOUNTS)).scalars())


async def mark_stale(connection: AsyncConnection, batch_id: int) -> int:
    """Mark the stale proposals of a locked batch that are not marked yet; return how many."""
    return (await connection.execute(_MARK, {"batch_id": batch_id})).rowcount


async def count_unmarked(connection: AsyncConnection, batch_id: int) -> Row[Any]:
    """Lock the proposed accounts of a locked batch; return the counts `moved` and `stale`.

    moved: accounts that have moved since they went into the batch, also ones that the caller may no longer see;
    stale: these, accounts proposed on prices that were withdrawn, and accounts whose facts changed while they were
    removed.
    """
    values = {"batch_id": batch_id}
    await connection.execute(_LOCK_PROPOSED, values)
    return (await connection.execute(_UNMARKED, values)).one()


async def mark_logic(connection: AsyncConnection, batch_id: int, logic: int) -> None:
    """Mark the proposals that the logic now in force could not make as stale; lift that mark from the others."""
    await connection.execute(_LIFT_LOGIC, {"batch_id": batch_id})
    await mark_stale(connection, batch_id)  # a proposal that became stale meanwhile stays stale
    await connection.execute(_MARK_LOGIC, {"batch_id": batch_id, "logic": logic})


async def mark_terms(connection: AsyncConnection, batch_id: int, accounts: Sequence[str], session: date) -> int:
    """Mark proposals of a locked batch whose terms are others on the session of their trades; return how many."""
    values = {"batch_id": batch_id, "accounts": list(accounts), "session": session.isoformat()}
    return (await connection.execute(_MARK_TERMS, values)).rowcount
