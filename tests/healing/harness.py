"""analyzer, taxlot and batch on one real database and broker; the test carries messages, and may lose one."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.taxlot.handlers import Handlers as TaxlotHandlers
from services.taxlot.intake.load import Criteria, LoadOutcome, connected, load
from services.taxlot.intake.publish import publish_file
from services.taxlot.settings import Settings
from services.taxlot.store.ledger import Arrival
from shared.contracts import topics
from shared.contracts.codes import FlagState
from shared.kafka import messages
from shared.kafka.messages import Incoming
from shared.kafka.publisher import Publisher
from shared.outbox.relay import Relay
from shared.postgres import pool as db
from shared.postgres.migrations import migrate
from tests.analyzer.builders import MONDAY, account, held, holdings, noon
from tests.analyzer.harness import Harness as AnalyzerHarness
from tests.analyzer.harness import settings_for
from tests.batch.harness import Harness as BatchHarness
from tests.signing import PUBLIC_KEY
from tests.stackfix.infrastructure import as_role
from tests.taxlot.files import File, cash, lot

TUESDAY, WEDNESDAY = date(2026, 1, 6), date(2026, 1, 7)
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}
FLAGGED, CLEAR, OFF, SETTLING = FlagState.FLAGGED, FlagState.CLEAR, FlagState.OFF, FlagState.SETTLING
Lose = Callable[[str, Any], bool]
_CARRIED = (
    topics.HOLDINGS, topics.FLAGS, topics.REBALANCED, topics.RETURNED, topics.STANDING, topics.RECALL, topics.UNBOOKED,
    topics.PRICE_SETS,
)  # fmt: skip
_WITHIN_S = 60.0


def nothing(_topic: str, _chunk: Any) -> bool:
    """Lose no message."""
    return False


def of(topic: topics.Topic) -> Lose:
    """Lose the messages of a topic."""
    return lambda name, _chunk: name == topic.name


@dataclass
class Harness:
    """Three services without their processes."""

    url: str
    analyzer: AnalyzerHarness
    batch: BatchHarness
    taxlot: TaxlotHandlers
    pool: db.Pool
    publisher: Publisher
    consumer: AIOKafkaConsumer
    folder: Path
    lost: list[str] = field(default_factory=list)
    deaf: bool = False  # taxlot alone loses whatever approvals come

    def at(self, day: date) -> None:
        """Set everybody's clock to noon of a day in New York."""
        self.analyzer.at(day)
        self.batch.clock.instant = noon(day)

    async def carry(self, lose: Lose = nothing) -> None:
        """Deliver what is on its way, and what that leads to, until nothing is; `lose` says what never arrives."""
        decoders = {topic.name: messages.decoder(topic) for topic in _CARRIED}
        deadline = time.monotonic() + _WITHIN_S
        while await self._on_its_way():
            assert time.monotonic() < deadline, "messages lead to messages without end"
            for partition, records in (await self.consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    came = Incoming(
                        partition.topic, partition.partition, record.offset, record.key, record.value, record.headers, 0
                    )
                    chunk = decoders[partition.topic](came)
                    if lose(partition.topic, chunk):
                        self.lost.append(partition.topic)
                    else:
                        await self._deliver(partition.topic, chunk)

    async def _on_its_way(self) -> bool:
        ((pending,),) = self.batch.sql("SELECT count(*) FROM outbox WHERE published_at IS NULL")
        partitions = list(self.consumer.assignment())
        ends = await self.consumer.end_offsets(partitions)
        return bool(pending) or any(
            [await self.consumer.position(partition) < ends[partition] for partition in partitions]
        )

    async def _deliver(self, topic: str, chunk: Any) -> None:
        rules = self.analyzer.handlers
        takers: dict[str, list[Any]] = {
            topics.HOLDINGS.name: [rules.on_holdings],
            topics.FLAGS.name: [self.batch.handlers.on_flags],
            topics.REBALANCED.name: [rules.on_rebalanced, *([] if self.deaf else [self.taxlot.on_rebalanced])],
            topics.RETURNED.name: [rules.on_returned],
            topics.STANDING.name: [self.batch.handlers.on_standing, self.taxlot.on_standing],
            topics.RECALL.name: [rules.on_recall],
            topics.UNBOOKED.name: [self.batch.handlers.on_unbooked],
            topics.PRICE_SETS.name: [self.batch.handlers.on_price_sets],
        }
        for take in takers[topic]:
            await take([chunk])

    async def daily(self, day: date, lose: Lose = nothing) -> None:
        """Run the daily analysis of a day and all that follows from it."""
        self.at(day)
        while await self.analyzer.sweeper.step():
            pass
        await self.analyzer.sweeper.publish_withdrawals()
        await self.carry(lose)

    async def load(self, file: File, day: date) -> LoadOutcome:
        """Load a custodian's file into taxlot and publish it."""
        path = file.write(self.folder / f"{time.monotonic_ns()}.lots")
        when = Criteria(noon(day), day, 10)
        outcome = await asyncio.to_thread(
            load, as_role(self.url, "taxlot"), path, Arrival(path.name, "COMMAND"), when, lambda _done, _all: None
        )
        await self.publish(outcome.file_id, day)
        return outcome

    async def publish(self, file_id: int, day: date) -> None:
        """Publish a loaded file at noon of a day."""
        async with self.pool.connection() as connection:
            await publish_file(connection, self.publisher, file_id, noon(day))

    def state(self, account_id: str) -> tuple[int, int]:
        """Return (state, epoch) of an account's flag as batch has it."""
        ((state, epoch),) = self.batch.sql("SELECT state, epoch FROM flag WHERE account_id = %s", account_id)
        return state, epoch

    def versions(self, account_id: str) -> tuple[int, int]:
        """Return the flag versions of batch and of the analyzer."""
        ((ours,),) = self.batch.sql("SELECT flag_version FROM batch.flag WHERE account_id = %s", account_id)
        ((theirs,),) = self.batch.sql("SELECT flag_version FROM analyzer.flag WHERE account_id = %s", account_id)
        return ours, theirs


@contextlib.asynccontextmanager
async def opened(url: str, kafka_url: str, folder: Path) -> AsyncIterator[Harness]:
    """Open a harness on an empty database, its clocks at noon of MONDAY."""
    for service in ("taxlot", "batch"):
        migrate(service, as_role(url, f"{service}_migrator"))
    with connected(as_role(url, "taxlot")) as connection:
        connection.execute("INSERT INTO security (security_id, version, kind) SELECT one, 1, 'STOCK'"
                           " FROM unnest(ARRAY['AAA', 'BBB']) AS one")  # fmt: skip
    settings = settings_for(url, kafka_url, folder / "clock.json").model_copy(update={"standing_after_s": 0})
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False, group_id=None)
    async with contextlib.AsyncExitStack() as ends:
        await consumer.start()
        ends.push_async_callback(consumer.stop)
        consumer.assign(
            [TopicPartition(topic.name, number) for topic in _CARRIED for number in range(topic.partitions)]
        )
        await consumer.seek_to_end()
        analyzer = await ends.enter_async_context(AnalyzerHarness(settings))
        publisher = await ends.enter_async_context(Publisher(kafka_url, "test"))
        pool = await ends.enter_async_context(db.pool(as_role(url, "taxlot"), "taxlot"))
        batch = BatchHarness(url)
        ends.push_async_callback(batch.database.close)
        relay = asyncio.create_task(Relay(as_role(url, "batch"), "batch", publisher).run())
        ends.callback(relay.cancel)
        harness = Harness(
            url, analyzer, batch, TaxlotHandlers(pool, publisher, analyzer.clock), pool, publisher, consumer, folder
        )
        harness.at(MONDAY)
        yield harness


