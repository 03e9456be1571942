"""The analyzer on a real database and broker, without its worker: handlers are called, their messages read back."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.analyzer import routes as api
from services.analyzer.app import Dependencies, build_dependencies, build_handlers, build_sweeper
from services.analyzer.handlers import Handlers
from services.analyzer.operations.context import Contexts
from services.analyzer.operations.evaluate import Evaluator
from services.analyzer.operations.sweep import Sweeper
from services.analyzer.settings import Settings
from services.analyzer.store.database import Database, Session
from services.analyzer.store.names import Names
from services.analyzer.store.price_sets import PriceBook, Prices
from shared.contracts import chunks, codec, topics
from shared.contracts.events import AccountFlag
from shared.http import app as http_app
from shared.http.routing import vouched
from shared.kafka.publisher import Publisher
from shared.postgres.migrations import migrate
from shared.runtime.clock import Clock, set_instant
from tests.analyzer.builders import MONDAY, account, noon, portfolio, prices, security
from tests.signing import PUBLIC_KEY, SignedAs, somebody
from tests.stackfix.infrastructure import as_role


@dataclass
class Harness:
    """One analyzer with its handlers; `published()` reads what it published after the last call."""

    settings: Settings
    dependencies: Dependencies = field(init=False)
    handlers: Handlers = field(init=False)
    sweeper: Sweeper = field(init=False)

    async def __aenter__(self) -> Self:
        migrate("analyzer", as_role(self.settings.database_url, "analyzer_migrator"))
        self._stack = AsyncExitStack()
        self.dependencies = await self._stack.enter_async_context(OpenDependencies(self.settings))
        self.handlers = build_handlers(self.dependencies, self.settings)
        self.sweeper = build_sweeper(self.dependencies, self.settings)
        read = (topics.FLAGS, topics.ACCOUNT_FLAG, topics.ANALYSIS, topics.WORK_FACTS)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_url, enable_auto_commit=False)
        await self._consumer.start()
        self._stack.push_async_callback(self._consumer.stop)
        self._partitions = [TopicPartition(topic.name, number) for topic in read for number in range(topic.partitions)]
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_end()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    @property
    def database(self) -> Database:
        return self.dependencies.database

    @property
    def names(self) -> Names:
        return self.dependencies.names

    @property
    def clock(self) -> Clock:
        return self.dependencies.clock

    @property
    def contexts(self) -> Contexts:
        return self.dependencies.contexts

    @property
    def evaluator(self) -> Evaluator:
        return self.dependencies.evaluator

    @property
    def publisher(self) -> Publisher:
        return self.dependencies.publisher

    def at(self, moment: date | datetime) -> None:
        """Set the clock; a date means its noon in New York."""
        assert self.settings.clock_file is not None
        set_instant(self.settings.clock_file, moment if isinstance(moment, datetime) else noon(moment))

    async def published(self) -> dict[str, list[Any]]:
        """Return what was published since the last call by topic: rows of chunks as dictionaries, events as models."""
        ends = await self._consumer.end_offsets(self._partitions)
        found: dict[str, list[Any]] = {
            topics.FLAGS.name: [],
            topics.ACCOUNT_FLAG.name: [],
            topics.ANALYSIS.name: [],
            topics.WORK_FACTS.name: [],
        }
        while any([await self._consumer.position(part) < ends[part] for part in self._partitions]):
            for part, records in (await self._consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    found[part.topic].extend(_decoded(part.topic, record.value))
        return found

    async def flags(self) -> dict[str, dict[str, Any]]:
        """Return the newest FLAGS row of each account published since the last call."""
        rows = (await self.published())[topics.FLAGS.name]
        return {row["account_id"]: row for row in sorted(rows, key=lambda row: row["flag_version"])}

    def row(self, query: str, *values: object) -> tuple[Any, ...]:
        """Return the first row of a query."""
        with self.database.session() as session:
            found = session.execute(query.encode(), values).fetchone()
        assert found is not None, query
        return found

    async def book(self, *accounts: str, on_count: int = 1, last: date | None = date(2025, 12, 1)) -> None:
        """Take in one portfolio (60 % AAA, 30 % BBB, 10 % cash), prices of one dollar, and these accounts."""
        await self.handlers.on_securities([security("AAA"), security("BBB"), security("CCC")])
        await self.handlers.on_prices([prices(1, AAA="1", BBB="1", CCC="1")])
        await self.handlers.on_portfolios([portfolio(1)])
        await self.handlers.on_accounts(
            [account(name, 1, on_count=on_count, last_rebalanced=last) for name in accounts]
        )


class OpenDependencies:
    """The dependencies with database and publisher open."""

    def __init__(self, settings: Settings) -> None:
        self._dependencies = build_dependencies(settings)

    async def __aenter__(self) -> Dependencies:
        await self._dependencies.database.__aenter__()
        await self._dependencies.publisher.__aenter__()
        return self._dependencies

    async def __aexit__(self, *error: object) -> None:
        await self._dependencies.publisher.__aexit__(*error)
        await self._dependencies.database.__aexit__(*error)


def settings_for(database_url: str, kafka_url: str, clock_file: Path) -> Settings:
    """Return settings of an analyzer whose clock stands at noon of MONDAY."""
    set_instant(clock_file, noon(MONDAY))
    return Settings(
        database_url=as_role(database_url, "analyzer"),
        requests_database_url=as_role(database_url, "analyzer_requests"),
        kafka_url=kafka_url,
        http_port=0,
        clock_file=clock_file,
        principal_public_key=PUBLIC_KEY,
    )


def _decoded(topic: str, value: bytes) -> list[Any]:
    if topic == topics.FLAGS.name:
        return list(codec.decode(value, chunks.FLAGS)[0].to_pylist())
    if topic == topics.WORK_FACTS.name:
        return list(codec.decode(value, chunks.FACTS)[0].to_pylist())
    if topic == topics.ACCOUNT_FLAG.name:
        return [AccountFlag.model_validate_json(value)]
    return [value]


class InterruptedPriceBook(PriceBook):
    """A price book that runs `interruption` once, between the reading of facts and the storing of flags."""

    def __init__(self, interruption: Callable[[], None]) -> None:
        super().__init__()
        self._interruption: Callable[[], None] | None = interruption

    def newest(self, session: Session) -> Prices:
        """Return the prices in force; run the interruption first, the first time."""
        if self._interruption is not None:
            interruption, self._interruption = self._interruption, None
            interruption()
        return super().newest(session)


def overtaken_evaluator(harness: Harness, interruption: Callable[[], None]) -> Evaluator:
    """Return a second evaluator on the same database that is overtaken by `interruption`."""
    evaluator = Evaluator(harness.database, harness.names, Contexts(harness.clock, harness.settings))
    evaluator.contexts.prices = InterruptedPriceBook(interruption)
    return evaluator


@asynccontextmanager
async def client_of(harness: Harness) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the analyzer's routes over the dependencies of this harness."""

    async def ready() -> list[str]:
        return []

    routes = api.router(harness.database, harness.names, harness.contexts, harness.clock, harness.settings)
    door = vouched("analyzer", harness.settings.principal_public_key, harness.clock)
    transport = httpx.ASGITransport(http_app.create_app("analyzer", ready, routers=[routes], door=door))
    signed = SignedAs(somebody(), "analyzer", harness.clock.now)
    async with httpx.AsyncClient(transport=transport, base_url="http://analyzer", auth=signed) as opened:
        yield opened


async def start_analysis(client: httpx.AsyncClient, key: str = "", **options: Any) -> httpx.Response:
    """Start an analysis, under a key of its own where none is given."""
    return await client.post("/v1/runs", headers={"Idempotency-Key": key or uuid.uuid4().hex}, **options)
