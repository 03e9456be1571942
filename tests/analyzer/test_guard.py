"""The bad interleavings named in the architecture, each forced: what is stored and published is right all the same."""

import asyncio
import threading
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from services.analyzer.columns import evaluation
from services.analyzer.operations.evaluate import Evaluator, Run
from services.analyzer.store import facts, flags, runs
from services.analyzer.store.database import Session
from services.analyzer.store.price_sets import PriceBook, Prices
from shared.contracts import topics
from shared.contracts.chunks import FlagState
from tests.analyzer.desk import (
    MONDAY,
    Desk,
    account,
    held,
    holdings,
    noon,
    portfolio,
    prices,
)
from tests.waiting import until

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}


class Interrupted(PriceBook):
    """A price book that lets something happen once between the reading of facts and the storing of flags."""

    def __init__(self, happening: Callable[[], None]) -> None:
        super().__init__()
        self._happening: Callable[[], None] | None = happening

    def newest(self, session: Session) -> Prices:
        """Let it happen the first time, then answer."""
        if self._happening is not None:
            happening, self._happening = self._happening, None
            happening()
        return super().newest(session)


def slow_evaluator(desk: Desk, happening: Callable[[], None]) -> Evaluator:
    """Return a second evaluator on the same database that is overtaken by `happening`."""
    evaluator = Evaluator(desk.parts.database, desk.parts.names, desk.parts.clock, desk.settings)
    evaluator.prices = Interrupted(happening)
    return evaluator


def stored(desk: Desk, account_id: str = "a1") -> tuple[int, int, int, int]:
    """Return (state, epoch, facts_version, lots_version) of a stored flag."""
    found = desk.row(
        "SELECT state, epoch, facts_version, lots_version FROM analyzer.flag WHERE account_id = %s", account_id
    )
    return found[0], found[1], found[2], found[3]


def approve(desk: Desk) -> None:
    """Take in and evaluate an approval of a1, as its handler does."""
    with desk.parts.database.session() as session:
        facts.mark_rebalanced(session, ["a1"], [1], [MONDAY])
    desk.parts.evaluator.evaluate(["a1"], "approval")


async def new_run(desk: Desk) -> runs.Shard:
    """Start an analysis of one shard and return the shard."""
    with desk.parts.database.session() as session:
        number = runs.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
    assert number is not None
    with desk.parts.database.session() as session, runs.claim(session) as shard:
        assert shard is not None
        return shard


def sweep(desk: Desk, evaluator: Evaluator, shard: runs.Shard) -> list[flags.Stored]:
    """Evaluate and store a shard, without publishing."""
    with desk.parts.database.session() as session:
        return evaluator.sweep(session, shard.first_id, shard.last_id, Run(shard.run_no), "daily analysis")


async def test_a_late_analysis_after_approval_does_not_bring_the_account_back(desk: Desk) -> None:
    await desk.book("a1")
    await desk.rules.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    shard = await new_run(desk)
    late = slow_evaluator(desk, lambda: approve(desk))
    await asyncio.to_thread(sweep, desk, late, shard)
    assert stored(desk)[:2] == (FlagState.SETTLING, 1)


async def test_a_sweep_overtaken_by_a_lot_update_keeps_the_update(desk: Desk) -> None:
    await desk.book("a1")
    await desk.rules.on_holdings(holdings(held("a1", 1, **DRIFTED)))

    def update() -> None:
        asyncio.run_coroutine_threadsafe(desk.rules.on_holdings(holdings(held("a1", 2, **IN_BAND))), loop).result()

    loop = asyncio.get_running_loop()
    shard = await new_run(desk)
    late = slow_evaluator(desk, update)
    await asyncio.to_thread(sweep, desk, late, shard)
    state, _, _, lots = stored(desk)
    assert (state, lots) == (FlagState.CLEAR, 2)


