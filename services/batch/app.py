"""Build the batch service: routes, consumers, relay, sweeps."""

import asyncio
from collections.abc import Sequence
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.batch.columns.results import READ
from services.batch.handlers import Handlers
from services.batch.operations import measure
from services.batch.operations.account_states import AccountStates
from services.batch.operations.measure import QueueMeasure
from services.batch.operations.sweeps import Sweeps
from services.batch.routes import accounts, batches, commands, exports, history, order_files, queue, trades
from services.batch.routes.dependencies import Dependencies, door
from services.batch.settings import SERVICE, Settings
from services.batch.store.database import Database
from shared.contracts import topics
from shared.contracts.problems import Unavailable
from shared.contracts.tenancy import RoleMayTooMuch
from shared.http.app import Liveness, Readiness, create_app, serve
from shared.kafka import lag
from shared.kafka.access import AccessWatch
from shared.kafka.consumer import GroupConsumer
from shared.kafka.faults import is_transient
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.outbox import watch
from shared.outbox.relay import Relay
from shared.outbox.watch import OutboxWatch
from shared.postgres.commits import AWAY
from shared.postgres.pool import BUSY, Busy
from shared.runtime import log
from shared.runtime.calendar_end import warn_before_end
from shared.runtime.clock import Clock, clock_of
from shared.runtime.components import ComponentRunner
from shared.runtime.runner import freeze_gc, run_all
from shared.runtime.sampler import Sampler

_log = log.get(__name__)
_READY_PATIENCE_S = 3.0
# Chunks of a stream are collected into a few transactions per second.
_FLAGS_PAUSE_S = 0.2
_RESULTS_PAUSE_S = 0.1
_EXECUTIONS_PAUSE_S = 0.2


async def main(settings: Settings) -> None:
    """Serve and work until cancelled."""
    clock = clock_of(settings.clock_file)
    warn_before_end(clock.now())
    freeze_gc()
    sizes = {
        "size": settings.work_connections,
        "requests_size": settings.requests_connections,
        "exports_size": settings.export_connections,
    }
    database = Database(settings.database_url, settings.requests_database_url, **sizes)
    publisher = Publisher(settings.broker, SERVICE, settings.gateway_url)
    consumers = consumers_of(settings, Handlers(database, clock, settings), publisher)
    sweeps = Sweeps(database, clock, settings)
    runner, access = ComponentRunner(SERVICE, stuck_s=settings.stuck_s), AccessWatch(SERVICE, settings.broker)
    troubles = partial(_troubles, runner, consumers, sweeps, access)
    app = build_app(Dependencies(settings, clock, database), readiness(database), runner.stuck, troubles)
    kept = {
        "access": access.run,
        "publisher": access.gated(publisher.run),
        "relay": Relay(settings.database_url, SERVICE, publisher).run,
        "sweeps": sweeps.run,
        "account states": AccountStates(database, clock).run,
    } | {consumer.name: access.gated(consumer.run) for consumer in consumers}
    measuring = [sampler.run() for sampler in samplers_of(settings, database, clock, consumers)]
    try:
        await run_all(serve(app, settings.http_host, settings.http_port), runner.run(kept), *measuring)
    finally:
        await database.close()


def _troubles(
    runner: ComponentRunner, consumers: Sequence[GroupConsumer], sweeps: Sweeps, access: AccessWatch
) -> list[str]:
    """Return what does not work beside the API, which serves without it."""
    away = [consumer.name for consumer in consumers if not consumer.assigned]
    held = [topic for consumer in consumers for topic in consumer.held()]
    waiting = [f"no partitions yet: {', '.join(away)}"] if away else []
    return [*access.troubles(), *runner.troubles(), *held, *sweeps.troubles(), *waiting]


def build_app(
    dependencies: Dependencies, ready: Readiness, stuck: Liveness = list, troubles: Liveness = list
) -> FastAPI:
    """Return the app with its routes and dependencies."""
    app = routed(ready, stuck, troubles)
    app.state.dependencies = dependencies
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(PoolTimeout, _database)
    return app


