"""What each event does to flags, episodes and publications, on the real database and broker.  Source: product 3."""

import asyncio
from datetime import date
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from shared.contracts import topics
from shared.contracts.codes import FlagState, Tile
from shared.contracts.platform import Component, ModelChanged, SecurityRestriction, Sleeve
from shared.contracts.topics import dead_letters
from shared.kafka.faults import PartialFailure
from shared.kafka.messages import BadMessage, Incoming
from shared.kafka.processor import MessageProcessor
from tests.analyzer.builders import (
    MONDAY,
    account,
    held,
    holdings,
    on_hold,
    portfolio,
    prices,
    rebalanced,
    returned,
    security,
)
from tests.analyzer.harness import Harness

pytestmark = pytest.mark.integration
TUESDAY, WEDNESDAY, FRIDAY = date(2026, 1, 6), date(2026, 1, 7), date(2026, 1, 9)

IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}  # AAA 78 % above 72 %, BBB 12 % below 24 %


def brief(row: dict[str, Any]) -> tuple[str, int, str | None, date | None]:
    """Return state, tiles, source and needed since of a FLAGS row."""
    return FlagState(row["state"]).name, row["tiles"], row["source"], row["needed_since"]


async def test_a_lot_update_flags_with_reasons_and_a_later_one_clears(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    published = await harness.published()
    row = published[topics.FLAGS.name][-1]
    assert brief(row) == ("FLAGGED", Tile.POSITION_DRIFT, "DRIFT_ANALYSIS", MONDAY)
    assert (row["value_cents"], row["cash_cents"], row["drifted"], row["max_drift_ppb"]) == (
        100_000,
        10_000,
        2,
        180_000_000,
    )
    assert (row["cash_target_ppb"], row["cash_low_ppb"], row["cash_high_ppb"]) == (100_000_000, 80_000_000, 120_000_000)
    assert [
        (reason["security_id"], reason["weight_ppb"], reason["low_edge"], reason["high_edge"])
        for reason in row["reasons"]
    ] == [
        # The targets are 0.9 x 0.666666667 = 0.6000000003 and 0.9 x 0.333333333 = 0.2999999997.
        ("AAA", 780_000_000, 480_000_000_240_000_000, 720_000_000_360_000_000),
        ("BBB", 120_000_000, 239_999_999_760_000_000, 359_999_999_640_000_000),
    ]
    assert [cause["detail"] for cause in row["causes"]] == ["new holdings"]
    event = published[topics.ACCOUNT_FLAG.name][-1]
    assert (event.state, event.tiles, event.market_value, event.version) == (
        "FLAGGED", ["POSITION_DRIFT"], "1000.00", row["flag_version"],
    )  # fmt: skip
    await harness.handlers.on_holdings(holdings(held("a1", 2, **IN_BAND)))
    assert brief((await harness.flags())["a1"]) == ("CLEAR", 0, None, None)


async def test_rebalancer_on_is_the_source_and_clears_last_rebalanced(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    assert brief((await harness.flags())["a1"])[0] == "CLEAR"
    await harness.handlers.on_accounts([account("a1", 2, on=False)])
    assert brief((await harness.flags())["a1"]) == ("OFF", 0, None, None)
    harness.at(TUESDAY)
    await harness.handlers.on_accounts([account("a1", 3, on_count=2, last_rebalanced=date(2025, 12, 1))])
    row = (await harness.flags())["a1"]
    assert brief(row) == ("FLAGGED", Tile.FIRST_REBALANCE, "REBALANCER_ON", TUESDAY)
    assert row["last_rebalanced"] is None


async def test_off_and_on_between_two_deliveries_begins_a_new_flag_episode(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    harness.at(TUESDAY)
    await harness.handlers.on_accounts([account("a1", 2, on_count=2)])
    assert brief((await harness.flags())["a1"]) == ("FLAGGED", Tile.FIRST_REBALANCE, "REBALANCER_ON", TUESDAY)


async def test_a_new_account_is_flagged_by_turning_on_whatever_arrives_last(harness: Harness) -> None:
    await harness.book("a1", last=None)
    assert brief((await harness.flags())["a1"])[0] == "HELD"  # no file yet
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND), held("a2", 1, **IN_BAND)))
    await harness.handlers.on_accounts([account("a2", 1)])
    flags = await harness.flags()
    expected = ("FLAGGED", Tile.FIRST_REBALANCE, "REBALANCER_ON", MONDAY)
    assert (brief(flags["a1"]), brief(flags["a2"])) == (expected, expected)


