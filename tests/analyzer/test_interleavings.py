"""The bad interleavings named in the architecture, each forced: what is stored and published is still right."""

import asyncio
import threading
from datetime import date
from typing import Any

import pytest

from services.analyzer.columns import evaluation, new_flags
from services.analyzer.operations.evaluate import Evaluator, RunStamp
from services.analyzer.store import facts, facts_merge, flags, run_start, shards
from shared.contracts import topics
from shared.contracts.codes import FlagState
from tests.analyzer.builders import MONDAY, account, held, holdings, noon, portfolio, prices
from tests.analyzer.harness import Harness, overtaken_evaluator
from tests.waiting import until

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}


def stored(harness: Harness, account_id: str = "a1") -> tuple[int, int, int, int]:
    """Return (state, epoch, facts_version, lots_version) of a stored flag."""
    found = harness.row(
        "SELECT state, epoch, facts_version, lots_version FROM analyzer.flag WHERE account_id = %s", account_id
    )
    return found[0], found[1], found[2], found[3]


def approve(harness: Harness) -> None:
    """Take in and evaluate an approval of a1, as its handler does."""
    with harness.database.session() as session:
        facts_merge.mark_rebalanced(session, [facts_merge.AccountApproval("a1", 1, MONDAY, MONDAY, None)])
    harness.evaluator.evaluate(["a1"], "approval")


async def new_run(harness: Harness) -> shards.Shard:
    """Start an analysis of one shard and return the shard."""
    with harness.database.session() as session:
        number = run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
    assert number is not None
    with harness.database.session() as session, shards.claim(session) as shard:
        assert shard is not None
        return shard


def sweep(harness: Harness, evaluator: Evaluator, shard: shards.Shard) -> list[flags.StoredFlags]:
    """Evaluate and store a shard, without publishing."""
    with harness.database.session() as session:
        return evaluator.sweep(session, shard.first_id, shard.last_id, RunStamp(shard.run_no), "daily analysis")


async def test_a_late_analysis_after_approval_does_not_bring_the_account_back(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    shard = await new_run(harness)
    late = overtaken_evaluator(harness, lambda: approve(harness))
    await asyncio.to_thread(sweep, harness, late, shard)
    assert stored(harness)[:2] == (FlagState.SETTLING, 1)


async def test_a_sweep_overtaken_by_a_lot_update_keeps_the_update(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))

    def update() -> None:
        asyncio.run_coroutine_threadsafe(
            harness.handlers.on_holdings(holdings(held("a1", 2, **IN_BAND))), loop
        ).result()

    loop = asyncio.get_running_loop()
    shard = await new_run(harness)
    late = overtaken_evaluator(harness, update)
    await asyncio.to_thread(sweep, harness, late, shard)
    state, _, _, lots = stored(harness)
    assert (state, lots) == (FlagState.CLEAR, 2)


async def test_a_live_evaluation_overtaken_by_a_target_change_takes_the_new_target(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    loop = asyncio.get_running_loop()

    def change() -> None:
        asyncio.run_coroutine_threadsafe(harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")]), loop).result()

    late = overtaken_evaluator(harness, change)
    await asyncio.to_thread(late.evaluate, ["a1"], "settings change")
    version = harness.row("SELECT target_version FROM analyzer.target")[0]
    assert harness.row("SELECT state, target_version FROM analyzer.flag") == (FlagState.FLAGGED, version)


async def test_two_first_evaluations_at_once_leave_one_flag_of_the_newer_facts(harness: Harness) -> None:
    await harness.book()
    with harness.database.session() as session:
        facts_merge.merge_accounts(session, [account_row(harness, 1)])
    loop = asyncio.get_running_loop()

    def update() -> None:
        asyncio.run_coroutine_threadsafe(
            harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND))), loop
        ).result()

    await asyncio.to_thread(overtaken_evaluator(harness, update).evaluate, ["a1"], "settings change")
    state, _, facts_version, _ = stored(harness)
    assert (state, facts_version) == (FlagState.FLAGGED, 2)


def account_row(harness: Harness, version: int) -> tuple[object, ...]:
    """Return the row that the settings of a1 become."""
    from services.analyzer.columns import incoming

    return tuple(incoming.accounts(harness.names, [account("a1", version)], {})[0])


async def test_an_evaluation_with_prices_older_than_a_runs_is_refused_even_on_a_row_the_run_left_alone(
    harness: Harness,
) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    with harness.database.session() as session:
        rows = facts.read_rows(session, facts.BY_IDS, ["a1"])
        context = harness.contexts.of(session, rows, "settings change")
    judged = new_flags.flags_of(rows, context, evaluation.measure(rows, context), {}, {})
    await harness.handlers.on_prices([prices(2, AAA="3", BBB="1", CCC="1")])
    await new_run(harness)
    with harness.database.session() as session:
        flags.share_replacements(session)
        assert flags.replace(session, judged, None) == {"a1"}


