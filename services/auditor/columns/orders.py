"""Totals of orders, from result chunks as history keeps them and from events as the topic has them."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from services.auditor.domain.orders import OrderTotals
from services.auditor.domain.sessions import session_of
from services.auditor.store.orders import ApprovedAccount
from shared.columnar import lengths_of, starts_of
from shared.contracts import chunks, codec
from shared.fixed_point.text import scaled

_READ: Final = pa.schema([chunks.RESULT.field(name) for name in ("securities", "orders")])


def of_chunk(content: bytes, accounts: Sequence[ApprovedAccount]) -> dict[str, OrderTotals]:
    """Return the totals of approved accounts of one result chunk and batch, by account.

    Raises ValueError or pa.ArrowInvalid if the bytes are no result chunk.
    """
    rows, _ = codec.decode_kept(content, _READ)
    rows = rows.take(pa.array([account.row_no for account in accounts], pa.int64()))
    securities, security_starts = _entries(rows.column("securities"))
    orders, _ = _entries(rows.column("orders"))
    owners = np.repeat(np.arange(len(accounts)), lengths_of(rows.column("orders")))
    in_force = np.asarray(pc.equal(pc.struct_field(orders, "logic"), pa.scalar(accounts[0].logic, pa.int8())))
    owners = owners[in_force]
    fields = ("security", "quantity_micro", "price_micro")
    column = {name: np.asarray(pc.struct_field(orders, name))[in_force] for name in fields}
    index = pa.array(security_starts[owners] + column["security"])
    names = pc.struct_field(securities, "security_id").take(index).to_pylist()
    lines = list(zip(names, column["quantity_micro"].tolist(), column["price_micro"].tolist(), strict=True))
    starts = starts_of(np.bincount(owners, minlength=len(accounts))).tolist()
    traded_on = session_of(accounts[0].decided_at)
    return {
        account.account_id: _totals(
            account.enterprise_id,
            account.epoch + 1,
            account.trade_date,
            traded_on,
            lines[starts[row] : starts[row + 1]],
        )
        for row, account in enumerate(accounts)
    }


def of_event(value: bytes) -> tuple[int, str, OrderTotals]:
    """Return batch, account and totals of an event of released orders.

    Raises ValueError if the bytes are no such event.
    """
    try:
        event = orjson.loads(value)
        lines = [
            (order["security_id"], _SIGNS[order["side"]] * _micro(order["quantity"]), _micro(order["reference_price"]))
            for order in event["orders"]
        ]
        business_date, traded_on = _dates(event)
        totals = _totals(event["enterprise_id"], event["version"], business_date, traded_on, lines)
        return int(event["batch_id"]), str(event["account_id"]), totals
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no event of released orders: {error!r}") from error


_SIGNS: Final = {"BUY": 1, "SELL": -1}


def _dates(event: Mapping[str, Any]) -> tuple[date, date | None]:
    """Return the business date of the batch and the session of the orders; None where an early release tells none."""
    if "business_date" in event:
        return date.fromisoformat(event["business_date"]), date.fromisoformat(event["trade_date"])
    session = event.get("session")
    return date.fromisoformat(event["trade_date"]), None if session is None else date.fromisoformat(session)


def _totals(
    enterprise: str, version: int, business_date: date, traded_on: date | None, lines: Sequence[tuple[str, int, int]]
) -> OrderTotals:
    """Return the totals of lines (security, signed units and price in millionths); their sequence does not matter."""
    document = [enterprise, version, business_date.isoformat(), sorted(lines)]
    return OrderTotals(
        orders=len(lines),
        bought_micro=sum(quantity for _, quantity, _ in lines if quantity > 0),
        sold_micro=-sum(quantity for _, quantity, _ in lines if quantity < 0),
        amount_pico=sum(abs(quantity) * price for _, quantity, price in lines),
        traded_on=traded_on,
        content=hashlib.sha256(orjson.dumps(document)).digest()[:16],
    )


@lru_cache(maxsize=1 << 12)
def _micro(text: str) -> int:
    """Return units or dollars in millionths; they repeat over the accounts of a batch."""
    return scaled(text, 6)


def _entries(column: Any) -> tuple[Any, Any]:
    return column.flatten(), starts_of(lengths_of(column))
