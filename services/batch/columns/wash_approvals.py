"""What the approved accounts of a batch leave to later wash-sale checks, from result chunks and frozen rows."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, TypeAlias

import numpy as np
import orjson
import pyarrow as pa
from sqlalchemy import Row

from shared.columnar import Ints, children
from shared.contracts import chunks, codec
from shared.contracts.codes import Bought
from shared.rules.relief.lots import days_of
from shared.rules.relief.wash import LISTED_DAYS

Left: TypeAlias = dict[str, pa.Table]  # rows by table
_EPOCH: Final = date(1970, 1, 1)
_NEEDED: Final = pa.schema([chunks.RESULT.field(name) for name in ("securities", "orders", "slices")])
_USE: Final = (
    "batch_id", "account_id", "enterprise_id", "advisor_id", "household", "security_id", "loss_batch_id",
    "loss_account_id", "loss_lot_id", "loss_sleeve_id", "bought_account_id", "kind", "lot_id", "bought", "traded",
    "units", "cents",
)  # fmt: skip


def is_shared(row: Row[Any]) -> bool:
    """Return whether other accounts may belong to the tax household of an account."""
    return bool(row.household != f"{row.enterprise_id}//{row.account_id}")


def leaves_something(row: Row[Any]) -> bool:
    """Return whether an approved account of a batch may have a loss that counts, or buys for a shared household."""
    if row.chunk_id is None or row.household is None:
        return False
    return bool(row.has_loss and row.taxable) or is_shared(row)


def left_of(batch: Row[Any], session: date, members: Sequence[Row[Any]], content: bytes) -> Left:
    """Return rows of approved_loss, approved_buy and approved_sale of some accounts of one result chunk.

    batch: as approved; session: on which its orders are traded.
    """
    rows, _ = codec.decode_kept(content, _NEEDED)
    rows = rows.take(pa.array([member.row_no for member in members], pa.int64()))
    held, security_owner = children(rows.column("securities"))
    first = np.searchsorted(security_owner, np.arange(rows.num_rows))

    def of_account(name: str, mine: Any) -> tuple[Any, Ints, dict[str, Any]]:
        entries, owner = children(rows.column(name))
        in_force = np.asarray(entries.field("logic"), np.int64) == batch.logic
        at = np.flatnonzero(in_force & mine(entries, owner))
        entries, owner = entries.take(pa.array(at)), owner[at]
        security = pa.array(first[owner] + entries.field("security").to_numpy())
        owners = [members[index] for index in owner.tolist()]
        common: dict[str, Any] = {
            name: pa.array([getattr(member, name) for member in owners], pa.string())
            for name in ("account_id", "enterprise_id", "advisor_id", "household")
        }
        common["batch_id"] = pa.array(np.full(len(at), batch.batch_id, np.int64))
        common["security_id"] = held.field("security_id").take(security)
        return entries, owner, common

    def displayed(owner: Ints) -> dict[str, Any]:
        """Return what a later batch shows of the account, and when it was decided."""
        return {
            "account_number": pa.array([members[index].account_number for index in owner.tolist()], pa.string()),
            "decided_at": pa.array([batch.decided_at] * len(owner), pa.timestamp("us", "UTC")),
        }

    taxable = np.array([bool(member.taxable) for member in members], np.bool_)
    shared = np.array([is_shared(member) for member in members], np.bool_)
    slices, loser, losses = of_account(
        "slices", lambda entries, owner: taxable[owner] & (_ints(entries.field("gain_cents")) < 0)
    )
    losses |= displayed(loser) | {
        "lot_id": slices.field("lot_id"),
        "sleeve_id": slices.field("sleeve_id"),
        "trade_date": _days(session, len(slices)),
        "units": slices.field("quantity_micro"),
        "cents": pa.array(-_ints(slices.field("gain_cents"))),
    }
    orders, buyer, buys = of_account(
        "orders", lambda entries, owner: shared[owner] & (_ints(entries.field("quantity_micro")) > 0)
    )
    buys |= displayed(buyer) | {
        "taxable": pa.array(taxable[buyer]),
        "traded": _days(session, len(orders)),
        "units": orders.field("quantity_micro"),
    }
    first_day = (session - _EPOCH).days - LISTED_DAYS  # what was bought before it counts in no later check
    sold, seller, sales = of_account(
        "slices", lambda entries, owner: shared[owner] & (days_of(entries.field("acquired")) >= first_day)
    )
    sales |= {
        "lot_id": sold.field("lot_id"),
        "sleeve_id": sold.field("sleeve_id"),
        "acquired": sold.field("acquired"),
        "epoch": pa.array([members[index].epoch + 1 for index in seller.tolist()], pa.int32()),
        "units": sold.field("quantity_micro"),
    }
    left = {"approved_loss": losses, "approved_buy": buys, "approved_sale": sales}
    return {name: pa.table(rows) for name, rows in left.items()}


def uses_of(batch: Row[Any], session: date, approved: Sequence[Row[Any]]) -> pa.Table:
    """Return rows of wash_use: the matches that the approved accounts displayed under the logic in force."""
    uses: list[tuple[Any, ...]] = []
    for row in approved:
        common = (batch.batch_id, row.account_id, row.enterprise_id, row.advisor_id, row.household)
        for match in _in_force(row.washes, batch.logic):
            loss = (batch.batch_id, row.account_id, match["lot_id"], match["sleeve_id"])
            is_own = match["kind"] == Bought.PROPOSED
            bought = session if is_own else _EPOCH + timedelta(days=match["bought"])
            purchase = (match["account_id"], int(match["kind"]), match["bought_lot_id"] or "", bought)
            uses.append(_use(common, match, loss, purchase))
        for match in _in_force(row.earlier_losses, batch.logic):
            loss = (match["batch_id"], match["account_id"], match["lot_id"], match["sleeve_id"])
            purchase = (row.account_id, int(Bought.PROPOSED), "", session)
            uses.append(_use(common, match, loss, purchase))
    types = {"batch_id": pa.int64(), "loss_batch_id": pa.int64(), "kind": pa.int16(), "bought": pa.date32(),
             "traded": pa.date32(), "units": pa.int64(), "cents": pa.int64()}  # fmt: skip
    columns = list(zip(*uses, strict=True)) or [()] * len(_USE)
    return pa.table(
        {name: pa.array(values, types.get(name, pa.string())) for name, values in zip(_USE, columns, strict=True)}
    )


def _use(common: tuple[Any, ...], match: Any, loss: tuple[Any, ...], purchase: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row of _USE.  purchase: account, kind, lot and day of what was bought."""
    bought = purchase[-1]  # `traded` too: an earlier release finds what was bought by it
    return (*common, match["security"], *loss, *purchase, bought, match["units"], match["cents"])


def _in_force(document: str | None, logic: int) -> list[dict[str, Any]]:
    return [match for match in orjson.loads(document) if match["logic"] == logic] if document else []


def _ints(column: Any) -> Ints:
    return np.asarray(column.fill_null(0), np.int64)


def _days(day: date, count: int) -> Any:
    return pa.array([day] * count, pa.date32())
