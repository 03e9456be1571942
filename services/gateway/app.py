"""Builds the gateway: its app with routes and middleware, and what runs in the process."""

import asyncio

import psycopg
from fastapi import FastAPI
from starlette.middleware import Middleware

from services.gateway.audit.recorder import RecordOutcomes
from services.gateway.dependencies import Dependencies, wire
from services.gateway.limits.body_size import BodySize
from services.gateway.limits.requests_per_address import RequestsPerAddress
from services.gateway.openapi import describe
from services.gateway.push.feed import Feed
from services.gateway.push.hub import Hub
from services.gateway.routes import (
    batches,
    contracts,
    door,
    exports,
    history,
    me,
    ops,
    queue,
    saved_views,
    sign_in,
    trades,
    ui,
    work,
)
from services.gateway.security_headers import SecurityHeaders, security_headers
from services.gateway.server_time import ServerTime
from services.gateway.settings import SERVICE, Settings
from services.gateway.upstream import http_client
from shared.contracts.problems import Unavailable
from shared.contracts.tenancy import Scope
from shared.http.app import Readiness, create_app, serve
from shared.kafka.access import AccessWatch
from shared.postgres.pool import Requests, pool
from shared.runtime.components import ComponentRunner
from shared.runtime.runner import run_all

_READY_PATIENCE_S = 3.0


async def main(settings: Settings) -> None:
    """Serve until cancelled."""
    async with (
        pool(settings.database_url, SERVICE, size=settings.work_connections) as work,
        Requests(settings.requests_database_url, work, SERVICE, size=settings.requests_connections) as requests,
        http_client() as inside,
        http_client() as out,
    ):
        dependencies = wire(settings, requests, work, inside, out)
        feed = Feed(settings.broker, dependencies.hub)
        runner = ComponentRunner(SERVICE, stuck_s=settings.stuck_s)
        access = AccessWatch(SERVICE, settings.broker)

        def troubles() -> list[str]:
            return [*access.troubles(), *runner.troubles(), *_not_live(dependencies.hub)]

        probes = create_app(SERVICE, readiness(requests), runner.stuck, troubles)
        await run_all(
            serve(build_app(dependencies), settings.http_host, settings.http_port, settings.bounds),
            serve(probes, settings.probe_host, settings.probe_port),
            runner.run({"access": access.run, "feed": access.gated(feed.run), "audit": dependencies.audit.run}),
        )


def _not_live(hub: Hub) -> list[str]:
    """Report a closed hub: nothing is pushed, and browsers poll."""
    return [] if hub.is_open else ["live updates: not connected to the broker"]


def build_app(dependencies: Dependencies) -> FastAPI:
    """Return the app with everything attached; probes and metrics are private and have a port of their own."""
    app = routed()
    app.state.dependencies = dependencies
    describe(app)
    settings, rates = dependencies.settings, dependencies.rates
    app.user_middleware.append(Middleware(RequestsPerAddress, rates=rates, most=settings.address_connections))
    app.user_middleware.append(Middleware(RecordOutcomes, recorder=dependencies.recorder))
    # Innermost: what it raises while a body arrives must reach the app's exception handlers unchanged.
    app.user_middleware.append(
        Middleware(BodySize, limit_bytes=settings.body_limit_bytes, upload_limit_bytes=settings.upload_limit_bytes)
    )
    app.add_middleware(ServerTime, clock=dependencies.clock)
    app.add_middleware(SecurityHeaders, headers=security_headers(settings.gateway_url, settings.oidc_issuer_url))
    return app


def routed() -> FastAPI:
    """Return the app with its routes only: enough to describe it."""
    routers = [
        me.router,
        queue.router,
        batches.router,
        trades.router,
        history.router,
        saved_views.router,
        exports.router,
        work.router,
        contracts.router,
        sign_in.router,
        ops.router,
    ]
    routers.append(ui.router())  # last: it takes every other address
    document = "/api/v1/openapi.json"
    return create_app(SERVICE, _no_probes, probes=False, routers=routers, door=door.door, openapi_url=document)


def readiness(requests: Requests) -> Readiness:
    """Return the check: the gateway's tables can be read.

    Neither the services behind it nor the broker are needed: their routes respond 503 by themselves.
    """

    async def ready() -> list[str]:
        reasons = []
        try:
            async with asyncio.timeout(_READY_PATIENCE_S), requests.scoped(Scope("")) as connection:
                await connection.execute("SELECT 1 FROM session LIMIT 1")
        except Unavailable as problem:
            reasons.append(f"the database: {problem.detail}")
        except (psycopg.Error, TimeoutError) as error:
            reasons.append(f"the database: {type(error).__name__} (migrated? `python -m services.gateway migrate`)")
        return reasons

    return ready


async def _no_probes() -> list[str]:
    return ["this app has no probes"]
