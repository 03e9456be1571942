"""Wash sales over batches: a batch that buys warns of approved losses, and a unit bought disallows one loss only."""

from datetime import date

import orjson
import pytest

from shared.contracts.codes import Bought
from tests.batch import build
from tests.batch.harness import (
    Harness,
    Json,
    User,
    bought,
    buying,
    figures,
    losing,
    proposed,
    reply,
    sold,
    warned,
)

pytestmark = pytest.mark.integration
FRIDAY = date(2026, 6, 12)


async def named(who: User, batch: Json, account: str) -> list[Json]:
    """The earlier losses that an account's buys disallow in Best Fit."""
    view = await who.get(f"/v1/batches/{batch['batch_id']}/accounts/{account}")
    return list(view["proposals"][0]["earlier_losses"])


async def test_a_batch_that_buys_warns_of_a_loss_approved_before_and_names_it(harness: Harness) -> None:
    """On Friday A1 sold 10 at a loss of $100; on Monday A1 buys 10 again, and sells nothing: all $100.00 of it."""
    pat = harness.user()
    first = await proposed(harness, pat, A1=losing())
    assert await figures(pat, first) == {"A1": ("0.00", "0.00")}
    await pat.done(first, "approve")
    harness.clock.forward(days=3)
    second = await proposed(harness, pat, epochs={"A1": 1}, A1=buying(10))
    assert await warned(pat, second) == {"A1": ("100.00", "0.00")}
    assert await named(pat, second, "A1") == [
        {"security_id": "AAA", "quantity": "10", "disallowed": "100.00", "permanent": False,
         "trade_date": "2026-06-12", "batch_id": first["batch_id"], "account_number": "00A1", "lot_id": "L1"}
    ]  # fmt: skip
    view = await pat.get(f"/v1/batches/{second['batch_id']}/accounts/A1")
    assert "Its buys were checked against losses" in view["wash_note"]
    totals = (await pat.get(f"/v1/batches/{second['batch_id']}/accounts", f="wash_earlier.gte.0.01"))["filtered"]
    assert (totals["wash_earlier"], totals["wash_earlier_permanent"], totals["accounts"]) == ("100.00", "0.00", 1)
    await pat.done(second, "approve")
    assert await warned(pat, second) == {"A1": ("100.00", "0.00")}
    (row,) = orjson.loads(harness.decision(second["batch_id"]))["accounts"]
    assert row["wash_earlier_cents"] == [10_000, 0]
    assert [loss["cents"] for loss in orjson.loads(row["earlier_losses"])] == [10_000]
    third = await proposed(harness, pat, A5=buying(10))
    assert await warned(pat, third) == {"A5": ("0.00", "0.00")}, "a loss is disallowed once"


async def test_every_loss_and_buy_of_a_batch_of_many_result_chunks_is_recorded_once(harness: Harness) -> None:
    """40 accounts in as many chunks, which are read in groups of 16: half of them lose, half of them buy."""
    pat = harness.user()
    accounts = {f"A{number}": losing() if number % 2 else buying(3) for number in range(40)}
    await harness.queue(*accounts)
    batch = await pat.propose(*accounts)
    for name, values in accounts.items():
        await reply(harness, batch["batch_id"], {name: values})
    await pat.done(await pat.get(f"/v1/batches/{batch['batch_id']}"), "approve")
    recorded = "SELECT account_id FROM {} WHERE batch_id = %s ORDER BY account_id"
    for table, remainder in (("approved_loss", 1), ("approved_buy", 0)):
        expected = sorted(name for name in accounts if int(name[1:]) % 2 == remainder)
        assert [row for (row,) in harness.sql(recorded.format(table), batch["batch_id"])] == expected


async def test_bought_in_an_ira_it_is_permanent_and_elsewhere_it_is_nothing(harness: Harness) -> None:
    """$100 on 10 units: the IRA's 4 take 100 x 4 / 10 = $40 for good; another household, IRA losses: nothing."""
    pat = harness.user()
    for name in ("A2", "A4"):
        await harness.handlers.on_accounts([build.an_account(name, custody="IRA")])
    await harness.flag(build.a_flag("A2"), build.a_flag("A4"))
    losses = {"A1": losing(), "A4": losing(taxable=False, wash_accounts=None)}
    await harness.queue("A1")
    first = await pat.propose(*losses)
    await reply(harness, first["batch_id"], losses)
    first = await pat.get(f"/v1/batches/{first['batch_id']}")
    await pat.done(first, "approve")
    await harness.queue("A3")
    buys = {"A2": buying(4, taxable=False), "A3": buying(10, household="H2")}
    second = await pat.propose(*buys)
    await reply(harness, second["batch_id"], buys)
    second = await pat.get(f"/v1/batches/{second['batch_id']}")
    assert await warned(pat, second) == {"A2": ("40.00", "40.00"), "A3": ("0.00", "0.00")}
    second = await pat.remove(second, "A2")
    assert (await warned(pat, second))["A3"] == ("0.00", "0.00")


