"""The handlers of the analyzer's topics.  Each takes a group of decoded messages of one topic.

Every handler does the same: take the messages in (older facts are skipped), evaluate the accounts they name, publish
the flags of these accounts as they are stored.  A message delivered again after a crash at any point therefore
publishes what its first delivery left out.  Everything but sending runs in worker threads.
Source: architecture "Guard", "Republish".
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from services.analyzer.operations.attach_facts import Attacher
from services.analyzer.operations.publish import FlagPublisher
from services.analyzer.operations.take_in import FactStore, TakenIn
from shared.contracts.platform import AccountChanged, ModelChanged, PortfolioChanged, PricesPublished, SecurityChanged
from shared.contracts.topics import Topic
from shared.kafka.faults import PartialFailure
from shared.kafka.messages import BadMessage, Chunk
from shared.kafka.processor import Handler
from shared.kafka.publisher import Publisher


class Handlers:
    """Handlers of all topics of one worker."""

    def __init__(self, facts: FactStore, flags: FlagPublisher, attacher: Attacher, publisher: Publisher) -> None:
        self._facts = facts
        self._flags = flags
        self._attacher = attacher
        self._publisher = publisher

    async def on_holdings(self, group: Sequence[Chunk]) -> None:
        """Take in what accounts hold after a good file, or their data hold."""
        accounts = await asyncio.to_thread(self._facts.holdings, group)
        await self._flags.evaluate_and_publish(accounts, "new holdings")

    async def on_accounts(self, group: Sequence[AccountChanged]) -> None:
        """Take in accounts and their settings.

        Raises PartialFailure, once everything is done, for settings that are not valid (stored; their account is held)
        and for versions that cannot follow the stored ones (not stored).
        """
        taken_in = await asyncio.to_thread(self._facts.accounts, group)
        await self._flags.evaluate_and_publish(taken_in.accounts, "settings change")
        _raise_refused(taken_in)

    async def on_securities(self, group: Sequence[SecurityChanged]) -> None:
        """Take in securities and evaluate the accounts held for want of a price if roles have changed.

        Raises PartialFailure, once everything is done, for versions that cannot follow.
        """
        taken_in = await asyncio.to_thread(self._facts.securities, group)
        await self._flags.evaluate_and_publish(taken_in.accounts, "security change")
        _raise_refused(taken_in)

    async def on_prices(self, group: Sequence[PricesPublished]) -> None:
        """Take in price sets and evaluate the accounts held for want of a price; the daily analysis does the others.

        Raises BadMessage, once everything is done, for sets and prices that cannot be used.
        """
        accounts, results = await asyncio.to_thread(self._facts.prices, group)
        await self._flags.evaluate_and_publish(accounts, "new prices")
        _raise_problems("bad_price_set", [result.refused for result in results if result.refused])
        _raise_problems("bad_price", [problem for result in results for problem in result.problems])

    async def on_models(self, group: Sequence[ModelChanged]) -> None:
        """Take in models and evaluate all accounts that follow them.  Raises as `on_portfolios`."""
        await self._targets(await asyncio.to_thread(self._facts.models, group))

    async def on_portfolios(self, group: Sequence[PortfolioChanged]) -> None:
        """Take in portfolios and evaluate all their accounts.

        Raises, once everything is done, BadMessage for targets that cannot be used and PartialFailure for versions
        that cannot follow the stored ones.
        """
        await self._targets(await asyncio.to_thread(self._facts.portfolios, group))

    async def on_rebalanced(self, group: Sequence[Chunk]) -> None:
        """Take in approvals: new epoch, last rebalanced, settling."""
        accounts = await asyncio.to_thread(self._facts.rebalanced, group)
        await self._flags.evaluate_and_publish(accounts, "approval")

    async def on_returned(self, group: Sequence[Chunk]) -> None:
        """Evaluate accounts that left a batch without being rebalanced."""
        by_reason: dict[str, set[str]] = {}
        pairs = zip(_column(group, "account_id"), _column(group, "reason"), strict=True)
        for account, reason in pairs:
            by_reason.setdefault(reason, set()).add(account)
        by_reason.pop("UNDONE", None)  # back in the batch, and evaluated when it left
        for reason, accounts in sorted(by_reason.items()):
            await self._flags.evaluate_and_publish(sorted(accounts), f"returned from a batch ({reason})")

    async def on_recall(self, group: Sequence[Chunk]) -> None:
        """Publish flags again as they are stored, because batch does not have them."""
        await self._flags.publish(sorted(set(_column(group, "account_id"))))

    def on_request(self, results: Topic) -> Handler:
        """Return the handler of requests that publishes FACTS chunks to the topic `results`, metadata handed on."""

        async def attach(group: Sequence[Chunk]) -> None:
            await self._publisher.send(await asyncio.to_thread(self._attacher.messages, group, results))

        return attach

    async def _targets(self, taken_in: TakenIn) -> None:
        await self._flags.evaluate_and_publish(taken_in.accounts, "")  # the new target version itself is the cause
        _raise_problems("bad_target", taken_in.problems)
        _raise_refused(taken_in)


def _column(group: Sequence[Chunk], name: str) -> list[str]:
    rows: Any = pa.Table.from_batches([chunk.rows for chunk in group])
    values: list[str] = rows.column(name).to_pylist()
    return values


def _raise_refused(taken_in: TakenIn) -> None:
    """Raise PartialFailure if any message was refused: these become dead letters, the others are done."""
    if taken_in.refused:
        raise PartialFailure({index: BadMessage(code, text) for index, (code, text) in taken_in.refused.items()})


def _raise_problems(code: str, problems: Iterable[str]) -> None:
    """Raise BadMessage with all problems, if any: the message becomes a dead letter, its good part is done."""
    texts = list(problems)
    if texts:
        raise BadMessage(code, "; ".join(texts))
