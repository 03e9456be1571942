"""The 61 days of a wash sale count from the session on which orders are traded: after the close, from the next one.

Friday, 12 June 2026: the exchange closes at 16:00 in New York, the business date ends at 18:00; what is approved
between them is traded on Monday, 15 June.  May 13 is 30 days before Friday, May 16 is 30 days before Monday.
"""

from datetime import date

import pytest

from shared.contracts.codes import Bought
from tests.batch.build import MORNING
from tests.batch.harness import Harness, bought, buying, figures, losing, proposed, warned

pytestmark = pytest.mark.integration
AFTER_CLOSE = MORNING.replace(hour=20, minute=30)  # UTC
MAY_13, MAY_16, MONDAY = date(2026, 5, 13), date(2026, 5, 16), date(2026, 6, 15)


@pytest.mark.parametrize(("bought_on", "disallowed"), [(MAY_13, "0.00"), (MAY_16, "100.00")])
async def test_what_is_proposed_after_the_close_is_checked_for_the_next_session(
    harness: Harness, bought_on: date, disallowed: str
) -> None:
    pat = harness.user()
    harness.clock.instant = AFTER_CLOSE
    batch = await proposed(harness, pat, A1=losing(bought("A3", 10, bought=bought_on)))
    assert await figures(pat, batch) == {"A1": (disallowed, "0.00")}


@pytest.mark.parametrize("household", ["H1", None])
async def test_the_close_changes_the_warnings_and_the_older_ones_cannot_be_approved(
    harness: Harness, household: str | None
) -> None:
    """Ten bought on May 13 disallow $100.00 of Friday's loss and nothing of Monday's."""
    pat = harness.user()
    owner = "A3" if household else "A1"
    batch = await proposed(harness, pat, A1=losing(bought(owner, 10, bought=MAY_13), household=household))
    assert await figures(pat, batch) == {"A1": ("100.00", "0.00")}
    harness.clock.instant = AFTER_CLOSE
    refused = await pat.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "wash_sales_changed")
    assert "the exchange closed" in refused.json()["detail"]
    seen = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert seen["version"] == batch["version"] + 1
    assert await figures(pat, seen) == {"A1": ("0.00", "0.00")}
    assert (await pat.done(seen, "approve"))["status"] == "APPROVED"


async def test_a_close_that_changes_no_warning_bars_no_approval(harness: Harness) -> None:
    pat = harness.user()
    batch = await proposed(harness, pat, A1=losing(bought("A3", 10)))
    harness.clock.instant = AFTER_CLOSE
    assert (await pat.done(batch, "approve"))["status"] == "APPROVED"


async def test_the_sweep_shows_the_warnings_of_the_next_session_once_the_exchange_has_closed(harness: Harness) -> None:
    pat = harness.user()
    batch = await proposed(harness, pat, A1=losing(bought("A3", 10, bought=MAY_13)))
    assert await harness.sweeps.check_again() == 0
    harness.clock.instant = AFTER_CLOSE
    assert await harness.sweeps.check_again() == 1
    assert await harness.sweeps.check_again() == 0
    assert await figures(pat, batch) == {"A1": ("0.00", "0.00")}


async def test_accounts_that_remain_are_checked_for_the_day_of_the_others(harness: Harness) -> None:
    """After the close A2 is removed: what is displayed of its household is Friday's, as of all others."""
    pat = harness.user()
    batch = await proposed(harness, pat, A1=losing(bought("A3", 4, bought=MAY_13)), A2=buying(1))
    assert (await figures(pat, batch))["A1"] == ("50.00", "0.00")
    harness.clock.instant = AFTER_CLOSE
    batch = await pat.remove(batch, "A2")
    assert (await figures(pat, batch))["A1"] == ("40.00", "0.00")
    assert (await pat.do(batch, "approve")).json()["code"] == "wash_sales_changed"


async def test_a_loss_counts_from_the_session_on_which_it_was_traded(harness: Harness) -> None:
    """Sold on Monday, June 15, bought on Wednesday, July 15, at the 30th day; Friday would be 33 days before."""
    pat = harness.user()
    harness.clock.instant = AFTER_CLOSE
    first = await proposed(harness, pat, A1=losing())
    await pat.done(first, "approve")
    harness.clock.instant = MORNING.replace(month=7, day=15)
    second = await proposed(harness, pat, A2=buying(10))
    assert await warned(pat, second) == {"A2": ("100.00", "0.00")}


async def test_a_buy_after_the_close_that_is_listed_with_its_session_is_the_same_units(harness: Harness) -> None:
    """A2 buys five on Friday evening: listed by Monday as bought on Monday, they disallow $50.00 and not $100.00."""
    pat = harness.user()
    harness.clock.instant = AFTER_CLOSE
    buys = await proposed(harness, pat, A2=buying(5))
    listed = bought("A2", 5, Bought.APPROVED, bought=MONDAY)
    selling = await proposed(harness, pat, A1=losing(listed))
    await pat.done(buys, "approve")
    await harness.sweeps.check_again()
    assert await figures(pat, selling) == {"A1": ("50.00", "0.00")}


async def test_a_unit_bought_after_the_close_that_is_used_is_found_again_as_an_approved_buy(harness: Harness) -> None:
    """Friday evening A1 loses on ten and A2 buys ten; on Monday taxlot lists A2's buy: A3's loss finds none of it."""
    pat = harness.user()
    harness.clock.instant = AFTER_CLOSE
    first = await proposed(harness, pat, A1=losing(), A2=buying(10))
    assert (await figures(pat, first))["A1"] == ("100.00", "0.00")
    await pat.done(first, "approve")
    harness.clock.forward(days=3)
    second = await proposed(harness, pat, A3=losing(bought("A2", 10, Bought.APPROVED, bought=MONDAY)))
    assert await figures(pat, second) == {"A3": ("0.00", "0.00")}
