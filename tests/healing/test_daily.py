"""What a lost message would leave wrong for ever is put right by the daily analysis.  Real broker, real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import topics
from shared.contracts.codes import FlagState
from tests.analyzer.builders import MONDAY, account, held, holdings, prices
from tests.healing.harness import (
    CLEAR,
    FLAGGED,
    IN_BAND,
    OFF,
    SETTLING,
    TUESDAY,
    WEDNESDAY,
    Harness,
    a_flagged_account,
    approve,
    in_band,
    nothing,
    of,
    opened,
)

pytestmark = pytest.mark.integration


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


async def test_a_lost_clear_flag(harness: Harness) -> None:
    """The account is quiet from then on: sweeps leave it alone, and the queue would show it for ever."""
    await a_flagged_account(harness)
    await harness.analyzer.handlers.on_holdings(holdings(held("a1", 2, **IN_BAND)))
    await harness.carry(of(topics.FLAGS))
    assert (harness.lost, harness.state("a1")) == ([topics.FLAGS.name], (FLAGGED, 0))
    await harness.daily(TUESDAY)
    assert harness.state("a1") == (CLEAR, 0)
    ours, theirs = harness.versions("a1")
    assert ours == theirs
    harness.lost.clear()
    await harness.daily(WEDNESDAY, of(topics.RECALL))
    assert harness.lost == []  # where both agree nothing is asked for


async def test_a_lost_off_flag(harness: Harness) -> None:
    await a_flagged_account(harness)
    await harness.analyzer.handlers.on_accounts([account("a1", 2, on=False)])
    await harness.carry(of(topics.FLAGS))
    assert (harness.lost, harness.state("a1")) == ([topics.FLAGS.name], (FLAGGED, 0))
    await harness.daily(TUESDAY)
    assert harness.state("a1") == (OFF, 0)


async def test_a_lost_approval(harness: Harness) -> None:
    """Without it the account stays "orders sent" for ever: no file ends a settling that the analyzer never began."""
    await a_flagged_account(harness)
    await approve(harness)
    await harness.carry(of(topics.REBALANCED))
    assert (harness.lost, harness.state("a1")) == ([topics.REBALANCED.name], (FLAGGED, 0))
    shown = await harness.batch.user().get("/v1/accounts/a1")
    assert (shown["state"], shown["epoch"]) == ("SETTLING", 1)

    await harness.daily(TUESDAY)
    assert harness.state("a1") == (SETTLING, 1)
    approved = "SELECT epoch, sleeve_id, quantity_micro FROM taxlot.approved_trade ORDER BY 2, 3"
    assert harness.batch.sql(approved) == [(1, "APM", -10_000_000), (1, "APM", -2_000_000), (1, "M1", 2_000_000)]
    await harness.analyzer.handlers.on_holdings(holdings(held("a1", 2, as_of=TUESDAY, **IN_BAND)))
    await harness.carry()
    assert harness.state("a1") == (CLEAR, 1)
    orders = harness.batch.sql("SELECT count(*) FROM outbox WHERE topic = %s", topics.ORDERS.name)
    assert orders == [(1,)]  # an approval that is told again sends no orders again


BOOKED = [(1, "APM", -10_000_000), (1, "APM", -2_000_000), (1, "M1", 2_000_000)]
NO_TRADES: dict[str, Any] = {"sleeve_trades": [], "orders": [], "slices": [], "transfers": [], "taxes": []}


@pytest.mark.parametrize(("proposed", "booked"), [({}, BOOKED), (NO_TRADES, [])], ids=["trades", "nothing to trade"])
async def test_an_approval_that_taxlot_alone_has_lost(harness: Harness, proposed: dict[str, Any], booked: Any) -> None:
    """Nobody else misses it: the account settles, and what it bought would never be a purchase of its household."""
    await a_flagged_account(harness)
    harness.deaf = True
    await approve(harness, **proposed)
    await harness.carry()
    assert harness.state("a1") == (SETTLING, 1)
    trades = "SELECT epoch, sleeve_id, quantity_micro FROM taxlot.approved_trade ORDER BY 2, 3"
    epochs = "SELECT account_id, epoch FROM taxlot.approval"
    assert (harness.batch.sql(trades), harness.batch.sql(epochs)) == ([], [])

    harness.deaf = False
    await harness.daily(TUESDAY)
    assert (harness.batch.sql(trades), harness.batch.sql(epochs)) == (booked, [("a1", 1)])
    assert harness.state("a1") == (SETTLING, 1)
    orders = "SELECT count(*) FROM outbox WHERE topic = %s"
    assert harness.batch.sql(orders, topics.ORDERS.name) == [(1,)]  # told again without its orders
    await harness.daily(WEDNESDAY, of(topics.UNBOOKED))
    assert harness.lost == []  # what is booked is not asked for
    assert harness.batch.sql(trades) == booked
    assert harness.batch.sql(orders, topics.REBALANCED.name) == [(2,)]


async def test_a_lost_flag_of_an_approved_account(harness: Harness) -> None:
    """The analyzer knows of the approval; that it settles never reached batch."""
    await a_flagged_account(harness)
    await approve(harness)
    await harness.carry(of(topics.FLAGS))
    assert (harness.lost, harness.state("a1")) == ([topics.FLAGS.name], (FLAGGED, 0))
    await harness.daily(TUESDAY)
    assert harness.state("a1") == (SETTLING, 1)


async def test_a_lost_return_from_a_batch(harness: Harness) -> None:
    """Prices have brought the account into its band while it was in the batch; nobody looks at it when it leaves."""
    await a_flagged_account(harness)
    pat = harness.batch.user()
    batch = await pat.propose("a1")
    await harness.analyzer.handlers.on_prices([prices(2, AAA="1", BBB="3.25", CCC="1")])  # 780 : 390 : 130
    await harness.batch.reply(batch["batch_id"], failing=["a1"])
    await harness.carry(of(topics.RETURNED))
    assert (harness.lost, harness.state("a1")) == ([topics.RETURNED.name], (FLAGGED, 0))
    assert await pat.queued() == ["a1"]
    await harness.daily(TUESDAY)
    assert harness.state("a1") == (CLEAR, 0)
    assert await pat.queued() == []


@pytest.mark.parametrize("held_one", [False, True], ids=["lots", "a hold"])
async def test_lost_holdings(harness: Harness, held_one: bool) -> None:
    """A file was taken in; what it says never reached the analyzer."""
    await a_flagged_account(harness)
    harness.batch.sql(
        "INSERT INTO taxlot.account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
        " apm_sleeve_id, taxable) VALUES ('a1', 1, 'E1', 'A1', 'NORTH', 'a1', 'APM', true) RETURNING 1"
    )
    await harness.load(in_band("2026-01-05", "600"), MONDAY)
    await harness.carry()
    assert harness.state("a1") == (CLEAR, 0)
    await harness.load(in_band("2026-01-06", "-1" if held_one else "1200"), TUESDAY)
    await harness.carry(of(topics.HOLDINGS))
    assert (harness.lost, harness.state("a1")) == ([topics.HOLDINGS.name], (CLEAR, 0))
    await harness.daily(TUESDAY)
    assert harness.state("a1") == (FlagState.HELD if held_one else FLAGGED, 0)


async def test_a_lost_file_of_unchanged_lots(harness: Harness) -> None:
    """Only its date is news, and the date is what ends a settling."""
    await a_flagged_account(harness)
    harness.batch.sql(
        "INSERT INTO taxlot.account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
        " apm_sleeve_id, taxable) VALUES ('a1', 1, 'E1', 'A1', 'NORTH', 'a1', 'APM', true) RETURNING 1"
    )
    await harness.load(in_band("2026-01-02", "1200"), MONDAY)
    await harness.carry(nothing)
    await approve(harness)
    await harness.carry()
    assert harness.state("a1") == (SETTLING, 1)
    await harness.load(in_band("2026-01-06", "1200"), TUESDAY)
    await harness.carry(of(topics.HOLDINGS))
    await harness.daily(TUESDAY)
    assert harness.state("a1") == (FLAGGED, 1)
