"""Wires the analyzer: which topic goes to which handler, and what runs beside it.  Importing starts nothing."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import faust

from services.analyzer import routes as api
from services.analyzer.handlers import Handlers
from services.analyzer.operations.evaluate import Evaluator
from services.analyzer.operations.sweep import Sweeper
from services.analyzer.settings import SERVICE, Settings
from services.analyzer.store.database import Database
from services.analyzer.store.names import Names
from shared.contracts import topics
from shared.http import app as http
from shared.http.routing import vouched
from shared.kafka import faust_worker
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.kafka.stall_watch import StallWatch
from shared.runtime.calendar_end import warn_before_end
from shared.runtime.clock import Clock, clock_of
from shared.runtime.runner import run_all

HOLDINGS_GROUP: Final = 8  # chunks of up to 200 accounts that share one transaction
EVENT_GROUP: Final = 500


@dataclass(frozen=True)
class Dependencies:
    """What worker and sweeper are both made of."""

    database: Database
    names: Names
    clock: Clock
    evaluator: Evaluator
    publisher: Publisher


def build_dependencies(settings: Settings, *, serves: bool = True) -> Dependencies:
    """Return the dependencies, closed; open database and publisher before use. serves: users' requests, too."""
    requests_url = settings.requests_database_url if serves else None
    sizes = {"size": settings.work_connections, "requests_size": settings.requests_connections}
    database = Database(settings.database_url, requests_url, **sizes)
    names = Names(database)
    clock = clock_of(settings.clock_file)
    warn_before_end(clock.now())
    evaluator = Evaluator(database, names, clock, settings)
    return Dependencies(database, names, clock, evaluator, Publisher(settings.kafka_url, SERVICE))


def build_app(settings: Settings) -> faust.App:
    """Return the Faust worker with an agent for each topic, its HTTP beside it."""
    dependencies = build_dependencies(settings)
    rules = Handlers(
        dependencies.database,
        dependencies.names,
        dependencies.evaluator,
        dependencies.publisher,
        dependencies.clock,
        settings,
    )
    app = faust_worker.build_worker(SERVICE, settings)
    agents = (
        (topics.SECURITY, rules.on_securities, EVENT_GROUP),
        (topics.PRICE, rules.on_prices, 1),
        (topics.MODEL, rules.on_models, EVENT_GROUP),
        (topics.PORTFOLIO, rules.on_portfolios, EVENT_GROUP),
        (topics.ACCOUNT, rules.on_accounts, EVENT_GROUP),
        (topics.HOLDINGS, rules.on_holdings, HOLDINGS_GROUP),
        (topics.REBALANCED, rules.on_rebalanced, HOLDINGS_GROUP),
        (topics.RETURNED, rules.on_returned, HOLDINGS_GROUP),
        (topics.RECALL, rules.on_recall, HOLDINGS_GROUP),
        (topics.WORK_REQUEST, rules.on_request(topics.WORK_FACTS), faust_worker.WORK_GROUP),
        (
            topics.small(topics.WORK_REQUEST),
            rules.on_request(topics.small(topics.WORK_FACTS)),
            1,
        ),
    )
    for topic, handler, group in agents:
        processor = MessageProcessor(SERVICE, topic, handler, dependencies.publisher, settings.processor_limits)
        faust_worker.consume(app, processor, group=group)

    progress = StallWatch(app, dependencies.publisher, SERVICE, settings)

    async def ready() -> list[str]:
        return [*faust_worker.readiness(app), *progress.stuck(), *await _away(dependencies.database)]

    routes = api.router(dependencies.database, dependencies.names, dependencies.evaluator, dependencies.clock, settings)
    door = vouched(SERVICE, settings.principal_public_key, dependencies.clock)
    http_app = http.create_app(SERVICE, ready, progress.stuck, routers=[routes], door=door)
    faust_worker.attach(app, [dependencies.database, dependencies.publisher, progress], http_app, settings)
    return app


async def run_sweeper(settings: Settings) -> None:
    """Sweep until cancelled, with probes and metrics beside it."""
    dependencies = build_dependencies(settings, serves=False)
    async with dependencies.database, dependencies.publisher:
        sweeper = Sweeper(
            dependencies.database, dependencies.evaluator, dependencies.publisher, dependencies.clock, settings
        )
        http_app = http.create_app("analyzer-sweeper", partial(_away, dependencies.database))
        await run_all(sweeper.run(), http.serve(http_app, settings.http_host, settings.http_port))


async def _away(database: Database) -> list[str]:
    """Return why the store cannot be worked with."""
    try:
        answers = await asyncio.to_thread(database.answers)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return [f"database: {error}"[:200]]
    return [] if answers else ["database: no answer"]
