"""Orders on the topic against frozen history; a batch that fits is forgotten until another message names it."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from services.auditor.columns.orders import of_chunk
from services.auditor.domain.invariants import Difference, Invariant
from services.auditor.domain.orders import OrderTotals, compare
from services.auditor.operations.approved_chunks import approved_chunks
from services.auditor.operations.order_stream import OrderMessage
from services.auditor.store import orders
from services.auditor.store.database import Snapshot

_MOST_ACCOUNTS: Final = 20_000
"""Accounts whose history a pass reads, so that it stays short after a day of many approvals."""

OfAccounts = dict[str, OrderTotals]


class OrderLedger:
    """Which orders came, what history says of them, and which batches fit.

    Of batches that fit, only the number is kept.  A later message of such a batch is compared alone: a repeated
    delivery fits, anything else differs.
    """

    def __init__(self) -> None:
        self._topic: dict[int, dict[str, list[OrderTotals]]] = {}
        self._history: dict[int, OfAccounts] = {}
        self._fits: set[int] = set()
        self._unreadable: dict[str, Difference] = {}

    def note(self, messages: Iterable[OrderMessage]) -> None:
        """Note messages of the topic."""
        for message in messages:
            if message.totals is None:
                says = f"the message at {message.at} is no event of orders: {message.unreadable}"
                values = (message.unreadable,)
                self._unreadable[message.at] = Difference(Invariant.ORDERS_PUBLISHED, message.at, values, says)
                continue
            contents = self._topic.setdefault(message.batch_id, {}).setdefault(message.account_id, [])
            if message.totals not in contents:
                contents.append(message.totals)

    async def compare(self, connection: Snapshot, since: datetime | None) -> tuple[list[Difference], bool]:
        """Return the differences of all batches that are not known to fit, and whether all were looked at.

        since: of batches decided before it, missing orders are no difference.
        """
        approved = await orders.approved(connection, since)
        wanted = sorted(((approved.keys() - self._fits) | self._topic.keys()) - self._history.keys())
        now, accounts = list[int](), 0
        for batch_id in wanted:
            if now and accounts + approved.get(batch_id, 0) > _MOST_ACCOUNTS:
                break
            now.append(batch_id)
            accounts += approved.get(batch_id, 0)
        self._history |= await _history(connection, now)
        found = [self._compare(batch_id, is_expected=batch_id in approved) for batch_id in sorted(self._history)]
        differences = [difference for difference in found if difference is not None]
        return [*self._unreadable.values(), *differences], len(now) == len(wanted)

    def _compare(self, batch_id: int, *, is_expected: bool) -> Difference | None:
        """Compare a batch whose history is read, and forget it if it fits."""
        history, topic = self._history[batch_id], self._topic.get(batch_id, {})
        if batch_id in self._fits or not is_expected:  # only what came is compared
            history = {account: totals for account, totals in history.items() if account in topic}
        difference = compare(batch_id, history, topic)
        if difference is None:
            if is_expected:
                self._fits.add(batch_id)
            del self._history[batch_id]
            self._topic.pop(batch_id, None)
        return difference


async def _history(connection: Snapshot, batches: list[int]) -> dict[int, OfAccounts]:
    """Return what history says of batches, by account; nothing of one that is not approved."""
    found: dict[int, OfAccounts] = {batch_id: {} for batch_id in batches}
    async for batch_id, content, accounts in approved_chunks(connection, batches):
        found[batch_id] |= await asyncio.to_thread(of_chunk, content, accounts)
    return found
