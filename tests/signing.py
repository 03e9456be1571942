"""Requests of tests as the gateway sends them on: each signed for itself, by a key pair of this run."""

from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

import httpx

from shared.contracts.principal import Principal
from shared.http.principal import HEADER, Errand, make_keys, sign

PRIVATE_KEY, PUBLIC_KEY = make_keys()


def somebody(*roles: str, **values: Any) -> Principal:
    """Return a person of enterprise E1 (all advisors) with these roles; every one when none is named."""
    given = list(roles) or ["viewer", "trader", "approver", "operator"]
    return Principal.model_validate({"subject": "pat", "name": "Pat", "roles": given, "enterprises": ["E1"]} | values)


class SignedAs(httpx.Auth):
    """Signs every request of a client for one service, as one person, at the clock's instant."""

    def __init__(self, who: Principal, service: str, now: Callable[[], datetime]) -> None:
        self._who = who
        self._service = service
        self._now = now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the principal."""
        errand = Errand(self._service, request.method, request.url.path)
        request.headers.setdefault(HEADER, sign(self._who, PRIVATE_KEY, self._now(), errand))
        yield request
