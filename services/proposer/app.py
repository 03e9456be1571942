"""Wiring of the proposer: requests with lots in, trades out.  Importing starts nothing."""

import faust

from services.proposer.handlers import Handlers
from services.proposer.settings import SERVICE, Settings
from shared.contracts import topics
from shared.http import app as http_app
from shared.kafka import faust_worker
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.kafka.stall_watch import StallWatch
from shared.runtime.clock import clock_of


def build_app(settings: Settings) -> faust.App:
    """Return the Faust worker with an agent for bulk requests and one for small ones, and HTTP beside it."""
    publisher = Publisher(settings.broker, SERVICE)
    rules = Handlers(publisher, clock_of(settings.clock_file))
    app = faust_worker.build_worker(SERVICE, settings)
    for requests, results, group in (
        (topics.WORK_LOTS, topics.WORK_TRADES, faust_worker.WORK_GROUP),
        (topics.small(topics.WORK_LOTS), topics.small(topics.WORK_TRADES), 1),
    ):
        processor = MessageProcessor(SERVICE, requests, rules.on_lots(results), publisher, settings.processor_limits)
        faust_worker.consume(app, processor, group=group)

    progress = StallWatch(app, publisher, SERVICE, settings)

    async def ready() -> list[str]:
        return [*faust_worker.readiness(app), *progress.stuck()]

    faust_worker.attach(app, [publisher, progress], http_app.create_app(SERVICE, ready, progress.stuck), settings)
    return app
