"""The orders of an approved account with what was reported of each, as the API shows them."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy import Row

from services.batch.domain.executions import SentOrder
from shared.contracts.api_proposals import ExecutionView
from shared.contracts.platform import ExecutionStatus
from shared.fixed_point.text import text_of


def execution_views(orders: Iterable[SentOrder], reported: Mapping[str, Row[Any]]) -> list[ExecutionView]:
    """Return every order, by security.  reported: rows of the table `execution` by security."""
    return [
        _view(order, reported.get(order.security_id)) for order in sorted(orders, key=lambda order: order.security_id)
    ]


def _view(order: SentOrder, report: Row[Any] | None) -> ExecutionView:
    price = None if report is None else report.price_micro
    return ExecutionView(
        order_id=order.order_id if report is None else report.order_id,
        security_id=order.security_id,
        side="BUY" if order.is_buy else "SELL",
        quantity=text_of(order.quantity_micro, 6, trim=True),
        status=None if report is None else cast(ExecutionStatus, report.status),
        filled="0" if report is None else text_of(report.quantity_micro, 6, trim=True),
        price=None if price is None else text_of(price, 6, trim=True),
        reported_at=None if report is None else report.reported_at,
        reason=None if report is None else report.reason,
    )
