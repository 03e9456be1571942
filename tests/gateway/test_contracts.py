"""The gateway serves the contracts of our events to whoever subscribes, as they are committed."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.contracts.examples import EVENTS
from services.gateway.app import routed
from shared.contracts.catalogue import published
from shared.contracts.event_schemas import schema_path
from tests.gateway.harness import problem_of

pytestmark = pytest.mark.fast


@pytest.fixture
async def stranger() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in; nothing behind the routes is there."""
    transport = httpx.ASGITransport(app=routed())
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_the_asyncapi_document_stands_beside_the_openapi_document(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.get("/api/v1/openapi.json")).status_code == 200
    served = await stranger.get("/api/v1/asyncapi.json")
    assert (served.status_code, served.headers["content-type"]) == (200, "application/json")
    assert served.json() == json.loads((EVENTS / "asyncapi.json").read_text())


async def test_every_schema_is_served_under_its_path(stranger: httpx.AsyncClient) -> None:
    for topic in published():
        served = await stranger.get(schema_path(topic))
        assert (served.status_code, served.headers["content-type"]) == (200, "application/schema+json")
        assert served.json() == json.loads((EVENTS / "schemas" / f"{topic.name}.json").read_text())


@pytest.mark.parametrize("name", ["work.request", "batch.queue", "rebalancer.batch.v9", "..%2Fasyncapi"])
async def test_nothing_else_has_a_schema(stranger: httpx.AsyncClient, name: str) -> None:
    served = await stranger.get(f"/api/v1/events/schemas/{name}.json")
    assert problem_of(served)["status"] == 404
