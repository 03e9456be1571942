"""The sweeper: analyses of the whole book, shard by shard, behind interactive work.  Not a Faust worker.

A shard: evaluate (guarded, stamped with the run), commit, publish every flag so stamped, mark done.  A sweeper that
dies leaves its shard open; whoever takes it next does it again and publishes the same.
Source: architecture "Daily analysis".
"""

import asyncio
import os
from datetime import datetime
from typing import Final

from services.analyzer.evaluator import Evaluator, Run
from services.analyzer.handlers import SERVICE, publish_stored
from services.analyzer.settings import AnalyzerSettings
from services.analyzer.store import flags, runs
from services.analyzer.store.database import Database
from shared import log, messages
from shared.clock import Clock
from shared.contracts.events import AnalysisCompleted
from shared.contracts.topics import ANALYSIS
from shared.guard import is_transient
from shared.ids import event_id
from shared.kafka import Publisher
from shared.sessions import NEW_YORK, business_date

_log = log.get(__name__)
TRIGGERS: Final = {"DAILY": "daily analysis", "ON_DEMAND": "analysis on demand"}


class Sweeper:
    """Starts the daily run at its time and works on whatever shard is free."""

    def __init__(
        self,
        database: Database,
        evaluator: Evaluator,
        publisher: Publisher,
        clock: Clock,
        settings: AnalyzerSettings,
    ) -> None:
        self._database = database
        self._evaluator = evaluator
        self._publisher = publisher
        self._clock = clock
        self._settings = settings

    async def run(self) -> None:
        """Work until cancelled.  A database or broker that is away is waited for."""
        os.nice(self._settings.sweep_nice)
        while True:
            try:
                busy = await self.step()
            except Exception as error:
                if not is_transient(error):
                    raise
                _log.warning("sweep.waits", error=repr(error)[:300])
                busy = False
            if not busy:
                await asyncio.sleep(self._settings.sweep_poll_s)

    async def step(self) -> bool:
        """Start what is due, do some shards, announce what is finished; return whether a shard was done.

        Shards are done beside one another because each waits in turn for the database, the processor and the broker.
        """
        await asyncio.to_thread(self.start_daily)
        done = await asyncio.gather(*(self.one_shard() for _ in range(self._settings.sweep_shards)))
        await self.announce()
        return any(done)

    def start_daily(self) -> int | None:
        """Start the daily run of this business date when its time has come; return its number when it is new."""
        now = self._clock.now()
        today = business_date(now, self._settings.end_of_day)
        if now < datetime.combine(today, self._settings.daily_analysis, tzinfo=NEW_YORK):
            return None
        with self._database.session() as session:
            known = session.execute(
                "SELECT FROM analysis_run WHERE business_date = %s AND kind = 'DAILY'", [today]
            ).fetchone()
            return None if known is not None else runs.start(session, "DAILY", today, now)

    async def one_shard(self) -> bool:
        """Claim a free shard and do it whole; return whether there was one."""
        with self._database.session() as session, runs.claim(session) as shard:
            if shard is None:
                return False
            await self._work(shard)
            await asyncio.to_thread(runs.mark_done, session, shard)
            await asyncio.to_thread(session.commit)
            return True

    async def announce(self) -> None:
        """Finish runs whose shards are all done and publish their completion."""

        def finished() -> list[runs.Run]:
            with self._database.session() as session:
                runs.finish(session, self._clock.now())
                return runs.unannounced(session)

        for run in await asyncio.to_thread(finished):
            body = AnalysisCompleted(
                run_id=run.run_id,
                business_date=run.business_date,
                version=1,
                price_set=run.price_set,
                accounts=run.accounts,
                flagged=run.flagged or 0,
                held=run.held or 0,
            )
            name = event_id("analysis", run.run_id)
            at = self._clock.now()
            await self._publisher.send(
                [messages.event(ANALYSIS, run.run_id, body, event_id=name, source=SERVICE, at=at)]
            )
            with self._database.session() as session:
                runs.mark_announced(session, run.run_no)
            _log.info("analysis.completed", run_id=run.run_id, accounts=run.accounts, flagged=run.flagged)

    async def _work(self, shard: runs.Shard) -> None:
        def evaluate() -> None:
            with self._database.session() as session:
                run = runs.get(session, shard.run_no)
            trigger = TRIGGERS["ON_DEMAND" if run is None else run.kind]
            self._evaluator.sweep(shard.first_id, shard.last_id, Run(shard.run_no), trigger)

        await asyncio.to_thread(evaluate)
        await publish_stored(
            self._database,
            self._evaluator,
            self._publisher,
            flags.BY_RUN,
            shard.run_no,
            shard.first_id,
            shard.last_id,
        )
