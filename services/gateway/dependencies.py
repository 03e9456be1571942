"""What the handlers work with, hung on the app when it is built."""

from dataclasses import dataclass

from fastapi import Request

from services.gateway.audit import AuditLog
from services.gateway.cookies import Cookies
from services.gateway.oidc.provider import Provider
from services.gateway.push.hub import Hub
from services.gateway.rates import Rates
from services.gateway.sessions import Sessions
from services.gateway.settings import Settings
from services.gateway.upstream import Upstream
from shared.runtime.clock import Clock


@dataclass(frozen=True)
class Parts:
    """One gateway, wired."""

    settings: Settings
    clock: Clock
    cookies: Cookies
    sessions: Sessions
    provider: Provider
    rates: Rates
    audit: AuditLog
    upstream: Upstream
    hub: Hub


def parts_of(request: Request) -> Parts:
    """Return the parts of the app that handles this request."""
    parts: Parts = request.app.state.parts
    return parts
