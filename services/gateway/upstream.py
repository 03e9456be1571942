"""Forwarding to the services: only listed headers pass, and the principal travels signed."""

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from fastapi import Request, Response

from shared.contracts.principal import Principal
from shared.contracts.problems import NotFound, Unavailable
from shared.http import principal
from shared.postgres.commits import OutcomeUnknown
from shared.runtime import log, trace
from shared.runtime.clock import Clock

_log = log.get(__name__)
Service = Literal["batch", "taxlot", "analyzer"]

_REQUEST_HEADERS: Final = ("accept", "content-type", "idempotency-key", "if-match", "if-none-match")
_RESPONSE_HEADERS: Final = (
    "allow",
    "content-disposition",
    "content-type",
    "etag",
    "idempotency-replayed",
    "retry-after",
)
# Shorter than the services' own keep-alive, so that a request never meets a connection that the service is closing.
KEEPALIVE_S: Final = 3.0
_CONNECT_S: Final = 3.0
OUTCOME_UNKNOWN: Final = "outcome_unknown"
_BY_KEY: Final = "Do the same again: it is done only once."
_OF: Final[Mapping[Service, str]] = {
    "batch": "keeps requests and the queue",
    "analyzer": "analyses accounts",
    "taxlot": "takes in files",
}
_AGAIN: Final[Mapping[Service, str]] = {
    "batch": _BY_KEY,
    "analyzer": _BY_KEY,
    "taxlot": "Send the same file again: it is loaded once.",
}


def http_client() -> httpx.AsyncClient:
    """Return a client with a bounded pool that uses no proxy: the services are next to it."""
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=KEEPALIVE_S)
    return httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(10.0, connect=_CONNECT_S), trust_env=False)


@dataclass(frozen=True)
class Upstream:
    """The services behind the gateway, and the private key that signs the principal of each request."""

    http: httpx.AsyncClient
    addresses: Mapping[Service, str]
    principal_key: str
    clock: Clock

    async def forward(
        self,
        request: Request,
        service: Service,
        user: Principal,
        *,
        content: bytes | AsyncIterable[bytes],
        timeout_s: float,
    ) -> Response:
        """Forward the request to `service` (/api/v1/x becomes /v1/x) and return its response unchanged.

        Raises Unavailable if the service does not respond, OutcomeUnknown if it may have carried out a command. The
        latter also sets OUTCOME_UNKNOWN in `request.state`, as does a response of the service that says so.
        """
        headers = {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}
        address = self._address(request, service)
        errand = principal.Errand(service, request.method, address.path)
        headers[principal.HEADER] = principal.sign(user, self.principal_key, self.clock.now(), errand)
        headers["X-Request-Id"] = request.state.request_id
        headers |= trace.header()
        forwarded = self.http.build_request(
            request.method,
            address,
            headers=headers,
            content=content,
            timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S, pool=5.0),
        )
        try:
            response = await self._send(forwarded)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(
                f"The part of the Rebalancer that {_OF[service]} is away: nothing was done. Try again in a moment."
            ) from error
        except httpx.HTTPError as error:
            _log.warning("forward.lost", upstream=service, error=error)
            if request.method == "GET":
                raise Unavailable(
                    f"The part of the Rebalancer that {_OF[service]} did not answer. Try again in a moment."
                ) from error
            setattr(request.state, OUTCOME_UNKNOWN, True)
            raise OutcomeUnknown(
                f"The part of the Rebalancer that {_OF[service]} did not answer: whether this was done is not known."
                f" {_AGAIN[service]}",
                hint="a retry with the same Idempotency-Key, or of the same file, is done once",
            ) from error
        if response.status_code == OutcomeUnknown.status and _code_of(response) == OutcomeUnknown.code:
            setattr(request.state, OUTCOME_UNKNOWN, True)
        if response.status_code == 401:
            _log.error("forward.not_trusted", upstream=service, status=response.status_code)
            raise Unavailable(
                "A fault of ours keeps this from being answered: nothing was done. Tell operations that the"
                f" {service} service does not trust the gateway's key."
            )
        return _returned(response)

    async def _send(self, forwarded: httpx.Request) -> httpx.Response:
        """Send; retry a read once if its connection broke, as after a restart of the service."""
        try:
            return await self.http.send(forwarded)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            if forwarded.method != "GET":
                raise
            return await self.http.send(forwarded)

    def _address(self, request: Request, service: Service) -> httpx.URL:
        path = request.url.path
        if any(segment in (".", "..") for segment in path.split("/")):
            raise NotFound("There is nothing at this address. Go on from one of the lists.")
        target = f"{self.addresses[service].rstrip('/')}{path.removeprefix('/api')}"
        return httpx.URL(target, query=request.url.query.encode() or None)


def _code_of(response: httpx.Response) -> str:
    """Return the code of a problem document."""
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _returned(response: httpx.Response) -> Response:
    headers = {name: response.headers[name] for name in _RESPONSE_HEADERS if name in response.headers}
    location = response.headers.get("location")
    if location is not None:
        # Inside, addresses begin with /v1; a browser follows them below /api.
        headers["location"] = f"/api{location}" if location.startswith("/v1/") else location
    return Response(response.content, response.status_code, headers)
