"""What the custodian reports of the execution of orders (platform.execution.v1): one event an order, at the close."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date
from typing import Any, Final

from shared.contracts.events import OrdersReleased
from shared.contracts.platform import ExecutionReported
from shared.fixed_point.text import text_of
from shared.rules.trading_calendar import close_of

_LONGEST: Final = 500  # characters of a reason that an event carries


def reports_of(
    released: OrdersReleased, rejected: Mapping[str, str], prices: Mapping[str, int], day: date
) -> Iterator[ExecutionReported]:
    """Yield a report for each order: filled whole at the day's close, or rejected.

    rejected: order id -> why; prices: micro dollars by security.  The same day always makes the same reports.
    """
    for order in released.orders:
        reason = rejected.get(order.order_id)
        outcome: dict[str, Any] = {"status": "REJECTED", "reason": reason and reason[:_LONGEST]}
        if reason is None:
            price = text_of(prices[order.security_id], 6, trim=True)
            outcome = {"status": "FILLED", "quantity": order.quantity, "price": price}
        yield ExecutionReported(
            order_id=order.order_id,
            account_id=released.account_id,
            enterprise_id=released.enterprise_id,
            batch_id=released.batch_id,
            security_id=order.security_id,
            version=1,
            at=close_of(day).astimezone(UTC),
            **outcome,
        )
