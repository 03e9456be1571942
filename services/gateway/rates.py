"""How fast one session, and one address without a session, may ask. Each replica counts for itself."""

import math
import time
from typing import Final

from fastapi import Request

from services.gateway.domain.buckets import Buckets
from services.gateway.settings import Settings
from shared.contracts.problems import Problem
from shared.http.client_addresses import network
from shared.runtime import metrics

MOST_KEYS: Final = 20_000
"""Buckets of each kind: some 5 MB. More sessions than users of a firm, and a stranger's addresses do not add up."""


class TooManyRequests(Problem):
    """Somebody asks faster than any page does; nothing was done."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class Rates:
    """Tells who must wait. Sessions are counted by themselves; who has none, or a wrong one, by address."""

    def __init__(self, settings: Settings) -> None:
        self._sessions = Buckets(settings.session_per_s, settings.session_burst, MOST_KEYS)
        self._addresses = Buckets(settings.address_per_s, settings.address_burst, MOST_KEYS)
        self._proxies = settings.proxies

    def enter(self, key: bytes | None, request: Request) -> None:
        """Count a request by the session it names; one that names none of ours is only looked at here, see `stranger`.

        Raises TooManyRequests before the database is asked anything.
        """
        now_s = time.monotonic()
        if key is not None:
            _refuse("session", self._sessions.take(key, now_s))
        else:
            _refuse("address", self._addresses.wait_s(self.address_of(request), now_s))

    def stranger(self, request: Request) -> None:
        """Count a request without a session, or an attempt to sign in, by its address.  Raises TooManyRequests."""
        _refuse("address", self._addresses.take(self.address_of(request), time.monotonic()))

    def address_of(self, request: Request) -> str:
        """Return where a request comes from: of X-Forwarded-For only what our own proxies wrote is believed."""
        address = request.client.host if request.client else ""
        if address in self._proxies:
            named = [one.strip() for one in request.headers.get("x-forwarded-for", "").split(",")]
            address = next((one for one in reversed(named) if one and one not in self._proxies), address)
        return network(address)

    def is_proxied(self, request: Request) -> bool:
        """Say whether a proxy of ours brings the request, in a connection that many clients share."""
        return request.client is not None and request.client.host in self._proxies


def _refuse(kind: str, wait_s: float) -> None:
    if wait_s <= 0:
        return
    metrics.RATE_LIMITED.labels(kind).inc()
    seconds = math.ceil(wait_s)
    raise TooManyRequests(
        f"requests come faster than allowed; nothing was done, go on in {seconds} s", retry_after_s=seconds
    )
