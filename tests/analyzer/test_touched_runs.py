"""A change of targets or prices that touches many accounts goes the way of the daily analysis, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.analyzer.operations.evaluate import RunStamp
from services.analyzer.routes import view_of
from services.analyzer.store import run_start, runs, shards
from shared.contracts import topics
from shared.contracts.codes import FlagState, Tile
from tests.analyzer.builders import MONDAY, account, held, holdings, noon, portfolio, prices
from tests.analyzer.harness import Harness, settings_for

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
LAST = date(2025, 12, 1)
BEFORE_THE_DAILY_RUN = noon(MONDAY).replace(hour=7)
MANY = ("a1", "a2", "a3", "a4", "a5")


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """An analyzer that leaves changes of more than two accounts to its sweepers."""
    settings = settings_for(database_url, kafka_url, tmp_path / "clock.json")
    async with Harness(settings.model_copy(update={"at_once_accounts": 2})) as opened:
        opened.at(BEFORE_THE_DAILY_RUN)
        yield opened


async def ready(harness: Harness) -> None:
    """Five accounts of portfolio P1 in their bands and two of P2, published."""
    await harness.book(*MANY)
    await harness.handlers.on_portfolios([portfolio(1, portfolio_id="P2")])
    await harness.handlers.on_accounts(
        [account(name, 1, portfolio_id="P2", last_rebalanced=LAST) for name in ("b1", "b2")]
    )
    await harness.handlers.on_holdings(holdings(*(held(name, 1, **IN_BAND) for name in (*MANY, "b1", "b2"))))
    await harness.published()


def opened(harness: Harness) -> list[tuple[Any, ...]]:
    """Return (kind, covers, accounts, finished) of all runs."""
    with harness.database.session() as session:
        return session.execute(
            "SELECT kind, covers, accounts, finished_at IS NOT NULL FROM analysis_run ORDER BY run_no"
        ).fetchall()


def versions(harness: Harness) -> dict[str, int]:
    """Return the flag version of each account."""
    with harness.database.session() as session:
        return dict(session.execute("SELECT account_id, flag_version FROM flag ORDER BY 1").fetchall())


async def sweep_and_die(harness: Harness) -> None:
    """Evaluate the one open shard and store it, holding its lock; nothing is published, nothing marked done."""

    def sweep() -> None:
        with harness.database.session() as session, shards.claim(session) as shard:
            assert shard is not None
            run = runs.get(session, shard.run_no)
            session.commit()
            assert run is not None
            harness.evaluator.sweep(
                session, shard.first_id, shard.last_id, RunStamp(shard.run_no, shards.covered(run, shard)), "test"
            )

    await asyncio.to_thread(sweep)


async def test_a_target_of_many_accounts_is_evaluated_in_shards_with_its_cause(harness: Harness) -> None:
    await ready(harness)
    before = versions(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    assert versions(harness) == before  # the handler has only stored the target
    assert opened(harness) == [("TARGET", "PORTFOLIOS", 5, False)]
    with harness.database.session() as session:
        run = runs.get(session)
    assert run is not None
    shown = view_of(run)
    assert (shown.kind, shown.accounts, shown.accounts_done) == ("TARGET", 5, 0)
    assert await harness.sweeper.step()
    published = await harness.published()
    rows = {row["account_id"]: row for row in published[topics.FLAGS.name]}
    assert sorted(rows) == list(MANY)
    for row in rows.values():
        assert (FlagState(row["state"]), row["tiles"]) == (FlagState.FLAGGED, Tile.POSITION_DRIFT)
        assert (row["source"], row["causes"][0]["detail"]) == ("TARGET_UPDATE", "portfolio P1 version 2")
    assert {event.account_id: event.source for event in published[topics.ACCOUNT_FLAG.name]} == dict.fromkeys(
        MANY, "TARGET_UPDATE"
    )
    assert published[topics.ANALYSIS.name] == []  # no analysis of the whole book has ended
    assert opened(harness) == [("TARGET", "PORTFOLIOS", 5, True)]
    after = versions(harness)
    assert (after["b1"], after["b2"]) == (before["b1"], before["b2"])
    with harness.database.session() as session:
        run = runs.get(session)
    assert run is not None
    assert (view_of(run).accounts_done, run.flagged, run.held) == (5, 5, 0)


async def test_up_to_the_bound_it_is_done_at_once(harness: Harness) -> None:
    await ready(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6", portfolio_id="P2")])
    assert opened(harness) == []
    assert {name: row["source"] for name, row in (await harness.flags()).items()} == dict.fromkeys(
        ("b1", "b2"), "TARGET_UPDATE"
    )


async def test_the_same_target_delivered_again_opens_no_second_run(harness: Harness) -> None:
    await ready(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    assert await harness.sweeper.step()
    done = versions(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    assert not await harness.sweeper.step()
    assert versions(harness) == done
    assert len(opened(harness)) == 1
    await harness.handlers.on_portfolios([portfolio(3, "0.6", "0.3")])  # another target is another run
    assert await harness.sweeper.step()
    assert {FlagState(row["state"]) for row in (await harness.flags()).values()} == {FlagState.CLEAR}
    assert len(opened(harness)) == 2


async def test_what_a_dead_sweeper_has_stored_is_told_by_the_next(harness: Harness) -> None:
    await ready(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    await sweep_and_die(harness)
    assert await harness.flags() == {}
    assert await harness.sweeper.step()
    published = await harness.published()
    assert {row["account_id"]: row["source"] for row in published[topics.FLAGS.name]} == dict.fromkeys(
        MANY, "TARGET_UPDATE"
    )
    assert sorted(event.account_id for event in published[topics.ACCOUNT_FLAG.name]) == list(MANY)


async def test_an_account_that_stays_quiet_takes_the_new_target_too(harness: Harness) -> None:
    """Else the change would count as the cause of what brings it in weeks later."""
    await ready(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.59", "0.31")])
    assert await harness.sweeper.step()
    assert [FlagState(row["state"]) for row in (await harness.flags()).values()] == [FlagState.CLEAR] * 5
    await harness.handlers.on_holdings(holdings(held("a1", 2, AAA="780", BBB="120")))
    assert (await harness.flags())["a1"]["source"] == "DRIFT_ANALYSIS"


async def test_a_daily_run_that_comes_first_names_the_same_cause(harness: Harness) -> None:
    await ready(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    with harness.database.session() as session:
        assert run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY)) is not None
        session.execute("UPDATE analysis_shard SET done = true WHERE run_no = (SELECT min(run_no) FROM analysis_run)")
    assert await harness.sweeper.step()
    rows = await harness.flags()
    assert {rows[name]["source"] for name in MANY} == {"TARGET_UPDATE"}


async def test_prices_that_many_accounts_wait_for_are_taken_in_by_shards(harness: Harness) -> None:
    await harness.handlers.on_portfolios([portfolio(1)])
    await harness.handlers.on_accounts([account(name, 1, last_rebalanced=LAST) for name in MANY])
    await harness.handlers.on_holdings(holdings(*(held(name, 1, **IN_BAND) for name in MANY)))
    assert {row["hold_code"] for row in (await harness.flags()).values()} == {"MISSING_PRICE"}
    await harness.handlers.on_prices([prices(1, AAA="1", BBB="1")])
    await harness.handlers.on_prices([prices(1, AAA="1", BBB="1")])
    assert opened(harness) == [("PRICES", "PRICE_HELD", 5, False)]
    await sweep_and_die(harness)
    assert await harness.flags() == {}
    assert await harness.sweeper.step()
    rows = await harness.flags()
    assert sorted(rows) == list(MANY)
    assert {row["hold_code"] for row in rows.values()} == {None}
    assert opened(harness) == [("PRICES", "PRICE_HELD", 5, True)]


async def test_an_account_that_joins_while_the_run_is_open_is_evaluated_by_its_own_event(harness: Harness) -> None:
    await ready(harness)
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    await harness.handlers.on_accounts([account("b1", 2, last_rebalanced=LAST)])  # now of P1
    assert (await harness.flags())["b1"]["source"] == "TARGET_UPDATE"
    await harness.handlers.on_accounts([account("a1", 2, portfolio_id="P2", last_rebalanced=LAST)])  # and a1 no more
    assert await harness.sweeper.step()
    rows = await harness.flags()
    assert FlagState(rows["a1"]["state"]) == FlagState.CLEAR
