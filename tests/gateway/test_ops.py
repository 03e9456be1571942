"""The operations page: who sees it, what it shows of processes that respond, go down or talk nonsense."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from deploy.observe.causes import CAUSES
from services.gateway.domain.operations import FIGURES, ProcessReading, duration, rows
from services.gateway.ops.processes import ProcessWatch, targets_of
from shared.http.app import serve
from shared.runtime.metric_kinds import CATALOGUE
from tests.gateway.harness import Harness, end, harness_at, listens
from tests.ports import free_port
from tests.waiting import until_async

METRICS = """
rebalancer_build_info{service="batch",version="1.2.3",commit="abcdef0123456789"} 1.0
rebalancer_outbox_oldest_age_seconds{service="batch"} 45.0
rebalancer_sample_age_seconds{service="batch",sampler="outbox"} 7.0
rebalancer_batches{state="WORKING"} 3.0
rebalancer_invariant_broken{invariant="orders_published"} 1.0
rebalancer_invariant_broken{invariant="flags_agree"} 0.0
rebalancer_dead_letters_total{service="batch",topic="a",reason="x"} 2.0
rebalancer_dead_letters_total{service="batch",topic="b",reason="y"} 3.0
"""


@dataclass
class Process:
    """A process of the system with its probes; the test says what they respond."""

    metrics: bytes = METRICS.encode()
    ready: str = '{"ready": true, "waiting_for": [], "troubles": ["account A1 is <odd>"]}'
    status: int = 200
    pause_s: float = 0.0
    port: int = field(default_factory=free_port)
    asked: int = 0

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)

        async def reply(request: Request) -> Response:
            self.asked += 1
            await asyncio.sleep(self.pause_s)
            is_metrics = request.url.path == "/metrics"
            return Response(self.metrics if is_metrics else self.ready, 200 if is_metrics else self.status)

        app.add_api_route("/{path:path}", reply)
        return app


@pytest.fixture
async def process() -> AsyncIterator[Process]:
    made = Process()
    serving = asyncio.create_task(serve(made.app(), "127.0.0.1", made.port))
    await until_async(partial(listens, made.port), within_s=10)
    yield made
    await end(serving)


@pytest.fixture
async def watching(database_url: str, tmp_path: Path, process: Process) -> AsyncIterator[Harness]:
    watched = f"batch=http://127.0.0.1:{process.port}, proposer=http://127.0.0.1:{free_port()}"
    async with harness_at(database_url, tmp_path, watched=watched) as built:
        await built.grant("selma", ("admin",), ())
        await built.grant("pat", ("viewer", "trader", "approver", "operator", "auditor"))
        yield built


async def page_of(harness: Harness, subject: str = "selma") -> httpx.Response:
    async with harness.client() as client:
        await harness.sign_in(client, subject)
        return await client.get("/ops")


async def test_the_page_shows_processes_figures_and_what_to_do(watching: Harness) -> None:
    response = await page_of(watching)
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    text = response.text
    for part in (
        "<td>ready</td><td>1.2.3</td><td>abcdef012345</td><td>0 s ago</td>",
        '<th scope="row">! proposer</th><td>does not respond</td><td>not known</td>',
        '<th scope="row">! outbox, oldest message: batch</th><td>45 s</td><td>7 s ago</td>',
        "<td>docs/runbooks/OutboxOld.md</td>",
        '<th scope="row">! invariant: orders_published</th><td>does not hold</td>',
        '<th scope="row">invariant: flags_agree</th><td>holds</td>',
        "<td>5</td>",  # dead letters of both topics
        '<th scope="row">last daily analysis</th><td>not known</td><td>not known</td>',
        "1, see its /readyz",
    ):
        assert part in text, part
    assert "A1" not in text and "odd" not in text, "troubles name accounts of anybody"


async def test_who_may_not_see_it_is_sent_to_sign_in_or_told_why(watching: Harness) -> None:
    async with watching.client() as stranger:
        response = await stranger.get("/ops")
        assert (response.status_code, response.headers["location"]) == (303, "/auth/login?return_to=/ops")
    response = await page_of(watching, "pat")
    assert response.status_code == 403
    assert "role admin" in response.text and "outbox" not in response.text


async def test_the_script_of_the_page_is_a_file_of_ours(watching: Harness) -> None:
    async with watching.client() as client:
        script = await client.get("/ops/refresh.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert "/ops" in script.text
    assert "<script src=" in (await page_of(watching)).text
    assert "script-src" not in script.headers["Content-Security-Policy"], "default-src 'self' holds for scripts"


@pytest.mark.parametrize(
    ("broken", "state"),
    [
        ({"metrics": b'rebalancer_build_info{service="ba'}, "does not respond"),
        ({"metrics": b"\xff\xfe"}, "does not respond"),
        ({"ready": "<html>"}, "does not respond"),
        ({"ready": "[]"}, "does not respond"),
        ({"pause_s": 30.0}, "does not respond"),
        ({"status": 503, "ready": '{"waiting_for": ["<b>database</b> away"]}'}, "not ready"),
        ({"status": 503, "ready": "{}"}, "not ready"),
    ],
    ids=["cut off", "no text", "no JSON", "no object", "slow", "not ready", "not ready for no reason"],
)
async def test_a_process_that_goes_down_or_talks_nonsense_shows_as_such(
    watching: Harness, process: Process, broken: dict[str, Any], state: str
) -> None:
    for name, value in broken.items():
        setattr(process, name, value)
    response = await page_of(watching)
    assert response.status_code == 200
    assert f'<th scope="row">! batch</th><td>{state}</td>' in response.text
    assert "<b>" not in response.text


async def test_figures_of_a_process_that_went_down_are_kept_for_a_while_with_their_age() -> None:
    passed_s = 0.0
    up = True

    def reply(request: httpx.Request) -> httpx.Response:
        if not up:
            raise httpx.ConnectError("gone")
        return httpx.Response(200, text=METRICS if request.url.path == "/metrics" else '{"ready": true}')

    async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as client:
        watch = ProcessWatch(client, {"batch": "http://batch"}, lambda: passed_s)
        ((reading,), _) = await watch.read()
        assert (reading.up, reading.age_s) == (True, 0.0)
        up, passed_s = False, 60.0
        ((reading,), _) = await watch.read()
        assert (reading.up, reading.age_s) == (False, 60.0)
        assert reading.made_of == ("1.2.3", "abcdef012345")
        passed_s = 700.0
        ((reading,), _) = await watch.read()
        assert (reading.age_s, reading.samples) == (None, ())


async def test_many_viewers_cost_one_reading(watching: Harness, process: Process) -> None:
    processes = watching.dependencies.processes
    await asyncio.gather(*(processes.read() for _ in range(20)))
    assert process.asked == 2


@pytest.mark.fast
def test_the_worst_value_counts_and_of_instants_the_latest() -> None:
    def lag(age: float, at: float) -> Any:
        return [
            ("rebalancer_consumer_lag_seconds", {"group": "g", "topic": "t"}, age),
            ("rebalancer_end_of_day_last_success_timestamp_seconds", {}, at),
        ]

    found = {row.title: row for row in rows(
        [ProcessReading("a", True, 0.0, lag(50, 1000)), ProcessReading("b", True, 5.0, lag(70, 900))], 1060.0
    )}  # fmt: skip
    assert (found["lag of consumer group: g"].value, found["lag of consumer group: g"].is_wrong) == ("70 s", True)
    assert found["lag of consumer group: g"].age_s == 5.0
    assert (found["last end-of-day sweep"].value, found["last end-of-day sweep"].is_wrong) == ("60 s ago", False)
    assert found["topic held"].value == "0"
    assert found["batches"].value == "not known"


@pytest.mark.fast
@pytest.mark.parametrize("spec", FIGURES, ids=lambda spec: spec.series)
def test_a_figure_is_a_metric_with_the_limit_of_its_alert(spec: Any) -> None:
    metric = CATALOGUE[spec.series]
    assert not spec.by or spec.by in metric.labels
    cause = next((cause for cause in CAUSES if cause.alert == spec.alert), None)
    assert (cause is not None) == (spec.limit is not None)
    assert cause is None or (spec.series in cause.expression and f"> {spec.limit:g}" in cause.expression)


@pytest.mark.fast
@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (200_000, "2 days")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.fast
def test_watched_processes_are_named_with_their_addresses() -> None:
    assert targets_of("a=http://x:1, b=https://y/ ,") == {"a": "http://x:1", "b": "https://y"}
    assert targets_of("") == {}
    for wrong in ("a", "a=x:1", "=http://x"):
        with pytest.raises(ValueError, match="not name=address"):
            targets_of(wrong)
