"""Builds the gateway: routes, parts, and what runs."""

import asyncio
from datetime import timedelta

import httpx
import psycopg
from fastapi import FastAPI
from starlette.middleware import Middleware

from services.gateway.audit import AuditLog
from services.gateway.cookies import Cookies
from services.gateway.crowding import Crowding
from services.gateway.dependencies import Parts
from services.gateway.domain.session import Limits
from services.gateway.edge import BodyLimit, SecurityHeaders, security_headers
from services.gateway.oidc.provider import Client, Provider
from services.gateway.openapi import describe
from services.gateway.push.feed import Feed
from services.gateway.push.hub import Hub
from services.gateway.rates import Rates
from services.gateway.recording import Recorded
from services.gateway.routes import auth, authentication, batches, me, queue, ui, work
from services.gateway.sessions import Sessions
from services.gateway.settings import SERVICE, Settings
from services.gateway.upstream import Upstream, http_client
from shared.contracts.problems import Unavailable
from shared.contracts.tenancy import Scope
from shared.http.app import Readiness, create_app, serve
from shared.http.principal import signing_key
from shared.postgres.pool import Pool, Requests, pool
from shared.runtime.clock import clock_of
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
        parts = wire(settings, requests, work, inside, out)
        feed = Feed(settings.kafka_url, parts.hub)
        runner = ComponentRunner(SERVICE, stuck_s=settings.stuck_s)
        probes = create_app(
            SERVICE, readiness(requests), runner.stuck, lambda: [*runner.troubles(), *_not_live(parts.hub)]
        )
        await run_all(
            serve(build_app(parts), settings.http_host, settings.http_port, settings.bounds),
            serve(probes, settings.probe_host, settings.probe_port),
            runner.run({"feed": feed.run, "audit": parts.audit.run}),
        )


def _not_live(hub: Hub) -> list[str]:
    """Say it when nothing is pushed: browsers then ask by themselves."""
    return [] if hub.is_open else ["live updates: not connected to the broker"]


def wire(
    settings: Settings, requests: Requests, work: Pool, inside: httpx.AsyncClient, out: httpx.AsyncClient
) -> Parts:
    """Return the parts of a gateway. inside: to the services; out: to the issuer."""
    clock = clock_of(settings.clock_file)
    signing_key(settings.principal_key.get_secret_value())  # a wrong one is told now, not at the first request
    limits = Limits(timedelta(seconds=settings.session_idle_s), timedelta(seconds=settings.session_absolute_s))
    client = Client(
        settings.oidc_issuer_url,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        f"{settings.gateway_url}/auth/callback",
    )
    addresses = {"batch": settings.batch_url, "taxlot": settings.taxlot_url, "analyzer": settings.analyzer_url}
    return Parts(
        settings=settings,
        clock=clock,
        cookies=Cookies.of(settings.gateway_url),
        sessions=Sessions(requests, work, clock, limits, settings.session_key.get_secret_value()),
        provider=Provider(client, out, clock),
        rates=Rates(settings),
        audit=AuditLog(work),
        upstream=Upstream(inside, addresses, settings.principal_key.get_secret_value(), clock),  # type: ignore[arg-type]  # keys are Service names
        hub=Hub(settings.heartbeat_s),
    )


def build_app(parts: Parts) -> FastAPI:
    """Return the app with everything attached; probes and metrics, not for the world, have a port of their own."""
    app = routed()
    app.state.parts = parts
    describe(app)
    settings = parts.settings
    app.user_middleware.append(Middleware(Crowding, rates=parts.rates, most=settings.address_connections))
    app.user_middleware.append(Middleware(Recorded, parts=parts))
    # Innermost: what it raises while a body arrives must reach the errors' own handlers as it is.
    app.user_middleware.append(
        Middleware(BodyLimit, limit_bytes=settings.body_limit_bytes, upload_limit_bytes=settings.upload_limit_bytes)
    )
    app.add_middleware(SecurityHeaders, headers=security_headers(settings.gateway_url, settings.oidc_issuer_url))
    return app


def routed() -> FastAPI:
    """Return the app with its routes only: enough to describe it."""
    routers = [me.router, queue.router, batches.router, work.router, auth.router, ui.router()]
    document = "/api/v1/openapi.json"
    return create_app(SERVICE, _never, probes=False, routers=routers, door=authentication.door, openapi_url=document)


def readiness(requests: Requests) -> Readiness:
    """Return the check: its tables answer. Services behind the door may be away, and so may the broker: their routes
    say so themselves."""

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


async def _never() -> list[str]:
    return ["this app has no probes"]
