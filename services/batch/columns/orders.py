"""The messages of an approval, from the columns of result chunks: a batch may hold ten thousand accounts.

Nested columns are flattened and filtered to the logic in force as arrays; only fields of events become Python values.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row

from services.batch.domain.block_orders import OrderLine
from services.batch.domain.orders import NEEDED, Approval, NestedColumn, orders_of
from services.batch.domain.schedule import session_of
from services.batch.settings import SERVICE
from shared.columnar import Ints, lengths_of, starts_of
from shared.contracts import chunks, codec, topics
from shared.fixed_point.text import scaled
from shared.ids import event_id
from shared.kafka.messages import Outgoing, chunk, plain_event

_TRADED: Final = ("sleeve_trades", "positions", "securities")  # columns of a result that say which sleeves traded
_TRADES: Final[Any] = chunks.REBALANCED.field("trades").type
Fields: TypeAlias = Mapping[str, Any]  # Arrow arrays by field
FlatColumns: TypeAlias = Mapping[str, tuple[Ints, Fields]]  # list offsets and flat fields by column


def approval_messages(
    batch: Row[Any], approved: Sequence[Row[Any]], content: bytes, incarnation: str
) -> list[Outgoing]:
    """Return the orders of every approved account of one result chunk, and one chunk that says they are rebalanced.

    batch: as approved; approved: member rows, whose row_no is their row in the chunk; content: the chunk as it came;
    incarnation: of the database.
    """
    flat, bodies = _bodies(batch, approved, content, incarnation)
    messages = []
    for member, body in zip(approved, bodies, strict=True):
        identity = event_id("orders", batch.batch_id, member.account_id, member.epoch + 1)
        owner = (member.enterprise_id,)
        at = batch.decided_at
        messages.append(
            plain_event(
                topics.ORDERS, member.account_id, body, event_id=identity, source=SERVICE, at=at, enterprises=owner
            )
        )
    messages.append(_rebalanced(batch, approved, flat, batch.decided_at))
    return messages


def approved_lines(
    batch: Row[Any], approved: Sequence[Row[Any]], content: bytes, incarnation: str
) -> Iterator[OrderLine]:
    """Yield the orders of approved accounts of one result chunk, as `approval_messages` sends them.  Same arguments."""
    _, bodies = _bodies(batch, approved, content, incarnation)
    session = session_of(batch.decided_at)
    for body in bodies:
        for order in body["orders"]:
            yield OrderLine(
                order_id=order["order_id"],
                account_id=body["account_id"],
                account_number=body["account_number"],
                custodian=body["custodian"],
                security_id=order["security_id"],
                side=order["side"],
                micro=scaled(order["quantity"], 6),
                order_type=order["order_type"],
                time_in_force=order["time_in_force"],
                session=session,
                currency=order["currency"],
            )


def _bodies(
    batch: Row[Any], approved: Sequence[Row[Any]], content: bytes, incarnation: str
) -> tuple[FlatColumns, Iterator[dict[str, Any]]]:
    """Return the flat columns of approved accounts, and the body of OrdersReleased of each, made as it is asked for."""
    session = session_of(batch.decided_at)
    rows, _ = codec.decode_kept(content, chunks.RESULT)
    rows = rows.take(pa.array([member.row_no for member in approved], pa.int64()))
    flat = {name: _flat(rows.column(name), fields, batch.logic) for name, fields in NEEDED.items()}
    result = {name: NestedColumn(starts.tolist(), _lists(fields)) for name, (starts, fields) in flat.items()}

    def bodies() -> Iterator[dict[str, Any]]:
        for account, member in enumerate(approved):
            approval = Approval(
                batch.batch_id, member.account_id, member.enterprise_id, member.advisor_id, member.custodian,
                member.account_number, member.epoch + 1, batch.trade_date, session, batch.decided_by,
                batch.decided_name, incarnation,
            )  # fmt: skip
            yield orders_of(approval, account, result, event_id)

    return flat, bodies()


def rebalanced_again(approved: Sequence[Row[Any]], content: bytes, at: datetime) -> Outgoing:
    """Return once more the chunk that says these accounts of one result chunk are rebalanced, without their orders.

    approved: member rows that also have batch_id, logic, trade_date and decided_at of their batch; content: as in
    `approval_messages`.
    """
    rows, _ = codec.decode_kept(content, chunks.RESULT)
    rows = rows.take(pa.array([member.row_no for member in approved], pa.int64()))
    batch = approved[0]
    flat = {name: _flat(rows.column(name), NEEDED[name], batch.logic) for name in _TRADED}
    return _rebalanced(batch, approved, flat, at)


def _rebalanced(batch: Row[Any], approved: Sequence[Row[Any]], flat: FlatColumns, at: datetime) -> Outgoing:
    return chunk(
        topics.REBALANCED,
        str(batch.batch_id),
        _rebalanced_rows(batch, approved, flat),
        {"batch_id": str(batch.batch_id), "decided_at": batch.decided_at.isoformat()},
        event_id=event_id("rebalanced", batch.batch_id, approved[0].account_id),
        source=SERVICE,
        at=at,
    )


def _flat(column: Any, fields: Sequence[str], logic: int) -> tuple[Ints, Fields]:
    """Return (offsets, flat fields) of a nested column; where it has a logic, only the rows of this one."""
    lengths = lengths_of(column)
    values = column.flatten()
    if "logic" in {field.name for field in column.type.value_type}:
        in_force = pc.equal(pc.struct_field(values, "logic"), pa.scalar(logic, pa.int8()))
        values = values.filter(in_force)
        owners = np.repeat(np.arange(len(lengths)), lengths)[np.asarray(in_force)]
        lengths = np.bincount(owners, minlength=len(lengths))
    return starts_of(lengths), {field: pc.struct_field(values, field) for field in fields}


def _lists(fields: Fields) -> dict[str, list[Any]]:
    return {
        name: column.to_pylist()
        if pa.types.is_string(column.type) or column.null_count
        else np.asarray(column).tolist()
        for name, column in fields.items()
    }


def _rebalanced_rows(batch: Row[Any], approved: Sequence[Row[Any]], flat: FlatColumns) -> pa.RecordBatch:
    """Return rows of REBALANCED: each account's new epoch and its sleeve trades, crossed parts included."""
    starts, trades = flat["sleeve_trades"]
    position_starts, positions = flat["positions"]
    security_starts, securities = flat["securities"]
    owner = np.repeat(np.arange(len(approved)), np.diff(starts))
    position = position_starts[owner] + np.asarray(trades["position"], np.int64)
    security = security_starts[owner] + np.asarray(positions["security"], np.int64)[position]
    structs = pa.StructArray.from_arrays(
        [
            positions["sleeve_id"].take(pa.array(position)),
            securities["security_id"].take(pa.array(security)),
            trades["quantity_micro"],
            trades["crossed_micro"],
        ],
        fields=list(_TRADES.value_type),
    )
    columns: list[Any] = [
        pa.array([member.account_id for member in approved], pa.string()),
        pa.array([member.enterprise_id for member in approved], pa.string()),
        pa.array([member.advisor_id for member in approved], pa.string()),
        pa.array([member.epoch + 1 for member in approved], pa.int32()),
        pa.array([batch.trade_date] * len(approved), pa.date32()),
        pa.ListArray.from_arrays(pa.array(starts, pa.int32()), structs, type=_TRADES),
        pa.array([session_of(batch.decided_at)] * len(approved), pa.date32()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=chunks.REBALANCED)
