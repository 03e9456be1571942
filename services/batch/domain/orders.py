"""The order event of an approved account: orders, their allocation to sleeves, lots, and moves between sleeves.

Pure functions of the columns of a result chunk and the logic in force, so a retry makes the same ids and bytes.
Source: product 6, "On approval"; contracts events.OrdersReleased.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from shared.contracts.holding_roles import PRICE_FACTORS
from shared.fixed_point.text import text_of, usd

NewId = Callable[..., str]

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "securities": ("security_id", "price_divisor"),
    "positions": ("sleeve_id", "security"),
    "sleeve_trades": ("position", "quantity_micro", "crossed_micro"),
    "orders": ("security", "quantity_micro", "price_micro", "value_cents"),
    "slices": ("security", "lot_id", "sleeve_id", "quantity_micro"),
    "transfers": ("security", "from_sleeve_id", "to_sleeve_id", "lot_id", "quantity_micro"),
}
"""Nested columns of a result that an approval reads, with their fields; some hold the rows of every logic."""


@dataclass(frozen=True)
class NestedColumn:
    """A list column of all accounts of a chunk, flat: account i has rows starts[i] to starts[i + 1]."""

    starts: Sequence[int]
    fields: Mapping[str, Sequence[Any]]

    def rows(self, account: int) -> Iterator[tuple[Any, ...]]:
        """Return the rows of the account at this index, fields in the order of NEEDED."""
        first, last = self.starts[account], self.starts[account + 1]
        return zip(*(field[first:last] for field in self.fields.values()), strict=True)


@dataclass(frozen=True)
class Approval:
    """The approval of one account.

    epoch: the account's new one; business_date: of the batch; session: on which its orders are to be traded;
    decided_by, decided_name: the user; incarnation: of the database, in which batch and epoch are counted.
    """

    batch_id: int
    account_id: str
    enterprise_id: str
    advisor_id: str
    custodian: str
    account_number: str
    epoch: int
    business_date: date
    session: date
    decided_by: str
    decided_name: str
    incarnation: str = ""


def order_id(new_id: NewId, approval: Approval, security_id: str) -> str:
    """Return the id of an order: one per security, because an account never buys and sells the same one."""
    approved = approval.batch_id, approval.account_id, approval.epoch
    return order_id_of(new_id, approved, approval.incarnation, security_id)


def order_id_of(new_id: NewId, approved: tuple[int, str, int], incarnation: str, security_id: str) -> str:
    """Return the id of an order.  approved: batch, account and the account's new epoch."""
    facts = (*approved, security_id)
    return new_id("order", *facts, incarnation) if incarnation else new_id("order", *facts)


def orders_of(approval: Approval, account: int, result: Mapping[str, NestedColumn], new_id: NewId) -> dict[str, Any]:
    """Return the body of OrdersReleased as plain values; units and dollars are decimal texts.

    account: index of the account in the chunk; result: the chunk's NEEDED columns, rows of the logic in force only.
    """
    listed = list(result["securities"].rows(account))
    securities = [name for name, _ in listed]
    positions = list(result["positions"].rows(account))
    orders = []
    ids: dict[int, str] = {}
    for security, quantity, price, value in result["orders"].rows(account):
        ids[security] = order_id(new_id, approval, securities[security])
        orders.append(
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
        )
    allocations = []
    for position, quantity, crossed in result["sleeve_trades"].rows(account):
        if quantity != crossed:  # crossed units never go to market
            sleeve_id, security = positions[position]
            allocations.append(
                {"sleeve_id": sleeve_id, "security_id": securities[security], "quantity": _units(quantity - crossed)}
            )
    return {
        "account_id": approval.account_id,
        "enterprise_id": approval.enterprise_id,
        "advisor_id": approval.advisor_id,
        "custodian": approval.custodian,
        "account_number": approval.account_number,
        "batch_id": approval.batch_id,
        "version": approval.epoch,
        "trade_date": approval.session.isoformat(),
        "business_date": approval.business_date.isoformat(),
        "session": approval.session.isoformat(),
        "decided_by": approval.decided_by,
        "decided_name": approval.decided_name,
        "orders": orders,
        "allocations": allocations,
        "lots": [
            {"order_id": ids[security], "lot_id": lot_id, "sleeve_id": sleeve_id, "quantity": _units(quantity)}
            for security, lot_id, sleeve_id, quantity in result["slices"].rows(account)
        ],
        "transfers": [
            {
                "security_id": securities[security],
                "from_sleeve_id": from_sleeve,
                "to_sleeve_id": to_sleeve,
                "lot_id": lot_id,
                "quantity": _units(quantity),
            }
            for security, from_sleeve, to_sleeve, lot_id, quantity in result["transfers"].rows(account)
        ],
    }


@lru_cache(maxsize=1 << 12)
def _units(micro: int) -> str:
    """Return millionths as units; quantities and prices repeat over the accounts of a batch.

    The prices of a book and its usual quantities fit.  With sixteen times as many entries 10 MiB fill up over days, and
    hardly more is found again.
    """
    return text_of(micro, 6, trim=True)