async def test_a_target_change_is_the_source_of_what_it_flags_and_history_of_what_was_flagged(harness: Harness) -> None:
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND), held("a2", 1, **DRIFTED)))
    harness.at(TUESDAY)
    await harness.published()
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])
    flags = await harness.flags()
    assert brief(flags["a1"]) == ("FLAGGED", Tile.POSITION_DRIFT, "TARGET_UPDATE", TUESDAY)
    assert brief(flags["a2"]) == ("FLAGGED", Tile.POSITION_DRIFT, "DRIFT_ANALYSIS", MONDAY)
    assert [(cause["source"], cause["detail"]) for cause in flags["a2"]["causes"]] == [
        ("DRIFT_ANALYSIS", "new holdings"),
        ("TARGET_UPDATE", "portfolio P1 version 2"),
    ]
    await harness.handlers.on_portfolios([portfolio(1)])  # older: passed over
    assert await harness.flags() == {}
    await harness.handlers.on_portfolios([portfolio(2, "0.3", "0.6")])  # delivered again: the same, all accounts
    again = await harness.flags()
    assert [brief(again[name]) for name in ("a1", "a2")] == [brief(flags[name]) for name in ("a1", "a2")]
    assert again["a2"]["causes"] == flags["a2"]["causes"]


async def test_a_model_change_reaches_the_accounts_of_every_portfolio_that_follows_it(harness: Harness) -> None:
    await harness.book("a1")
    sleeves = [Sleeve(sleeve_id="M", kind="MODEL", weight="0.9", model_id="M1")]
    await harness.handlers.on_portfolios([portfolio(2, sleeves=sleeves)])
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    row = (await harness.flags())["a1"]
    assert (brief(row)[0], row["hold_code"]) == ("HELD", "TARGET_UNKNOWN")
    components = [Component(security_id="AAA", weight="1")]
    await harness.handlers.on_models(
        [ModelChanged(model_id="M1", version=1, enterprise_id="E1", name="M1", holdings=components)]
    )
    row = (await harness.flags())["a1"]
    assert brief(row)[:2] == ("FLAGGED", Tile.POSITION_DRIFT)
    assert {(reason["sleeve_id"], reason["security_id"], reason["target_ppb"]) for reason in row["reasons"]} == {
        ("M", "AAA", 900_000_000), ("APM", "AAA", 0), ("APM", "BBB", 0),
    }  # fmt: skip
    version = row["target_version"]
    components = [Component(security_id="BBB", weight="1")]
    await harness.handlers.on_models(
        [ModelChanged(model_id="M1", version=2, enterprise_id="E1", name="M1", holdings=components)]
    )
    row = (await harness.flags())["a1"]
    assert row["target_version"] > version
    assert row["causes"][-1]["detail"] == "model M1 version 2"


