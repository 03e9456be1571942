"""The lag of an event loop: how late a sleeper wakes while something does not yield."""

import asyncio
import time

import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from shared.http.app import create_app
from shared.runtime import loop_lag
from tests.waiting import until_so

pytestmark = pytest.mark.fast
SERVICE = "loop-lag-test"
HELD_S = 0.2


def _value(kind: str, service: str = SERVICE, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"rebalancer_loop_lag_seconds_{kind}", {"service": service, **labels}) or 0.0


async def test_a_loop_that_is_kept_from_its_sleepers_is_late_by_so_much() -> None:
    measuring = asyncio.create_task(loop_lag.measure(SERVICE, every_s=0.01))
    await until_so(lambda: _value("count"))
    before_s, looked = _value("sum"), _value("count")
    end_s = time.monotonic() + HELD_S
    while time.monotonic() < end_s:
        pass
    await until_so(lambda: _value("count") > looked)
    assert _value("sum") - before_s >= HELD_S - 0.01 - 0.001
    measuring.cancel()
    assert isinstance((await asyncio.gather(measuring, return_exceptions=True))[0], asyncio.CancelledError)


@pytest.mark.parametrize("probes", [True, False])
async def test_the_app_with_the_probes_measures_as_long_as_it_is_served(probes: bool) -> None:
    async def ready() -> list[str]:
        return []

    app: FastAPI = create_app("small", ready, probes=probes)

    def measuring() -> bool:
        return any(task.get_name() == "loop-lag" for task in asyncio.all_tasks())

    async with app.router.lifespan_context(app):
        assert measuring() is probes
    assert not measuring()
