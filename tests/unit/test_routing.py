"""Who may use a route is said where it is made, or the app cannot be built."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles

from shared.http.app import create_app, serve
from shared.http.routing import (
    Caller,
    Open,
    RouteWithoutRule,
    check,
    deprecated,
    open_router,
    router,
    routes_of,
    vouched,
)
from tests.signing import PUBLIC_KEY, SignedAs, somebody

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


class _Noon:
    def now(self) -> datetime:
        return NOW


DOOR = vouched("batch", PUBLIC_KEY, _Noon())


async def _ready() -> list[str]:
    return []


def _app(*routers: APIRouter) -> FastAPI:
    return create_app("batch", _ready, routers=routers, door=DOOR)


def _with(routes: APIRouter, operation: str | None) -> APIRouter:
    @routes.get("/v1/things", operation_id=operation)
    async def things(caller: Caller) -> list[str]:
        return [caller.subject]

    return routes


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        (lambda: _with(APIRouter(), "list_queue"), "shared.http.routing.router"),
        (lambda: _with(router(), None), "no rule"),
        (lambda: _with(router(), "list_things"), "no rule"),
    ],
)
def test_a_route_without_a_rule_keeps_the_app_from_being_built(routes: Callable[[], APIRouter], said: str) -> None:
    with pytest.raises(RouteWithoutRule, match=said):
        _app(routes())


def test_routes_with_a_rule_need_somebody_who_says_who_asks() -> None:
    with pytest.raises(RouteWithoutRule, match="no door"):
        create_app("batch", _ready, routers=[_with(router(), "list_queue")])


async def _nothing() -> None:
    return None


@pytest.mark.parametrize(
    "late",
    [
        lambda app: app.get("/v1/late")(_nothing),
        lambda app: app.add_route("/v1/late", _nothing),
        lambda app: app.websocket("/v1/late")(_nothing),
        lambda app: app.mount("/v1/late", StaticFiles(directory=".")),
    ],
)
def test_an_app_to_which_a_route_was_added_since_is_not_served(late: Callable[[FastAPI], object]) -> None:
    app = _app(_with(router(), "list_queue"))
    check(app)
    late(app)
    with pytest.raises(RouteWithoutRule, match="/v1/late"):
        asyncio.run(serve(app, "127.0.0.1", 0))


def test_routes_for_anybody_are_made_as_such() -> None:
    routes = open_router()
    routes.get("/page")(_nothing)
    assert [type(route) for path, route in routes_of(_app(routes)) if path == "/page"] == [Open]


async def test_who_asks_is_known_before_the_route_is_reached() -> None:
    transport = httpx.ASGITransport(_app(_with(router(), "upload_file")))
    async with httpx.AsyncClient(transport=transport, base_url="http://batch") as client:
        assert (await client.get("/v1/things")).status_code == 401
        trader, operator = (SignedAs(somebody(role), "batch", lambda: NOW) for role in ("trader", "operator"))
        refused = await client.get("/v1/things", auth=trader)
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            "This is for the role operator; your role is trader. Ask an administrator if you need it.",
        )
        assert (await client.get("/v1/things", auth=operator)).json() == ["pat"]
        elsewhere = SignedAs(somebody(), "taxlot", lambda: NOW)
        assert (await client.get("/v1/things", auth=elsewhere)).status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/openapi.json")).status_code == 404


async def test_a_deprecated_route_says_since_when_and_until_when() -> None:
    leaving, staying = router(), _with(router(), "list_queue")

    @leaving.get("/v1/older", operation_id="list_batches", **deprecated(date(2026, 12, 1), date(2027, 6, 1)))
    async def older(caller: Caller) -> list[str]:
        return [caller.subject]

    app = _app(leaving, staying)
    assert app.openapi()["paths"]["/v1/older"]["get"]["deprecated"]
    transport, signed = httpx.ASGITransport(app=app), SignedAs(somebody(), "batch", lambda: NOW)
    async with httpx.AsyncClient(transport=transport, base_url="http://batch", auth=signed) as client:
        parting = (await client.get("/v1/older")).headers
        assert parting["Deprecation"] == "@1796083200"
        assert parting["Sunset"] == "Tue, 01 Jun 2027 00:00:00 GMT"
        assert not {"Deprecation", "Sunset"} & set((await client.get("/v1/things")).headers)


def test_a_route_cannot_be_deprecated_without_days() -> None:
    routes = router()
    with pytest.raises(RouteWithoutRule, match="deprecated"):

        @routes.get("/v1/older", operation_id="list_queue", deprecated=True)
        async def older() -> None: ...
