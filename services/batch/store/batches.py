"""Batches: locking, making, counting, telling.  Every change locks the batch row first; then nothing interleaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from services.batch.domain.counts import Tally
from services.batch.domain.schedule import Term
from services.batch.domain.states import AccountState, Status
from services.batch.store.database import sees
from services.batch.store.queue import IN_QUEUE
from services.batch.store.tables import ACCOUNT, BATCH, BATCH_ACCOUNT, FLAG, PARKED
from shared.contracts.codes import FlagState
from shared.contracts.tenancy import Scope

_NEXT_NUMBER = text("SELECT nextval('batch_number')")
_FROZEN_SELECTION = text(
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
    " coalesce(sum(short_cents[:element]) FILTER (WHERE counted), 0)::bigint AS short_cents,"
    " coalesce(sum(long_cents[:element]) FILTER (WHERE counted), 0)::bigint AS long_cents,"
    " coalesce(sum(estimated_cents[:element]) FILTER (WHERE counted), 0)::bigint AS estimated_cents"
    " FROM (SELECT *, taxable AND state IN ('PROPOSED', 'APPROVED', 'CANCELLED') AS counted"
    " FROM batch_account WHERE batch_id = :batch_id) AS of_batch"
)

_COLUMNS: list[ColumnElement[Any]] = [*BATCH.c, PARKED.c.parked_at, PARKED.c.again_at]
_SHOWN = select(*_COLUMNS).select_from(BATCH.outerjoin(PARKED, PARKED.c.batch_id == BATCH.c.batch_id))


@dataclass(frozen=True)
class Counted:
    """Counts of a batch with its gains in cents (taxable accounts, under the logic in force)."""

    tally: Tally
    short_cents: int
    long_cents: int
    estimated_cents: int

    def columns(self) -> dict[str, int]:
        """Return what the batch row keeps of it."""
        return {
            **vars(self.tally),
            "short_cents": self.short_cents,
            "long_cents": self.long_cents,
            "estimated_cents": self.estimated_cents,
        }


@dataclass(frozen=True)
class NewBatch:
    """What is fixed when a batch is made."""

    batch_id: int
    logic: int
    label: str
    requested_by: str
    requested_name: str
    requested_at: datetime
    term: Term


@dataclass(frozen=True)
class Frozen:
    """The selection as it went into the batch. without_target: how many would be liquidated."""

    accounts: int
    only_account: str | None
    without_target: int
    enterprises: list[str]
    advisors: list[str]


async def new_number(connection: AsyncConnection) -> int:
    """Return the number of the next batch."""
    return int((await connection.execute(_NEXT_NUMBER)).scalar_one())


async def freeze_selection(
    connection: AsyncConnection,
    scope: Scope,
    batch_id: int,
    sent_at: datetime,
    wanted: Sequence[ColumnElement[bool]],
) -> Frozen:
    """Put the selected accounts of the queue into the batch, in one statement, and return what went in.

    An account that another batch takes at the same moment stays out: the index of open memberships decides, and the
    count tells.  So does an account that was approved meanwhile.
    """
    account, flag = ACCOUNT.c, FLAG.c
    place = func.row_number().over(order_by=(account.account_number, account.account_id))
    chosen = (
        select(
            literal(batch_id), account.account_id, account.enterprise_id, account.advisor_id, place,
            account.account_number, account.name, account.custodian, account.custody == "TAXABLE", account.epoch,
            flag.state == int(FlagState.NO_TARGET), literal(str(AccountState.WORKING)), literal(True), literal(sent_at),
        )
        .select_from(FLAG.join(ACCOUNT, account.account_id == flag.account_id))
        .where(sees(scope, ACCOUNT), sees(scope, FLAG), IN_QUEUE, *wanted)
        .order_by(account.account_id)
    )  # fmt: skip
    names = (
        "batch_id", "account_id", "enterprise_id", "advisor_id", "place", "account_number", "name", "custodian",
        "taxable", "epoch", "liquidate", "state", "open", "sent_at",
    )  # fmt: skip
    # No index is named: whichever membership is in the way, the account stays out.
    await connection.execute(insert(BATCH_ACCOUNT).from_select(list(names), chosen).on_conflict_do_nothing())
    row = (await connection.execute(_FROZEN_SELECTION, {"batch_id": batch_id})).one()
    accounts = int(row.accounts) - int(row.overtaken)
    only = row.number if row.accounts == 1 else None
    return Frozen(accounts, only, int(row.without_target), list(row.enterprises or ()), list(row.advisors or ()))


async def insert_batch(connection: AsyncConnection, new: NewBatch, frozen: Frozen) -> Row[Any]:
    """Insert the row of a batch whose accounts are in place, and return it."""
    statement = (
        insert(BATCH)
        .values(
            batch_id=new.batch_id,
            enterprise_ids=frozen.enterprises,
            advisor_ids=frozen.advisors,
            version=1,
            status=str(Status.WORKING),
            logic=new.logic,
            label=new.label,
            accounts=frozen.accounts,
            working=frozen.accounts,
            only_account=frozen.only_account,
            requested_by=new.requested_by,
            requested_name=new.requested_name,
            requested_at=new.requested_at,
            trade_date=new.term.trade_date,
            cancel_at=new.term.cancel_at,
            answered_at=new.requested_at,
            told_at=new.requested_at,
        )
        .returning(*BATCH.c)
    )
    return (await connection.execute(statement)).one()


async def lock(connection: AsyncConnection, scope: Scope, batch_id: int) -> Row[Any] | None:
    """Lock a batch and return its row; None when there is none or it is out of scope."""
    query = select(*BATCH.c).where(sees(scope, BATCH), BATCH.c.batch_id == batch_id).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def read(connection: AsyncConnection, scope: Scope, batch_id: int) -> Row[Any] | None:
    """Return the row of a batch, and since when it is put aside; None when there is none or it is out of scope."""
    query = _SHOWN.where(sees(scope, BATCH), BATCH.c.batch_id == batch_id)
    return (await connection.execute(query)).one_or_none()


async def count(connection: AsyncConnection, batch_id: int, logic: int) -> Counted:
    """Count the accounts of a batch by state, with gains under `logic`."""
    row = (await connection.execute(_TALLY, {"batch_id": batch_id, "element": logic + 1})).one()
    tally = Tally(row.working, row.proposed, row.failed, row.removed, row.approved, row.cancelled, row.stale)
    return Counted(tally, row.short_cents, row.long_cents, row.estimated_cents)


async def change(connection: AsyncConnection, before: Row[Any], **values: Any) -> Row[Any]:
    """Raise the version of a locked batch and set `values`; return the row after it.

    The statement is guarded by the version and status that were read under the lock.  Raises RuntimeError when the
    row is not as it was read: then the caller did not hold the lock.
    """
    statement = (
        update(BATCH)
        .where(BATCH.c.batch_id == before.batch_id, BATCH.c.version == before.version, BATCH.c.status == before.status)
        .values(version=before.version + 1, **values)
        .returning(*BATCH.c)
    )
    after = (await connection.execute(statement)).one_or_none()
    if after is None:
        raise RuntimeError(f"batch {before.batch_id} changed while it was locked")
    return after


async def touch(connection: AsyncConnection, batch_id: int, values: dict[str, Any]) -> None:
    """Set columns of a locked batch that nobody decides by, without raising its version."""
    await connection.execute(update(BATCH).where(BATCH.c.batch_id == batch_id).values(**values))


async def read_list(
    connection: AsyncConnection, scope: Scope, statuses: Sequence[str], page: int, size: int
) -> tuple[Sequence[Row[Any]], int]:
    """Return batches with one of the statuses, newest first, as `read` does, and how many there are in all."""
    wanted = (sees(scope, BATCH), BATCH.c.status.in_(statuses))
    query = _SHOWN.where(*wanted).order_by(BATCH.c.batch_id.desc()).limit(size).offset((page - 1) * size)
    total = select(func.count()).select_from(BATCH).where(*wanted)
    rows = (await connection.execute(query)).all()
    return rows, int((await connection.execute(total)).scalar_one())


async def read_of_account(connection: AsyncConnection, scope: Scope, account_id: str, limit: int) -> Sequence[Row[Any]]:
    """Return the decided batches an account was in, newest first."""
    member = BATCH_ACCOUNT.c
    query = (
        select(*BATCH.c)
        .select_from(BATCH.join(BATCH_ACCOUNT, member.batch_id == BATCH.c.batch_id))
        .where(sees(scope, BATCH), sees(scope, BATCH_ACCOUNT), member.account_id == account_id, ~member.open)
        .where(BATCH.c.decided_at.is_not(None))
        .order_by(BATCH.c.batch_id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def lock_due(connection: AsyncConnection, now: datetime) -> Row[Any] | None:
    """Lock one undecided batch whose day has ended; those that another replica holds are passed over."""
    open_ones = (str(Status.WORKING), str(Status.PENDING_APPROVAL))
    query = (
        select(*BATCH.c)
        .where(BATCH.c.status.in_(open_ones), BATCH.c.cancel_at <= now, _not_parked(now))
        .order_by(BATCH.c.cancel_at, BATCH.c.batch_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(query)).one_or_none()


async def lock_unanswered(connection: AsyncConnection, silent_since: datetime, now: datetime) -> Row[Any] | None:
    """Lock one batch with accounts sent and nothing answered since `silent_since`; others' are passed over."""
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
    """Return the predicate that a batch is not put aside, or long enough."""
    return ~select(literal(1)).where(PARKED.c.batch_id == BATCH.c.batch_id, PARKED.c.again_at > now).exists()
