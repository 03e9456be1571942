"""Bounds the requests that an address behind our proxies has under way; without a proxy its connections are counted."""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.limits.rates import Rates
from shared.contracts.problems import TooManyConnections
from shared.http.client_addresses import Crowd
from shared.http.request_log import rendered
from shared.runtime import metrics


class RequestsPerAddress:
    """Middleware that refuses further requests with 429. A push stream counts for as long as it lasts."""

    def __init__(self, app: ASGIApp, rates: Rates, most: int) -> None:
        self._app = app
        self._rates = rates
        self._most = most
        self._crowd = Crowd()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._rates.is_proxied(request := Request(scope)):
            await self._app(scope, receive, send)
            return
        address = self._rates.address_of(request)
        try:
            if self._crowd.enter(address) <= self._most:
                await self._app(scope, receive, send)
                return
            metrics.CONNECTIONS_CUT.labels("address").inc()
            detail = f"more than {self._most} requests are under way from your address; close some pages"
            await rendered(TooManyConnections(detail), scope["state"]["request_id"])(scope, receive, send)
        finally:
            self._crowd.leave(address)