async def test_a_data_hold_keeps_the_flag_episode_and_is_lifted_by_the_next_good_file(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    harness.at(TUESDAY)
    await harness.handlers.on_holdings(holdings(on_hold("a1", 2)))
    row = (await harness.flags())["a1"]
    assert (brief(row), row["hold_code"], row["hold_text"]) == (
        ("HELD", 0, "DRIFT_ANALYSIS", MONDAY), "BAD_ROW", "lots.txt line 7: quantity is not a number",
    )  # fmt: skip
    await harness.handlers.on_holdings(holdings(held("a1", 3, **DRIFTED)))
    assert brief((await harness.flags())["a1"]) == ("FLAGGED", Tile.POSITION_DRIFT, "DRIFT_ANALYSIS", MONDAY)


async def test_approval_settles_until_a_good_file_of_the_trade_date_or_holds_after_three_sessions(
    harness: Harness,
) -> None:
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED), held("a2", 1, **DRIFTED)))
    for name in ("a1", "a2"):
        await harness.handlers.on_rebalanced(rebalanced(name, 1, MONDAY))
    row = (await harness.flags())["a1"]
    assert (brief(row), row["last_rebalanced"], row["epoch"]) == (("SETTLING", 0, None, None), MONDAY, 1)
    await harness.handlers.on_holdings(holdings(held("a1", 2, **DRIFTED)))  # dated before the trade date
    assert brief((await harness.flags())["a1"])[0] == "SETTLING"
    await harness.handlers.on_holdings(holdings(on_hold("a1", 3, MONDAY)))  # of the trade date, but no good one
    assert brief((await harness.flags())["a1"])[0] == "HELD"
    harness.at(TUESDAY)
    await harness.handlers.on_holdings(holdings(held("a1", 4, as_of=MONDAY, **DRIFTED)))
    assert brief((await harness.flags())["a1"]) == ("FLAGGED", Tile.POSITION_DRIFT, "DRIFT_ANALYSIS", TUESDAY)
    harness.at(date(2026, 1, 8))  # the third session after Monday: Tuesday, Wednesday, Thursday
    await harness.handlers.on_returned(returned("a2"))
    assert brief((await harness.flags())["a2"])[0] == "SETTLING"
    harness.at(FRIDAY)
    await harness.handlers.on_returned(returned("a2"))
    row = (await harness.flags())["a2"]
    assert (brief(row)[0], row["hold_code"]) == ("HELD", "SETTLING_OVERDUE")


async def test_approved_after_the_close_it_settles_with_a_file_of_the_next_session(harness: Harness) -> None:
    """Approved on Monday at 16:30: Monday's file of that evening cannot show the fills, Tuesday's does."""
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED), held("a2", 1, **DRIFTED)))
    for name in ("a1", "a2"):
        await harness.handlers.on_rebalanced(rebalanced(name, 1, MONDAY, TUESDAY))
    row = (await harness.flags())["a1"]
    assert (brief(row)[0], row["last_rebalanced"]) == ("SETTLING", MONDAY)
    await harness.handlers.on_holdings(holdings(held("a1", 2, as_of=MONDAY, **DRIFTED)))
    assert brief((await harness.flags())["a1"])[0] == "SETTLING"
    harness.at(TUESDAY)
    await harness.handlers.on_holdings(holdings(held("a1", 3, as_of=TUESDAY, **DRIFTED)))
    assert brief((await harness.flags())["a1"])[0] == "FLAGGED"
    harness.at(FRIDAY)  # the third session after Tuesday
    await harness.handlers.on_returned(returned("a2"))
    assert brief((await harness.flags())["a2"])[0] == "SETTLING"
    harness.at(date(2026, 1, 12))
    await harness.handlers.on_returned(returned("a2"))
    row = (await harness.flags())["a2"]
    assert (brief(row)[0], row["hold_code"]) == ("HELD", "SETTLING_OVERDUE")


async def test_an_older_lot_snapshot_and_an_older_epoch_change_nothing(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 5, **IN_BAND)))
    await harness.handlers.on_holdings(holdings(held("a1", 4, **DRIFTED)))
    await harness.handlers.on_rebalanced(rebalanced("a1", 2, MONDAY))
    await harness.handlers.on_rebalanced(rebalanced("a1", 1, date(2025, 12, 30)))
    row = (await harness.flags())["a1"]
    assert (row["lots_version"], row["epoch"], row["last_rebalanced"]) == (5, 2, MONDAY)