@pytest.mark.parametrize(("days", "disallowed"), [(30, "100.00"), (31, "0.00")])
async def test_thirty_days_after(harness: Harness, days: int, disallowed: str) -> None:
    """Sold on June 12: July 12 is its thirtieth day, and July 13 no more; both fall in one week, trades on Monday 13th.

    From June 11 the 30th day is July 11; so the sale is put on a day from which the buy on Monday is as far as said.
    """
    pat = harness.user()
    first = await proposed(harness, pat, A1=losing())
    await pat.done(first, "approve")
    sale = {30: date(2026, 6, 13), 31: date(2026, 6, 12)}[days]
    with_date = "UPDATE approved_loss SET trade_date = %s RETURNING 1"
    harness.sql(with_date, sale)
    harness.clock.forward(days=31)
    second = await proposed(harness, pat, A2=buying(10))
    assert second["trade_date"] == "2026-07-13"
    assert await warned(pat, second) == {"A2": (disallowed, "0.00")}


async def test_a_unit_bought_disallows_the_earlier_loss_only(harness: Harness) -> None:
    """100 bought on June 1: a batch loses $1,000 on 100 old units, the next $700 on 100 others: $1,000, then $0."""
    pat = harness.user()
    old = [sold("L1", 100, -1_000)]
    first = await proposed(harness, pat, A1=losing(bought("A1", 100), slices=old))
    assert await figures(pat, first) == {"A1": ("1000.00", "0.00")}
    await pat.done(first, "approve")
    harness.clock.forward(days=7)
    others = [sold("L2", 100, -700)]
    second = await proposed(harness, pat, epochs={"A1": 1}, A1=losing(bought("A1", 100), slices=others))
    assert await figures(pat, second) == {"A1": ("0.00", "0.00")}


async def test_what_the_custodian_shows_of_an_approved_buy_is_the_same_units(harness: Harness) -> None:
    """A1 loses on 10 and A2 buys 10 in one batch; a week later A2's lot of that day disallows nothing of A3's loss."""
    pat = harness.user()
    first = await proposed(harness, pat, A1=losing(), A2=buying(10))
    assert (await figures(pat, first))["A1"] == ("100.00", "0.00")
    await pat.done(first, "approve")
    harness.clock.forward(days=7)
    as_lot = bought("A2", 14, bought=FRIDAY, lot_id="NEW-NAME")
    second = await proposed(harness, pat, A3=losing(as_lot))
    assert await figures(pat, second) == {"A3": ("40.00", "0.00")}, "14 less the 10 that are used"


async def test_an_approval_meanwhile_changes_the_warnings_and_the_older_ones_cannot_be_approved(
    harness: Harness,
) -> None:
    """Both are pending; A1's loss is approved first: A2's ten bought were shown as nothing, and disallow $100."""
    pat = harness.user()
    selling = await proposed(harness, pat, A1=losing())
    buys = await proposed(harness, pat, A2=buying(10))
    assert await warned(pat, buys) == {"A2": ("0.00", "0.00")}
    await pat.done(selling, "approve")
    refused = await pat.do(buys, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "wash_sales_changed")
    seen = await pat.get(f"/v1/batches/{buys['batch_id']}")
    assert seen["version"] == buys["version"] + 1
    assert await warned(pat, seen) == {"A2": ("100.00", "0.00")}
    assert (await pat.done(seen, "approve"))["status"] == "APPROVED"


