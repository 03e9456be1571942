"""The orders that an approval sent, from the columns of result chunks, and reports about them as rows to store."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row

from services.batch.domain.executions import SentOrder
from services.batch.domain.orders import order_id_of
from shared.columnar import children, entries
from shared.contracts import chunks, codec
from shared.contracts.platform import ExecutionReported
from shared.contracts.succession import content_of
from shared.fixed_point.text import scaled
from shared.ids import event_id

_READ: Final = pa.schema([chunks.RESULT.field(name) for name in ("securities", "orders")])

OrderKey = tuple[int, str, str]
"""Batch, account and security: an account never buys and sells the same one."""


def orders_sent(members: Sequence[Row[Any]], content: bytes, incarnation: str) -> dict[OrderKey, SentOrder]:
    """Return the orders of approved accounts of one result chunk.

    members: as `store.executions.approved` returns them, all of one batch; content: the chunk as it came; incarnation:
    of the database.
    """
    rows, _ = codec.decode_kept(content, _READ)
    rows = rows.take(pa.array([member.row_no for member in members], pa.int64()))
    orders, owners = children(rows.column("orders"))
    in_force = np.asarray(pc.equal(pc.struct_field(orders, "logic"), pa.scalar(members[0].logic, pa.int8())))
    securities, starts = entries(rows.column("securities"))
    index = starts[owners] + np.asarray(pc.struct_field(orders, "security"), np.int64)
    names = pc.struct_field(securities, "security_id").take(pa.array(index[in_force])).to_pylist()
    signed = np.asarray(pc.struct_field(orders, "quantity_micro"), np.int64)[in_force].tolist()
    found = {}
    for owner, security, quantity in zip(owners[in_force].tolist(), names, signed, strict=True):
        of = members[owner]
        approved = of.batch_id, of.account_id, of.epoch + 1
        identity = order_id_of(event_id, approved, incarnation, security)
        found[of.batch_id, of.account_id, security] = SentOrder(
            identity, of.is_of_before, of.enterprise_id, of.advisor_id, security, quantity > 0, abs(quantity)
        )
    return found


def rows_of(reports: Sequence[ExecutionReported], orders: Mapping[OrderKey, SentOrder]) -> pa.Table:
    """Return reports as columns of the table `execution`.  orders: with the order of each of them."""
    columns: dict[str, Any] = {
        name: [getattr(report, name) for report in reports]
        for name in ("order_id", "batch_id", "account_id", "enterprise_id", "security_id", "version", "status")
    }
    sent = [orders[report.batch_id, report.account_id, report.security_id] for report in reports]
    prices = [None if report.price is None else scaled(report.price, 6) for report in reports]
    return pa.table(
        columns
        | {
            "advisor_id": [order.advisor_id for order in sent],
            "content": [rf"\x{content_of(report).hex()}" for report in reports],
            "ordered_micro": [order.quantity_micro for order in sent],
            "quantity_micro": [scaled(report.quantity, 6) for report in reports],
            "price_micro": pa.array(prices, pa.int64()),
            "reported_at": pa.array([report.at for report in reports], pa.timestamp("us", "UTC")),
            "reason": pa.array([report.reason for report in reports], pa.string()),
        }
    )
