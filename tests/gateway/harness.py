"""A gateway for tests with its surroundings: real HTTP on loopback, a real database, an issuer, services behind it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.app import build_app
from services.gateway.cli.grants import store
from services.gateway.dependencies import Dependencies, wire
from services.gateway.settings import Settings
from services.gateway.store import audit
from services.gateway.upstream import http_client
from shared.contracts.principal import Principal
from shared.http.app import serve
from shared.http.principal import HEADER, Errand, verify
from shared.postgres.migrations import migrate
from shared.postgres.pool import Requests, pool
from shared.runtime.clock import FileClock, set_offset
from tests.gateway.issuer import Issuer
from tests.ports import free_ports
from tests.signing import PRIVATE_KEY, PUBLIC_KEY
from tests.stackfix.infrastructure import as_role
from tests.waiting import until_async

SESSION_KEY = "session-key-of-the-tests-also-32-bytes"
ROLES = ("viewer", "trader", "approver", "operator", "admin", "auditor")


@dataclass
class Inside:
    """Stand-in for the services behind the gateway: keeps the requests and responds what the test sets."""

    clock: FileClock
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    content: bytes = b"{}"
    seen: list[tuple[Request, bytes]] = field(default_factory=list)
    pieces: Callable[[], AsyncIterator[bytes]] | None = None  # instead of content, one after another

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        async def reply(request: Request) -> Response:
            self.seen.append((request, await request.body()))
            if self.pieces is not None:
                return StreamingResponse(self.pieces(), self.status, self.headers)
            return Response(self.content, self.status, self.headers)

        app.add_api_route("/{path:path}", reply, methods=["GET", "POST"])
        return app

    def who(self) -> Principal:
        """Return the principal of the last request, verified as every service does."""
        request, _ = self.seen[-1]
        path = request.url.path
        services = {"files": "taxlot", "runs": "analyzer", "positions": "analyzer"}
        errand = Errand(services.get(path.split("/")[2], "batch"), request.method, path)
        return verify(request.headers[HEADER], PUBLIC_KEY, self.clock.now(), errand)


@dataclass
class Harness:
    """One gateway with its settings, clock, issuer and the services behind it."""

    dependencies: Dependencies
    settings: Settings
    clock_file: Path
    clock: FileClock
    issuer: Issuer
    inside: Inside
    halt_inside: Callable[[], Any]

    @property
    def url(self) -> str:
        return self.settings.gateway_url

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10)

    async def grant(self, subject: str, roles: tuple[str, ...], enterprises: tuple[str, ...] = ("E1",)) -> None:
        user = {"subject": subject, "name": subject.title(), "roles": roles, "enterprises": enterprises}
        await store(self.settings.database_url, [Principal.model_validate(user)], self.clock)

    async def sign_in(
        self, client: httpx.AsyncClient, subject: str = "pat", return_to: str = "/queue"
    ) -> httpx.Response:
        """Sign in as a browser does, and return the response of the callback."""
        self.issuer.subject = subject
        to_issuer = await client.get("/auth/login", params={"return_to": return_to})
        back = await client.get(to_issuer.headers["location"])
        return await client.get(back.headers["location"])

    async def csrf(self, client: httpx.AsyncClient) -> dict[str, str]:
        """Return the headers a page of ours sends with a command."""
        me = (await client.get("/api/v1/me")).json()
        return {"X-CSRF-Token": me["csrf"], "Origin": self.url}

    def pass_time(self, seconds: float) -> None:
        """Set the clock that many seconds ahead of the machine's."""
        set_offset(self.clock_file, seconds)


