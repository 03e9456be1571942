"""The story in containers: from a clean clone to an account whose fills have come back, and what heals by itself."""

import httpx
import pytest

from deploy.docker import make_secrets
from deploy.issuer.users import USERS
from deploy.stack import keys
from shared.contracts.topics import SERVICES
from tests.engine.conftest import Compose, Visitor
from tests.waiting import until

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(900, func_only=True)]


def test_hello_says_where_it_is_and_who_may_sign_in(system: Compose) -> None:
    said = system.run("logs", "--no-log-prefix", "hello")
    assert {system.url(name) for name in ("GATEWAY", "PROMETHEUS", "GRAFANA")} <= set(said.split())
    assert all(user.login in said and user.word in said for user in USERS)


def test_each_container_holds_its_own_secrets_only(system: Compose) -> None:
    names = (make_secrets.GRAFANA, *make_secrets.kafka_names(), *make_secrets.CERTIFICATES)
    expected = make_secrets.contents(keys.complete({}) | dict.fromkeys(names, "-"))
    for name in (*SERVICES, "analyzer-sweeper", "auditor", "issuer", "grafana", "postgres"):
        reader = "analyzer" if name == "analyzer-sweeper" else name
        assert set(system.within(name, "ls /secrets").split()) == set(expected[reader]), name
        assert "x" in system.within(name, "test ! -e /store && test ! -e /volumes && echo x"), name


def test_an_account_goes_from_the_queue_to_its_fills(system: Compose, visitor: Visitor) -> None:
    flagged = until(
        lambda: [row for row in visitor.get("/api/v1/queue/accounts", size=200)["rows"] if row["state"] == "FLAGGED"],
        lambda rows: len(rows) >= 3,
        within_s=120,
    )
    ids = [row["account_id"] for row in flagged][:5]
    asked = {"selection": {"kind": "ids", "ids": ids}, "expected_count": len(ids), "logic": "BEST_FIT", "label": ""}
    batch = visitor.command("/api/v1/batches", {**asked, "confirm_liquidation": False})
    address = f"/api/v1/batches/{batch['batch_id']}"
    batch = until(lambda: visitor.get(address), lambda seen: seen["status"] != "WORKING", within_s=120)
    assert batch["status"] == "PENDING_APPROVAL"
    rows = visitor.get(f"{address}/accounts", size=100)["rows"]
    traded = [row["account_id"] for row in rows if row["state"] == "PROPOSED" and row["buys"] + row["sells"] > 0]
    assert traded
    assert visitor.command(f"{address}/approve", version=batch["version"])["status"] == "APPROVED"
    account = f"/api/v1/accounts/{traded[0]}"
    until(lambda: visitor.get(account), lambda seen: seen["state"] == "SETTLING")

    said = system.run("exec", "-T", "custodian", "python", "-m", "deploy.custodian", "next-day")
    assert "orders filled" in said
    visitor.sign_in()  # a day has passed, and the session with it
    settled = until(lambda: visitor.get(account), lambda seen: seen["state"] != "SETTLING", within_s=120)
    assert settled["state"] in {"CLEAR", "FLAGGED"}
    assert settled["last_rebalanced"] is not None


def test_the_issuer_can_be_reached_after_the_gateway_was_started_again(system: Compose) -> None:
    system.run("restart", "gateway")
    until(lambda: system.state("gateway")["Health"]["Status"], lambda status: status == "healthy", within_s=180)
    somebody = Visitor(system)
    assert somebody.sign_in()["name"] == USERS[0].name
    somebody.close()


@pytest.mark.parametrize(
    ("name", "signal"), [("batch", "KILL"), ("issuer", "KILL"), ("proposer", "STOP"), ("gateway", "STOP")]
)
def test_a_process_that_is_killed_or_hangs_is_back_with_nobody_acting(system: Compose, name: str, signal: str) -> None:
    before = system.state(name)["restarts"]
    system.signal(name, signal)
    until(lambda: system.state(name)["restarts"], lambda restarts: restarts == before + 1, within_s=180)
    until(lambda: system.state(name)["Health"]["Status"], lambda status: status == "healthy", within_s=180)


def test_prometheus_scrapes_every_process(system: Compose) -> None:
    def unreached() -> list[str]:
        found = httpx.get(f"{system.url('PROMETHEUS')}/api/v1/targets", trust_env=False).json()["data"]["activeTargets"]
        return [target["scrapeUrl"] for target in found if target["health"] != "up"] if found else ["nothing yet"]

    until(unreached, lambda left: not left, within_s=60)


def test_a_second_start_changes_nothing(system: Compose) -> None:
    before = system.within("batch", "cat /secrets/*")
    system.run("up", "--wait", "--wait-timeout", "600")
    assert system.within("batch", "cat /secrets/*") == before
    assert "was loaded before" in system.run("logs", "--no-log-prefix", "sample")
