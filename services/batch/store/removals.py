"""Removed accounts of a batch, and whether each of them can be put back."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.store.staleness import stale_code

# What barred a proposal under a logic alone counts under the logic that is in force now.
_BARRED: Final = (
    f"CASE WHEN a.account_id IS NULL OR a.epoch <> m.epoch OR {stale_code('m')} IS NOT NULL"
    " OR coalesce(m.stale_code, 'LOGIC') <> 'LOGIC' THEN 'CHANGED'"
    " WHEN m.remarks::jsonb -> :logic ->> 'failure_code' IS NOT NULL THEN 'LOGIC'"
    " WHEN (m.edit::jsonb ->> 'logic')::int <> :logic THEN 'EDITED'"
    " WHEN EXISTS (SELECT FROM batch_account o WHERE o.account_id = m.account_id AND o.open) THEN 'IN_BATCH' END"
)
_JUDGED: Final = text(
    f"SELECT m.account_id, {_BARRED} AS barred FROM batch_account m LEFT JOIN account a USING (account_id)"  # noqa: S608  # names
    " LEFT JOIN flag f USING (account_id) WHERE m.batch_id = :batch_id AND m.state = 'REMOVED'"
    " AND (CAST(:accounts AS text[]) IS NULL OR m.account_id = ANY(:accounts))"
    " AND (CAST(:version AS int) IS NULL OR m.removed_version = :version) ORDER BY m.account_id"
)


async def judge(
    connection: AsyncConnection, batch: Row[Any], accounts: Sequence[str] | None, version: int | None
) -> Sequence[Row[Any]]:
    """Return account_id and `barred` of removed accounts of a batch: those named, or those of the removal that made
    `version` of the batch.

    barred: CHANGED where a fact that its proposal rests on has changed, LOGIC where the logic in force could not
    propose for it, EDITED where its trades were edited under another one, IN_BATCH where it is in an open batch; null
    where it can be put back.
    """
    named = None if accounts is None else list(accounts)
    values = {"batch_id": batch.batch_id, "logic": batch.logic, "accounts": named, "version": version}
    return (await connection.execute(_JUDGED, values)).all()
