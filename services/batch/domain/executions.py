"""Whether a report about an execution can be true of the order that it names.  Pure.  Source: product 6."""

from dataclasses import dataclass

from shared.contracts.platform import ExecutionReported
from shared.fixed_point.text import scaled, text_of


@dataclass(frozen=True)
class SentOrder:
    """An order as an approval sent it.

    is_of_before: approved before the present incarnation of the database began, so that the id it was sent with is not
    known any more.  quantity_micro: units in millionths, on either side.
    """

    order_id: str
    is_of_before: bool
    enterprise_id: str
    advisor_id: str
    security_id: str
    is_buy: bool
    quantity_micro: int


def why_refused(report: ExecutionReported, order: SentOrder | None) -> str | None:
    """Return why a report cannot be true, None if it can.

    order: the order of the report's batch, account and security; None if there is none.
    """
    named = f"order {report.order_id}"
    if order is None:
        return (
            f"security_id is {report.security_id}: account {report.account_id} has no approved order of it in"
            f" batch {report.batch_id}"
        )
    if order.order_id != report.order_id and not order.is_of_before:
        return (
            f"order_id is {report.order_id}: the order of {report.security_id} for account {report.account_id} in"
            f" batch {report.batch_id} is {order.order_id}"
        )
    if order.enterprise_id != report.enterprise_id:
        return f"enterprise_id is {report.enterprise_id}: {named} is not of that enterprise"
    filled, units = scaled(report.quantity, 6), text_of(order.quantity_micro, 6, trim=True)
    if filled > order.quantity_micro:
        return f"quantity is {report.quantity}: {named} is of {units} units"
    if (filled == order.quantity_micro) != (report.status == "FILLED"):
        return f"status is {report.status} with {report.quantity} units: {named} is of {units}, and FILLED means all"
    return None
