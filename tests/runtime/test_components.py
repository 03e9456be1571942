"""Parts of a service side by side: what fails is begun again, what hangs is told, neither takes the others along."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from shared.runtime.components import ComponentRunner, Heartbeat, ServiceComponent
from tests.waiting import until_so

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def _kept(
    components: Mapping[str, ServiceComponent], *, stuck_s: float = 60.0, most_s: float = 60.0
) -> AsyncIterator[ComponentRunner]:
    runner = ComponentRunner(f"test-{uuid.uuid4().hex}", stuck_s=stuck_s, first_s=0.01, most_s=most_s)
    running = asyncio.create_task(runner.run(components))
    try:
        yield runner
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert running.cancelled()


@pytest.mark.parametrize("fault", [ValueError("ours"), asyncio.CancelledError(), None], ids=repr)
async def test_a_part_that_fails_is_begun_again_while_the_others_go_on(fault: BaseException | None) -> None:
    begun: list[str] = []

    async def failing(_beat: Heartbeat) -> None:
        begun.append("failing")
        if fault is not None:
            raise fault

    async def steady(_beat: Heartbeat) -> None:
        begun.append("steady")
        await asyncio.Event().wait()

    async with _kept({"failing": failing, "steady": steady}) as runner:
        await until_so(lambda: begun.count("failing"), lambda many: many > 3)
        assert begun.count("steady") == 1
        (said,) = runner.troubles()
        assert said.startswith("failing failed ")
        assert "ours" in said or not isinstance(fault, ValueError)
        labels = {"service": runner._service, "part": "failing"}
        assert REGISTRY.get_sample_value("rebalancer_part_failing", labels) == 1
        assert (REGISTRY.get_sample_value("rebalancer_part_failures_total", labels) or 0) >= 3
        assert runner.stuck() == []


async def test_a_part_that_runs_well_for_long_enough_is_in_trouble_no_more() -> None:
    begun: list[int] = []

    async def once(_beat: Heartbeat) -> None:
        begun.append(len(begun))
        if len(begun) == 1:
            raise OSError("a moment")
        await asyncio.Event().wait()

    async with _kept({"once": once}, most_s=0.3) as runner:
        await until_so(runner.troubles)
        await until_so(runner.troubles, lambda troubles: not troubles)
    assert begun == [0, 1]


async def test_a_part_that_hangs_is_stuck_and_one_that_beats_or_fails_is_not() -> None:
    released = asyncio.Event()
    beats: list[Heartbeat] = []

    async def hanging(beat: Heartbeat) -> None:
        await released.wait()
        beat()
        await asyncio.Event().wait()

    async def beating(beat: Heartbeat) -> None:
        beats.append(beat)
        await asyncio.Event().wait()

    async def failing(_beat: Heartbeat) -> None:
        raise OSError("again and again")

    components: dict[str, ServiceComponent] = {"hanging": hanging, "beating": beating, "failing": failing}
    async with _kept(components, stuck_s=0.6, most_s=0.1) as runner:

        def stuck() -> list[str]:
            """Say what is stuck, the one part having beaten just now."""
            for beat in beats:
                beat()
            return runner.stuck()

        (said,) = await until_so(stuck)
        assert said.startswith("hanging: has not got on for ")
        released.set()
        await until_so(stuck, lambda troubles: not troubles)
