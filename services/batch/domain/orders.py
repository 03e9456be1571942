"""What an approved account sends out: its orders, how they fall to sleeves, which lots, which moves between sleeves.

Everything is a pure function of the answered columns and the logic in force, so a retry makes the same ids and bytes.
Source: product 6, "On approval"; contracts events.OrdersReleased.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from shared.fixed_point.text import text_of

NewId = Callable[..., str]

# Nested columns of an answer that a release needs, and which of their fields; those with a logic hold every logic's.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "securities": ("security_id",),
    "positions": ("sleeve_id", "security"),
    "sleeve_trades": ("position", "quantity_micro", "crossed_micro"),
    "orders": ("security", "quantity_micro", "price_micro"),
    "slices": ("security", "lot_id", "sleeve_id", "quantity_micro"),
    "transfers": ("security", "from_sleeve_id", "to_sleeve_id", "lot_id", "quantity_micro"),
}


@dataclass(frozen=True)
class Nested:
    """Rows of all accounts of a chunk: account i has rows starts[i] to starts[i + 1] of every column."""

    starts: Sequence[int]
    columns: Mapping[str, Sequence[Any]]

    def rows(self, account: int) -> Iterator[tuple[Any, ...]]:
        """Return the rows of one account, fields in the order of NEEDED."""
        first, last = self.starts[account], self.starts[account + 1]
        return zip(*(column[first:last] for column in self.columns.values()), strict=True)


@dataclass(frozen=True)
class Released:
    """Of which account and approval: epoch is the account's new one."""

    batch_id: int
    account_id: str
    enterprise_id: str
    advisor_id: str
    custodian: str
    account_number: str
    epoch: int
    trade_date: date


def order_id(new_id: NewId, what: Released, security_id: str) -> str:
    """Return the id of an order: one a security, because an account never buys and sells the same one."""
    return new_id("order", what.batch_id, what.account_id, what.epoch, security_id)


def orders_released(what: Released, account: int, answer: Mapping[str, Nested], new_id: NewId) -> dict[str, Any]:
    """Return the body of OrdersReleased as plain values (money and units as text).

    account: row of the account in the chunk; answer: its nested columns, those of the logic in force only.
    """
    securities = [row[0] for row in answer["securities"].rows(account)]
    positions = list(answer["positions"].rows(account))
    orders = []
    ids: dict[int, str] = {}
    for security, quantity, price in answer["orders"].rows(account):
        ids[security] = order_id(new_id, what, securities[security])
        orders.append(
            {
                "order_id": ids[security],
                "security_id": securities[security],
                "side": "BUY" if quantity > 0 else "SELL",
                "quantity": _units(abs(quantity)),
                "reference_price": _units(price),
            }
        )
    allocations = []
    for position, quantity, crossed in answer["sleeve_trades"].rows(account):
        if quantity != crossed:  # what is crossed never goes to market
            sleeve_id, security = positions[position]
            allocations.append(
                {"sleeve_id": sleeve_id, "security_id": securities[security], "quantity": _units(quantity - crossed)}
            )
    return {
        "account_id": what.account_id,
        "enterprise_id": what.enterprise_id,
        "advisor_id": what.advisor_id,
        "custodian": what.custodian,
        "account_number": what.account_number,
        "batch_id": what.batch_id,
        "version": what.epoch,
        "trade_date": what.trade_date.isoformat(),
        "orders": orders,
        "allocations": allocations,
        "lots": [
            {"order_id": ids[security], "lot_id": lot_id, "sleeve_id": sleeve_id, "quantity": _units(quantity)}
            for security, lot_id, sleeve_id, quantity in answer["slices"].rows(account)
        ],
        "transfers": [
            {
                "security_id": securities[security],
                "from_sleeve_id": giver,
                "to_sleeve_id": taker,
                "lot_id": lot_id,
                "quantity": _units(quantity),
            }
            for security, giver, taker, lot_id, quantity in answer["transfers"].rows(account)
        ],
    }


@lru_cache(maxsize=1 << 16)
def _units(micro: int) -> str:
    """Return millionths as units; quantities and prices repeat over the accounts of a batch."""
    return text_of(micro, 6, trim=True)
