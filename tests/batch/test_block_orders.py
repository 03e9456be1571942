"""Block orders add up to their allocations, which are the orders that an approval sends; no database."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.batch.columns.orders import approval_messages, approved_lines
from services.batch.domain.block_orders import BlockOrder, OrderLine, block_id, block_orders
from services.batch.views.order_files import BLOCK_FILE, ORDER_FILE, block_cells, order_cells
from shared.contracts import topics
from shared.fixed_point.limits import MAX_QUANTITY_MICRO
from shared.fixed_point.text import scaled
from shared.ids import event_id
from tests.batch import build

pytestmark = pytest.mark.fast

SESSION = date(2026, 6, 12)


def _line(account: int, security: str, side: str, micro: int) -> OrderLine:
    return OrderLine(
        f"{account}-{security}", f"A{account}", f"00{account}", "SCHW", security, side, micro, "MARKET", "DAY", SESSION,
        "USD",
    )  # fmt: skip


LINES = st.lists(
    st.builds(
        _line,
        st.integers(1, 40),
        st.sampled_from(["AAA", "BBB", "CCC"]),
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, MAX_QUANTITY_MICRO),
    ),
    max_size=60,
    unique_by=lambda line: line.order_id,
)


@settings(deadline=None)
@given(LINES)
def test_blocks_hold_each_order_once_and_are_of_exactly_what_their_allocations_are_of(lines: list[OrderLine]) -> None:
    blocks = block_orders(lines)
    allocated = [line for block in blocks for line in block.allocations]
    assert Counter(allocated) == Counter(lines)
    assert len({(block.security_id, block.side) for block in blocks}) == len(blocks)
    for block in blocks:
        assert block.micro == sum(line.micro for line in block.allocations) > 0
        assert {(line.security_id, line.side) for line in block.allocations} == {(block.security_id, block.side)}
    # As written: each column of quantities sums to the same, by block and in all.
    rows = [row for block in blocks for row in block_cells(block, f"{block.security_id} {block.side}")]
    assert all(len(row) == len(BLOCK_FILE) for row in rows)
    totals: Counter[Any] = Counter()
    of_blocks: Counter[Any] = Counter()
    for row in rows:
        of, quantity, allocated_units = row[1], row[4], row[10]
        assert (row[0] == "BLOCK") == (quantity is not None) == (allocated_units is None)
        totals[of] += scaled(str(quantity), 6) if quantity is not None else 0
        of_blocks[of] += scaled(str(allocated_units), 6) if allocated_units is not None else 0
    assert totals == of_blocks
    assert sum(totals.values()) == sum(line.micro for line in lines)


def test_what_one_account_buys_and_another_sells_is_never_crossed() -> None:
    blocks = block_orders([_line(1, "AAA", "BUY", 5), _line(2, "AAA", "SELL", 5)])
    assert [(block.side, block.micro) for block in blocks] == [("BUY", 5), ("SELL", 5)]


def test_an_order_is_never_allocated_twice_nor_orders_of_two_days_put_into_one_block() -> None:
    line = _line(1, "AAA", "BUY", 5)
    with pytest.raises(ValueError, match="comes twice"):
        block_orders([line, line])
    other = replace(_line(2, "AAA", "BUY", 5), session=date(2026, 6, 15))
    with pytest.raises(ValueError, match="differ"):
        block_orders([line, other])


def test_the_id_of_a_block_is_always_the_same_and_another_in_another_database() -> None:
    block = BlockOrder("AAA", "BUY", 5, (_line(1, "AAA", "BUY", 5),))
    sell = BlockOrder("AAA", "SELL", 5, (_line(1, "AAA", "SELL", 5),))
    ids = [block_id(event_id, batch, name, of) for batch in (1, 2) for name in ("", "x") for of in (block, sell)]
    assert len(set(ids)) == len(ids)
    assert block_id(event_id, 1, "x", block) == block_id(event_id, 1, "x", block)


def _approved(rows: list[dict[str, Any]]) -> tuple[Any, Any, bytes]:
    """A batch, its approved members, and their chunk."""
    members = [
        SimpleNamespace(
            account_id=f"A{row}", enterprise_id="E1", advisor_id="D1", custodian="SCHW", account_number=f"00A{row}",
            epoch=row, row_no=row,
        )
        for row in range(len(rows))
    ]  # fmt: skip
    batch = SimpleNamespace(
        batch_id=7, logic=0, trade_date=SESSION, decided_by="pat", decided_name="Pat",
        decided_at=datetime(2026, 6, 12, 15, tzinfo=UTC),
    )  # fmt: skip
    made = [
        build.a_result(
            {
                "account_id": member.account_id,
                "enterprise_id": "E1",
                "advisor_id": "D1",
                "epoch": 0,
                "liquidate": False,
            },
            **values,
        )
        for member, values in zip(members, rows, strict=True)
    ]
    return batch, members, build.results(made, 7).value


SENT = st.lists(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 1), st.booleans(), st.integers(1, MAX_QUANTITY_MICRO)),
        max_size=5,
        unique_by=lambda order: (order[0], order[1]),
    ),
    min_size=1,
    max_size=4,
)


@settings(deadline=None)
@given(SENT, st.sampled_from(["", "second"]))
def test_the_lines_of_a_file_are_the_orders_that_the_approval_sends(accounts: list[Any], incarnation: str) -> None:
    """Orders of each account: logic, security, whether it buys, millionths.  Two units cross and are in no file."""
    orders = [
        [
            {
                "logic": logic,
                "security": security,
                "quantity_micro": micro if buys else -micro,
                "price_micro": 100_000_000,
                "value_cents": 1,
                "reason": 2,
            }
            for logic, security, buys, micro in account
        ]
        for account in accounts
    ]
    slices: dict[str, Any] = {"slices": []}
    batch, members, content = _approved([{"orders": of_account, **slices} for of_account in orders])
    sent = {
        (body["account_id"], order["order_id"], order["security_id"], order["side"], order["quantity"],
         order["order_type"], order["time_in_force"], body["trade_date"], order["currency"])
        for message in approval_messages(batch, members, content, incarnation)
        if message.topic == topics.ORDERS.name
        for body in [orjson.loads(message.value)]
        for order in body["orders"]
    }  # fmt: skip
    rows = [order_cells(line) for line in approved_lines(batch, members, content, incarnation)]
    written = [(row[1], row[0], *row[4:9], str(row[9]), row[10]) for row in rows]
    assert set(written) == sent
    assert len(written) == len(sent)
    assert all(len(row) == len(ORDER_FILE) for row in rows)
