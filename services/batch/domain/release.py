"""What an approved account sends out: its orders, how they fall to sleeves, which lots, which moves between sleeves.

Everything is a pure function of the answered row and the logic in force, so a retry makes the same ids and bytes.
Source: product 6, "On approval"; contracts events.OrdersReleased and chunks.REBALANCED.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.exact.text import text_of

Row = Mapping[str, Any]
NewId = Callable[..., str]

# Columns of an answered chunk that a release needs; the others need not be turned into Python values.
COLUMNS = ("account_id", "enterprise_id", "advisor_id", "securities", "positions", "sleeve_trades", "orders", "slices",
           "transfers")  # fmt: skip


@dataclass(frozen=True)
class Release:
    """Of which approval: epoch is the account's new one."""

    batch_id: int
    logic: int
    custodian: str
    account_number: str
    epoch: int
    trade_date: date


def order_id(new_id: NewId, release: Release, account_id: str, security_id: str) -> str:
    """Return the id of an order: one a security, because an account never buys and sells the same one."""
    return new_id("order", release.batch_id, account_id, release.epoch, security_id)


def orders_released(row: Row, release: Release, new_id: NewId) -> dict[str, Any]:
    """Return the body of OrdersReleased as plain values (money and units as text)."""
    account_id, logic = row["account_id"], release.logic
    securities = [security["security_id"] for security in row["securities"] or ()]
    orders = [order for order in row["orders"] or () if order["logic"] == logic]
    ids = {order["security"]: order_id(new_id, release, account_id, securities[order["security"]]) for order in orders}
    return {
        "account_id": account_id,
        "enterprise_id": row["enterprise_id"],
        "advisor_id": row["advisor_id"],
        "custodian": release.custodian,
        "account_number": release.account_number,
        "batch_id": release.batch_id,
        "version": release.epoch,
        "trade_date": release.trade_date.isoformat(),
        "orders": [
            {
                "order_id": ids[order["security"]],
                "security_id": securities[order["security"]],
                "side": "BUY" if order["quantity_micro"] > 0 else "SELL",
                "quantity": text_of(abs(order["quantity_micro"]), 6, trim=True),
                "reference_price": text_of(order["price_micro"], 6, trim=True),
            }
            for order in orders
        ],
        "allocations": _allocations(row, logic, securities),
        "lots": [
            {
                "order_id": ids[one["security"]],
                "lot_id": one["lot_id"],
                "sleeve_id": one["sleeve_id"],
                "quantity": text_of(one["quantity_micro"], 6, trim=True),
            }
            for one in row["slices"] or ()
            if one["logic"] == logic
        ],
        "transfers": [
            {
                "security_id": securities[one["security"]],
                "from_sleeve_id": one["from_sleeve_id"],
                "to_sleeve_id": one["to_sleeve_id"],
                "lot_id": one["lot_id"],
                "quantity": text_of(one["quantity_micro"], 6, trim=True),
            }
            for one in row["transfers"] or ()
            if one["logic"] == logic
        ],
    }


def _allocations(row: Row, logic: int, securities: list[str]) -> list[dict[str, str]]:
    """Return the market part of every sleeve trade, signed: what of the orders falls to which sleeve."""
    positions = row["positions"] or ()
    allocations = []
    for trade in row["sleeve_trades"] or ():
        market = trade["quantity_micro"] - trade["crossed_micro"]
        if trade["logic"] != logic or market == 0:
            continue
        position = positions[trade["position"]]
        allocations.append(
            {
                "sleeve_id": position["sleeve_id"],
                "security_id": securities[position["security"]],
                "quantity": text_of(market, 6, trim=True),
            }
        )
    return allocations


def rebalanced(row: Row, release: Release) -> dict[str, Any]:
    """Return the row of REBALANCED: the account's new epoch and its sleeve trades under the logic in force."""
    positions = row["positions"] or ()
    securities = row["securities"] or ()
    trades = []
    for trade in row["sleeve_trades"] or ():
        if trade["logic"] == release.logic:
            position = positions[trade["position"]]
            trades.append(
                {
                    "sleeve_id": position["sleeve_id"],
                    "security_id": securities[position["security"]]["security_id"],
                    "quantity_micro": trade["quantity_micro"],
                    "crossed_micro": trade["crossed_micro"],
                }
            )
    return {
        "account_id": row["account_id"],
        "enterprise_id": row["enterprise_id"],
        "advisor_id": row["advisor_id"],
        "epoch": release.epoch,
        "trade_date": release.trade_date,
        "trades": trades,
    }
