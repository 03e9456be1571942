"""Wire taxlot: which topic goes to which handler, and what runs beside it.  Importing starts nothing."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

import faust
import psycopg

from services.taxlot.handlers import Handlers
from services.taxlot.intake.pipeline import Intake
from services.taxlot.intake.uploads import Uploads
from services.taxlot.intake.watch import Watch
from services.taxlot.routes import router
from services.taxlot.settings import SERVICE, Settings
from services.taxlot.store import file_dates
from shared.contracts import topics
from shared.contracts.problems import Unavailable
from shared.http import app as http
from shared.http.routing import vouched
from shared.kafka import faust_worker
from shared.kafka.processor import EXIT_TRY_AGAIN, MessageProcessor
from shared.kafka.publisher import Publisher
from shared.kafka.stall_watch import StallWatch
from shared.postgres import pool as db
from shared.runtime import log
from shared.runtime.calendar_end import warn_before_end
from shared.runtime.clock import Clock, clock_of
from shared.runtime.input_age import note_input
from shared.runtime.sampler import Sampler

EVENT_GROUP: Final = 500
_READY_PATIENCE_S: Final = 2.0
_FILES_EVERY_S: Final = 30.0
_log = log.get(__name__)


def build_app(settings: Settings) -> faust.App:
    """Return the Faust worker with an agent for each topic, the intake of files and HTTP beside it."""
    pool = db.pool(settings.database_url, SERVICE, size=settings.work_connections)
    requests = db.Requests(settings.requests_database_url, pool, SERVICE, size=settings.requests_connections)
    publisher = Publisher(settings.broker, SERVICE, settings.gateway_url)
    clock = clock_of(settings.clock_file)
    warn_before_end(clock.now())
    handlers = Handlers(pool, publisher, clock)
    intake = Intake(settings, publisher, clock)
    app = faust_worker.build_worker(SERVICE, settings)
    small = topics.small
    for topic, store in ((topics.SECURITY, handlers.on_securities), (topics.ACCOUNT, handlers.on_accounts)):
        limits, note_offsets = settings.processor_limits, handlers.note_offsets
        processor = MessageProcessor(SERVICE, topic, store, publisher, limits, done=note_offsets)
        faust_worker.consume(app, processor, group=EVENT_GROUP)
    for topic, handler, group in (
        (topics.REBALANCED, handlers.on_rebalanced, 8),
        (topics.STANDING, handlers.on_standing, 1),
        (topics.WORK_FACTS, handlers.on_facts(topics.WORK_LOTS), faust_worker.WORK_GROUP),
        (small(topics.WORK_FACTS), handlers.on_facts(small(topics.WORK_LOTS)), 1),
        (topics.WORK_EDITS, handlers.on_facts(small(topics.WORK_LOTS)), 1),
        (topics.WORK_TRADES, handlers.on_trades(topics.WORK_RESULTS), faust_worker.WORK_GROUP),
        (small(topics.WORK_TRADES), handlers.on_trades(small(topics.WORK_RESULTS)), 1),
    ):
        done = handlers.note_offsets if topic is topics.REBALANCED else None  # files are judged by approvals too
        processor = MessageProcessor(SERVICE, topic, handler, publisher, settings.processor_limits, done=done)
        faust_worker.consume(app, processor, group=group)

    progress = StallWatch(app, publisher, SERVICE, settings)

    async def serves() -> list[str]:
        return await _away(pool, requests)

    async def ready() -> list[str]:
        return [*faust_worker.readiness(app), *progress.stuck(), *await serves()]

    door = vouched(SERVICE, settings.principal_public_key, clock)
    uploads = Uploads(settings.inbox_dir, settings.max_upload_bytes)
    routers = [router(uploads, clock, requests)]
    http_app = http.create_app(SERVICE, ready, progress.stuck, serves=serves, routers=routers, door=door)
    sampler = Sampler(SERVICE, "files", partial(_note_file_dates, pool, clock, settings), _FILES_EVERY_S)
    beside: tuple[contextlib.AbstractAsyncContextManager[Any], ...]
    beside = (pool, requests, publisher, _running(Watch(settings, intake)), sampler.running(), progress)
    faust_worker.attach(app, beside, http_app, settings)
    return app


@contextlib.asynccontextmanager
async def _running(watch: Watch) -> AsyncIterator[None]:
    """Watch inbox and ledger for as long as the worker runs; a load that is interrupted is rolled back.

    A watch that ends by itself ends the process: a worker that loads no files must not look healthy.
    """
    watching = asyncio.create_task(watch.run(), name="intake")
    watching.add_done_callback(_end_with)
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


async def _note_file_dates(pool: db.Pool, clock: Clock, settings: Settings) -> None:
    """Set the metric of how old the newest custodian files are.  Raises psycopg.Error if the database is away."""
    now = clock.now()
    async with pool.connection() as connection:
        oldest = await file_dates.furthest_behind(connection, now.date())
    note_input("custodian_file", oldest, now, settings.cut_off)


def _end_with(watching: asyncio.Task[None]) -> None:
    """End the process if the watch has failed; the exit code asks for a restart."""
    if not watching.cancelled() and (error := watching.exception()) is not None:
        _log.critical("intake.died", exc_info=error)
        os._exit(EXIT_TRY_AGAIN)


async def _away(pool: db.Pool, requests: db.Requests) -> list[str]:
    """Return why the database cannot be used, by the handlers or for requests."""
    try:
        async with pool.connection(timeout=_READY_PATIENCE_S) as connection:
            await connection.execute("SELECT 1 FROM holding LIMIT 1")
        await requests.check(_READY_PATIENCE_S)
    except Unavailable as problem:
        return [f"database: {problem.detail}"[:200]]
    except psycopg.Error as error:
        return [f"database: {error}"[:200]]
    return []
