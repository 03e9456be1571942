"""Batches and history of a day from the stores, as lines.  Reads no event; orders are made from the result chunks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.auditor.columns.sheets import (
    LineKind,
    OldForms,
    SheetLine,
    batch_line,
    execution_line,
    instant_text,
    reduced,
    sheet_line,
    without_instants,
)
from services.auditor.domain.sessions import session_of
from services.auditor.store.day import StoredMember
from shared.columnar import children
from shared.contracts import chunks, codec
from shared.contracts.codes import Logic
from shared.contracts.holding_roles import PRICE_FACTORS
from shared.fixed_point.text import text_of, usd
from shared.ids import event_id

_NESTED: Final = {
    "orders": ("security", "quantity_micro", "price_micro", "value_cents"),
    "sleeve_trades": ("position", "quantity_micro", "crossed_micro"),
    "slices": ("security", "lot_id", "sleeve_id", "quantity_micro"),
    "transfers": ("security", "from_sleeve_id", "to_sleeve_id", "lot_id", "quantity_micro"),
}
"""Columns of a result that hold rows of every logic, and the fields that orders follow from."""
_READ: Final = pa.schema([chunks.RESULT.field(name) for name in ("securities", "positions", *_NESTED)])
_Rows = list[list[tuple[Any, ...]]]


def lines_of_batches(batches: Iterable[Mapping[str, Any]], old: OldForms) -> Iterator[SheetLine]:
    """Yield the lines of batch rows."""
    for row in batches:
        facts = {name: row[name] for name in _SAME}
        facts |= {name: None if row[name] is None else instant_text(row[name]) for name in _INSTANTS}
        facts |= {
            "enterprise_id": row["enterprise_ids"][0],
            "logic": Logic(row["logic"]).name,
            "trade_date": row["trade_date"].isoformat(),
            "decision_sha256": None if row["sha256"] is None else bytes(row["sha256"]).hex(),
        }
        if row["batch_id"] in old.unchained:
            facts["history"] = None
        yield batch_line(without_instants(facts) if row["batch_id"] in old.batches else facts, "batch.batch")


_SAME: Final = (
    "batch_id", "enterprise_ids", "advisor_ids", "version", "status", "reason", "accounts", "working", "proposed",
    "failed", "removed", "requested_by", "decided_by", "first_approved_by", "history",
)  # fmt: skip
_INSTANTS: Final = ("requested_at", "cancel_at", "decided_at")


def lines_of_members(members: Iterable[StoredMember]) -> Iterator[SheetLine]:
    """Yield the lines of accounts that have left their batch, or were approved in it."""
    names = ("batch_id", "account_id", "enterprise_id", "advisor_id", "epoch", "state")
    for member in members:
        facts = {name: getattr(member, name) for name in names}
        yield sheet_line(LineKind.MEMBER, member.batch_id, member.account_id, "", facts, "batch.batch_account")


def lines_of_executions(executions: Iterable[Mapping[str, Any]]) -> Iterator[SheetLine]:
    """Yield the lines of the newest reports."""
    names = ("order_id", "batch_id", "account_id", "enterprise_id", "security_id", "version", "status", "reason")
    for row in executions:
        facts = {name: row[name] for name in names} | {
            "quantity": text_of(row["quantity_micro"], 6, trim=True),
            "price": None if row["price_micro"] is None else text_of(row["price_micro"], 6, trim=True),
            "at": instant_text(row["reported_at"]),
        }
        yield execution_line(facts, "batch.execution")


def lines_of_orders(
    batch: Mapping[str, Any], approved: Sequence[StoredMember], content: bytes, incarnation: str, old: OldForms
) -> Iterator[SheetLine]:
    """Yield the orders of approved accounts of one result chunk, made anew as the approval made them.

    Raises ValueError or pa.ArrowInvalid if the bytes are no result chunk.
    """
    result, _ = codec.decode_kept(content, _READ)
    result = result.take(pa.array([member.row_no for member in approved], pa.int64()))
    securities = _of_logic(result.column("securities"), ("security_id", "price_divisor"), batch["logic"])
    positions = _of_logic(result.column("positions"), ("sleeve_id", "security"), batch["logic"])
    nested = {name: _of_logic(result.column(name), fields, batch["logic"]) for name, fields in _NESTED.items()}
    decided_at: datetime = batch["decided_at"]
    for row, member in enumerate(approved):
        key = member.batch_id, member.account_id
        body = {
            "account_id": member.account_id,
            "enterprise_id": member.enterprise_id,
            "advisor_id": member.advisor_id,
            "batch_id": member.batch_id,
            "version": member.epoch + 1,
            "trade_date": session_of(decided_at).isoformat(),
            "business_date": batch["trade_date"].isoformat(),
            "session": session_of(decided_at).isoformat(),
            "decided_by": batch["decided_by"],
            **_movements(
                securities[row],
                positions[row],
                {name: rows[row] for name, rows in nested.items()},
                (member.batch_id, member.account_id, member.epoch + 1, incarnation),
            ),
        }
        facts = reduced(body, is_old=key in old.orders, is_foreign=key in old.foreign, is_unvalued=key in old.unvalued)
        yield sheet_line(LineKind.ORDERS, *key, "", facts, f"batch.result_chunk {member.chunk_id}")


def _movements(
    listed: Sequence[tuple[str, int | None]],
    positions: Sequence[tuple[Any, ...]],
    nested: Mapping[str, Sequence[tuple[Any, ...]]],
    approval: tuple[int, str, int, str],
) -> dict[str, Any]:
    """Return what an account sends to market and moves between sleeves.

    listed: id and price divisor of its securities.
    approval: batch, account, new epoch and incarnation, of which an order has its id.
    """
    batch_id, account, epoch, incarnation = approval
    names = (incarnation,) if incarnation else ()
    securities = [name for name, _ in listed]
    ids = {row[0]: event_id("order", batch_id, account, epoch, securities[row[0]], *names) for row in nested["orders"]}
    return {
        "orders": [
            {
                "order_id": ids[security],
                "security_id": securities[security],
                "side": "BUY" if quantity > 0 else "SELL",
                "quantity": _units(abs(quantity)),
                "reference_price": _units(price),
                "order_type": "MARKET",
                "time_in_force": "DAY",
                "currency": "USD",
                "idempotency_key": ids[security],
                "price_factor": PRICE_FACTORS[listed[security][1] or 1],
                "value": usd(value),
            }
            for security, quantity, price, value in nested["orders"]
        ],
        "allocations": [
            {
                "sleeve_id": positions[position][0],
                "security_id": securities[positions[position][1]],
                "quantity": _units(quantity - crossed),
            }
            for position, quantity, crossed in nested["sleeve_trades"]
            if quantity != crossed
        ],
        "lots": [
            {"order_id": ids.get(security), "lot_id": lot, "sleeve_id": sleeve, "quantity": _units(quantity)}
            for security, lot, sleeve, quantity in nested["slices"]
        ],
        "transfers": [
            {
                "security_id": securities[security],
                "from_sleeve_id": giving,
                "to_sleeve_id": getting,
                "lot_id": lot,
                "quantity": _units(quantity),
            }
            for security, giving, getting, lot, quantity in nested["transfers"]
        ],
    }


def _of_logic(column: Any, fields: Sequence[str], logic: int) -> _Rows:
    """Return the entries of a list column by row, those of one trade logic where they have one."""
    values, owners = children(column)
    if "logic" in {field.name for field in column.type.value_type}:
        in_force = pc.equal(pc.struct_field(values, "logic"), pa.scalar(logic, pa.int8()))
        values, owners = values.filter(in_force), owners[np.asarray(in_force)]
    found: _Rows = [[] for _ in range(len(column))]
    rows = zip(*(pc.struct_field(values, name).to_pylist() for name in fields), strict=True)
    for owner, entry in zip(owners.tolist(), rows, strict=True):
        found[owner].append(entry)
    return found


def _units(micro: int) -> str:
    return text_of(micro, 6, trim=True)
