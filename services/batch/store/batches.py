"""Batch rows: lock, make, count, change.  Every change locks the batch row first; then nothing interleaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.schedule import DecisionWindow
from services.batch.domain.states import AccountState, Status, Tally
from services.batch.store.database import sees
from services.batch.store.queue import IN_QUEUE
from services.batch.store.tables import ACCOUNT, BATCH, BATCH_ACCOUNT, FLAG, PARKED
from shared.contracts.codes import FlagState
from shared.contracts.tenancy import Scope

_NEXT_NUMBER = text("SELECT nextval('batch_number')")
_ADDED = text(
    "SELECT count(*) AS accounts, min(account_number) AS number, count(*) FILTER (WHERE liquidate) AS without_target,"
    " array_agg(DISTINCT enterprise_id) AS enterprises, array_agg(DISTINCT advisor_id) AS advisors,"
    " count(*) FILTER (WHERE epoch <> (SELECT epoch FROM account a WHERE a.account_id = batch_account.account_id))"
    " AS overtaken FROM batch_account WHERE batch_id = :batch_id"
)
_TALLY = text(
    "SELECT count(*) FILTER (WHERE state = 'WORKING') AS working,"
    " count(*) FILTER (WHERE state = 'PROPOSED') AS proposed,"
    " count(*) FILTER (WHERE state = 'FAILED') AS failed, count(*) FILTER (WHERE state = 'REMOVED') AS removed,"
    " count(*) FILTER (WHERE state = 'APPROVED') AS approved, count(*) FILTER (WHERE state = 'CANCELLED') AS cancelled,"
    " count(*) FILTER (WHERE state = 'PROPOSED' AND stale_code IS NOT NULL) AS stale,"
    " coalesce(sum(short_cents[:element]) FILTER (WHERE counted AND taxable), 0)::bigint AS short_cents,"
    " coalesce(sum(long_cents[:element]) FILTER (WHERE counted AND taxable), 0)::bigint AS long_cents,"
    " coalesce(sum(estimated_cents[:element]) FILTER (WHERE counted AND taxable), 0)::bigint AS estimated_cents,"
    " coalesce(sum(coalesce(buys_cents[:element], 0) + coalesce(sells_cents[:element], 0)) FILTER (WHERE counted), 0)"
    "::bigint AS turnover_cents"
    " FROM (SELECT *, state IN ('PROPOSED', 'APPROVED', 'CANCELLED') AS counted"
    " FROM batch_account WHERE batch_id = :batch_id) AS of_batch"
)


@dataclass(frozen=True)
class BatchTotals:
    """Counts and sums of a batch, in cents under the logic in force: gains of taxable accounts, market buys and sells
    of all accounts.
    """

    tally: Tally
    short_cents: int
    long_cents: int
    estimated_cents: int
    turnover_cents: int

    def columns(self) -> dict[str, int]:
        """Return the values of the batch row's columns."""
        return {
            **vars(self.tally),
            "short_cents": self.short_cents,
            "long_cents": self.long_cents,
            "estimated_cents": self.estimated_cents,
            "turnover_cents": self.turnover_cents,
        }


@dataclass(frozen=True)
class NewBatch:
    """The facts that are fixed when a batch is made. logic: number of the trade logic in force."""

    batch_id: int
    logic: int
    label: str
    requested_by: str
    requested_name: str
    requested_at: datetime
    window: DecisionWindow


@dataclass(frozen=True)
class AddedAccounts:
    """The accounts of the queue that went into a batch.

    only_account: account number where there is just one; without_target: number of accounts that would be liquidated.
    """

    accounts: int
    only_account: str | None
    without_target: int
    enterprises: list[str]
    advisors: list[str]


async def new_number(connection: AsyncConnection) -> int:
    """Return the number of the next batch."""
    return int((await connection.execute(_NEXT_NUMBER)).scalar_one())


async def add_accounts(
    connection: AsyncConnection,
    scope: Scope,
    batch_id: int,
    sent_at: datetime,
    matching: Sequence[ColumnElement[bool]],
) -> AddedAccounts:
    """Put the matching accounts of the queue into the batch, in one statement, and return what went in.

    An account that another batch takes at the same moment stays out, by the index of open memberships; so the caller
    compares the number.  An account that was approved meanwhile is not counted either.
    """
    account, flag = ACCOUNT.c, FLAG.c
    position = func.row_number().over(order_by=(account.account_number, account.account_id))
    chosen = (
        select(
            literal(batch_id), account.account_id, account.enterprise_id, account.advisor_id, position,
            account.account_number, account.name, account.custodian, account.custody == "TAXABLE", account.epoch,
            flag.state == int(FlagState.NO_TARGET), literal(str(AccountState.WORKING)), literal(True), literal(sent_at),
        )
        .select_from(FLAG.join(ACCOUNT, account.account_id == flag.account_id))
        .where(sees(scope, ACCOUNT), sees(scope, FLAG), IN_QUEUE, *matching)
        .order_by(account.account_id)
    )  # fmt: skip
    names = (
        "batch_id", "account_id", "enterprise_id", "advisor_id", "place", "account_number", "name", "custodian",
        "taxable", "epoch", "liquidate", "state", "open", "sent_at",
    )  # fmt: skip
    # No index is named: whichever membership conflicts, the account stays out.
    await connection.execute(insert(BATCH_ACCOUNT).from_select(list(names), chosen).on_conflict_do_nothing())
    row = (await connection.execute(_ADDED, {"batch_id": batch_id})).one()
    accounts = int(row.accounts) - int(row.overtaken)
    only = row.number if row.accounts == 1 else None
    return AddedAccounts(accounts, only, int(row.without_target), list(row.enterprises or ()), list(row.advisors or ()))


