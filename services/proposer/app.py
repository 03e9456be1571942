"""Wires the proposer: requests with lots in, trades out.  Importing starts nothing."""

import faust

from services.proposer.handlers import SERVICE, Handlers
from services.proposer.settings import ProposerSettings
from shared import http, worker
from shared.clock import clock_of
from shared.contracts import topics
from shared.guard import Guard
from shared.kafka import Publisher
from shared.progress import Progress


def build_app(settings: ProposerSettings) -> faust.App:
    """Return the Faust worker with an agent for bulk requests and one for small ones, and HTTP beside it."""
    publisher = Publisher(settings.kafka_url, SERVICE)
    rules = Handlers(publisher, clock_of(settings.clock_file))
    app = worker.build_worker(SERVICE, settings)
    for asked, answer, group in (
        (topics.WORK_LOTS, topics.WORK_TRADES, worker.WORK_GROUP),
        (topics.small(topics.WORK_LOTS), topics.small(topics.WORK_TRADES), 1),
    ):
        guard = Guard(SERVICE, asked, rules.on_lots(answer), publisher, settings.guard_limits)
        worker.consume(app, guard, group=group)

    progress = Progress(app, publisher, SERVICE, settings)

    async def ready() -> list[str]:
        return [*worker.readiness(app), *progress.stuck()]

    worker.attach(app, [publisher, progress], http.create_app(SERVICE, ready, progress.stuck), settings)
    return app