async def test_a_live_evaluation_overtaken_by_a_target_change_takes_the_new_target(desk: Desk) -> None:
    await desk.book("a1")
    await desk.rules.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    loop = asyncio.get_running_loop()

    def change() -> None:
        asyncio.run_coroutine_threadsafe(desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")]), loop).result()

    late = slow_evaluator(desk, change)
    await asyncio.to_thread(late.evaluate, ["a1"], "settings change")
    version = desk.row("SELECT target_version FROM analyzer.target")[0]
    assert desk.row("SELECT state, target_version FROM analyzer.flag") == (FlagState.FLAGGED, version)


async def test_two_first_evaluations_at_once_leave_one_flag_of_the_newer_facts(desk: Desk) -> None:
    await desk.book()
    with desk.parts.database.session() as session:
        facts.merge_accounts(session, [account_row(desk, 1)])
    loop = asyncio.get_running_loop()

    def update() -> None:
        asyncio.run_coroutine_threadsafe(desk.rules.on_holdings(holdings(held("a1", 1, **IN_BAND))), loop).result()

    await asyncio.to_thread(slow_evaluator(desk, update).evaluate, ["a1"], "settings change")
    state, _, facts_version, _ = stored(desk)
    assert (state, facts_version) == (FlagState.FLAGGED, 2)


def account_row(desk: Desk, version: int) -> tuple[object, ...]:
    """Return the row that the settings of a1 become."""
    from services.analyzer.columns import incoming

    return tuple(incoming.accounts(desk.parts.names, [account("a1", version)], {})[0])


async def test_an_evaluation_with_prices_older_than_a_runs_is_refused_even_on_a_row_the_run_left_alone(
    desk: Desk,
) -> None:
    await desk.book("a1")
    await desk.rules.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    with desk.parts.database.session() as session:
        rows = facts.read_rows(session, facts.BY_IDS, ["a1"])
        context = desk.parts.evaluator.context(session, rows, "settings change")
    judged = evaluation.judge(rows, context, evaluation.measure(rows, context), {}, {})
    await desk.rules.on_prices([prices(2, AAA="3", BBB="1", CCC="1")])
    await new_run(desk)
    with desk.parts.database.session() as session:
        flags.barrier(session)
        assert flags.replace(session, judged, None) == {"a1"}


async def test_a_run_begins_only_when_no_evaluation_is_in_flight(desk: Desk) -> None:
    await desk.book("a1")
    begun = threading.Event()

    def begin() -> None:
        with desk.parts.database.session() as session:
            runs.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
        begun.set()

    with desk.parts.database.session() as session:
        flags.barrier(session)
        thread = threading.Thread(target=begin)
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
        until(lambda: desk.row(f"{waiting} (SELECT oid FROM pg_database WHERE datname = current_database())")[0])
        assert not begun.is_set()
    thread.join(timeout=20)
    assert begun.is_set()


async def test_a_crash_between_commit_and_publish_is_made_good_when_the_message_comes_again(desk: Desk) -> None:
    await desk.book("a1")
    message = holdings(held("a1", 1, **DRIFTED))
    await desk.since()
    from services.analyzer.columns import incoming

    with desk.parts.database.session() as session:
        facts.merge_holdings(session, incoming.holdings(desk.parts.names, message))
    desk.parts.evaluator.evaluate(["a1"], "new holdings")  # committed; then the worker dies
    assert (await desk.since())[topics.FLAGS.name] == []
    await desk.rules.on_holdings(message)
    published = await desk.since()
    assert [row["state"] for row in published[topics.FLAGS.name]] == [FlagState.FLAGGED]
    assert [(one.account_id, one.state) for one in published[topics.ACCOUNT_FLAG.name]] == [("a1", "FLAGGED")]


async def test_a_sweeper_that_dies_before_publishing_is_followed_by_one_that_publishes_all(desk: Desk) -> None:
    desk.at(noon(MONDAY).replace(hour=7))
    await desk.book("a1", "a2")
    await desk.rules.on_holdings(holdings(held("a1", 1, **DRIFTED), held("a2", 1, AAA="640", BBB="260")))
    await desk.rules.on_prices([prices(2, AAA="1.3", BBB="1", CCC="1")])  # a2: BBB 260 of 1,192 < 24 %
    shard = await new_run(desk)
    await desk.since()
    sweep(desk, desk.parts.evaluator, shard)  # and dies
    assert await desk.sweeper.step()
    published = await desk.since()
    assert {row["account_id"] for row in published[topics.FLAGS.name]} == {"a1", "a2"}
    assert {one.account_id for one in published[topics.ACCOUNT_FLAG.name]} == {"a2"}  # a1 was flagged before
    assert len(published[topics.ANALYSIS.name]) == 1
    assert not await desk.sweeper.step()
    assert (await desk.since())[topics.ANALYSIS.name] == []


async def test_a_dead_sweepers_shard_is_free_again(desk: Desk) -> None:
    await desk.book("a1")
    await new_run(desk)
    with desk.parts.database.session() as alive, desk.parts.database.session() as dying:
        with runs.claim(dying) as first, runs.claim(alive) as second:
            assert (first is not None, second) == (True, None)
        with pytest.raises(RuntimeError), runs.claim(dying):
            raise RuntimeError("the shard fails")
        with runs.claim(alive) as third:
            assert third == first


async def test_the_daily_run_starts_once_at_its_time_and_publishes_its_completion(desk: Desk) -> None:
    await desk.book("a1", "a2")
    await desk.rules.on_holdings(holdings(held("a1", 1, **DRIFTED), held("a2", 1, **IN_BAND)))
    desk.at(noon(MONDAY).replace(hour=7, minute=29))
    assert desk.sweeper.start_daily() is None
    desk.at(noon(date(2026, 1, 4)))  # a Sunday: its business date is Monday, whose time has not come
    assert desk.sweeper.start_daily() is None
    desk.at(noon(MONDAY).replace(hour=7, minute=30))
    await desk.rules.on_prices([prices(2, AAA="1", BBB="9", CCC="1")])
    await desk.since()
    assert await desk.sweeper.step()
    assert desk.sweeper.start_daily() is None
    published = await desk.since()
    rows = {row["account_id"]: row for row in published[topics.FLAGS.name]}
    assert {name: row["price_set"] for name, row in rows.items()} == {"a1": 2, "a2": 2}
    assert rows["a2"]["causes"] == [{"business_date": MONDAY, "source": "DRIFT_ANALYSIS", "detail": "daily analysis"}]
    run = desk.row("SELECT kind, accounts, flagged, held, finished_at IS NOT NULL FROM analyzer.analysis_run")
    assert run == ("DAILY", 2, 2, 0, True)
    assert b'"run_id":"2026-01-05-daily-0"' in published[topics.ANALYSIS.name][0]


async def test_a_sweep_leaves_quiet_accounts_alone_and_does_them_when_they_are_no_longer_quiet(desk: Desk) -> None:
    desk.at(noon(MONDAY).replace(hour=7))
    await desk.book("a1")
    await desk.rules.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    version = desk.row("SELECT flag_version FROM analyzer.flag")[0]
    await new_run(desk)
    await desk.sweeper.step()
    assert desk.row("SELECT flag_version, run_no FROM analyzer.flag") == (version, None)
    await desk.rules.on_prices([prices(2, AAA="1", BBB="9", CCC="1")])
    shard = await new_run(desk)
    await desk.sweeper.step()
    assert desk.row("SELECT flag_version, run_no FROM analyzer.flag") == (version + 1, shard.run_no)