def routed(ready: Readiness, stuck: Liveness = list, troubles: Liveness = list) -> FastAPI:
    """Return the app with its routes only, as the OpenAPI document needs it."""
    routers = [
        queue.router,
        accounts.router,
        batches.router,
        trades.router,
        order_files.router,
        commands.router,
        history.router,
        exports.router,
    ]
    return create_app(SERVICE, ready, stuck, troubles, routers=routers, door=door)


def consumers_of(settings: Settings, handlers: Handlers, publisher: Publisher) -> list[GroupConsumer]:
    """Return the consumers: results of small requests never wait behind large ones, nor either behind flags."""

    def process(topic: topics.Topic, handler: object, wanted: frozenset[str] | None = None) -> MessageProcessor:
        limits = settings.processor_limits
        return MessageProcessor(SERVICE, topic, handler, publisher, limits, wanted=wanted)  # type: ignore[arg-type]  # item type

    def consumer(name: str, processors: list[MessageProcessor], most: int, pause_s: float = 0.0) -> GroupConsumer:
        return GroupConsumer(settings.broker, f"rebalancer-batch-{name}", processors, max_records=most, pause_s=pause_s)

    standing = [process(topics.STANDING, handlers.on_standing), process(topics.UNBOOKED, handlers.on_unbooked)]
    facts = [
        process(topics.ACCOUNT, handlers.on_accounts),
        process(topics.ANALYSIS, handlers.on_analysis),
        process(topics.PRICE_SETS, handlers.on_price_sets),
    ]
    return [
        consumer("facts", facts, 2000),
        consumer("executions", [process(topics.EXECUTION, handlers.on_executions)], 2000, _EXECUTIONS_PAUSE_S),
        consumer("standing", standing, 4),
        consumer("flags", [process(topics.FLAGS, handlers.on_flags)], 40, _FLAGS_PAUSE_S),
        consumer("results", [process(topics.WORK_RESULTS, handlers.on_results, READ)], 20, _RESULTS_PAUSE_S),
        consumer("results-small", [process(topics.small(topics.WORK_RESULTS), handlers.on_results, READ)], 20),
    ]


def samplers_of(
    settings: Settings, database: Database, clock: Clock, consumers: Sequence[GroupConsumer]
) -> list[Sampler]:
    """Return the timers that read gauges: of the outbox, of queue and batches, and of the lag of every group.

    The lag is read here for all services: whoever is behind may be unable to say so.
    """
    groups = {**lag.worker_groups(), **{consumer.name: consumer.topics for consumer in consumers}}
    return [
        Sampler(SERVICE, "outbox", OutboxWatch(settings.database_url, SERVICE).sample, watch.EVERY_S),
        Sampler(SERVICE, "queue", QueueMeasure(database, clock).sample, measure.EVERY_S),
        Sampler(SERVICE, "lag", lag.LagWatch(settings.broker, groups).sample, lag.EVERY_S),
    ]


def readiness(database: Database) -> Readiness:
    """Return the probe of the database.

    The broker does not count: while it is away the outbox keeps what is to be sent, and people go on deciding.
    """

    async def ready() -> list[str]:
        try:
            await asyncio.wait_for(database.ping(), _READY_PATIENCE_S)
        except RoleMayTooMuch as error:
            return [error.detail]
        except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
            return [f"database ({type(error).__name__})"]
        return []

    return ready


async def _database(_request: Request, error: Exception) -> Response:
    """Reply 503 if all connections are in use, the database is away, or two commands deadlocked.

    Any other error is a fault and is raised.
    """
    if isinstance(error, PoolTimeout):
        problem: Unavailable = Busy(BUSY)
    elif is_transient(error):
        problem = Unavailable(AWAY)
    else:
        raise error
    _log.warning("http.away", code=problem.code, error=error)
    headers = {"Retry-After": "2"}
    content = problem.body()
    return JSONResponse(content, problem.status, headers, media_type="application/problem+json")
