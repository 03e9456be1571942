"""Wash sales: units that an approved batch sells are no replacement, also before a custodian file shows them gone."""

from datetime import UTC, date, datetime

import pytest

from services.batch.store import approved_losses
from shared.contracts.tenancy import SYSTEM
from tests.batch import build
from tests.batch.harness import Harness, Json, bought, buying, figures, losing, proposed, reply, sold

pytestmark = pytest.mark.integration
JUNE_1 = date(2026, 6, 1)


def sells(units: int, lot: str = "L9", **more: object) -> Json:
    """A slice of a lot of June 1, sold at a gain."""
    return sold(lot, units, 50, acquired=JUNE_1) | more


@pytest.mark.parametrize(
    ("shown", "disallowed"),
    [
        pytest.param({"epoch": 0}, "0.00", id="the lots are those of before the approval"),
        pytest.param({"epoch": 1}, "100.00", id="the lots show the approval: these ten are others"),
        pytest.param({}, "100.00", id="a release before does not say: they count, as they did"),
    ],
)
async def test_units_that_a_batch_approved_before_sold_are_no_replacement(
    harness: Harness, shown: Json, disallowed: str
) -> None:
    """A2's ten of June 1 are sold by the morning's batch; the same day A1 loses $100 on ten."""
    pat = harness.user()
    morning = await proposed(harness, pat, A2=losing(slices=[sells(10)]))
    await pat.done(morning, "approve")
    second = await proposed(harness, pat, A1=losing(bought("A2", 10, lot_id="L9", **shown)))
    assert await figures(pat, second) == {"A1": (disallowed, "0.00")}


@pytest.mark.parametrize(
    ("epoch", "in_sleeves"), [(0, {"APM": 6, "S2": 4}), (1, {"APM": 2, "S2": 4}), (2, {"S2": 1})], ids=str
)
async def test_each_unit_sold_is_taken_off_once_whichever_file_the_lots_are_of(
    harness: Harness, epoch: int, in_sleeves: dict[str, int]
) -> None:
    """Ten in two sleeves: 4 sold by one batch, 2 and 3 by the next: one remains, $10 of A1's $100 on ten."""
    pat = harness.user()
    first = await proposed(harness, pat, A2=losing(slices=[sells(4)]))
    await pat.done(first, "approve")
    slices = [sells(2), sells(3, sleeve_id="S2")]
    second = await proposed(harness, pat, epochs={"A2": 1}, A2=losing(slices=slices))
    await pat.done(second, "approve")
    lots = [bought("A2", units, lot_id="L9", sleeve_id=sleeve, epoch=epoch) for sleeve, units in in_sleeves.items()]
    third = await proposed(harness, pat, A1=losing(*lots))
    assert await figures(pat, third) == {"A1": ("10.00", "0.00")}


@pytest.mark.parametrize(("now", "disallowed"), [(2, "40.00"), (6, "0.00")])
async def test_what_the_batch_sells_itself_is_taken_off_what_approvals_left(
    harness: Harness, now: int, disallowed: str
) -> None:
    """A2 sold 4 of ten and is settled; A1's facts are of before that, A2's own are of after."""
    pat = harness.user()
    first = await proposed(harness, pat, A2=losing(slices=[sells(4)]))
    await pat.done(first, "approve")
    own = bought("A2", 6, lot_id="L9", epoch=1)
    before = bought("A2", 10, lot_id="L9", epoch=0)
    second = await proposed(harness, pat, epochs={"A2": 1}, A1=losing(before), A2=losing(own, slices=[sells(now)]))
    assert (await figures(pat, second))["A1"] == (disallowed, "0.00")


async def test_a_sale_approved_meanwhile_changes_the_warning_whoever_the_advisor_is(harness: Harness) -> None:
    """Sam of D1 sees $100; A9 of D2 sells the ten that count: Sam's older figures cannot be approved, $0 can."""
    pat, sam = harness.user(), harness.user("Sam", advisors=["D1"])
    await harness.handlers.on_accounts([build.an_account("A9", advisor_id="D2")])
    await harness.flag(build.a_flag("A9", advisor_id="D2"))
    displayed = await proposed(harness, sam, A1=losing(bought("A9", 10, lot_id="L9", epoch=0)))
    assert await figures(sam, displayed) == {"A1": ("100.00", "0.00")}
    other = await pat.propose("A9")
    await reply(harness, other["batch_id"], {"A9": losing(slices=[sells(10)])})
    await pat.done(await pat.get(f"/v1/batches/{other['batch_id']}"), "approve")
    refused = await sam.do(displayed, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "wash_sales_changed")
    seen = await sam.get(f"/v1/batches/{displayed['batch_id']}")
    assert await figures(sam, seen) == {"A1": ("0.00", "0.00")}
    assert (await sam.done(seen, "approve"))["status"] == "APPROVED"


async def test_what_can_still_count_is_recorded_and_dropped_when_it_cannot(harness: Harness) -> None:
    """Trades on June 12: bought 90 days before may count, 91 may not; of an account alone, and a buy, there is none."""
    pat = harness.user()
    days = {"D90": date(2026, 3, 14), "D91": date(2026, 3, 13)}
    slices = [sold(name, 5, 0, acquired=day) for name, day in days.items()]
    accounts = {"A2": losing(slices=slices), "A3": losing(slices=slices, household=None), "A4": buying(3)}
    batch = await proposed(harness, pat, **accounts)
    await pat.done(batch, "approve")
    rows = "SELECT account_id, lot_id, sleeve_id, acquired, epoch, units FROM approved_sale"
    assert harness.sql(rows) == [("A2", "D90", "APM", days["D90"], 1, 5_000_000)]
    for day, left in ((19, 1), (20, 0)):
        async with harness.database.transaction(SYSTEM) as connection:
            await approved_losses.forget(connection, datetime(2026, 6, day, tzinfo=UTC))
        assert len(harness.sql(rows)) == left
