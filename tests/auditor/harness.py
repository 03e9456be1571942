"""An auditor over real stores and a real topic, and ways to hurt what it looks at."""

import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.auditor.domain.invariants import Difference
from services.auditor.operations.kept_heads import KeptHeads
from services.auditor.operations.order_stream import OrderStream
from services.auditor.operations.passes import Passes
from services.auditor.settings import Settings
from shared.contracts import topics
from shared.kafka.lag import LagWatch
from tests.batch.harness import Harness
from tests.stackfix.infrastructure import as_role

PATIENCE_S = 120.0


@dataclass
class SetLag(LagWatch):
    """Says of every group what the test says; no group is asked."""

    age: float = 0.0

    def __post_init__(self) -> None:
        """Watch nothing."""

    async def sample(self) -> None:
        """Compare nothing."""

    def age_s(self, group: str, topic: str) -> float:
        """Return what the test says."""
        return self.age


@dataclass
class AuditHarness:
    """Batch with real approvals, an analyzer that has the same, and the auditor; time passes when the test says so."""

    batch: Harness
    kafka_url: str
    topic: str = field(default_factory=lambda: f"orders-{uuid.uuid4().hex[:8]}")
    heads: str = field(default_factory=lambda: f"heads-{uuid.uuid4().hex[:8]}")
    lag: SetLag = field(default_factory=SetLag)
    passed_s: float = 0.0

    async def begin(self) -> None:
        """Make topics of the test's own."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka_url)
        await admin.start()
        try:
            new = [NewTopic(self.topic, num_partitions=2, replication_factor=1)]
            compacted = {"cleanup.policy": "compact"}
            new += [NewTopic(self.heads, num_partitions=1, replication_factor=1, topic_configs=compacted)]
            await admin.create_topics(new)
        finally:
            await admin.close()
        self.passes = self.new_passes()

    def new_passes(self, kafka_url: str | None = None, **values: Any) -> Passes:
        """Return an auditor that has just been started."""
        settings = Settings(
            kafka_url=kafka_url or self.kafka_url,
            http_port=1,
            database_url=as_role(self.batch.admin_url, "auditor"),
            audit_patience_s=PATIENCE_S,
            **values,
        )
        decided_from = settings.audit_orders_from
        stream = OrderStream(settings.kafka_url, self.batch.clock, topic=self.topic, decided_from=decided_from)
        heads = KeptHeads(settings.kafka_url, self.batch.clock, topic=self.heads, seen_from=decided_from)
        return Passes(settings, self.batch.clock, stream, heads, self.lag, lambda: self.passed_s)

    async def found(self) -> list[Difference]:
        """Return what is broken after two passes, with the patience between them."""
        await self.passes.look()
        self.passed_s += PATIENCE_S
        await self.passes.look()
        return self.passes.broken()

    async def names(self) -> list[str]:
        """Return the names of the broken invariants."""
        return sorted({str(difference.invariant) for difference in await self.found()})

    def hurt(self, statement: str, *values: Any) -> None:
        """Change rows that no service would change: without triggers, as a superuser."""
        with psycopg.connect(self.batch.admin_url) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(statement.encode(), values)

    def analyze(self) -> None:
        """Give analyzer and taxlot what batch has: accounts with their epochs, flags with their versions."""
        self.hurt(
            "INSERT INTO analyzer.account_facts (account_id, enterprise_id, advisor_id, facts_version,"
            " settings_version, epoch) SELECT account_id, enterprise_id, advisor_id, 1, 1, epoch FROM batch.account"
            " ON CONFLICT (account_id) DO UPDATE SET epoch = excluded.epoch"
        )
        self.hurt(
            "INSERT INTO taxlot.approval SELECT account_id, epoch FROM batch.account WHERE epoch > 0"
            " ON CONFLICT (account_id) DO UPDATE SET epoch = excluded.epoch"
        )
        self.hurt(
            "INSERT INTO analyzer.flag SELECT account_id, flag_version, 1, 1, NULL, 1, 1, epoch, 0, state, tiles, NULL,"
            " NULL, '[]', '', '', NULL, NULL, clock_timestamp(), NULL, true FROM batch.flag"
            " ON CONFLICT (account_id) DO UPDATE SET flag_version = excluded.flag_version"
        )

    async def publish(self) -> None:
        """Publish the outbox as the relay does, the orders into the test's topic."""
        rows = self.batch.sql(
            "SELECT key, value, headers FROM outbox WHERE topic = %s AND published_at IS NULL ORDER BY id",
            topics.ORDERS.name,
        )
        await self.send([(bytes(key), bytes(value), headers) for key, value, headers in rows])
        self.hurt("UPDATE batch.outbox SET published_at = clock_timestamp()")

    async def send(self, messages: list[tuple[bytes, bytes, dict[str, str]]]) -> None:
        """Put messages on the test's topic."""
        producer = AIOKafkaProducer(bootstrap_servers=self.kafka_url)
        await producer.start()
        try:
            for key, value, headers in messages:
                named = [(name, text.encode()) for name, text in headers.items()]
                await producer.send_and_wait(self.topic, value, key, headers=named)
        finally:
            await producer.stop()

    async def send_order(self, of_account: str, **changes: Any) -> None:
        """Put the order event of an account on the topic once more, changed."""
        ((value, headers),) = self.batch.sql(
            "SELECT value, headers FROM outbox WHERE topic = %s AND convert_from(key, 'UTF8') = %s",
            topics.ORDERS.name,
            of_account,
        )
        body = orjson.loads(bytes(value)) | changes
        await self.send([(of_account.encode(), orjson.dumps(body), headers)])

    async def approved(self, *accounts: str) -> int:
        """Have accounts queued, proposed, and approved; return the batch.  Nothing of it is published yet."""
        await self.batch.queue(*accounts)
        user = self.batch.user()
        batch = await user.pending(*accounts)
        decided = await user.done(batch, "approve")
        return int(decided["batch_id"])
