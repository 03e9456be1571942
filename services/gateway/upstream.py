"""Forwarding to the services inside: only named headers cross, and who asks travels signed."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from fastapi import Request, Response

from shared.contracts.principal import Principal
from shared.contracts.problems import NotFound, Unavailable
from shared.http import principal
from shared.postgres.commits import OutcomeUnknown
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
Service = Literal["batch", "taxlot", "analyzer"]

_IN: Final = ("accept", "content-type", "idempotency-key", "if-match", "if-none-match")
_OUT: Final = (
    "allow",
    "content-disposition",
    "content-type",
    "etag",
    "idempotency-replayed",
    "retry-after",
)
# Shorter than the services' own keep-alive, so that a connection is never used just as its other end closes it.
KEEPALIVE_S: Final = 3.0
_CONNECT_S: Final = 3.0
UNKNOWN: Final = "outcome_unknown"
_BY_KEY: Final = "Send the same request again with the same Idempotency-Key: it is done once"
_AGAIN: Final[Mapping[Service, str]] = {
    "batch": _BY_KEY,
    "analyzer": _BY_KEY,
    "taxlot": "Send the same file again: it is loaded once",
}


def http_client() -> httpx.AsyncClient:
    """Return a client with a bounded pool; it never goes through a proxy: the services are next to it."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=KEEPALIVE_S)
    return httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(10.0, connect=_CONNECT_S), trust_env=False)


@dataclass(frozen=True)
class Upstream:
    """The services behind the door, and the private key that signs who asks them."""

    http: httpx.AsyncClient
    addresses: Mapping[Service, str]
    principal_key: str
    clock: Clock

    async def forward(
        self,
        request: Request,
        service: Service,
        who: Principal,
        *,
        content: bytes | AsyncIterable[bytes],
        timeout_s: float,
    ) -> Response:
        """Send the request on to `service` (/api/v1/x becomes /v1/x) and return its answer as it is.

        Raises Unavailable when the service does not answer, OutcomeUnknown when it may have carried out a command; in
        `request.state` the latter is noted under UNKNOWN, also where the service itself says so.
        """
        headers = {name: request.headers[name] for name in _IN if name in request.headers}
        address = self._address(request, service)
        errand = principal.Errand(service, request.method, address.path)
        headers[principal.HEADER] = principal.sign(who, self.principal_key, self.clock.now(), errand)
        headers["X-Request-Id"] = request.state.request_id
        outgoing = self.http.build_request(
            request.method,
            address,
            headers=headers,
            content=content,
            timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S, pool=5.0),
        )
        try:
            answer = await self._send(outgoing)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(f"the {service} service is away; nothing was done, try again in a moment") from error
        except httpx.HTTPError as error:
            _log.warning("forward.lost", upstream=service, error=repr(error)[:300])
            if request.method == "GET":
                raise Unavailable(f"the {service} service did not answer; try again in a moment") from error
            setattr(request.state, UNKNOWN, True)
            raise OutcomeUnknown(
                f"the {service} service did not answer: whether this was done is not known. {_AGAIN[service]}"
            ) from error
        if answer.status_code == OutcomeUnknown.status and _code_of(answer) == OutcomeUnknown.code:
            setattr(request.state, UNKNOWN, True)
        if answer.status_code == 401:
            _log.error("forward.not_trusted", upstream=service, detail=answer.text[:300])
            raise Unavailable(f"the {service} service does not trust this gateway; an administrator must look at keys")
        return _returned(answer)

    async def _send(self, outgoing: httpx.Request) -> httpx.Response:
        """Send; a read whose connection broke is tried once more, because a service may just have been restarted."""
        try:
            return await self.http.send(outgoing)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            if outgoing.method != "GET":
                raise
            return await self.http.send(outgoing)

    def _address(self, request: Request, service: Service) -> httpx.URL:
        path = request.url.path
        if any(part in (".", "..") for part in path.split("/")):
            raise NotFound(f"there is nothing at {path}")
        target = f"{self.addresses[service].rstrip('/')}{path.removeprefix('/api')}"
        return httpx.URL(target, query=request.url.query.encode() or None)


def _code_of(answer: httpx.Response) -> str:
    """Return the code of a problem document."""
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _returned(answer: httpx.Response) -> Response:
    headers = {name: answer.headers[name] for name in _OUT if name in answer.headers}
    location = answer.headers.get("location")
    if location is not None:
        # Inside, addresses begin with /v1; a browser follows them below /api.
        headers["location"] = f"/api{location}" if location.startswith("/v1/") else location
    return Response(answer.content, answer.status_code, headers)
