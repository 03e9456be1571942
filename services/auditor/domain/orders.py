"""Orders as the topic has them and as history froze them: exact totals an account, and what differs in a batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from services.auditor.domain.invariants import Difference, Invariant
from shared.fixed_point.text import text_of

_NAMED: Final = 10
"""Most accounts that a sentence names."""


@dataclass(frozen=True)
class OrderTotals:
    """What one account sends to market.

    bought_micro, sold_micro: units in millionths; amount_pico: units x reference price, in millionths of a millionth of
    a dollar, exact.  traded_on: session of the orders, None in events of early releases, which do not say it.
    content: digest of the account's epoch, the batch's business date and every single order.
    """

    orders: int
    bought_micro: int
    sold_micro: int
    amount_pico: int
    traded_on: date | None
    content: bytes


def compare(
    batch_id: int, history: Mapping[str, OrderTotals], topic: Mapping[str, Sequence[OrderTotals]]
) -> Difference | None:
    """Return how the orders of a batch on the topic differ from its approved accounts; None if they are the same.

    history: by account, empty for a batch that is not approved; topic: by account, each content that came once, so that
    a repeated delivery changes nothing.
    """
    missing = sorted(history.keys() - topic.keys())
    added = sorted(topic.keys() - history.keys())
    altered = sorted(
        account for account in history.keys() & topic.keys() if not _is_same(topic[account], history[account])
    )
    if not (missing or added or altered):
        return None
    approved, published = _sums(history.values()), _sums(totals for some in topic.values() for totals in some)
    lists = (("missing", missing), ("altered", altered), ("not approved", added))
    accounts = "; ".join(f"{what}: {_named(some)}" for what, some in lists if some)
    return Difference(
        Invariant.ORDERS_PUBLISHED,
        f"batch {batch_id}",
        (approved, published, tuple(missing), tuple(altered), tuple(added)),
        f"batch {batch_id}: history has {_text(approved)}; the topic has {_text(published)}. {accounts}",
    )


def _is_same(came: Sequence[OrderTotals], frozen: OrderTotals) -> bool:
    return [replace(totals, traded_on=totals.traded_on or frozen.traded_on) for totals in came] == [frozen]


def _sums(totals: Iterable[OrderTotals]) -> tuple[int, int, int, int, int]:
    """Return accounts, orders, units bought, units sold and amount."""
    found = list(totals)
    return (
        len(found),
        sum(of.orders for of in found),
        sum(of.bought_micro for of in found),
        sum(of.sold_micro for of in found),
        sum(of.amount_pico for of in found),
    )


def _text(sums: tuple[int, int, int, int, int]) -> str:
    accounts, orders, bought, sold, amount = sums
    units = f"{text_of(bought, 6, trim=True)} bought and {text_of(sold, 6, trim=True)} sold units"
    return f"{accounts} accounts with {orders} orders, {units}, ${text_of(amount, 12, trim=True)}"


def _named(accounts: Sequence[str]) -> str:
    more = f" and {len(accounts) - _NAMED} more" if len(accounts) > _NAMED else ""
    return ", ".join(accounts[:_NAMED]) + more
