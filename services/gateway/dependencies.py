"""What the routes work with: built once from the settings and kept on the app."""

from dataclasses import dataclass
from datetime import timedelta

import httpx
from fastapi import Request

from services.gateway.audit.audit_log import AuditLog
from services.gateway.audit.recorder import Recorder
from services.gateway.domain.session import SessionLimits
from services.gateway.limits.rates import Rates
from services.gateway.oidc.provider import Client, Provider
from services.gateway.ops.processes import ProcessWatch, targets_of
from services.gateway.push.hub import Hub
from services.gateway.saved_views.saved_views import SavedViews
from services.gateway.sessions.cookies import Cookies
from services.gateway.sessions.sessions import Sessions
from services.gateway.settings import Settings
from services.gateway.upstream import Upstream
from shared.http.principal import signing_key
from shared.postgres.pool import Pool, Requests
from shared.runtime.clock import Clock, clock_of


@dataclass(frozen=True)
class Dependencies:
    """The parts of one gateway that its routes share."""

    settings: Settings
    clock: Clock
    cookies: Cookies
    sessions: Sessions
    saved_views: SavedViews
    provider: Provider
    rates: Rates
    audit: AuditLog
    recorder: Recorder
    upstream: Upstream
    hub: Hub
    processes: ProcessWatch


def wire(
    settings: Settings, requests: Requests, work: Pool, inside: httpx.AsyncClient, out: httpx.AsyncClient
) -> Dependencies:
    """Build the dependencies of a gateway. inside: client to the services; out: client to the issuer.

    Raises ValueError if the principal key is no private Ed25519 key, or a watched process has no address.
    """
    clock = clock_of(settings.clock_file)
    signing_key(settings.principal_key.get_secret_value())  # a wrong key fails the start, not the first request
    limits = SessionLimits(timedelta(seconds=settings.session_idle_s), timedelta(seconds=settings.session_absolute_s))
    client = Client(
        settings.oidc_issuer_url,
        settings.oidc_client_id,
        settings.oidc_client_secret.get_secret_value(),
        f"{settings.gateway_url}/auth/callback",
        settings.oidc_backchannel_url,
    )
    addresses = {"batch": settings.batch_url, "taxlot": settings.taxlot_url, "analyzer": settings.analyzer_url}
    audit, rates = AuditLog(work), Rates(settings)
    return Dependencies(
        settings=settings,
        clock=clock,
        cookies=Cookies.of(settings.gateway_url),
        sessions=Sessions(requests, work, clock, limits, settings.session_key.get_secret_value()),
        saved_views=SavedViews(requests, clock),
        provider=Provider(client, out, clock),
        rates=rates,
        audit=audit,
        recorder=Recorder(audit, rates, clock),
        upstream=Upstream(inside, addresses, settings.principal_key.get_secret_value(), clock),  # type: ignore[arg-type]  # keys are Service names
        hub=Hub(settings.heartbeat_s, settings.stream_check_s),
        processes=ProcessWatch(inside, targets_of(settings.watched)),
    )


def dependencies_of(request: Request) -> Dependencies:
    """Return the dependencies of the app that handles this request."""
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies
