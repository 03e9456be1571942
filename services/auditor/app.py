"""Wires the auditor: passes over the invariants, probes and metrics beside them.  Importing starts nothing."""

import time
from typing import Final

import psycopg

from services.auditor.operations.kept_heads import KeptHeads
from services.auditor.operations.order_stream import OrderStream
from services.auditor.operations.passes import GROUPS, Passes
from services.auditor.settings import SERVICE, Settings
from shared.http.app import create_app, serve
from shared.kafka.access import AccessWatch
from shared.kafka.lag import LagWatch
from shared.runtime import log
from shared.runtime.clock import clock_of
from shared.runtime.components import ComponentRunner, Heartbeat
from shared.runtime.pause import pause
from shared.runtime.runner import run_all

_PAUSE: Final = 19
"""A pass takes at most a twentieth of the time."""
_BEAT_S: Final = 10.0
_log = log.get(__name__)


async def main(settings: Settings) -> None:
    """Audit until cancelled."""
    clock = clock_of(settings.clock_file)
    stream = OrderStream(settings.broker, clock, decided_from=settings.audit_orders_from)
    heads = KeptHeads(settings.broker, clock, seen_from=settings.audit_orders_from)
    passes = Passes(settings, clock, stream, heads, LagWatch(settings.broker, GROUPS))
    runner, access = ComponentRunner(SERVICE, stuck_s=settings.stuck_s), AccessWatch(SERVICE, settings.broker)

    def troubles() -> list[str]:
        return [*access.troubles(), *runner.troubles(), *passes.troubles()]

    app = create_app(SERVICE, _ready, runner.stuck, troubles)

    async def audit(heartbeat: Heartbeat) -> None:
        while True:
            began_s = time.monotonic()
            try:
                await passes.look(heartbeat)
            except psycopg.OperationalError as error:
                _log.warning("audit.database_away", error=error)
            # With a large book a pass takes seconds of the database, which is there for others.
            until_s = time.monotonic() + max(settings.audit_every_s, _PAUSE * (time.monotonic() - began_s))
            while (left_s := until_s - time.monotonic()) > 0:
                heartbeat()
                await pause(min(left_s, _BEAT_S))

    try:
        await run_all(
            serve(app, settings.http_host, settings.http_port), runner.run({"access": access.run, "passes": audit})
        )
    finally:
        await passes.close()


async def _ready() -> list[str]:
    """Return nothing: nobody waits for an auditor, and the age of its looks says what it cannot see."""
    return []
