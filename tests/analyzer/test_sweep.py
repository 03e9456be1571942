"""A sweep publishes from memory what it has stored; a sweeper that dies at any point leaves nothing unpublished."""

import asyncio
from dataclasses import fields
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pytest

from services.analyzer.operations.evaluate import Evaluator, RunStamp
from services.analyzer.operations.sweep import Sweeper
from services.analyzer.store import flags, run_start, runs, shards
from services.analyzer.store.database import Session
from shared.contracts import topics
from shared.contracts.platform import PricesPublished
from tests.analyzer.builders import MONDAY, held, holdings, noon, on_hold, prices
from tests.analyzer.harness import Harness, overtaken_evaluator

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}


def later() -> PricesPublished:
    """Return prices that bring IN_BAND out of its band."""
    return prices(2, AAA="1", BBB="9", CCC="1")


async def sweep_and_die(harness: Harness) -> tuple[shards.Shard, list[flags.StoredFlags]]:
    """Start an analysis and evaluate its shard, holding its lock; nothing is published, nothing marked done."""
    with harness.database.session() as session:
        assert run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY)) is not None

    def sweep() -> tuple[shards.Shard, list[flags.StoredFlags]]:
        with harness.database.session() as session, shards.claim(session) as shard:
            assert shard is not None
            return shard, harness.evaluator.sweep(
                session, shard.first_id, shard.last_id, RunStamp(shard.run_no), "test"
            )

    return await asyncio.to_thread(sweep)


async def announced(harness: Harness) -> dict[str, str]:
    """Return the newest public state of each account published since the last call."""
    return {event.account_id: event.state for event in (await harness.published())[topics.ACCOUNT_FLAG.name]}


async def test_what_is_published_is_what_reading_it_back_gives(harness: Harness) -> None:
    """A drifted, a held and a settling account, and one that is flagged for the first time, column by column."""
    await harness.book("a1", "a2", "a3", "a4")
    book = [held("a1", 1, **DRIFTED), held("a2", 1, **IN_BAND), on_hold("a3", 1), held("a4", 1, cash="900", **DRIFTED)]
    await harness.handlers.on_holdings(holdings(*book))
    await harness.handlers.on_prices([later()])
    _, (stored,) = await sweep_and_die(harness)
    with harness.database.session() as session:
        read = flags.read(session, ["a1", "a2", "a3", "a4"])
    assert stored.account_id.to_pylist() == ["a1", "a2", "a3", "a4"]
    assert stored.numbers.keys() == read.numbers.keys()
    for name, values in stored.numbers.items():
        np.testing.assert_array_equal(values, read.numbers[name], err_msg=name)
    for field in fields(flags.StoredFlags):
        ours, theirs = getattr(stored, field.name), getattr(read, field.name)
        if isinstance(ours, pa.Array):
            assert ours.equals(theirs), field.name
        elif field.name != "numbers":
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)


async def test_quiet_accounts_of_a_dead_sweeper_are_published_as_well(harness: Harness) -> None:
    """A sweeper clears the account and dies: to the next sweeper it is quiet and unchanged, but not published yet."""
    harness.at(noon(MONDAY).replace(hour=7))
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, cash="130", **DRIFTED)))
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="3.25", CCC="1")])  # 780 : 390 : 130
    await harness.published()
    await sweep_and_die(harness)
    assert await announced(harness) == {}
    assert await harness.sweeper.step()
    assert await announced(harness) == {"a1": "CLEAR"}


async def test_a_flag_of_a_run_under_way_is_published_by_the_next_evaluation_of_the_account(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    await harness.handlers.on_prices([later()])
    await harness.published()
    await sweep_and_die(harness)
    await harness.handlers.on_holdings(holdings(held("a1", 2, **IN_BAND)))
    assert await announced(harness) == {"a1": "FLAGGED"}


async def test_a_flag_of_a_finished_run_counts_as_published(harness: Harness) -> None:
    harness.at(noon(MONDAY).replace(hour=7))  # no daily run beside it
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    await harness.handlers.on_prices([later()])
    await harness.published()
    await sweep_and_die(harness)
    assert await harness.sweeper.step()
    assert await announced(harness) == {"a1": "FLAGGED"}
    assert harness.row("SELECT announced FROM analyzer.flag") == (False,)
    await harness.handlers.on_holdings(holdings(held("a1", 2, **IN_BAND)))
    assert await announced(harness) == {}


async def test_nothing_is_stored_for_a_shard_whose_lock_is_lost(harness: Harness) -> None:
    """The connection that holds the lock breaks between reading and storing: another sweeper may have the shard."""
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    with harness.database.session() as session:
        assert run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY)) is not None
    before = harness.row("SELECT flag_version, run_no FROM analyzer.flag")
    victim: list[int] = []

    def breaks() -> None:
        with harness.database.session() as other:
            other.execute("SELECT pg_terminate_backend(%s, 20000)", victim)

    late = overtaken_evaluator(harness, breaks)

    def sweep() -> None:
        with harness.database.session() as session, shards.claim(session) as shard:
            assert shard is not None
            victim.append(session.info.backend_pid)
            late.sweep(session, shard.first_id, shard.last_id, RunStamp(shard.run_no), "test")

    with pytest.raises(psycopg.OperationalError):
        await asyncio.to_thread(sweep)
    assert harness.row("SELECT flag_version, run_no FROM analyzer.flag") == before
    assert await harness.sweeper.step()


class Failing(Evaluator):
    """Fails at the shard that begins with a1, while `failing` is set."""

    failing = True

    def sweep(
        self, session: Session, first_id: str, last_id: str, run: RunStamp, trigger: str
    ) -> list[flags.StoredFlags]:
        """Fail, or do it."""
        if self.failing and first_id == "a1":
            raise psycopg.OperationalError("the database is away")
        return super().sweep(session, first_id, last_id, run, trigger)


async def test_a_shard_that_fails_does_not_keep_the_others_from_being_done(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_start, "SHARD_ACCOUNTS", 1)
    harness.at(noon(MONDAY).replace(hour=7))
    await harness.book("a1", "a2", "a3")
    await harness.handlers.on_holdings(holdings(*(held(name, 1, **IN_BAND) for name in ("a1", "a2", "a3"))))
    await harness.handlers.on_prices([later()])
    with harness.database.session() as session:
        number = run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
    evaluator = Failing(harness.database, harness.names, harness.contexts)
    sweeper = Sweeper(harness.database, evaluator, harness.publisher, harness.clock, harness.settings)
    await harness.published()
    for _ in range(2):  # it is free again and tried again, each time beside another one that is done
        with pytest.raises(psycopg.OperationalError):
            await sweeper.step()
    assert await announced(harness) == {"a2": "FLAGGED", "a3": "FLAGGED"}
    evaluator.failing = False
    assert await sweeper.step()
    published = await harness.published()
    assert [event.account_id for event in published[topics.ACCOUNT_FLAG.name]] == ["a1"]
    assert len(published[topics.ANALYSIS.name]) == 1
    with harness.database.session() as session:
        run = runs.get(session, number)
    assert run is not None
    assert (run.accounts, run.done, run.flagged, run.held) == (3, 3, 3, 0)
