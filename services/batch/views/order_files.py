"""The orders of an approval as tables: a row for each, and block orders with their allocations back to accounts."""

from collections.abc import Iterator
from typing import Final

from services.batch.domain.block_orders import BlockOrder, OrderLine
from shared.fixed_point.text import text_of
from shared.tables.columns import Column, Kind, Row

ORDER_FILE: Final = (
    Column("Order id"),
    Column("Account id"),
    Column("Account number"),
    Column("Custodian"),
    Column("Security"),
    Column("Side"),
    Column("Quantity", Kind.NUMBER),
    Column("Order type"),
    Column("Time in force"),
    Column("Trade date", Kind.DAY),
    Column("Currency"),
)
BLOCK_FILE: Final = (
    Column("Row"),
    Column("Block id"),
    Column("Security"),
    Column("Side"),
    Column("Block quantity", Kind.NUMBER),
    Column("Allocations", Kind.COUNT),
    Column("Order id"),
    Column("Account id"),
    Column("Account number"),
    Column("Custodian"),
    Column("Allocated quantity", Kind.NUMBER),
    Column("Order type"),
    Column("Time in force"),
    Column("Trade date", Kind.DAY),
    Column("Currency"),
)
"""A row BLOCK, then a row ALLOCATION for each of its orders: the quantities stand in columns of their own, so that each
column may be summed, and both sums are the same."""


def order_cells(line: OrderLine) -> Row:
    """Return the row of an order."""
    return (
        line.order_id, line.account_id, line.account_number, line.custodian, line.security_id, line.side,
        _units(line.micro), *_terms(line),
    )  # fmt: skip


def block_cells(block: BlockOrder, block_id: str) -> Iterator[Row]:
    """Yield the row of a block order and those of its allocations."""
    of_block = block_id, block.security_id, block.side
    terms = _terms(block.allocations[0])
    yield ("BLOCK", *of_block, _units(block.micro), len(block.allocations), *(None,) * 5, *terms)
    for line in block.allocations:
        yield (
            "ALLOCATION", *of_block, None, None, line.order_id, line.account_id, line.account_number, line.custodian,
            _units(line.micro), *terms,
        )  # fmt: skip


def _terms(line: OrderLine) -> Row:
    """Return what the orders of a block have in common."""
    return line.order_type, line.time_in_force, line.session, line.currency


def _units(micro: int) -> str:
    return text_of(micro, 6, trim=True)
