"""The end of the day comes once on every day, whatever the clocks do.  Source: product 6."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

import pytest

from shared.rules.trading_calendar import NEW_YORK, cut_off, sessions
from tests.batch.harness import Harness
from tests.faults import card
from tests.faults.card import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.timeout(card.trials(180, 7200))]

FIRST, LAST = date(2018, 12, 31), date(2028, 12, 29)
SOME = (
    date(2026, 3, 6), date(2026, 3, 9),  # clocks go forward between them
    date(2026, 10, 30), date(2026, 11, 2),  # and back
    date(2026, 11, 25), date(2026, 11, 27),  # a holiday between them; the second is a half day
    date(2026, 12, 31), date(2027, 1, 4),
    date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1),
)  # fmt: skip
DAYS = [day for day in sessions() if FIRST <= day <= LAST] if card.FOLDER else SOME


async def test_each_days_batch_is_ended_once_and_not_before_its_cut_off(make_harness: Callable[..., Harness]) -> None:
    replicas = [make_harness(), make_harness()]
    await replicas[0].queue("A1")

    async def ended_at(instant: datetime) -> int:
        for replica in replicas:
            replica.clock.instant = instant
        return sum(await asyncio.gather(*[replica.sweeps.end_days() for replica in replicas]))

    lost = doubled = 0
    for day in DAYS:
        for replica in replicas:
            replica.clock.instant = datetime.combine(day, time(10), tzinfo=NEW_YORK)
        batch = await replicas[0].user().propose("A1")
        limit = cut_off(day)
        early = await ended_at(limit - timedelta(seconds=1))
        on_time = await ended_at(limit)
        # A clock that is put back, and the hours until the next morning, end nothing more.
        again = sum([await ended_at(limit + timedelta(hours=hours)) for hours in (-1, 1, 6, 15)])
        ((status,),) = replicas[0].sql("SELECT status FROM batch WHERE batch_id = %s", batch["batch_id"])
        lost += on_time == 0 or status != "CANCELLED"
        doubled += early + again + max(0, on_time - 1)
    card.keep(Outcome("F13", len(DAYS), lost, doubled))
