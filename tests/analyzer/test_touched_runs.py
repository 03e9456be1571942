"""A change of targets or prices that touches many accounts goes the way of the daily analysis, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.analyzer.operations.evaluate import Run
from services.analyzer.operations.sweep import covered
from services.analyzer.routes import view_of
from services.analyzer.store import runs
from shared.contracts import topics
from shared.contracts.chunks import FlagState, Tile
from tests.analyzer.desk import MONDAY, Desk, account, held, holdings, noon, portfolio, prices, settings_for

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
LAST = date(2025, 12, 1)
BEFORE_THE_DAILY_RUN = noon(MONDAY).replace(hour=7)
MANY = ("a1", "a2", "a3", "a4", "a5")


@pytest.fixture
async def desk(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """An analyzer that leaves changes of more than two accounts to its sweepers."""
    settings = settings_for(database_url, kafka_url, tmp_path / "clock.json")
    async with Desk(settings.model_copy(update={"at_once_accounts": 2})) as opened:
        opened.at(BEFORE_THE_DAILY_RUN)
        yield opened


async def ready(desk: Desk) -> None:
    """Five accounts of portfolio P1 in their bands and two of P2, told of."""
    await desk.book(*MANY)
    await desk.rules.on_portfolios([portfolio(1, portfolio_id="P2")])
    await desk.rules.on_accounts([account(one, 1, portfolio_id="P2", last_rebalanced=LAST) for one in ("b1", "b2")])
    await desk.rules.on_holdings(holdings(*(held(one, 1, **IN_BAND) for one in (*MANY, "b1", "b2"))))
    await desk.since()


def opened(desk: Desk) -> list[tuple[Any, ...]]:
    """Return (kind, covers, accounts, finished) of all runs."""
    with desk.parts.database.session() as session:
        return session.execute(
            "SELECT kind, covers, accounts, finished_at IS NOT NULL FROM analysis_run ORDER BY run_no"
        ).fetchall()


def versions(desk: Desk) -> dict[str, int]:
    """Return the flag version of each account."""
    with desk.parts.database.session() as session:
        return dict(session.execute("SELECT account_id, flag_version FROM flag ORDER BY 1").fetchall())


async def sweep_and_die(desk: Desk) -> None:
    """Evaluate the one open shard and store it, holding its lock; nothing is published, nothing marked done."""

    def sweep() -> None:
        with desk.parts.database.session() as session, runs.claim(session) as shard:
            assert shard is not None
            run = runs.get(session, shard.run_no)
            session.commit()
            assert run is not None
            desk.parts.evaluator.sweep(
                session, shard.first_id, shard.last_id, Run(shard.run_no, covered(run, shard)), "test"
            )

    await asyncio.to_thread(sweep)


async def test_a_target_of_many_accounts_is_evaluated_in_shards_with_its_cause(desk: Desk) -> None:
    await ready(desk)
    before = versions(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")])
    assert versions(desk) == before  # the handler has only stored the target
    assert opened(desk) == [("TARGET", "PORTFOLIOS", 5, False)]
    with desk.parts.database.session() as session:
        run = runs.get(session)
    assert run is not None
    shown = view_of(run)
    assert (shown.kind, shown.accounts, shown.accounts_done) == ("TARGET", 5, 0)
    assert await desk.sweeper.step()
    told = await desk.since()
    rows = {row["account_id"]: row for row in told[topics.FLAGS.name]}
    assert sorted(rows) == list(MANY)
    for row in rows.values():
        assert (FlagState(row["state"]), row["tiles"]) == (FlagState.FLAGGED, Tile.POSITION_DRIFT)
        assert (row["source"], row["causes"][0]["detail"]) == ("TARGET_UPDATE", "portfolio P1 version 2")
    assert {one.account_id: one.source for one in told[topics.ACCOUNT_FLAG.name]} == dict.fromkeys(
        MANY, "TARGET_UPDATE"
    )
    assert told[topics.ANALYSIS.name] == []  # no analysis of the whole book has ended
    assert opened(desk) == [("TARGET", "PORTFOLIOS", 5, True)]
    after = versions(desk)
    assert (after["b1"], after["b2"]) == (before["b1"], before["b2"])
    with desk.parts.database.session() as session:
        run = runs.get(session)
    assert run is not None
    assert (view_of(run).accounts_done, run.flagged, run.held) == (5, 5, 0)


async def test_up_to_the_bound_it_is_done_at_once(desk: Desk) -> None:
    await ready(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6", portfolio_id="P2")])
    assert opened(desk) == []
    assert {name: row["source"] for name, row in (await desk.flags()).items()} == dict.fromkeys(
        ("b1", "b2"), "TARGET_UPDATE"
    )


async def test_the_same_target_delivered_again_opens_no_second_run(desk: Desk) -> None:
    await ready(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")])
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")])
    assert await desk.sweeper.step()
    done = versions(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")])
    assert not await desk.sweeper.step()
    assert versions(desk) == done
    assert len(opened(desk)) == 1
    await desk.rules.on_portfolios([portfolio(3, "0.6", "0.3")])  # another target is another run
    assert await desk.sweeper.step()
    assert {FlagState(row["state"]) for row in (await desk.flags()).values()} == {FlagState.CLEAR}
    assert len(opened(desk)) == 2


async def test_what_a_dead_sweeper_has_stored_is_told_by_the_next(desk: Desk) -> None:
    await ready(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")])
    await sweep_and_die(desk)
    assert await desk.flags() == {}
    assert await desk.sweeper.step()
    told = await desk.since()
    assert {row["account_id"]: row["source"] for row in told[topics.FLAGS.name]} == dict.fromkeys(MANY, "TARGET_UPDATE")
    assert sorted(one.account_id for one in told[topics.ACCOUNT_FLAG.name]) == list(MANY)


async def test_an_account_that_stays_quiet_takes_the_new_target_too(desk: Desk) -> None:
    """Else the change would count as the cause of what brings it in weeks later."""
    await ready(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.59", "0.31")])
    assert await desk.sweeper.step()
    assert [FlagState(row["state"]) for row in (await desk.flags()).values()] == [FlagState.CLEAR] * 5
    await desk.rules.on_holdings(holdings(held("a1", 2, AAA="780", BBB="120")))
    assert (await desk.flags())["a1"]["source"] == "DRIFT_ANALYSIS"


async def test_a_daily_run_that_comes_first_names_the_same_cause(desk: Desk) -> None:
    await ready(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")])
    with desk.parts.database.session() as session:
        assert runs.start(session, "ON_DEMAND", MONDAY, noon(MONDAY)) is not None
        session.execute("UPDATE analysis_shard SET done = true WHERE run_no = (SELECT min(run_no) FROM analysis_run)")
    assert await desk.sweeper.step()
    rows = await desk.flags()
    assert {rows[one]["source"] for one in MANY} == {"TARGET_UPDATE"}


async def test_prices_that_many_accounts_wait_for_are_taken_in_by_shards(desk: Desk) -> None:
    await desk.rules.on_portfolios([portfolio(1)])
    await desk.rules.on_accounts([account(one, 1, last_rebalanced=LAST) for one in MANY])
    await desk.rules.on_holdings(holdings(*(held(one, 1, **IN_BAND) for one in MANY)))
    assert {row["hold_code"] for row in (await desk.flags()).values()} == {"MISSING_PRICE"}
    await desk.rules.on_prices([prices(1, AAA="1", BBB="1")])
    await desk.rules.on_prices([prices(1, AAA="1", BBB="1")])
    assert opened(desk) == [("PRICES", "PRICE_HELD", 5, False)]
    await sweep_and_die(desk)
    assert await desk.flags() == {}
    assert await desk.sweeper.step()
    rows = await desk.flags()
    assert sorted(rows) == list(MANY)
    assert {row["hold_code"] for row in rows.values()} == {None}
    assert opened(desk) == [("PRICES", "PRICE_HELD", 5, True)]


async def test_an_account_that_joins_while_the_run_is_open_is_evaluated_by_its_own_event(desk: Desk) -> None:
    await ready(desk)
    await desk.rules.on_portfolios([portfolio(2, "0.3", "0.6")])
    await desk.rules.on_accounts([account("b1", 2, last_rebalanced=LAST)])  # now of P1
    assert (await desk.flags())["b1"]["source"] == "TARGET_UPDATE"
    await desk.rules.on_accounts([account("a1", 2, portfolio_id="P2", last_rebalanced=LAST)])  # and a1 no more
    assert await desk.sweeper.step()
    rows = await desk.flags()
    assert FlagState(rows["a1"]["state"]) == FlagState.CLEAR
