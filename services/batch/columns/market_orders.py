"""The market orders of result chunks as columns, and their sums by security.

The orders of an account stand in its result chunk and nowhere else, so what is shown is what is approved and frozen.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row

from services.batch.domain.market_orders import SideSums, TradeSums
from shared.columnar import Ints, children, entries
from shared.contracts import chunks, codec

_READ: Final = pa.schema([chunks.RESULT.field(name) for name in ("securities", "orders")])
_LIMB: Final = 32
_SUMMED: Final = ("micro_high", "micro_low", "cents_high", "cents_low")


def market_orders(content: bytes, members: Sequence[Row[Any]], logic: int) -> pa.Table:
    """Return the market orders of accounts of one result chunk: account, security_id, is_buy, micro, price, cents.

    members: rows with row_no, their row in the chunk; account: index into them; micro: millionths of a unit on either
    side; price: in millionths of a dollar.  content: the chunk as it came.
    """
    rows, _ = codec.decode_kept(content, _READ)
    rows = rows.take(pa.array([member.row_no for member in members], pa.int64()))
    orders, owners = children(rows.column("orders"))
    in_force = np.asarray(pc.equal(pc.struct_field(orders, "logic"), pa.scalar(logic, pa.int8())), bool)
    securities, starts = entries(rows.column("securities"))
    orders, owners = orders.filter(pa.array(in_force)), owners[in_force]
    index = starts[owners] + np.asarray(pc.struct_field(orders, "security"), np.int64)
    signed = pc.struct_field(orders, "quantity_micro")
    return pa.table(
        {
            "account": pa.array(owners, pa.int64()),
            "security_id": pc.struct_field(securities, "security_id").take(pa.array(index)),
            "is_buy": pc.greater(signed, pa.scalar(0, pa.int64())),
            "micro": pc.abs(signed),
            "price": pc.struct_field(orders, "price_micro"),
            "cents": pc.struct_field(orders, "value_cents"),
        }
    )


def sums_of(orders: pa.Table, is_filtered: Ints) -> Iterator[tuple[str, bool, TradeSums]]:
    """Yield sums of market orders by security and by whether the filter leaves their account.

    is_filtered: 1 or 0 by account.  Sums are of halves of 32 bits, put together as unbounded integers: those of many
    large orders are longer than 64 bits.
    """
    account = np.asarray(orders.column("account"), np.int64)
    halves = dict[str, Any]()
    for name in ("micro", "cents"):
        values = np.asarray(orders.column(name), np.int64)
        halves |= {f"{name}_high": values >> _LIMB, f"{name}_low": values & ((1 << _LIMB) - 1)}
    table: Any = pa.table(
        {
            "security_id": orders.column("security_id"),
            "is_buy": orders.column("is_buy"),
            "is_filtered": pa.array(is_filtered[account] != 0),
            **halves,
        }
    )
    keys = ["security_id", "is_buy", "is_filtered"]
    grouped = table.group_by(keys).aggregate([*[(name, "sum") for name in _SUMMED], ([], "count_all")])
    for row in grouped.to_pylist():
        side = SideSums(_whole(row, "micro"), _whole(row, "cents"), row["count_all"])
        yield row["security_id"], row["is_filtered"], TradeSums(buys=side) if row["is_buy"] else TradeSums(sells=side)


def _whole(row: Mapping[str, int], name: str) -> int:
    return (row[f"{name}_high_sum"] << _LIMB) + row[f"{name}_low_sum"]
