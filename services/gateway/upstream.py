"""Forwarding to the services: only listed headers pass, and the principal travels signed."""

import asyncio
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

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
    "x-rows",
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
        response = await self._answered(request, service, user, content, timeout_s)
        return _returned(response)

    async def stream(self, request: Request, service: Service, user: Principal, *, timeout_s: float) -> Response:
        """Forward a read and pass its response on piece by piece, as it is taken; timeout_s: for each piece.

        What the service refuses is returned whole.  A response that breaks off is cut off here too and never asked for
        again.  Raises Unavailable if the service does not respond.
        """
        response = await self._answered(request, service, user, b"", timeout_s, stream=True)
        if response.status_code == 200:
            return _Passing(response)
        try:
            await response.aread()
        except httpx.HTTPError as error:
            raise Unavailable(_not_responding(service)) from error
        finally:
            await response.aclose()
        return _returned(response)

    async def _answered(
        self,
        request: Request,
        service: Service,
        user: Principal,
        content: bytes | AsyncIterable[bytes],
        timeout_s: float,
        *,
        stream: bool = False,
    ) -> httpx.Response:
        """Return the response of the service; with `stream` its body is still to be read.  Raises as `forward`."""
        forwarded = self._signed(request, service, user, content, timeout_s)
        try:
            response = await self._send(forwarded, stream=stream)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(
                f"The part of the Rebalancer that {_OF[service]} is away: nothing was done. Try again in a moment."
            ) from error
        except httpx.HTTPError as error:
            _log.warning("forward.lost", upstream=service, error=error)
            if request.method == "GET":
                raise Unavailable(_not_responding(service)) from error
            setattr(request.state, OUTCOME_UNKNOWN, True)
            raise OutcomeUnknown(
                f"The part of the Rebalancer that {_OF[service]} did not answer: whether this was done is not known."
                f" {_AGAIN[service]}",
                hint="a retry with the same Idempotency-Key, or of the same file, is done once",
            ) from error
        if not stream and response.status_code == OutcomeUnknown.status and _code_of(response) == OutcomeUnknown.code:
            setattr(request.state, OUTCOME_UNKNOWN, True)
        if response.status_code == 401:
            await response.aclose()
            _log.error("forward.not_trusted", upstream=service, status=response.status_code)
            raise Unavailable(
                "A fault of ours keeps this from being answered: nothing was done. Tell operations that the"
                f" {service} service does not trust the gateway's key."
            )
        return response

    def _signed(
        self,
        request: Request,
        service: Service,
        user: Principal,
        content: bytes | AsyncIterable[bytes],
        timeout_s: float,
    ) -> httpx.Request:
        """Return the request as it goes to the service, with the principal signed for it."""
        headers = {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}
        address = self._address(request, service)
        errand = principal.Errand(service, request.method, address.path)
        headers[principal.HEADER] = principal.sign(user, self.principal_key, self.clock.now(), errand)
        headers["X-Request-Id"] = request.state.request_id
        headers |= trace.header()
        timeout = httpx.Timeout(timeout_s, connect=_CONNECT_S, pool=5.0)
        return self.http.build_request(request.method, address, headers=headers, content=content, timeout=timeout)

    async def _send(self, forwarded: httpx.Request, *, stream: bool) -> httpx.Response:
        """Send; retry a read once if its connection broke before a response, as after a restart of the service."""
        try:
            return await self.http.send(forwarded, stream=stream)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            if forwarded.method != "GET":
                raise
            return await self.http.send(forwarded, stream=stream)

    def _address(self, request: Request, service: Service) -> httpx.URL:
        path = request.url.path
        if any(segment in (".", "..") for segment in path.split("/")):
            raise NotFound("There is nothing at this address. Go on from one of the lists.")
        target = f"{self.addresses[service].rstrip('/')}{path.removeprefix('/api')}"
        return httpx.URL(target, query=request.url.query.encode() or None)


class _Passing(StreamingResponse):
    """The response of a service on its way through: nothing is read that is not taken, and it ends with its reader."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(response.aiter_bytes(), response.status_code, _passed_on(response))
        self._inside = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # In a task of its own: the one that is cancelled could not close the connection.
            await asyncio.shield(asyncio.create_task(self._inside.aclose()))


def _not_responding(service: Service) -> str:
    return f"The part of the Rebalancer that {_OF[service]} did not answer. Try again in a moment."


def _code_of(response: httpx.Response) -> str:
    """Return the code of a problem document."""
    try:
        return str(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _passed_on(response: httpx.Response) -> dict[str, str]:
    return {name: response.headers[name] for name in _RESPONSE_HEADERS if name in response.headers}


def _returned(response: httpx.Response) -> Response:
    headers = _passed_on(response)
    location = response.headers.get("location")
    if location is not None:
        # Inside, addresses begin with /v1; a browser follows them below /api.
        headers["location"] = f"/api{location}" if location.startswith("/v1/") else location
    return Response(response.content, response.status_code, headers)
