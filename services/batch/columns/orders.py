"""Releases the accounts of an answered chunk: columns in, messages out, because an approval may hold ten thousand.

Nested columns are flattened and filtered to the logic in force as arrays; only what events say becomes Python values.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row

from services.batch.domain.orders import NEEDED, Nested, Released, orders_released
from shared.contracts import chunks, codec, topics
from shared.ids import event_id
from shared.kafka.messages import Outgoing, chunk, plain_event

_SOURCE: Final = "batch"
_TRADED: Final = ("sleeve_trades", "positions", "securities")  # what of an answer says which sleeves traded
_LIST: Final[Any] = chunks.REBALANCED.field("trades").type
Ints = npt.NDArray[np.int64]
Columns: TypeAlias = Mapping[str, Any]  # Arrow arrays by field


def released(batch: Row[Any], approved: Sequence[Row[Any]], content: bytes, at: datetime) -> list[Outgoing]:
    """Return orders of every approved account of one answered chunk, and one chunk that says they are rebalanced.

    approved: member rows, whose row_no is their place in the chunk; content: the chunk as it came.
    """
    rows, _ = codec.decode_kept(content, chunks.RESULT)
    rows = rows.take(pa.array([member.row_no for member in approved], pa.int64()))
    flat = {name: _flat(rows.column(name), fields, batch.logic) for name, fields in NEEDED.items()}
    answer = {name: Nested(starts.tolist(), _lists(columns)) for name, (starts, columns) in flat.items()}
    messages = []
    for place, member in enumerate(approved):
        epoch = member.epoch + 1
        what = Released(
            batch.batch_id, member.account_id, member.enterprise_id, member.advisor_id, member.custodian,
            member.account_number, epoch, batch.trade_date,
        )  # fmt: skip
        body = orders_released(what, place, answer, event_id)
        identity = event_id("orders", batch.batch_id, member.account_id, epoch)
        messages.append(plain_event(topics.ORDERS, member.account_id, body, event_id=identity, source=_SOURCE, at=at))
    messages.append(_told(batch, approved, flat, at))
    return messages


def rebalanced(approved: Sequence[Row[Any]], content: bytes, at: datetime) -> Outgoing:
    """Return once more the chunk that says these accounts of one answered chunk are rebalanced, without their orders.

    approved: member rows that carry batch_id, logic and trade_date of their batch as well; content: as in `released`.
    """
    rows, _ = codec.decode_kept(content, chunks.RESULT)
    rows = rows.take(pa.array([member.row_no for member in approved], pa.int64()))
    batch = approved[0]
    flat = {name: _flat(rows.column(name), NEEDED[name], batch.logic) for name in _TRADED}
    return _told(batch, approved, flat, at)


def _told(
    batch: Row[Any], approved: Sequence[Row[Any]], flat: Mapping[str, tuple[Ints, Columns]], at: datetime
) -> Outgoing:
    return chunk(
        topics.REBALANCED,
        str(batch.batch_id),
        _rebalanced(batch, approved, flat),
        {"batch_id": str(batch.batch_id)},
        event_id=event_id("rebalanced", batch.batch_id, approved[0].account_id),
        source=_SOURCE,
        at=at,
    )


def _flat(column: Any, fields: Sequence[str], logic: int) -> tuple[Ints, Columns]:
    """Return (starts, flat fields) of a nested column, only the rows of `logic` where it tells logics apart."""
    lengths = np.asarray(column.value_lengths().fill_null(0), np.int64)
    values = column.flatten()
    if "logic" in {field.name for field in column.type.value_type}:
        mine = pc.equal(pc.struct_field(values, "logic"), pa.scalar(logic, pa.int8()))
        values = values.filter(mine)
        owners = np.repeat(np.arange(len(lengths)), lengths)[np.asarray(mine)]
        lengths = np.bincount(owners, minlength=len(lengths))
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return starts, {field: pc.struct_field(values, field) for field in fields}


def _lists(columns: Columns) -> dict[str, list[Any]]:
    return {
        name: column.to_pylist() if pa.types.is_string(column.type) else np.asarray(column).tolist()
        for name, column in columns.items()
    }


def _rebalanced(
    batch: Row[Any], approved: Sequence[Row[Any]], flat: Mapping[str, tuple[Ints, Columns]]
) -> pa.RecordBatch:
    """Return rows of REBALANCED: each account's new epoch and its sleeve trades, crossed parts included."""
    starts, trades = flat["sleeve_trades"]
    position_starts, positions = flat["positions"]
    security_starts, securities = flat["securities"]
    owner = np.repeat(np.arange(len(approved)), np.diff(starts))
    position = position_starts[owner] + np.asarray(trades["position"], np.int64)
    security = security_starts[owner] + np.asarray(positions["security"], np.int64)[position]
    made = pa.StructArray.from_arrays(
        [
            positions["sleeve_id"].take(pa.array(position)),
            securities["security_id"].take(pa.array(security)),
            trades["quantity_micro"],
            trades["crossed_micro"],
        ],
        fields=list(_LIST.value_type),
    )
    columns: list[Any] = [
        pa.array([member.account_id for member in approved], pa.string()),
        pa.array([member.enterprise_id for member in approved], pa.string()),
        pa.array([member.advisor_id for member in approved], pa.string()),
        pa.array([member.epoch + 1 for member in approved], pa.int32()),
        pa.array([batch.trade_date] * len(approved), pa.date32()),
        pa.ListArray.from_arrays(pa.array(starts, pa.int32()), made, type=_LIST),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=chunks.REBALANCED)
