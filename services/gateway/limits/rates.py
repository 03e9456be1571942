"""Request rates of sessions, and of addresses without a session. Each replica counts for itself."""

import math
import time
from typing import Final

from fastapi import Request

from services.gateway.domain.token_buckets import TokenBuckets
from services.gateway.settings import Settings
from shared.contracts.problems import Problem
from shared.http.client_addresses import network
from shared.runtime import metrics

MOST_KEYS: Final = 20_000
"""Buckets of each kind, about 5 MB: more than a firm has sessions, and a bound on the addresses of strangers."""


class TooManyRequests(Problem):
    """The client sends requests faster than any page does; nothing was done."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class Rates:
    """Token buckets by session; requests without a valid session count against their address."""

    def __init__(self, settings: Settings) -> None:
        self._sessions = TokenBuckets(settings.session_per_s, settings.session_burst, MOST_KEYS)
        self._addresses = TokenBuckets(settings.address_per_s, settings.address_burst, MOST_KEYS)
        self._proxies = settings.proxies

    def enter(self, key: bytes | None, request: Request) -> None:
        """Count a request against the session with this key; without a key, only check its address (see `stranger`).

        Raises TooManyRequests, before any access to the database.
        """
        now_s = time.monotonic()
        if key is not None:
            _refuse("session", self._sessions.take(key, now_s))
        else:
            _refuse("address", self._addresses.wait_s(self.address_of(request), now_s))

    def stranger(self, request: Request) -> None:
        """Count a request without a session, or a sign-in, against its address.  Raises TooManyRequests."""
        _refuse("address", self._addresses.take(self.address_of(request), time.monotonic()))

    def address_of(self, request: Request) -> str:
        """Return the client's address; entries of X-Forwarded-For count only if our own proxies wrote them."""
        address = request.client.host if request.client else ""
        if address in self._proxies:
            hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",")]
            address = next((hop for hop in reversed(hops) if hop and hop not in self._proxies), address)
        return network(address)

    def is_proxied(self, request: Request) -> bool:
        """Whether one of our proxies forwards the request, on a connection that many clients share."""
        return request.client is not None and request.client.host in self._proxies


def _refuse(kind: str, wait_s: float) -> None:
    if wait_s <= 0:
        return
    metrics.RATE_LIMITED.labels(kind).inc()
    seconds = math.ceil(wait_s)
    raise TooManyRequests(
        f"Requests come faster than allowed: nothing was done. Go on in {seconds} s.", retry_after_s=seconds
    )
