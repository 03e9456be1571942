"""Accounts of all schemas: counted by state in one query, and compared one by one in ranges of ids."""

from dataclasses import dataclass
from typing import Final

from services.auditor.domain.accounts import AccountCounts, AccountVersions
from services.auditor.store.database import Snapshot, rows
from shared.contracts.codes import FlagState

# A membership counts where its batch is open.  An account with any open membership is in no other state, so one that is
# open in a decided batch is nowhere, and one that is open twice is counted twice.
_JOINED: Final = """
    batch.account AS a LEFT JOIN batch.flag AS f USING (account_id) FULL JOIN (
        SELECT m.account_id, min(m.enterprise_id) AS enterprise_id, count(*) AS memberships,
            count(*) FILTER (WHERE b.status IN ('WORKING', 'PENDING_APPROVAL')) AS in_open
        FROM batch.batch_account AS m LEFT JOIN batch.batch AS b USING (batch_id) WHERE m.open GROUP BY 1
    ) AS m USING (account_id)
"""
_FREE: Final = "m.account_id IS NULL AND f.epoch = a.epoch AND f.state"
_STATES: Final = {
    "queue": f"{_FREE} IN ({int(FlagState.FLAGGED)}, {int(FlagState.NO_TARGET)})",
    "settling": (
        f"m.account_id IS NULL AND (f.epoch < a.epoch OR f.epoch = a.epoch AND f.state = {int(FlagState.SETTLING)})"
    ),
    "held": f"{_FREE} = {int(FlagState.HELD)}",
    "off": f"{_FREE} = {int(FlagState.OFF)}",
    "clear": f"{_FREE} = {int(FlagState.CLEAR)}",
    "unevaluated": "m.account_id IS NULL AND f.account_id IS NULL",
}
_COUNTED: Final = ", ".join(f"count(*) FILTER (WHERE {rule}) AS {name}" for name, rule in _STATES.items())
_BY_ENTERPRISE: Final = (
    "SELECT coalesce(a.enterprise_id, m.enterprise_id) AS enterprise_id, count(a.account_id) AS accounts,"  # noqa: S608  # rules
    f" coalesce(sum(m.in_open), 0)::bigint AS in_batches, {_COUNTED} FROM {_JOINED} GROUP BY 1 ORDER BY 1"
)
_ODD: Final = (
    f"SELECT account_id FROM {_JOINED} WHERE coalesce(a.enterprise_id, m.enterprise_id) = %(enterprise)s"  # noqa: S608  # rules
    " AND (a.account_id IS NULL OR (coalesce(m.in_open, 0) <> 1 OR m.memberships <> 1)"
    f" AND NOT coalesce({' OR '.join(f'({rule})' for rule in _STATES.values())}, false)) ORDER BY 1 LIMIT 10"
)
_END_OF_RANGE: Final = (
    "SELECT max(account_id) AS last, count(*) AS accounts FROM (SELECT account_id FROM batch.account"
    " WHERE account_id > %(after)s ORDER BY account_id LIMIT %(most)s) AS range"
)
# Until the platform has named an account, the analyzer may know it from a custodian's file alone.
_DIFFERENT: Final = """
SELECT * FROM (
    SELECT account_id, b.epoch AS batch_epoch, k.epoch AS analyzer_epoch, f.flag_version AS batch_flag,
        g.flag_version AS analyzer_flag, t.epoch AS taxlot_epoch
    FROM (SELECT account_id, epoch FROM batch.account WHERE {range}) AS b
    FULL JOIN (SELECT account_id, epoch FROM analyzer.account_facts WHERE settings_version > 0 AND {range}) AS k
        USING (account_id)
    FULL JOIN (SELECT account_id, epoch FROM taxlot.approval WHERE {range}) AS t USING (account_id)
    LEFT JOIN (SELECT account_id, flag_version FROM batch.flag WHERE {range}) AS f USING (account_id)
    LEFT JOIN (SELECT account_id, flag_version FROM analyzer.flag WHERE {range}) AS g USING (account_id)
) AS versions
WHERE batch_epoch IS DISTINCT FROM analyzer_epoch OR coalesce(batch_flag, 0) <> coalesce(analyzer_flag, 0)
    OR coalesce(batch_epoch, 0) <> coalesce(taxlot_epoch, 0)
ORDER BY account_id LIMIT 1000
"""
_IN_RANGE: Final = _DIFFERENT.format(range="account_id > %(after)s AND account_id <= %(last)s")
_TO_THE_END: Final = _DIFFERENT.format(range="account_id > %(after)s")
_THESE: Final = _DIFFERENT.format(range="account_id = ANY(%(accounts)s)")


@dataclass(frozen=True)
class Range:
    """Accounts behind `after` up to `last`, both ids; last None: to the end."""

    after: str
    last: str | None


async def by_enterprise(connection: Snapshot) -> list[AccountCounts]:
    """Return the accounts of every enterprise by state, of one instant."""
    return [AccountCounts(**row) for row in await rows(connection, _BY_ENTERPRISE)]


async def odd(connection: Snapshot, enterprise: str) -> list[str]:
    """Return some accounts of an enterprise that are in no state, or open in two batches."""
    return [row["account_id"] for row in await rows(connection, _ODD, enterprise=enterprise)]


async def next_range(connection: Snapshot, after: str, most: int) -> Range:
    """Return the range of the next `most` accounts."""
    (row,) = await rows(connection, _END_OF_RANGE, after=after, most=most)
    return Range(after, row["last"] if row["accounts"] == most else None)


async def different(connection: Snapshot, within: Range, also: list[str]) -> list[AccountVersions]:
    """Return the accounts in a range, and these, of which services have different versions; at most 2,000."""
    query = _TO_THE_END if within.last is None else _IN_RANGE
    found = await rows(connection, query, after=within.after, last=within.last)
    found += await rows(connection, _THESE, accounts=also) if also else []
    return list({row["account_id"]: AccountVersions(**row) for row in found}.values())
