"""A sampler samples again and again, survives what its sample raises, and says how old its gauges are."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from shared.runtime import build
from shared.runtime.sampler import Sampler
from tests.waiting import until_async

pytestmark = pytest.mark.fast


def _age_s() -> float | None:
    return REGISTRY.get_sample_value("rebalancer_sample_age_seconds", {"service": "test", "sampler": "x"})


async def test_what_a_sample_raises_stops_nothing_and_shows_as_age() -> None:
    calls: list[int] = []

    async def sample() -> None:
        calls.append(len(calls))
        if len(calls) > 1:
            raise OSError("the database is away")

    async def count() -> int:
        return len(calls)

    sampler = Sampler("test", "x", sample, every_s=0.001)
    async with sampler.running():
        await until_async(count, lambda made: made > 5)
        first = _age_s()
        await until_async(count, lambda made: made > 20)
        second = _age_s()
    assert first is not None and second is not None
    assert second > first > 0, "it never succeeded again, whatever it tried"
    assert not [task for task in asyncio.all_tasks() if task.get_name() == sampler.name]


@pytest.mark.parametrize("packed", [False, True])
def test_the_commit_is_read_without_git(tmp_path: Path, packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REBALANCER_COMMIT", raising=False)
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    if packed:
        (git / "packed-refs").write_text("# pack-refs with: peeled\nabc123 refs/heads/main\n")
    else:
        (git / "refs" / "heads" / "main").write_text("abc123\n")
    assert build.commit(tmp_path) == "abc123"
    (git / "HEAD").write_text("def456\n")
    assert build.commit(tmp_path) == "def456"
    monkeypatch.setenv("REBALANCER_COMMIT", "given")
    assert build.commit(tmp_path) == "given"


def test_where_nobody_says_what_it_was_made_of_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REBALANCER_COMMIT", raising=False)
    assert build.commit(tmp_path) == build.UNKNOWN