async def test_a_run_begins_only_when_no_evaluation_is_in_flight(harness: Harness) -> None:
    await harness.book("a1")
    begun = threading.Event()

    def begin() -> None:
        with harness.database.session() as session:
            run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY))
        begun.set()

    with harness.database.session() as session:
        flags.share_replacements(session)
        thread = threading.Thread(target=begin)
        thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database ="
        until(lambda: harness.row(f"{waiting} (SELECT oid FROM pg_database WHERE datname = current_database())")[0])
        assert not begun.is_set()
    thread.join(timeout=20)
    assert begun.is_set()


async def test_a_crash_between_commit_and_publish_is_made_good_when_the_message_comes_again(harness: Harness) -> None:
    await harness.book("a1")
    message = holdings(held("a1", 1, **DRIFTED))
    await harness.published()
    from services.analyzer.columns import incoming

    with harness.database.session() as session:
        facts_merge.merge_holdings(session, incoming.holdings(harness.names, message))
    harness.evaluator.evaluate(["a1"], "new holdings")  # committed; then the worker dies
    assert (await harness.published())[topics.FLAGS.name] == []
    await harness.handlers.on_holdings(message)
    published = await harness.published()
    assert [row["state"] for row in published[topics.FLAGS.name]] == [FlagState.FLAGGED]
    assert [(event.account_id, event.state) for event in published[topics.ACCOUNT_FLAG.name]] == [("a1", "FLAGGED")]


async def test_a_sweeper_that_dies_before_publishing_is_followed_by_one_that_publishes_all(harness: Harness) -> None:
    harness.at(noon(MONDAY).replace(hour=7))
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED), held("a2", 1, AAA="640", BBB="260")))
    await harness.handlers.on_prices([prices(2, AAA="1.3", BBB="1", CCC="1")])  # a2: BBB 260 of 1,192 < 24 %
    shard = await new_run(harness)
    await harness.published()
    sweep(harness, harness.evaluator, shard)  # and dies
    assert await harness.sweeper.step()
    published = await harness.published()
    assert {row["account_id"] for row in published[topics.FLAGS.name]} == {"a1", "a2"}
    assert {event.account_id for event in published[topics.ACCOUNT_FLAG.name]} == {"a2"}  # a1 was flagged before
    assert len(published[topics.ANALYSIS.name]) == 1
    assert not await harness.sweeper.step()
    assert (await harness.published())[topics.ANALYSIS.name] == []


async def test_a_dead_sweepers_shard_is_free_again(harness: Harness) -> None:
    await harness.book("a1")
    await new_run(harness)
    with harness.database.session() as alive, harness.database.session() as dying:
        with shards.claim(dying) as first, shards.claim(alive) as second:
            assert (first is not None, second) == (True, None)
        with pytest.raises(RuntimeError), shards.claim(dying):
            raise RuntimeError("the shard fails")
        with shards.claim(alive) as third:
            assert third == first


async def test_the_daily_run_starts_once_at_its_time_and_publishes_its_completion(harness: Harness) -> None:
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED), held("a2", 1, **IN_BAND)))
    harness.at(noon(MONDAY).replace(hour=7, minute=29))
    assert harness.sweeper.start_daily() is None
    harness.at(noon(date(2026, 1, 4)))  # a Sunday: its business date is Monday, whose time has not come
    assert harness.sweeper.start_daily() is None
    harness.at(noon(MONDAY).replace(hour=7, minute=30))
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="9", CCC="1")])
    await harness.published()
    assert await harness.sweeper.step()
    assert harness.sweeper.start_daily() is None
    published = await harness.published()
    rows = {row["account_id"]: row for row in published[topics.FLAGS.name]}
    assert {name: row["price_set"] for name, row in rows.items()} == {"a1": 2, "a2": 2}
    assert rows["a2"]["causes"] == [{"business_date": MONDAY, "source": "DRIFT_ANALYSIS", "detail": "daily analysis"}]
    run = harness.row("SELECT kind, accounts, flagged, held, finished_at IS NOT NULL FROM analyzer.analysis_run")
    assert run == ("DAILY", 2, 2, 0, True)
    assert b'"run_id":"2026-01-05-daily-0"' in published[topics.ANALYSIS.name][0]


async def test_a_sweep_leaves_quiet_accounts_alone_and_does_them_when_they_are_no_longer_quiet(
    harness: Harness,
) -> None:
    harness.at(noon(MONDAY).replace(hour=7))
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    version = harness.row("SELECT flag_version FROM analyzer.flag")[0]
    await new_run(harness)
    await harness.sweeper.step()
    assert harness.row("SELECT flag_version, run_no FROM analyzer.flag") == (version, None)
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="9", CCC="1")])
    shard = await new_run(harness)
    await harness.sweeper.step()
    assert harness.row("SELECT flag_version, run_no FROM analyzer.flag") == (version + 1, shard.run_no)
