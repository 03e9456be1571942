"""What the store of batch holds of a trade date: its batches, their accounts, decisions and executions."""

from datetime import date
from typing import Any, Final, NamedTuple

from services.auditor.store.database import Snapshot, rows

_INCARNATION: Final = "SELECT name FROM batch.incarnation"
_BATCHES: Final = (
    "SELECT b.batch_id, b.enterprise_ids, b.advisor_ids, b.version, b.status, b.reason, b.logic, b.accounts, b.working,"
    " b.proposed + b.approved AS proposed, b.failed, b.removed, b.requested_by, b.decided_by, b.trade_date,"
    " b.requested_at, b.cancel_at, b.decided_at,"
    " CASE WHEN b.decided_at IS NOT NULL OR b.first_version = b.version THEN b.first_by END AS first_approved_by,"
    " (SELECT json_agg(json_build_object('enterprise_id', enterprise_id, 'position', position, 'sha256',"
    " encode(sha256, 'hex')) ORDER BY enterprise_id) FROM batch.decision_link l WHERE l.batch_id = b.batch_id)"
    " AS history,"
    " CASE WHEN (SELECT fits FROM batch.manifest_fits(b.batch_id) AS fits) THEN d.sha256 END AS sha256"
    " FROM batch.batch b LEFT JOIN batch.decision d USING (batch_id)"
    " WHERE b.trade_date = %(day)s ORDER BY b.batch_id"
)
_MEMBERS: Final = (
    "SELECT batch_id, account_id, enterprise_id, advisor_id, epoch, state, chunk_id, row_no FROM batch.batch_account"
    " WHERE batch_id = ANY(%(batches)s) AND state NOT IN ('WORKING', 'PROPOSED')"
)
_EXECUTIONS: Final = (
    "SELECT order_id, batch_id, account_id, enterprise_id, security_id, version, status, quantity_micro, price_micro,"
    " reported_at, reason FROM batch.execution WHERE batch_id = ANY(%(batches)s)"
)
_UNPUBLISHED: Final = (
    "SELECT count(*) AS waiting FROM batch.outbox WHERE published_at IS NULL AND topic = ANY(%(topics)s)"
)


class StoredMember(NamedTuple):
    """An account that left a batch, or was approved in it.  row_no: its row in the result chunk."""

    batch_id: int
    account_id: str
    enterprise_id: str
    advisor_id: str
    epoch: int
    state: str
    chunk_id: int | None
    row_no: int | None


async def incarnation(connection: Snapshot) -> str:
    """Return the incarnation of the database."""
    (row,) = await rows(connection, _INCARNATION)
    return str(row["name"])


async def batches(connection: Snapshot, day: date) -> list[dict[str, Any]]:
    """Return the batches of a trade date, with the digests of their decisions; none where it is not the document's."""
    return list(await rows(connection, _BATCHES, day=day))


async def members(connection: Snapshot, numbers: list[int]) -> list[StoredMember]:
    """Return the accounts of batches that have left them or were approved."""
    return [StoredMember(**row) for row in await rows(connection, _MEMBERS, batches=numbers)]


async def executions(connection: Snapshot, numbers: list[int]) -> list[dict[str, Any]]:
    """Return the newest report about each order of batches."""
    return list(await rows(connection, _EXECUTIONS, batches=numbers))


async def unpublished(connection: Snapshot, topics: list[str]) -> int:
    """Return how many messages for these topics wait in the outbox."""
    (row,) = await rows(connection, _UNPUBLISHED, topics=topics)
    return int(row["waiting"])
