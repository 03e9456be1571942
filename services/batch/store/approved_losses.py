"""Approved losses of tax households, the units bought that disallow them or were sold again, and the order in which
approvals count."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.states import Status
from services.batch.store.database import copy_table
from services.batch.store.tables import BATCH
from shared.rules.relief.wash import LISTED_DAYS, LOSS_DAYS, WASH_DAYS

_EPOCH: Final = "DATE '1970-01-01'"
_LOOK_BACK: Final = timedelta(days=LOSS_DAYS)
# What taxlot had taken in when it booked is not known to the second; what it lists too is counted once.
_LAG: Final = timedelta(minutes=10)
_KEEP_BUYS: Final = timedelta(days=7)
_KEEP_SOLD: Final = timedelta(days=LISTED_DAYS + 7)

_LOSSES: Final = text(
    f"SELECT l.household, l.security_id, l.batch_id, l.trade_date - {_EPOCH}, l.turn, l.account_id, l.account_number,"  # noqa: S608  # a constant
    " l.lot_id, l.sleeve_id, l.units - coalesce(u.units, 0)::bigint, l.cents - coalesce(u.cents, 0)::bigint"
    " FROM (SELECT *, dense_rank() OVER (ORDER BY decided_at, batch_id) AS turn"
    " FROM wash_losses(:households, :first) WHERE trade_date <= :last) AS l"
    " LEFT JOIN (SELECT loss_batch_id, loss_account_id, security_id, loss_lot_id, loss_sleeve_id, sum(units) AS units,"
    " sum(cents) AS cents FROM wash_uses(:households) GROUP BY 1, 2, 3, 4, 5) AS u"
    " ON u.loss_batch_id = l.batch_id AND u.loss_account_id = l.account_id AND u.security_id = l.security_id"
    " AND u.loss_lot_id = l.lot_id AND u.loss_sleeve_id = l.sleeve_id"
    " WHERE l.units > coalesce(u.units, 0)"
)
_USED: Final = text(
    f"SELECT household, security_id, bought_account_id, kind, lot_id, bought - {_EPOCH},"  # noqa: S608  # a constant
    " sum(units)::bigint FROM wash_uses(:households) WHERE bought >= :bought"
    " GROUP BY household, security_id, bought_account_id, kind, lot_id, bought"
)
_BOUGHT: Final = text(
    f"SELECT household, security_id, account_id, account_number, taxable, traded - {_EPOCH}, units"  # noqa: S608  # a constant
    " FROM wash_buys(:households, :since) WHERE batch_id <> :batch_id"
)
_SOLD: Final = text(
    "SELECT security_id, account_id, lot_id, sleeve_id, epoch, units FROM wash_sales(:households, :bought)"
)
# By type, since the role of requests may add rows and not read them: a table cannot be made like theirs.
_SQL_TYPES: Final = {
    pa.string(): "text", pa.int64(): "bigint", pa.int32(): "integer", pa.int16(): "smallint", pa.bool_(): "boolean",
    pa.date32(): "date", pa.timestamp("us", "UTC"): "timestamptz",
}  # fmt: skip
_ADD: Final = "INSERT INTO {table} ({names}) SELECT {names} FROM incoming_{table}"
_CLAIM: Final = text("INSERT INTO wash_recorded VALUES (:batch_id) ON CONFLICT DO NOTHING RETURNING batch_id")
_TURN: Final = text("SELECT wash_turns(:enterprises, :hold, :more)")
_HAS_HOUSEHOLDS: Final = text(
    "SELECT EXISTS (SELECT FROM batch_account WHERE batch_id = :batch_id AND state IN ('PROPOSED', 'APPROVED')"
    " AND household <> enterprise_id || '//' || account_id)"
)
_UNRECORDED: Final = text(
    "SELECT batch_id FROM batch b WHERE status = 'APPROVED' AND trade_date >= :first"
    " AND NOT EXISTS (SELECT FROM wash_recorded r WHERE r.batch_id = b.batch_id) ORDER BY decided_at, batch_id"
)
_BEHIND: Final = text(
    f"SELECT batch_id FROM batch b WHERE status = '{Status.PENDING_APPROVAL}'"  # noqa: S608  # a constant
    " AND (wash_session IS DISTINCT FROM :session OR wash_seen IS DISTINCT FROM"
    " (SELECT coalesce(sum(turn), 0)::bigint FROM wash_turn t WHERE t.enterprise_id = ANY(b.enterprise_ids)))"
    " AND NOT EXISTS (SELECT FROM parked p WHERE p.batch_id = b.batch_id AND p.again_at > :now)"
    " ORDER BY batch_id LIMIT 1 FOR UPDATE SKIP LOCKED"
)
_FORGET: Final = text("DELETE FROM approved_buy WHERE decided_at < :before")
_FORGET_SOLD: Final = text("DELETE FROM approved_sale WHERE acquired < :before")


async def read(
    connection: AsyncConnection, batch: Row[Any], session: date, households: Sequence[str]
) -> tuple[Sequence[Row[Any]], ...]:
    """Return losses, used units, buys and sold units that approved batches left to these households, as far as a batch
    needs them.

    session: on which the batch trades.  Columns as `columns.wash_earlier.Earlier` has them.
    """
    values = {
        "households": list(households),
        "first": session - _LOOK_BACK,
        "bought": session - timedelta(days=LISTED_DAYS),
        "last": session + timedelta(days=WASH_DAYS),
        "since": batch.requested_at - _LAG,
        "batch_id": batch.batch_id,
    }
    return tuple([(await connection.execute(query, values)).all() for query in (_LOSSES, _USED, _BOUGHT, _SOLD)])


async def add(connection: AsyncConnection, tables: Mapping[str, pa.Table]) -> None:
    """Add rows of approved_loss, wash_use, approved_buy and approved_sale; tables: by name, columns as there."""
    for table, rows in tables.items():
        if rows.num_rows:
            names = ", ".join(rows.column_names)
            like = ", ".join(f"NULL::{_SQL_TYPES[field.type]} AS {field.name}" for field in rows.schema)
            await copy_table(connection, f"incoming_{table}", f"SELECT {like}", rows)
            await connection.execute(text(_ADD.format(table=table, names=names)))


async def claim(connection: AsyncConnection, batch_id: int) -> bool:
    """Mark a batch as recorded; return whether it was not before."""
    return (await connection.execute(_CLAIM, {"batch_id": batch_id})).one_or_none() is not None


async def turn_of(connection: AsyncConnection, enterprises: Sequence[str], *, hold: bool = False, more: int = 0) -> int:
    """Return the number of recorded approvals of these enterprises.

    hold: keep other approvals of them waiting until this transaction ends; more: to be added, by whoever holds them.
    """
    values = {"enterprises": list(enterprises), "hold": hold, "more": more}
    return int((await connection.execute(_TURN, values)).scalar_one())


async def has_households(connection: AsyncConnection, batch_id: int) -> bool:
    """Return whether an account of a batch belongs to a household that other accounts may belong to."""
    return bool((await connection.execute(_HAS_HOUSEHOLDS, {"batch_id": batch_id})).scalar_one())


async def unrecorded(connection: AsyncConnection, today: date) -> list[int]:
    """Return the approved batches of the last days that are not recorded, by approval."""
    return list((await connection.execute(_UNRECORDED, {"first": today - _LOOK_BACK})).scalars())


async def lock_behind(connection: AsyncConnection, session: date, now: datetime) -> Row[Any] | None:
    """Lock a batch that awaits a decision and was checked before the newest approval, or for another session, skipping
    those that another replica holds; None if there is none."""
    batch_id = (await connection.execute(_BEHIND, {"session": session, "now": now})).scalar_one_or_none()
    if batch_id is None:
        return None
    return (await connection.execute(select(*BATCH.c).where(BATCH.c.batch_id == batch_id))).one()


async def forget(connection: AsyncConnection, now: datetime) -> None:
    """Drop approved buys and sold units that no undecided batch can need."""
    await connection.execute(_FORGET, {"before": now - _KEEP_BUYS})
    await connection.execute(_FORGET_SOLD, {"before": now.date() - _KEEP_SOLD})