async def test_facts_version_grows_only_with_what_is_proposed_on(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    before = (await harness.flags())["a1"]["facts_version"]
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    await harness.handlers.on_holdings(holdings(held("a1", 1, as_of=MONDAY, **IN_BAND)))
    await harness.handlers.on_accounts([account("a1", 2, name="another name")])
    assert (await harness.flags())["a1"]["facts_version"] == before
    await harness.handlers.on_accounts([account("a1", 3, cash_reserve="10.00")])
    assert (await harness.flags())["a1"]["facts_version"] == before + 1
    await harness.handlers.on_accounts([account("a1", 4, cash_reserve="10.00", gain_budget_total="0.00")])
    assert (await harness.flags())["a1"]["facts_version"] == before + 2
    await harness.handlers.on_holdings(holdings(on_hold("a1", 1, MONDAY)))
    assert (await harness.flags())["a1"]["facts_version"] == before + 3


async def test_missing_and_stale_prices_hold_and_new_prices_lift_the_hold(harness: Harness) -> None:
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, DDD="1", **IN_BAND), held("a2", 1, **DRIFTED)))
    row = (await harness.flags())["a1"]
    assert (brief(row)[0], row["hold_code"]) == ("HELD", "MISSING_PRICE")
    assert row["hold_text"] == "DDD has no price in price set 1 of 2026-01-02."
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="1", CCC="1", DDD="1")])
    flags = await harness.flags()
    assert brief(flags["a1"])[0] == "FLAGGED"  # DDD is held without target
    assert "a2" not in flags  # prices alone evaluate only who waited for one
    harness.at(WEDNESDAY)  # Friday 2 January is three sessions back: Friday, Monday, Tuesday
    await harness.handlers.on_returned(returned("a2"))
    assert brief((await harness.flags())["a2"])[0] == "FLAGGED"
    harness.at(date(2026, 1, 8))  # and now more: 5, 6, 7 lie between
    await harness.handlers.on_returned(returned("a2"))
    row = (await harness.flags())["a2"]
    assert (row["hold_code"], row["hold_text"]) == (
        "STALE_PRICE",
        "The newest prices are of 2026-01-02, too old to value AAA.",
    )


async def test_an_account_without_target_is_shown_as_such_and_in_no_other_queue(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_accounts([account("a1", 2, portfolio_id=None, on_count=2)])
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    row = (await harness.flags())["a1"]
    assert brief(row) == ("NO_TARGET", 0, "REBALANCER_ON", MONDAY)
    assert (row["value_cents"], row["cash_target_ppb"], row["reasons"]) == (100_000, None, [])


async def test_bad_settings_hold_their_account_are_told_and_the_rest_goes_on(harness: Harness) -> None:
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND), held("a2", 1, **IN_BAND)))
    with pytest.raises(PartialFailure, match=r"account a1: cash reserve: \$-5\.00 is outside"):
        await harness.handlers.on_accounts([account("a1", 2, cash_reserve="-5.00"), account("a2", 2, floor="0.01")])
    flags = await harness.flags()
    assert (brief(flags["a1"])[0], flags["a1"]["hold_code"]) == ("HELD", "BAD_SETTINGS")
    assert brief(flags["a2"])[0] == "CLEAR"
    with pytest.raises(PartialFailure, match=r"account a1: short-term gain budget: \$-0\.01 is outside"):
        await harness.handlers.on_accounts([account("a1", 3, gain_budget_short="-0.01")])
    await harness.handlers.on_accounts([account("a1", 4)])
    assert brief((await harness.flags())["a1"])[0] == "CLEAR"


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (
            {"AAA": "-5"},
            "The quantity of AAA is negative; a short position can be left out of the account by setting its holding"
            " role to EXCLUDED, for the security or for this account.",
        ),
        ({"AAA": "1000000001"}, "Account a1: AAA in sleeve APM: the quantity is above the limit of 1000000000 units."),
    ],
)
async def test_bad_holdings_hold_their_account_with_the_limit(harness: Harness, bad: dict[str, Any], text: str) -> None:
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **bad), held("a2", 1, **DRIFTED)))
    flags = await harness.flags()
    assert (flags["a1"]["hold_code"], flags["a1"]["hold_text"]) == ("BAD_HOLDINGS", text)
    assert brief(flags["a2"])[0] == "FLAGGED"


async def test_a_position_reported_twice_holds_its_account(harness: Harness) -> None:
    await harness.book("a1")
    row = held("a1", 1, **DRIFTED)
    await harness.handlers.on_holdings(holdings({**row, "holdings": row["holdings"] * 2}))
    assert (await harness.flags())["a1"][
        "hold_text"
    ] == "Account a1: AAA in sleeve APM: the position is reported twice."


