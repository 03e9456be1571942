"""Block orders: the orders of many accounts for one security and side as one, with its allocation back to accounts.

Pure.  Each order of an approval is in exactly one block, and a block is of exactly what its orders are of: nothing is
rounded.  Units that cross inside an account are no market orders, so they are in no block.  Orders of different
accounts are never crossed: what one buys and another sells of a security are two blocks.  Source: product 4 (netting).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from services.batch.domain.orders import NewId


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An order as an approval sent it.  micro: units in millionths; session: on which it is traded."""

    order_id: str
    account_id: str
    account_number: str
    custodian: str
    security_id: str
    side: str
    micro: int
    order_type: str
    time_in_force: str
    session: date
    currency: str


@dataclass(frozen=True)
class BlockOrder:
    """A block order.  micro: units in millionths, the sum of its allocations, which are the orders by account."""

    security_id: str
    side: str
    micro: int
    allocations: tuple[OrderLine, ...]


def block_id(new_id: NewId, batch_id: int, incarnation: str, block: BlockOrder) -> str:
    """Return the id of a block order, always the same; incarnation: of the database, as the ids of orders have it."""
    return new_id("block-order", batch_id, block.security_id, block.side, incarnation)


def block_orders(lines: Iterable[OrderLine]) -> list[BlockOrder]:
    """Return the blocks of orders, by security, buys first; allocations by account.

    Raises ValueError if an order comes twice, or if orders of one block are not of one kind: an account would be
    allocated twice, or not what was approved.
    """
    found: dict[tuple[str, str], list[OrderLine]] = {}
    seen = set[str]()
    for line in lines:
        if line.order_id in seen:
            raise ValueError(f"order {line.order_id} comes twice")
        seen.add(line.order_id)
        found.setdefault((line.security_id, line.side), []).append(line)
    blocks = []
    for (security_id, side), orders in sorted(found.items()):
        kinds = {(order.order_type, order.time_in_force, order.session, order.currency) for order in orders}
        if len(kinds) > 1:
            raise ValueError(f"orders of one block differ: {sorted(map(str, kinds))}")
        allocations = tuple(sorted(orders, key=lambda order: (order.account_number, order.order_id)))
        blocks.append(BlockOrder(security_id, side, sum(order.micro for order in orders), allocations))
    return blocks
