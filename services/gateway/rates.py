"""How fast one session, and one address without a session, may ask. Each replica counts for itself."""

import ipaddress
import math
import time
from typing import Final

from fastapi import Request

from services.gateway.domain.buckets import Buckets
from services.gateway.settings import Settings
from shared import metrics
from shared.problems import Problem

MOST_KEYS: Final = 20_000
"""Buckets of each kind: some 5 MB. More sessions than users of a firm, and a stranger's addresses do not add up."""
_NETWORK_V6: Final = 64  # one subscriber has a whole network of them


class TooManyRequests(Problem):
    """Somebody asks faster than any page does; nothing was done."""

    status, code, title = 429, "too_many_requests", "Too many requests"


class Rates:
    """Tells who must wait. Sessions are counted by themselves; who has none, or a wrong one, by address."""

    def __init__(self, settings: Settings) -> None:
        self._sessions = Buckets(settings.session_per_s, settings.session_burst, MOST_KEYS)
        self._addresses = Buckets(settings.address_per_s, settings.address_burst, MOST_KEYS)
        self._proxies = frozenset(one.strip() for one in settings.trusted_proxies.split(",") if one.strip())

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
        return _network(address)


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, _NETWORK_V6), strict=False))


def _refuse(kind: str, wait_s: float) -> None:
    if wait_s <= 0:
        return
    metrics.RATE_LIMITED.labels(kind).inc()
    seconds = math.ceil(wait_s)
    raise TooManyRequests(
        f"requests come faster than allowed; nothing was done, go on in {seconds} s", retry_after_s=seconds
    )