def taxlot_settings(harness: Harness, kafka_url: str) -> Settings:
    """Return the settings of a command of taxlot on the harness's database."""
    return Settings(
        database_url=as_role(harness.url, "taxlot"), requests_database_url=as_role(harness.url, "taxlot_requests"),
        kafka_url=kafka_url, http_port=1, principal_public_key=PUBLIC_KEY,
        clock_file=harness.analyzer.settings.clock_file,
    )  # fmt: skip


async def a_flagged_account(harness: Harness, name: str = "a1") -> None:
    """The account has drifted, and every service has its flag."""
    await harness.analyzer.book(name)
    await harness.batch.handlers.on_accounts([account(name, 1)])
    await harness.analyzer.handlers.on_holdings(holdings(held(name, 1, cash="130", **DRIFTED)))
    await harness.carry()
    assert harness.state(name) == (FLAGGED, 0)


async def approve(harness: Harness, **values: Any) -> None:
    """Propose for the account and approve; values: what is proposed."""
    pat = harness.batch.user()
    batch = await pat.propose("a1")
    ((facts, lots, target),) = harness.batch.sql("SELECT facts_version, lots_version, target_version FROM flag")
    versions = {"facts_version": facts, "lots_version": lots, "target_version": target}
    await harness.batch.reply(batch["batch_id"], **versions, **values)
    await pat.done(await pat.get(f"/v1/batches/{batch['batch_id']}"), "approve")


def in_band(day: str, units: str) -> File:
    """A file of a1 with so many units of AAA."""
    rows = [lot("a1", "AAA", "L1", units, sleeve="APM"), lot("a1", "BBB", "L2", "300", sleeve="APM"), cash("a1", "100")]
    return File(rows, kind="UPDATED", day=day)
