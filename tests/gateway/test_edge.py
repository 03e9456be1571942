"""What holds for every response, the pages of the user interface, and the API document."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from services.gateway.app import routed
from services.gateway.openapi import describe
from services.gateway.security_headers import security_headers
from services.gateway.sessions.cookies import Cookies
from shared.contracts import api_batches, api_proposals, api_queue
from shared.contracts.types import OutboundModel
from shared.postgres.migrations import migrate
from tests.gateway.harness import Harness, problem_of, run_command
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration


def build_ui(harness: Harness) -> Path:
    ui = harness.settings.ui_dir
    (ui / "index.html").write_text("<title>start page</title>")
    (ui / "assets" / "app-4f3a.js").write_text("let x = 1;")
    (ui / "favicon.svg").write_text("<svg/>")
    (ui / ".built-from").write_text("a fingerprint")
    (ui.parent / "secret.txt").write_text("not for anybody")
    return ui


async def test_every_address_of_the_interface_is_its_start_page(harness: Harness, visitor: httpx.AsyncClient) -> None:
    build_ui(harness)
    for path in ("/", "/queue?tile=HIGH_CASH", "/batches/7/accounts/A.1", "/apis", "/.built-from", "/..%2fsecret.txt"):
        response = await visitor.get(path)
        assert (response.status_code, response.text) == (200, "<title>start page</title>"), path
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["content-type"].startswith("text/html")


async def test_hashed_files_are_cached_and_others_revalidated(harness: Harness, visitor: httpx.AsyncClient) -> None:
    build_ui(harness)
    asset = await visitor.get("/assets/app-4f3a.js")
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-type"].startswith("text/javascript")
    icon = await visitor.get("/favicon.svg")
    assert icon.headers["cache-control"] == "no-cache"
    assert (await visitor.get("/favicon.svg", headers={"If-None-Match": icon.headers["etag"]})).status_code == 304
    assert problem_of(await visitor.get("/assets/gone.js"))["status"] == 404


async def test_an_interface_that_is_not_built_says_how(harness: Harness, visitor: httpx.AsyncClient) -> None:
    response = await visitor.get("/queue")
    assert response.status_code == 503 and "npm run build" in response.text


async def test_security_headers_stand_on_every_answer(harness: Harness, visitor: httpx.AsyncClient) -> None:
    build_ui(harness)
    for path in ("/", "/api/v1/me", "/api/v1/nothing", "/auth/login", "/metrics"):
        headers = (await visitor.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "script-src" not in policy
        assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
        assert "strict-transport-security" not in headers
    assert "Strict-Transport-Security" in security_headers("https://rebalancer.example", "https://issuer.example")


async def test_every_answer_of_the_api_tells_the_time_of_the_system_not_of_the_machine(
    harness: Harness, visitor: httpx.AsyncClient
) -> None:
    harness.pass_time(86_400)
    before = harness.clock.now()
    for path in ("/api/v1/me", "/api/v1/nothing"):
        stated = datetime.fromisoformat((await visitor.get(path)).headers["server-time"])
        assert before - timedelta(milliseconds=1) <= stated <= harness.clock.now()


def test_cookies_over_https_are_bound_to_the_host() -> None:
    secure, plain = Cookies.of("https://rebalancer.example"), Cookies.of("http://127.0.0.1:8400")
    assert secure.secure and secure.session.startswith("__Host-") and secure.attempt.startswith("__Host-")
    assert not plain.secure and plain.session == "rebalancer-8400"


async def test_every_refusal_is_a_problem(harness: Harness, pat: httpx.AsyncClient) -> None:
    for path in ("/api/v1/nothing", "/api/nothing", "/auth/nothing", "/v1/batches"):
        assert problem_of(await pat.get(path))["status"] == 404, path
    wrong = await pat.delete("/api/v1/runs")
    assert problem_of(wrong)["status"] == 405 and wrong.headers["allow"] == "POST"
    assert problem_of(await pat.get("/api/v1/runs"))["status"] == 405
    assert problem_of(await pat.post("/queue"))["status"] == 405


async def test_a_database_that_is_away_is_told_as_such(
    harness: Harness, pat: httpx.AsyncClient, admin_database_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(admin_database_url, autocommit=True) as connection:
        database = psycopg.conninfo.conninfo_to_dict(harness.settings.database_url)["dbname"]
        await connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database]
        )
        away = await pat.get("/api/v1/me")
        await connection.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
    assert problem_of(away)["code"] == "unavailable" and away.headers["retry-after"] == "2"


def test_the_document_is_complete() -> None:
    document = describe(routed())
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            _check_operation(method, path, operation)
    surface = (api_batches, api_proposals, api_queue)
    models = {name: model for part in surface for name, model in vars(part).items() if isinstance(model, type)}
    modelled = {name for name, model in models.items() if issubclass(model, OutboundModel)}
    assert modelled - {"OutboundModel"} <= document["components"]["schemas"].keys()
    assert "HTTPValidationError" not in json.dumps(document)


def _check_operation(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["x-roles"], path
    assert {"401", "403", "422", "429", "500", "503"} <= operation["responses"].keys()
    assert ("400" in operation["responses"]) is (method != "get")
    for status, response in operation["responses"].items():
        kinds = set(response.get("content", {}))
        if status >= "400":
            assert kinds == {"application/problem+json"}
        elif operation["operationId"].startswith("export_"):
            assert kinds <= {"text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
        else:
            assert kinds <= {"application/json", "text/event-stream"}
    required = {parameter["name"] for parameter in operation.get("parameters", []) if parameter.get("required")}
    if method == "post" and path.startswith("/api/v1/batches"):
        assert "Idempotency-Key" in required
        assert ("If-Match" in required) is ("{batch_id}" in path)


async def test_granting_by_file(harness: Harness, visitor: httpx.AsyncClient, tmp_path: Path) -> None:
    users = [
        {"subject": "lee", "name": "Lee", "roles": ["auditor"], "enterprises": ["E2"], "advisors": ["A7"], "more": 1},
        {"subject": "kim", "name": "Kim", "roles": ["viewer"], "enterprises": ["E1", "E2"], "advisors": "all"},
    ]
    file = tmp_path / "users.json"
    file.write_text(json.dumps(users))
    granted = run_command(harness, "grant", "--file", str(file))
    assert (granted.returncode, granted.stdout) == (0, "granted: 2 users\n"), granted.stderr
    for subject, advisors in (("lee", ["A7"]), ("kim", None), ("pat", None)):
        await harness.sign_in(visitor, subject)
        me = (await visitor.get("/api/v1/me")).json()
        assert (me["subject"], me["advisors"]) == (subject, advisors)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the whole file"),
        ('[{"subject": "lee"}]', "0.name"),
        ('[{"subject":"lee","name":"Lee","roles":["king"],"enterprises":[],"advisors":null}]', "0.roles.0"),
        ('[{"subject":"lee","name":"Lee","roles":[],"enterprises":["a b"],"advisors":null}]', "0.enterprises.0"),
        ('[{"subject":"lee","name":"Lee","roles":[],"enterprises":[]}]', "0.advisors"),
    ],
)
async def test_a_bad_file_grants_nothing(harness: Harness, text: str, said: str) -> None:
    refused = run_command(harness, "grant", "--file", "-", stdin=text)
    assert refused.returncode == 1 and said in refused.stderr and "Traceback" not in refused.stderr


async def test_migrating_again_changes_nothing(harness: Harness, pat: httpx.AsyncClient, database_url: str) -> None:
    migrate("gateway", as_role(database_url, "gateway_migrator"))
    assert (await pat.get("/api/v1/me")).status_code == 200
