"""An event log of a test's own, filled from the outbox as the relay fills it, and a replay of it."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from services.auditor.operations.replay import DayComparison, replay
from services.auditor.settings import Settings
from services.batch.operations.account_states import AccountStates
from shared.contracts import topics
from shared.contracts.events import AccountFlag
from shared.contracts.topics import TOPICS
from shared.ids import event_id
from shared.kafka.messages import event
from tests.auditor.harness import AuditHarness
from tests.batch import build
from tests.stackfix.infrastructure import as_role

LOGGED: Final = [topic.name for topic in TOPICS if topic.logged]


class ReplayHarness:
    """The stores of an `AuditHarness`, and topics that stand in for those of the event log."""

    def __init__(self, audit: AuditHarness) -> None:
        self.audit = audit
        suffix = uuid.uuid4().hex[:8]
        self.names = {name: f"{name}-{suffix}" for name in LOGGED}

    def settings(self, **values: Any) -> Settings:
        """Return the auditor's settings."""
        url = as_role(self.audit.batch.admin_url, "auditor")
        return Settings(kafka_url=self.audit.kafka_url, http_port=1, database_url=url, **values)

    async def begin(self) -> None:
        """Make the topics."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.audit.kafka_url)
        await admin.start()
        try:
            made = [NewTopic(name, num_partitions=2, replication_factor=1) for name in self.names.values()]
            await admin.create_topics(made)
        finally:
            await admin.close()

    async def publish(self) -> None:
        """Publish what waits in the outbox for the event log."""
        rows = self.audit.batch.sql(
            "SELECT topic, key, value, headers FROM outbox WHERE topic = ANY(%s) AND published_at IS NULL ORDER BY id",
            LOGGED,
        )
        await self.send([(topic, bytes(key), bytes(value), headers) for topic, key, value, headers in rows])
        self.audit.hurt("UPDATE batch.outbox SET published_at = clock_timestamp()")

    async def send(self, messages: Sequence[tuple[str, bytes, bytes, dict[str, str]]]) -> None:
        """Put messages on the test's topics."""
        producer = AIOKafkaProducer(bootstrap_servers=self.audit.kafka_url)
        await producer.start()
        try:
            for topic, key, value, headers in messages:
                named = [(name, text.encode()) for name, text in headers.items()]
                await producer.send_and_wait(self.names[topic], value, key, headers=named)
        finally:
            await producer.stop()

    async def tell_states(self) -> None:
        """Have batch put the states of accounts that changed into its outbox."""
        publisher = AccountStates(self.audit.batch.database, self.audit.batch.clock)
        while await publisher.publish_some():
            pass

    async def tell_flags(self) -> None:
        """Publish the flags that batch has, as the analyzer publishes them."""
        rows = self.audit.batch.sql(
            "SELECT account_id, enterprise_id, advisor_id, flag_version, source, needed_since FROM flag WHERE state = 2"
        )
        sent = []
        for account, enterprise, advisor, version, source, needed_since in rows:
            body = AccountFlag(
                account_id=account, enterprise_id=enterprise, advisor_id=advisor, version=version, state="FLAGGED",
                tiles=["HIGH_CASH"], source=source, needed_since=needed_since, market_value="100000.00", reasons=[],
            )  # fmt: skip
            at, identity = build.MORNING, event_id("flag", account, version)
            made = event(topics.ACCOUNT_FLAG, account, body, event_id=identity, source="analyzer", at=at)
            sent.append((made.topic, made.key, made.value, made.headers))
        await self.send(sent)

    async def report(self, batch_id: int, account: str, **values: Any) -> dict[str, Any]:
        """Have the platform report about the one order of an account: batch takes it in, and the log has it."""
        ((value,),) = self.audit.batch.sql(
            "SELECT value FROM outbox WHERE topic = 'rebalancer.orders.v1' AND convert_from(key, 'UTF8') = %s", account
        )
        event = orjson.loads(bytes(value))
        (order,) = event["orders"]
        named = {name: event[name] for name in ("account_id", "enterprise_id", "batch_id")}
        named |= {name: order[name] for name in ("order_id", "security_id")}
        body = named | {"version": 1, "status": "ACCEPTED", "at": "2026-06-12T14:30:00Z"} | values
        await self.send([("platform.execution.v1", account.encode(), orjson.dumps(body), {})])
        return body

    async def compare(self, day: date = build.TRADE_DATE, **settings: Any) -> DayComparison:
        """Replay a day."""
        now = self.audit.batch.clock.now()
        return await replay(self.settings(**settings), day, now, lambda *_: None, self.names)
