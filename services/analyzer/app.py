"""Wires the analyzer: which topic goes to which handler, and what runs beside it.  Importing starts nothing."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

import faust

from services.analyzer import routes
from services.analyzer.handlers import Handlers
from services.analyzer.operations.attach_facts import Attacher
from services.analyzer.operations.context import Contexts
from services.analyzer.operations.evaluate import Evaluator
from services.analyzer.operations.measure import EVERY_S, AnalysisMeasure
from services.analyzer.operations.publish import FlagPublisher
from services.analyzer.operations.sweep import Sweeper
from services.analyzer.operations.take_in import FactStore
from services.analyzer.settings import SERVICE, Settings
from services.analyzer.store.database import Database
from services.analyzer.store.names import Names
from shared.contracts import topics
from shared.http import app as http
from shared.http.routing import vouched
from shared.kafka import faust_worker
from shared.kafka.access import AccessWatch
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.kafka.stall_watch import StallWatch
from shared.runtime.calendar_end import warn_before_end
from shared.runtime.clock import Clock, clock_of
from shared.runtime.runner import run_all
from shared.runtime.sampler import Sampler

HOLDINGS_GROUP: Final = 8  # chunks of up to 200 accounts that share one transaction
EVENT_GROUP: Final = 500


@dataclass(frozen=True)
class Dependencies:
    """What worker and sweeper share."""

    database: Database
    names: Names
    clock: Clock
    contexts: Contexts
    evaluator: Evaluator
    publisher: Publisher


def build_dependencies(settings: Settings, *, serves: bool = True) -> Dependencies:
    """Return the dependencies, closed: open database and publisher before use.  serves: users' requests, too."""
    requests_url = settings.requests_database_url if serves else None
    sizes = {"size": settings.work_connections, "requests_size": settings.requests_connections}
    database = Database(settings.database_url, requests_url, **sizes)
    names = Names(database)
    clock = clock_of(settings.clock_file)
    warn_before_end(clock.now())
    contexts = Contexts(clock, settings)
    evaluator = Evaluator(database, names, contexts)
    return Dependencies(
        database, names, clock, contexts, evaluator, Publisher(settings.broker, SERVICE, settings.gateway_url)
    )


def build_handlers(of: Dependencies, settings: Settings) -> Handlers:
    """Return the handlers of all topics."""
    facts = FactStore(of.database, of.names, of.clock, settings)
    flags = FlagPublisher(of.database, of.evaluator, of.publisher)
    attacher = Attacher(of.database, of.names, of.contexts)
    return Handlers(facts, flags, attacher, of.publisher)


def build_sweeper(of: Dependencies, settings: Settings) -> Sweeper:
    """Return a sweeper."""
    return Sweeper(of.database, of.evaluator, of.publisher, of.clock, settings)


def build_app(settings: Settings) -> faust.App:
    """Return the Faust worker with an agent for each topic, its HTTP beside it."""
    dependencies = build_dependencies(settings)
    database, publisher = dependencies.database, dependencies.publisher
    handlers = build_handlers(dependencies, settings)
    app = faust_worker.build_worker(SERVICE, settings)
    small_requests, small_results = topics.small(topics.WORK_REQUEST), topics.small(topics.WORK_FACTS)
    agents = (
        (topics.SECURITY, handlers.on_securities, EVENT_GROUP),
        (topics.PRICE, handlers.on_prices, 1),
        (topics.MODEL, handlers.on_models, EVENT_GROUP),
        (topics.PORTFOLIO, handlers.on_portfolios, EVENT_GROUP),
        (topics.ACCOUNT, handlers.on_accounts, EVENT_GROUP),
        (topics.HOLDINGS, handlers.on_holdings, HOLDINGS_GROUP),
        (topics.REBALANCED, handlers.on_rebalanced, HOLDINGS_GROUP),
        (topics.RETURNED, handlers.on_returned, HOLDINGS_GROUP),
        (topics.RECALL, handlers.on_recall, HOLDINGS_GROUP),
        (topics.WORK_REQUEST, handlers.on_request(topics.WORK_FACTS), faust_worker.WORK_GROUP),
        (small_requests, handlers.on_request(small_results), 1),
    )
    for topic, handler, group in agents:
        processor = MessageProcessor(SERVICE, topic, handler, publisher, settings.processor_limits)
        faust_worker.consume(app, processor, group=group)

    stall_watch = StallWatch(app, publisher, SERVICE, settings)

    async def serves() -> list[str]:
        return await _unavailable(database)

    async def ready() -> list[str]:
        return [*faust_worker.readiness(app), *stall_watch.stuck(), *await serves()]

    router = routes.router(database, dependencies.names, dependencies.contexts, dependencies.clock, settings)
    door = vouched(SERVICE, settings.principal_public_key, dependencies.clock)
    http_app = http.create_app(SERVICE, ready, stall_watch.stuck, serves=serves, routers=[router], door=door)
    faust_worker.attach(app, [database, publisher, stall_watch], http_app, settings)
    return app


async def run_sweeper(settings: Settings) -> None:
    """Sweep until cancelled, with probes and metrics beside it."""
    dependencies = build_dependencies(settings, serves=False)
    async with dependencies.database, dependencies.publisher:
        sweeper = build_sweeper(dependencies, settings)
        access = AccessWatch(SERVICE, settings.broker)
        ready = partial(_unavailable, dependencies.database)
        http_app = http.create_app(f"{SERVICE}-sweeper", ready, troubles=access.troubles)
        measure = AnalysisMeasure(dependencies.database, dependencies.clock, settings)
        sampler = Sampler(f"{SERVICE}-sweeper", "analysis", measure.sample, EVERY_S)
        serving = http.serve(http_app, settings.http_host, settings.http_port)
        await run_all(sweeper.run(), sampler.run(), access.run(), serving)


async def _unavailable(database: Database) -> list[str]:
    """Return why the database cannot be used; empty when it can."""
    try:
        responds = await asyncio.to_thread(database.responds)
    except Exception as error:  # noqa: BLE001  # any error is a reason
        return [f"database: {error}"[:200]]
    return [] if responds else ["database: no answer"]