async def test_a_target_with_a_component_twice_holds_its_accounts_and_is_told(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    twice = [Component(security_id="AAA", weight="0.5"), Component(security_id="AAA", weight="0.5")]
    sleeves = [Sleeve(sleeve_id="APM", kind="APM", weight="0.9", holdings=twice)]
    with pytest.raises(BadMessage, match="portfolio P1: sleeve APM: security AAA is named twice"):
        await harness.handlers.on_portfolios([portfolio(2, sleeves=sleeves)])
    assert (await harness.flags())["a1"]["hold_code"] == "BAD_TARGET"


async def test_what_is_replaced_does_not_flag_but_its_substitute(harness: Harness) -> None:
    """AAA 30 % of 60 %, replaced by CCC: CCC lacks 30 %; BBB, at its target, and AAA are as they should be."""
    await harness.book("a1")
    replaced = SecurityRestriction(security_id="AAA", kind="SUBSTITUTE", substitute_id="CCC")
    await harness.handlers.on_accounts([account("a1", 2, restrictions=[replaced])])
    await harness.handlers.on_holdings(holdings(held("a1", 1, AAA="300", BBB="300", CCC="300")))
    assert brief((await harness.flags())["a1"]) == ("CLEAR", 0, None, None)
    await harness.handlers.on_holdings(holdings(held("a1", 2, cash="400", AAA="300", BBB="300")))
    row = (await harness.flags())["a1"]
    assert [(reason["security_id"], reason["target_ppb"]) for reason in row["reasons"]] == [
        (None, 100_000_000),
        ("CCC", 300_000_000),
    ]


async def test_account_thresholds_go_before_the_portfolios(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    await harness.handlers.on_accounts(
        [account("a1", 2, threshold="0.6")]
    )  # 78 % within 24..96 %, 12 % within 12..48 %
    assert brief((await harness.flags())["a1"])[0] == "CLEAR"
    await harness.handlers.on_accounts([account("a1", 3, threshold="0.6", cash_threshold="0", floor="0")])
    assert brief((await harness.flags())["a1"])[0] == "CLEAR"  # exactly on the one point that is left
    await harness.handlers.on_holdings(holdings(held("a1", 2, cash="100.01", **DRIFTED)))
    assert brief((await harness.flags())["a1"])[:2] == ("FLAGGED", Tile.HIGH_CASH)


async def test_a_returned_account_is_published_even_when_nothing_changed(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    before = (await harness.flags())["a1"]
    await harness.handlers.on_returned(returned("a1"))
    published = await harness.published()
    row = published[topics.FLAGS.name][0]
    assert row["flag_version"] == before["flag_version"] + 1
    assert brief(row) == brief(before)
    assert row["causes"][-1]["detail"] == "returned from a batch (REMOVED)"
    assert published[topics.ACCOUNT_FLAG.name] == []  # outside, nothing has changed


async def test_securities_of_an_older_version_are_passed_over(harness: Harness) -> None:
    await harness.handlers.on_securities([security("AAA", version=2, fractional=True)])
    await harness.handlers.on_securities([security("AAA", version=1), security("BBB", lot_size=100)])
    assert harness.row("SELECT array_agg(step_micro ORDER BY step_micro) FROM analyzer.security") == ([1, 100_000_000],)


async def test_bad_settings_reach_the_dead_letters_alone(harness: Harness) -> None:
    """Of three messages of a group only the middle one becomes a dead letter, with its reason."""
    await harness.book()
    letters = AIOKafkaConsumer(dead_letters("analyzer").name, bootstrap_servers=harness.settings.kafka_url)
    await letters.start()
    try:
        await letters.seek_to_end()
        processor = MessageProcessor("analyzer", topics.ACCOUNT, harness.handlers.on_accounts, harness.publisher)
        events = [account("a1", 1), account("a2", 1, floor="7"), account("a3", 1)]
        await processor.run(
            [
                Incoming(
                    topics.ACCOUNT.name, 0, offset, event.account_id.encode(), event.model_dump_json().encode(), (), 0
                )
                for offset, event in enumerate(events)
            ]
        )
        letter = await asyncio.wait_for(letters.getone(), 20)
    finally:
        await letters.stop()
    assert letter.key == b"a2"
    assert dict(letter.headers)["dlq-reason"] == b"account a2: floor: 7 is outside 0 to 1"
    assert sorted(await harness.flags()) == ["a1", "a2", "a3"]
