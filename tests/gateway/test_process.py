"""The gateway as the stack runs it: with the real issuer, broker and database."""

import signal
from collections.abc import Iterator

import httpx
import pytest

from deploy.issuer.users import USERS
from deploy.stack import Stack
from tests.sign_in import signed_in
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.fault]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("door"), services=("issuer", "gateway")) as running:
        yield running


@pytest.fixture
def olivia(stack: Stack) -> Iterator[httpx.Client]:
    """A browser, signed in by name and password at the issuer's own page."""
    with signed_in(stack) as client:
        yield client


def test_a_sample_user_signs_in_by_name_and_password_and_out(stack: Stack, olivia: httpx.Client) -> None:
    me = olivia.get("/api/v1/me").json()
    assert (me["name"], me["enterprises"], me["roles"]) == (
        USERS[0].name,
        ["E1"],
        ["viewer", "trader", "approver", "operator"],
    )
    left = olivia.post("/auth/logout", headers={"X-CSRF-Token": me["csrf"], "Origin": stack.urls["gateway"]})
    at_issuer = olivia.get(left.json()["location"])
    assert at_issuer.headers["location"] == f"{stack.urls['gateway']}/"
    assert olivia.get("/api/v1/me").status_code == 401


def test_sessions_outlive_a_killed_gateway(stack: Stack, olivia: httpx.Client) -> None:
    stack.kill("gateway")
    stack.wait_ready("gateway")
    assert olivia.get("/api/v1/me").status_code == 200
    assert "rebalancer_push_streams" in httpx.get(f"{stack.urls['gateway-probes']}/metrics").text
    for path in ("/metrics", "/readyz", "/readyz/api", "/healthz"):
        assert olivia.get(path).status_code == 404, "not for the world"


HEARTBEAT = ("", "event: alive", "data: {}")


def live(client: httpx.Client) -> bool:
    """Say whether a stream of live updates opens: a gateway serves before it has found the broker."""
    with client.stream("GET", "/api/v1/events") as stream:
        return stream.status_code == 200


def test_a_stop_ends_streams_at_once(stack: Stack, olivia: httpx.Client) -> None:
    until(lambda: live(olivia))
    with olivia.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        starts = stack.status()["gateway"]["starts"]
        stack.kill("gateway", signal.SIGTERM)
        assert [line for line in lines if line not in HEARTBEAT] == []
    again = until(lambda: stack.status()["gateway"], lambda seen: seen["starts"] > starts)
    assert again["last_exit"] == 0, stack.log_tail("gateway")
    stack.wait_ready("gateway")


def test_without_the_broker_streams_end_and_come_back_with_it(stack: Stack, olivia: httpx.Client) -> None:
    until(lambda: live(olivia))
    with olivia.stream("GET", "/api/v1/events", timeout=60) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 2000"
        stack.halt("kafka")
        assert [line for line in lines if line not in HEARTBEAT] == []
    assert olivia.get("/api/v1/events").status_code == 503
    assert olivia.get("/api/v1/me").status_code == 200
    stack.wait_ready("gateway")
    stack.resume("kafka")
    until(lambda: live(olivia))
