"""What the metrics say of the daily analysis and of prices, read by a timer."""

import asyncio
import time
from datetime import datetime
from typing import Final

from services.analyzer.settings import Settings
from services.analyzer.store import price_sets, runs
from services.analyzer.store.database import Database
from shared.rules.trading_calendar import NEW_YORK, business_date
from shared.runtime import metrics
from shared.runtime.clock import Clock
from shared.runtime.input_age import note_input

EVERY_S: Final = 15.0


class AnalysisMeasure:
    """Reads when the daily analysis was last finished, whether today's is overdue, and of which date the prices are."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings

    async def sample(self) -> None:
        """Read once.  Raises psycopg.Error if the database is away."""
        await asyncio.to_thread(self._read)

    def _read(self) -> None:
        now = self._clock.now()
        today = business_date(now, self._settings.cut_off)
        with self._database.session() as session:
            is_done = runs.is_daily_finished(session, today)
            finished_at = runs.last_daily_finished_at(session)
            as_of = price_sets.as_of_in_force(session)
        due = datetime.combine(today, self._settings.daily_analysis, tzinfo=NEW_YORK)
        metrics.ANALYSIS_OVERDUE.set(0.0 if is_done else max(0.0, (now - due).total_seconds()))
        if finished_at is not None:
            # On a shifted clock (local stack) too, the difference from the machine's time is the true age.
            metrics.ANALYSIS_SUCCEEDED.set(time.time() - (now - finished_at).total_seconds())
        note_input("prices", as_of, now, self._settings.cut_off)
