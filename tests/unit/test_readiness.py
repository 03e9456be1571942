"""taxlot and analyzer are a worker and an API in one process: requests are sent there while the database answers."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.analyzer import app as analyzer
from services.analyzer import settings as analyzer_settings
from services.taxlot import app as taxlot
from services.taxlot import settings as taxlot_settings
from shared.http.app import create_app
from shared.kafka import faust_worker
from tests.signing import PUBLIC_KEY

pytestmark = pytest.mark.fast
NOWHERE = "postgresql://127.0.0.1:1/rebalancer"
AWAY = "database: connection refused"


@pytest.fixture(params=[("taxlot", "_away"), ("analyzer", "_unavailable")], ids=lambda param: param[0])
def wired(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> Callable[[list[str]], FastAPI]:
    """Return what builds the HTTP of a worker that has not started; its check of the database finds these reasons."""
    module: ModuleType = {"taxlot": taxlot, "analyzer": analyzer}[request.param[0]]
    settings: Any = {"taxlot": taxlot_settings, "analyzer": analyzer_settings}[request.param[0]].Settings
    for name, value in {
        "KAFKA_URL": "127.0.0.1:1",
        "HTTP_PORT": "1",
        "DATABASE_URL": NOWHERE,
        "REQUESTS_DATABASE_URL": NOWHERE,
        "PRINCIPAL_PUBLIC_KEY": PUBLIC_KEY,
        "INBOX_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(f"REBALANCER_{name}", value)

    def build(reasons: list[str]) -> FastAPI:
        async def found(*_of: object) -> list[str]:
            return reasons

        apps: list[FastAPI] = []
        monkeypatch.setattr(module, request.param[1], found)
        monkeypatch.setattr(faust_worker, "attach", lambda _app, _beside, http_app, _settings: apps.append(http_app))
        module.build_app(settings())
        (http_app,) = apps
        return http_app

    return build


async def asked(app: FastAPI) -> dict[str, tuple[int, list[str]]]:
    """Return of each probe its status and what is waited for."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        responses = {path: await client.get(path) for path in ("/readyz", "/readyz/api")}
    return {path: (response.status_code, response.json()["waiting_for"]) for path, response in responses.items()}


async def test_the_api_is_ready_while_its_worker_is_not(wired: Callable[[list[str]], FastAPI]) -> None:
    assert await asked(wired([])) == {"/readyz": (503, ["starting"]), "/readyz/api": (200, [])}


async def test_neither_is_ready_without_the_database(wired: Callable[[list[str]], FastAPI]) -> None:
    assert await asked(wired([AWAY])) == {"/readyz": (503, ["starting", AWAY]), "/readyz/api": (503, [AWAY])}


async def test_a_process_that_is_one_thing_gives_one_answer() -> None:
    async def ready() -> list[str]:
        return ["no partitions assigned"]

    both = (503, ["no partitions assigned"])
    assert await asked(create_app("proposer", ready)) == {"/readyz": both, "/readyz/api": both}
