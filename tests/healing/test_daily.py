"""What a lost message would leave wrong for ever is put right by the daily analysis.  Real broker, real database."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import topics
from shared.contracts.codes import FlagState
from tests.analyzer.builders import MONDAY, account, held, holdings, prices
from tests.healing.house import House, nothing, of, opened
from tests.taxlot.files import File, cash, lot

pytestmark = pytest.mark.integration
TUESDAY, WEDNESDAY = date(2026, 1, 6), date(2026, 1, 7)
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}
FLAGGED, CLEAR, OFF, SETTLING = FlagState.FLAGGED, FlagState.CLEAR, FlagState.OFF, FlagState.SETTLING


@pytest.fixture
async def house(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


async def a_flagged_account(house: House, name: str = "a1") -> None:
    """The account has drifted, and everybody knows it."""
    await house.desk.book(name)
    await house.world.handlers.on_accounts([account(name, 1)])
    await house.desk.handlers.on_holdings(holdings(held(name, 1, cash="130", **DRIFTED)))
    await house.carry()
    assert house.state(name) == (FLAGGED, 0)


async def test_a_lost_clear_flag(house: House) -> None:
    """The account is quiet from then on: sweeps leave it alone, and the queue would show it for ever."""
    await a_flagged_account(house)
    await house.desk.handlers.on_holdings(holdings(held("a1", 2, **IN_BAND)))
    await house.carry(of(topics.FLAGS))
    assert (house.lost, house.state("a1")) == ([topics.FLAGS.name], (FLAGGED, 0))
    await house.daily(TUESDAY)
    assert house.state("a1") == (CLEAR, 0)
    ours, theirs = house.versions("a1")
    assert ours == theirs
    house.lost.clear()
    await house.daily(WEDNESDAY, of(topics.RECALL))
    assert house.lost == []  # where both agree nothing is asked for


async def test_a_lost_off_flag(house: House) -> None:
    await a_flagged_account(house)
    await house.desk.handlers.on_accounts([account("a1", 2, on=False)])
    await house.carry(of(topics.FLAGS))
    assert (house.lost, house.state("a1")) == ([topics.FLAGS.name], (FLAGGED, 0))
    await house.daily(TUESDAY)
    assert house.state("a1") == (OFF, 0)


async def approve(house: House, **values: Any) -> None:
    """Propose for the account and approve; values: what is proposed."""
    pat = house.world.user()
    batch = await pat.propose("a1")
    ((facts, lots, target),) = house.world.sql("SELECT facts_version, lots_version, target_version FROM flag")
    versions = {"facts_version": facts, "lots_version": lots, "target_version": target}
    await house.world.answer(batch["batch_id"], **versions, **values)
    await pat.done(await pat.get(f"/v1/batches/{batch['batch_id']}"), "approve")


async def test_a_lost_approval(house: House) -> None:
    """Without it the account stays "orders sent" for ever: no file ends a settling that the analyzer never began."""
    await a_flagged_account(house)
    await approve(house)
    await house.carry(of(topics.REBALANCED))
    assert (house.lost, house.state("a1")) == ([topics.REBALANCED.name], (FLAGGED, 0))
    shown = await house.world.user().get("/v1/accounts/a1")
    assert (shown["state"], shown["epoch"]) == ("SETTLING", 1)

    await house.daily(TUESDAY)
    assert house.state("a1") == (SETTLING, 1)
    approved = "SELECT epoch, sleeve_id, quantity_micro FROM taxlot.approved_trade ORDER BY 2, 3"
    assert house.world.sql(approved) == [(1, "APM", -10_000_000), (1, "APM", -2_000_000), (1, "M1", 2_000_000)]
    await house.desk.handlers.on_holdings(holdings(held("a1", 2, as_of=TUESDAY, **IN_BAND)))
    await house.carry()
    assert house.state("a1") == (CLEAR, 1)
    orders = house.world.sql("SELECT count(*) FROM outbox WHERE topic = %s", topics.ORDERS.name)
    assert orders == [(1,)]  # an approval that is told again sends no orders again


BOOKED = [(1, "APM", -10_000_000), (1, "APM", -2_000_000), (1, "M1", 2_000_000)]
NO_TRADES: dict[str, Any] = {"sleeve_trades": [], "orders": [], "slices": [], "transfers": [], "taxes": []}


@pytest.mark.parametrize(("proposed", "booked"), [({}, BOOKED), (NO_TRADES, [])], ids=["trades", "nothing to trade"])
async def test_an_approval_that_taxlot_alone_has_lost(house: House, proposed: dict[str, Any], booked: Any) -> None:
    """Nobody else misses it: the account settles, and what it bought would never be a purchase of its household."""
    await a_flagged_account(house)
    house.deaf = True
    await approve(house, **proposed)
    await house.carry()
    assert house.state("a1") == (SETTLING, 1)
    trades = "SELECT epoch, sleeve_id, quantity_micro FROM taxlot.approved_trade ORDER BY 2, 3"
    epochs = "SELECT account_id, epoch FROM taxlot.approval"
    assert (house.world.sql(trades), house.world.sql(epochs)) == ([], [])

    house.deaf = False
    await house.daily(TUESDAY)
    assert (house.world.sql(trades), house.world.sql(epochs)) == (booked, [("a1", 1)])
    assert house.state("a1") == (SETTLING, 1)
    orders = "SELECT count(*) FROM outbox WHERE topic = %s"
    assert house.world.sql(orders, topics.ORDERS.name) == [(1,)]  # told again without its orders
    await house.daily(WEDNESDAY, of(topics.UNBOOKED))
    assert house.lost == []  # what is booked is not asked for
    assert house.world.sql(trades) == booked
    assert house.world.sql(orders, topics.REBALANCED.name) == [(2,)]


async def test_a_lost_flag_of_an_approved_account(house: House) -> None:
    """The analyzer knows of the approval; that it settles never reached batch."""
    await a_flagged_account(house)
    await approve(house)
    await house.carry(of(topics.FLAGS))
    assert (house.lost, house.state("a1")) == ([topics.FLAGS.name], (FLAGGED, 0))
    await house.daily(TUESDAY)
    assert house.state("a1") == (SETTLING, 1)


async def test_a_lost_return_from_a_batch(house: House) -> None:
    """Prices have brought the account into its band while it was in the batch; nobody looks at it when it leaves."""
    await a_flagged_account(house)
    pat = house.world.user()
    batch = await pat.propose("a1")
    await house.desk.handlers.on_prices([prices(2, AAA="1", BBB="3.25", CCC="1")])  # 780 : 390 : 130
    await house.world.answer(batch["batch_id"], failing=["a1"])
    await house.carry(of(topics.RETURNED))
    assert (house.lost, house.state("a1")) == ([topics.RETURNED.name], (FLAGGED, 0))
    assert await pat.queued() == ["a1"]
    await house.daily(TUESDAY)
    assert house.state("a1") == (CLEAR, 0)
    assert await pat.queued() == []


@pytest.mark.parametrize("held_one", [False, True], ids=["lots", "a hold"])
async def test_lost_holdings(house: House, held_one: bool) -> None:
    """A file was taken in; what it says never reached the analyzer."""
    await a_flagged_account(house)
    house.world.sql(
        "INSERT INTO taxlot.account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
        " apm_sleeve_id, taxable) VALUES ('a1', 1, 'E1', 'A1', 'NORTH', 'a1', 'APM', true) RETURNING 1"
    )
    await house.load(in_band("2026-01-05", "600"), MONDAY)
    await house.carry()
    assert house.state("a1") == (CLEAR, 0)
    await house.load(in_band("2026-01-06", "-1" if held_one else "1200"), TUESDAY)
    await house.carry(of(topics.HOLDINGS))
    assert (house.lost, house.state("a1")) == ([topics.HOLDINGS.name], (CLEAR, 0))
    await house.daily(TUESDAY)
    assert house.state("a1") == (FlagState.HELD if held_one else FLAGGED, 0)


async def test_a_lost_file_of_unchanged_lots(house: House) -> None:
    """Only its date is news, and the date is what ends a settling."""
    await a_flagged_account(house)
    house.world.sql(
        "INSERT INTO taxlot.account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
        " apm_sleeve_id, taxable) VALUES ('a1', 1, 'E1', 'A1', 'NORTH', 'a1', 'APM', true) RETURNING 1"
    )
    await house.load(in_band("2026-01-02", "1200"), MONDAY)
    await house.carry(nothing)
    await approve(house)
    await house.carry()
    assert house.state("a1") == (SETTLING, 1)
    await house.load(in_band("2026-01-06", "1200"), TUESDAY)
    await house.carry(of(topics.HOLDINGS))
    await house.daily(TUESDAY)
    assert house.state("a1") == (FLAGGED, 1)


def in_band(day: str, units: str) -> File:
    """A file of a1 with so many units of AAA."""
    rows = [lot("a1", "AAA", "L1", units, sleeve="APM"), lot("a1", "BBB", "L2", "300", sleeve="APM"), cash("a1", "100")]
    return File(rows, kind="UPDATED", day=day)
