"""What the analyzer does with each kind of message.  Each handler takes a group of decoded messages of one topic.

The same course everywhere: store the facts (older ones are passed over), evaluate the accounts the messages name,
publish the flags of those same accounts as they then stand.  So a message that is delivered again, after a crash at
whatever point, publishes whatever its first delivery left out.  Everything but the sending runs in worker threads.
Source: architecture "Guard", "Republish".
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Any

import pyarrow as pa

from services.analyzer.columns import incoming
from services.analyzer.operations import attach_facts
from services.analyzer.operations.evaluate import CHUNK, Evaluator
from services.analyzer.operations.price_sets import PriceSetResult, Pricing
from services.analyzer.settings import SERVICE, Settings
from services.analyzer.store import facts, flags, market, price_sets, runs, targets
from services.analyzer.store.database import Database, Session
from services.analyzer.store.names import Names
from services.analyzer.store.targets import accounts_of
from shared.columnar import joined
from shared.contracts.platform import AccountChanged, ModelChanged, PortfolioChanged, PricesPublished, SecurityChanged
from shared.contracts.succession import Admitted, admit
from shared.contracts.topics import Topic
from shared.kafka import messages
from shared.kafka.faults import PartialFailure, refuse
from shared.kafka.isolation import isolate_rows, too_large
from shared.kafka.messages import BadMessage, Chunk, Outgoing
from shared.kafka.processor import Handler
from shared.kafka.publisher import Publisher
from shared.rules.trading_calendar import business_date
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)


class Handlers:
    """Handlers of all topics of one worker."""

    def __init__(
        self, database: Database, names: Names, evaluator: Evaluator, publisher: Publisher, clock: Clock,
        settings: Settings,
    ) -> None:  # fmt: skip
        self._database = database
        self._names = names
        self._evaluator = evaluator
        self._publisher = publisher
        self._clock = clock
        self._settings = settings
        self._pricing = Pricing(names, clock, settings)
        self._held: set[int] = set()  # securities noted as held by this process

    async def on_holdings(self, group: Sequence[Chunk]) -> None:
        """Take in what accounts hold after a good file, or that they are held."""

        def store() -> list[str]:
            merged = incoming.holdings(self._names, group)
            fresh = set(merged.securities.tolist()) - self._held
            with self._database.session() as session:
                facts.merge_holdings(session, merged)
                if fresh:
                    price_sets.note_held(session, sorted(fresh))
            self._held |= fresh
            return list(merged.account_id.to_pylist())

        await self._evaluate(await asyncio.to_thread(store), "new holdings")

    async def on_accounts(self, group: Sequence[AccountChanged]) -> None:
        """Take in accounts and their settings.

        Raises PartialFailure once all is done, when some settings are not valid (stored, and their account is held), or
        versions cannot follow what is there (not stored).
        """
        problems: dict[str, str] = {}

        def store() -> Admitted[AccountChanged]:
            with self._database.session() as session:
                known = facts.known_versions(session, [one.account_id for one in group])
                admitted = admit(group, lambda one: one.account_id, known)
                facts.merge_accounts(session, incoming.accounts(self._names, admitted.newest, problems))
            return admitted

        admitted = await asyncio.to_thread(store)
        await self._evaluate(admitted.named, "settings change")
        bad = {place: BadMessage("bad_version", text) for place, text in admitted.refused.items()}
        versions = {one.account_id: one.version for one in admitted.newest}
        for place, one in enumerate(group):
            if place not in bad and one.account_id in problems and one.version == versions[one.account_id]:
                bad[place] = BadMessage("bad_settings", problems[one.account_id])
        if bad:
            raise PartialFailure(bad)

    async def on_securities(self, group: Sequence[SecurityChanged]) -> None:
        """Take in securities; they matter to proposals only.  Raises PartialFailure for versions that cannot follow."""

        def store() -> Admitted[SecurityChanged]:
            with self._database.session() as session:
                return market.save_securities(session, self._names, group)

        refuse((await asyncio.to_thread(store)).refused)

    async def on_prices(self, group: Sequence[PricesPublished]) -> None:
        """Take in price sets.  Only accounts held for want of a price are evaluated; others wait for the analysis.

        When they are many, sweepers do it.
        """

        def store() -> tuple[list[str], list[PriceSetResult]]:
            with self._database.session() as session:
                found = [self._pricing.take_in(session, event) for event in group]
                generation, _ = price_sets.in_force(session)
                bound = self._settings.at_once_accounts
                if len(flags.price_held(session, bound + 1)) > bound:
                    part = runs.Coverage("PRICE_HELD", subject=f"prices {generation}")
                    self._open(session, "PRICES", part)
                    return [], found
            with self._database.session() as session:
                return flags.price_held(session), found

        held, found = await asyncio.to_thread(store)
        await self._evaluate(held, "new prices")
        _refuse("bad_price_set", [one.refused for one in found if one.refused])
        _refuse("bad_price", [problem for one in found for problem in one.problems])

    async def on_models(self, group: Sequence[ModelChanged]) -> None:
        """Take in models and evaluate all accounts that follow them."""
        await self._targets(lambda session: targets.save_models(session, self._names, group))

    async def on_portfolios(self, group: Sequence[PortfolioChanged]) -> None:
        """Take in portfolios and evaluate all their accounts."""
        await self._targets(lambda session: targets.save_portfolios(session, self._names, group))

    async def on_rebalanced(self, group: Sequence[Chunk]) -> None:
        """Take in approvals: new epoch, last rebalanced, settling."""
        rows: Any = pa.Table.from_batches([chunk.rows for chunk in group])
        accounts: list[str] = rows.column("account_id").to_pylist()
        epochs: list[int] = rows.column("epoch").to_pylist()
        dates: list[date] = rows.column("trade_date").to_pylist()

        def store() -> None:
            newest = {account: index for index, account in sorted(enumerate(accounts), key=lambda one: epochs[one[0]])}
            places = sorted(newest.values())
            with self._database.session() as session:
                facts.mark_rebalanced(
                    session, [accounts[i] for i in places], [epochs[i] for i in places], [dates[i] for i in places]
                )

        await asyncio.to_thread(store)
        await self._evaluate(sorted(set(accounts)), "approval")

    async def on_returned(self, group: Sequence[Chunk]) -> None:
        """Evaluate accounts that left a batch without being rebalanced."""
        rows: Any = pa.Table.from_batches([chunk.rows for chunk in group])
        by_reason: dict[str, set[str]] = {}
        pairs = zip(rows.column("account_id").to_pylist(), rows.column("reason").to_pylist(), strict=True)
        for account, reason in pairs:
            by_reason.setdefault(reason, set()).add(account)
        for reason, accounts in sorted(by_reason.items()):
            await self._evaluate(sorted(accounts), f"returned from a batch ({reason})")

    async def on_recall(self, group: Sequence[Chunk]) -> None:
        """Tell flags again, as they stand: batch has not got them."""
        rows: Any = pa.Table.from_batches([chunk.rows for chunk in group])
        accounts: list[str] = sorted(set(rows.column("account_id").to_pylist()))
        for start in range(0, len(accounts), CHUNK):
            await self._publish(accounts[start : start + CHUNK])

    def on_request(self, answer: Topic) -> Handler:
        """Return the handler of requests that answers to the topic `answer`: FACTS chunks, metadata handed on."""

        def facts_of(group: Sequence[Chunk]) -> list[Outgoing]:
            asked = joined([chunk.rows for chunk in group])
            with self._database.session() as session:

                def attach(part: pa.RecordBatch) -> pa.RecordBatch:
                    return attach_facts.attach(session, self._names, self._evaluator, part)

                facts = isolate_rows("attach facts", asked, attach, attach_facts.unattached)
            sizes = [chunk.rows.num_rows for chunk in group]
            parts = [facts.slice(end - size, size) for size, end in zip(sizes, accumulate(sizes), strict=True)]
            answers = [self._answer(answer, rows, chunk.meta) for rows, chunk in zip(parts, group, strict=True)]
            return [message for one in answers for message in one]

        async def attached(group: Sequence[Chunk]) -> None:
            await self._publisher.send(await asyncio.to_thread(facts_of, group))

        return attached

    def _answer(self, answer: Topic, rows: pa.RecordBatch, meta: Mapping[str, str]) -> list[Outgoing]:
        at = self._clock.now()
        return messages.result_chunks(
            answer, rows, meta, source=SERVICE, at=at, too_large=too_large(attach_facts.unattached)
        )

    async def _targets(self, save: Callable[[Session], targets.SavedTargets]) -> None:
        """Store targets, have all their accounts evaluated, and refuse what cannot be used.

        Up to a bound they are evaluated here, chunk by chunk; more of them by sweepers, in a run that is opened in the
        same transaction: it is there if, and only if, the targets are.
        """

        def store() -> tuple[list[str], list[str], dict[int, str]]:
            with self._database.session() as session:
                saved = save(session)
                portfolios = saved.portfolios
                many = targets.touches_more_than(session, portfolios, self._settings.at_once_accounts)
                if many:
                    subject = f"targets {targets.state_of(session, portfolios)}"
                    self._open(session, "TARGET", runs.Coverage("PORTFOLIOS", portfolios, subject))
            with self._database.session() as session:
                problems = targets.problems_of(session, portfolios)
                return [] if many else accounts_of(session, portfolios), problems, saved.refused

        accounts, problems, refused = await asyncio.to_thread(store)
        await self._evaluate(accounts, "")  # the new target version itself is the cause
        _refuse("bad_target", problems)
        refuse(refused)

    def _open(self, session: Session, kind: runs.Kind, part: runs.Coverage) -> None:
        """Open a run over the accounts touched, unless there has been one of that subject."""
        now = self._clock.now()
        number = runs.start_part(session, kind, part, business_date(now, self._settings.cut_off), now)
        _log.info("analysis.opened", kind=kind, run_no=number, subject=part.subject)

    async def _evaluate(self, accounts: Sequence[str], trigger: str) -> None:
        """Evaluate and publish in chunks; each chunk is published before the next begins."""
        for start in range(0, len(accounts), CHUNK):
            part = list(accounts[start : start + CHUNK])
            await asyncio.to_thread(self._evaluator.evaluate, part, trigger)
            await self._publish(part)

    async def _publish(self, accounts: Sequence[str]) -> None:
        """Publish the flags of these accounts as they stand, and note which public events are out."""

        told = await asyncio.to_thread(self._evaluator.tell, accounts)
        await self._publisher.send([message for one in told for message in one.messages])
        fresh = [one.stored.fresh() for one in told]
        announced = [account for names, _ in fresh for account in names]
        if announced:
            versions = [version for _, numbers in fresh for version in numbers]

            def mark() -> None:
                with self._database.session() as session:
                    flags.mark_announced(session, announced, versions)

            await asyncio.to_thread(mark)


def _refuse(code: str, problems: Iterable[str]) -> None:
    """Raise BadMessage with all problems, if any: the message goes to the dead letters, its good part is done."""
    texts = list(problems)
    if texts:
        raise BadMessage(code, "; ".join(texts))