async def end(*tasks: asyncio.Task[None]) -> None:
    """End servers, all at the same time."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def harness_at(database_url: str, directory: Path, **changed: Any) -> AsyncIterator[Harness]:
    """Start issuer, inside and gateway; `changed` overrides settings."""
    await asyncio.to_thread(migrate, "gateway", as_role(database_url, "gateway_migrator"))
    ports = free_ports(3)
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    clock_file = directory / "clock.json"
    set_offset(clock_file, 0)
    (directory / "ui" / "assets").mkdir(parents=True, exist_ok=True)
    settings = Settings(**_settings(database_url, urls, ports[0], clock_file, directory) | changed)
    clock = FileClock(clock_file)
    issuer = Issuer(urls[1], "the-client", "the-secret", clock)
    inside = Inside(clock)
    async with AsyncExitStack() as ends:
        work = await ends.enter_async_context(pool(settings.database_url, "gateway", size=2))
        requests = await ends.enter_async_context(Requests(settings.requests_database_url, work, "gateway", size=4))
        clients = [await ends.enter_async_context(http_client()) for _ in range(2)]
        dependencies = wire(settings, requests, work, *clients)
        dependencies.hub.open()
        servers = (
            serve(build_app(dependencies), "127.0.0.1", ports[0], settings.bounds),
            serve(issuer.app(), "127.0.0.1", ports[1]),
            serve(inside.app(), "127.0.0.1", ports[2]),
        )
        serving = [asyncio.create_task(server) for server in servers]
        serving.append(asyncio.create_task(dependencies.audit.run()))
        ends.push_async_callback(end, *serving)
        ends.callback(dependencies.hub.close)
        for port in ports:
            await until_async(partial(listens, port), within_s=10)
        yield Harness(dependencies, settings, clock_file, clock, issuer, inside, partial(end, serving[2]))


def _settings(database_url: str, urls: list[str], port: int, clock_file: Path, directory: Path) -> dict[str, Any]:
    return {
        "kafka_url": "127.0.0.1:1",
        "database_url": as_role(database_url, "gateway"),
        "requests_database_url": as_role(database_url, "gateway_requests"),
        "http_port": port,
        "probe_port": 1,
        "clock_file": clock_file,
        "gateway_url": urls[0],
        "batch_url": urls[2],
        "taxlot_url": urls[2],
        "analyzer_url": urls[2],
        "principal_key": PRIVATE_KEY,
        "session_key": SESSION_KEY,
        "oidc_issuer_url": urls[1],
        "oidc_client_id": "the-client",
        "oidc_client_secret": "the-secret",  # pragma: allowlist secret
        "ui_dir": directory / "ui",
    }


def problem_of(response: httpx.Response) -> dict[str, Any]:
    """Return the problem document; fail if the response is none."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    body: dict[str, Any] = json.loads(response.content)
    assert {"type", "title", "status", "detail", "code"} <= body.keys() and body["status"] == response.status_code
    return body


def run_command(harness: Harness, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    settings = harness.settings
    env = {
        "REBALANCER_KAFKA_URL": settings.kafka_url,
        "REBALANCER_DATABASE_URL": settings.database_url,
        "REBALANCER_REQUESTS_DATABASE_URL": settings.requests_database_url,
        "REBALANCER_HTTP_PORT": "1",
        "REBALANCER_PROBE_PORT": "1",
        "REBALANCER_GATEWAY_URL": settings.gateway_url,
        "REBALANCER_BATCH_URL": settings.batch_url,
        "REBALANCER_TAXLOT_URL": settings.taxlot_url,
        "REBALANCER_ANALYZER_URL": settings.analyzer_url,
        "REBALANCER_OIDC_ISSUER_URL": settings.oidc_issuer_url,
        "REBALANCER_OIDC_CLIENT_ID": settings.oidc_client_id,
        "REBALANCER_OIDC_CLIENT_SECRET": settings.oidc_client_secret.get_secret_value(),
        "REBALANCER_UI_DIR": str(settings.ui_dir),
    }
    command = [sys.executable, "-m", "services.gateway", *arguments]
    return subprocess.run(command, env=env, input=stdin, capture_output=True, text=True, timeout=60, check=False)


async def records(harness: Harness, **wanted: Any) -> list[dict[str, Any]]:
    """Flush the audit log and return its records, oldest first."""
    await harness.dependencies.audit.flush()
    asked = dict.fromkeys(("subject", "id", "since", "until")) | {"limit": 10_000} | wanted
    async with await psycopg.AsyncConnection.connect(
        harness.settings.database_url, options="-c search_path=gateway"
    ) as connection:
        return sorted(await audit.read(connection, **asked), key=lambda record: str(record["at"]))