async def insert_batch(connection: AsyncConnection, new: NewBatch, added: AddedAccounts) -> Row[Any]:
    """Insert the row of a batch whose accounts were added, and return it."""
    statement = (
        insert(BATCH)
        .values(
            batch_id=new.batch_id,
            enterprise_ids=added.enterprises,
            advisor_ids=added.advisors,
            version=1,
            status=str(Status.WORKING),
            logic=new.logic,
            label=new.label,
            accounts=added.accounts,
            working=added.accounts,
            only_account=added.only_account,
            requested_by=new.requested_by,
            requested_name=new.requested_name,
            requested_at=new.requested_at,
            trade_date=new.window.trade_date,
            cancel_at=new.window.cancel_at,
            answered_at=new.requested_at,
            told_at=new.requested_at,
        )
        .returning(*BATCH.c)
    )
    return (await connection.execute(statement)).one()


async def working(connection: AsyncConnection) -> list[int]:
    """Return the ids of the batches that wait for results, in order."""
    query = select(BATCH.c.batch_id).where(BATCH.c.status == str(Status.WORKING)).order_by(BATCH.c.batch_id)
    return [int(number) for number in (await connection.execute(query)).scalars()]


async def lock(connection: AsyncConnection, scope: Scope, batch_id: int) -> Row[Any] | None:
    """Lock a batch and return its row; None if it does not exist or is out of scope."""
    query = select(*BATCH.c).where(sees(scope, BATCH), BATCH.c.batch_id == batch_id).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def count(connection: AsyncConnection, batch_id: int, logic: int) -> BatchTotals:
    """Count the accounts of a batch by state and sum their gains under `logic`."""
    row = (await connection.execute(_TALLY, {"batch_id": batch_id, "element": logic + 1})).one()
    tally = Tally(row.working, row.proposed, row.failed, row.removed, row.approved, row.cancelled, row.stale)
    return BatchTotals(tally, row.short_cents, row.long_cents, row.estimated_cents, row.turnover_cents)


async def change(connection: AsyncConnection, before: Row[Any], now: datetime, **values: Any) -> Row[Any]:
    """Raise the version of a locked batch and set `values`; return the row afterwards.

    now: when the new version is published.  Raises RuntimeError if the row is not as it was read, because the caller
    did not hold the lock.
    """
    statement = (
        update(BATCH)
        .where(BATCH.c.batch_id == before.batch_id, BATCH.c.version == before.version, BATCH.c.status == before.status)
        .values(version=before.version + 1, told_at=now, **values)
        .returning(*BATCH.c)
    )
    after = (await connection.execute(statement)).one_or_none()
    if after is None:
        raise RuntimeError(f"batch {before.batch_id} changed while it was locked")
    return after


async def touch(connection: AsyncConnection, batch_id: int, values: dict[str, Any]) -> None:
    """Set columns of a locked batch that no decision rests on, without raising its version."""
    await connection.execute(update(BATCH).where(BATCH.c.batch_id == batch_id).values(**values))


async def lock_due(connection: AsyncConnection, now: datetime) -> Row[Any] | None:
    """Lock an undecided batch whose day has ended, skipping those that another replica holds; None if there is none."""
    undecided = (str(Status.WORKING), str(Status.PENDING_APPROVAL))
    query = (
        select(*BATCH.c)
        .where(BATCH.c.status.in_(undecided), BATCH.c.cancel_at <= now, _not_parked(now))
        .order_by(BATCH.c.cancel_at, BATCH.c.batch_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(query)).one_or_none()


async def lock_silent(connection: AsyncConnection, silent_since: datetime, now: datetime) -> Row[Any] | None:
    """Lock a batch with accounts sent, and no result received, since `silent_since`, skipping those that another
    replica holds; None if there is none."""
    member = BATCH_ACCOUNT.c
    waiting = (
        select(literal(1))
        .where(member.batch_id == BATCH.c.batch_id, member.state == str(AccountState.WORKING))
        .where(member.sent_at <= silent_since)
        .exists()
    )
    query = (
        select(*BATCH.c)
        .where(BATCH.c.status == str(Status.WORKING), BATCH.c.answered_at <= silent_since, waiting, _not_parked(now))
        .order_by(BATCH.c.batch_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(query)).one_or_none()


def _not_parked(now: datetime) -> ColumnElement[bool]:
    """Return the predicate that a batch is not put aside, or was put aside until now at the latest."""
    return ~select(literal(1)).where(PARKED.c.batch_id == BATCH.c.batch_id, PARKED.c.again_at > now).exists()