async def test_buys_approved_meanwhile_count_and_the_sweep_shows_them(harness: Harness) -> None:
    """A2's buy of 5 is approved while A1's loss of $100 on 10 is displayed: $50 of it, before anybody approves it."""
    pat = harness.user()
    selling = await proposed(harness, pat, A1=losing())
    buys = await proposed(harness, pat, A2=buying(5))
    others = await proposed(harness, pat, A9=buying(5, household="H9"))
    await pat.done(buys, "approve")
    assert await harness.sweeps.check_again() == 2
    assert await harness.sweeps.check_again() == 0
    seen = await pat.get(f"/v1/batches/{selling['batch_id']}")
    assert await figures(pat, seen) == {"A1": ("50.00", "0.00")}
    unchanged = await pat.get(f"/v1/batches/{others['batch_id']}")
    assert unchanged["version"] == others["version"]
    assert (await pat.done(seen, "approve"))["status"] == "APPROVED"
    assert harness.sql("SELECT kind, units, cents FROM wash_use") == [(int(Bought.APPROVED), 5_000_000, 5_000)]


async def test_an_approval_that_changes_no_warning_keeps_no_other_from_being_approved(harness: Harness) -> None:
    pat = harness.user()
    first = await proposed(harness, pat, A1=losing())
    second = await proposed(harness, pat, A9=buying(5, household="H9"))
    await pat.done(first, "approve")
    assert (await pat.done(second, "approve"))["status"] == "APPROVED"


async def test_what_was_approved_before_this_version_is_taken_from_its_frozen_rows(harness: Harness) -> None:
    """As after an upgrade: nothing is recorded of Friday's approval, and the batch that is open was never checked."""
    pat = harness.user()
    first = await proposed(harness, pat, A1=losing(bought("A3", 4)))
    await pat.done(first, "approve")
    recorded = harness.sql("SELECT * FROM approved_loss"), harness.sql("SELECT * FROM wash_use")
    assert [len(rows) for rows in recorded] == [1, 1]
    for table in ("approved_loss", "wash_use", "approved_buy", "wash_recorded", "wash_turn"):
        harness.sql(f"DELETE FROM {table} RETURNING 1")  # noqa: S608  # names
    second = await proposed(harness, pat, A2=buying(10))
    harness.sql("UPDATE batch SET wash_seen = NULL WHERE status = 'PENDING_APPROVAL' RETURNING 1")
    harness.sql("UPDATE batch_account SET wash_earlier_cents = NULL WHERE NOT frozen RETURNING 1")
    assert await warned(pat, second) == {"A2": (None, None)}
    await harness.sweeps.check_again()
    assert (harness.sql("SELECT * FROM approved_loss"), harness.sql("SELECT * FROM wash_use")) == recorded
    assert await warned(pat, second) == {"A2": ("60.00", "0.00")}, "four of its ten units have been matched with A3's"


async def test_a_loss_of_an_account_one_may_not_see_counts_without_name(harness: Harness) -> None:
    """A9 of advisor D2 lost; Sam of D1 buys for A2 of the same household, removes an account, and approves."""
    pat, sam = harness.user(), harness.user("Sam", advisors=["D1"])
    await harness.handlers.on_accounts([build.an_account("A9", advisor_id="D2")])
    await harness.flag(build.a_flag("A9", advisor_id="D2"))
    first = await pat.propose("A9")
    await reply(harness, first["batch_id"], {"A9": losing()})
    await pat.done(await pat.get(f"/v1/batches/{first['batch_id']}"), "approve")
    second = await proposed(harness, sam, A2=buying(10), A3=buying(1))
    second = await sam.remove(second, "A3")
    assert await warned(sam, second) == {"A2": ("100.00", "0.00"), "A3": ("0.00", "0.00")}
    (loss,) = await named(sam, second, "A2")
    assert [loss[name] for name in ("account_number", "lot_id", "batch_id")] == [None, None, None]
    (loss,) = await named(pat, second, "A2")
    assert (loss["account_number"], loss["batch_id"]) == ("00A9", first["batch_id"])
    assert (await sam.done(second, "approve"))["status"] == "APPROVED"


async def test_another_tenants_loss_counts_for_nobody(harness: Harness) -> None:
    """E2 has a household of the same name."""
    pat, eve = harness.user(), harness.user("Eve", enterprises=["E2"])
    await harness.queue("B1", enterprise_id="E2")
    first = await eve.propose("B1")
    await reply(harness, first["batch_id"], {"B1": losing()})
    await eve.done(await eve.get(f"/v1/batches/{first['batch_id']}"), "approve")
    second = await proposed(harness, pat, A2=buying(10))
    assert await warned(pat, second) == {"A2": ("0.00", "0.00")}
