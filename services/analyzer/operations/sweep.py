"""The sweeper: analyses of the whole book, shard by shard, behind interactive work.  Not a Faust worker.

A shard: evaluate (guarded, stamped with the run), commit, publish every flag so stamped, mark done.  A sweeper that
dies leaves its shard open; whoever takes it next does it again and publishes the same: flags stamped with the run are
stored anew, and their public events count as out only when the run has no open shard.
Source: architecture "Daily analysis".
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from psycopg import sql

from services.analyzer.columns import flags
from services.analyzer.operations.evaluate import Evaluator, RunStamp
from services.analyzer.settings import SERVICE, Settings
from services.analyzer.store import facts, price_sets, runs, standings, withdrawals
from services.analyzer.store.database import Database, Session
from shared.contracts.events import AdvisorCounts, AnalysisCompleted
from shared.contracts.topics import ANALYSIS
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.failure_limit import TooMany, isolate_every_fault
from shared.kafka.faults import is_transient
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.rules.trading_calendar import NEW_YORK, business_date
from shared.runtime import log, metrics
from shared.runtime.clock import Clock
from shared.runtime.runner import run_all

_log = log.get(__name__)
_TOLD_AGAIN: Final = timedelta(days=7)  # withdrawals older than this: no proposal lives so long
TRIGGERS: Final[dict[runs.Kind, str]] = {
    "DAILY": "daily analysis",
    "ON_DEMAND": "analysis on demand",
    "TARGET": "",  # the new target version itself is the cause
    "PRICES": "new prices",
}


def covered(run: runs.AnalysisRun, shard: runs.Shard) -> sql.Composable:
    """Return which accounts between the ends of a shard are its run's."""
    if run.covers == "PORTFOLIOS":
        return facts.of_portfolios(run.portfolios or ())
    if run.covers == "PRICE_HELD":
        return facts.price_held(shard.first_id, shard.last_id, shard.run_no)
    return facts.of_owners(run.enterprises, run.advisors)


class Sweeper:
    """Starts the daily run at its time and works on whatever shard is free."""

    def __init__(
        self,
        database: Database,
        evaluator: Evaluator,
        publisher: Publisher,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._database = database
        self._evaluator = evaluator
        self._publisher = publisher
        self._clock = clock
        self._settings = settings
        self._standing_after = timedelta(seconds=settings.standing_after_s)
        self._announcing = asyncio.Lock()
        self._done = 0  # shards, since the start
        self._stopped_at: set[tuple[int, int]] = set()  # (run, shard): not again before a new start

    async def run(self) -> None:
        """Work until cancelled.  A database or broker that is away is waited for."""
        os.nice(self._settings.sweep_nice)
        await run_all(self._again(self.step), self._again(self.tell_withdrawn))

    async def _again(self, work: Callable[[], Awaitable[bool]]) -> None:
        while True:
            try:
                busy = await work()
            except Exception as error:
                if not is_transient(error):
                    raise
                _log.warning("sweep.waits", error=repr(error)[:300])
                busy = False
            if not busy:
                await asyncio.sleep(self._settings.sweep_poll_s)

    async def step(self) -> bool:
        """Start what is due, do shards until none is free, announce what is finished; return whether a shard was done.

        Shards are done beside one another because each waits in turn for the database, the processor and the broker.
        Where one fails, what is done beside it is done to its end before that is told.
        """
        lanes = (self._shards() for _ in range(self._settings.sweep_shards))
        done = await asyncio.gather(*lanes, return_exceptions=True)
        failures = [one for one in done if isinstance(one, BaseException)]
        if failures:
            raise next((one for one in failures if not is_transient(one)), failures[0])
        await self.announce()
        return any(done) or await self.tell_standing()

    async def _shards(self) -> bool:
        done = False
        while True:
            await asyncio.to_thread(self.start_daily)
            if not await self.one_shard():
                return done
            done = True

    def start_daily(self) -> int | None:
        """Start the daily run of this business date when its time has come; return its number when it is new."""
        now = self._clock.now()
        today = business_date(now, self._settings.cut_off)
        if now < datetime.combine(today, self._settings.daily_analysis, tzinfo=NEW_YORK):
            return None
        with self._database.session() as session:
            known = session.execute(
                "SELECT FROM analysis_run WHERE business_date = %s AND kind = 'DAILY'", [today]
            ).fetchone()
            started = None if known is not None else runs.start(session, "DAILY", today, now)
            if started is not None:  # what was lost of it is told again
                withdrawals.tell_again(session, now - _TOLD_AGAIN)
            return started

    async def tell_withdrawn(self) -> bool:
        """Tell of price sets that were withdrawn, or accepted again, since it was told last; return whether any was.

        It does not wait for shards: proposals made on such a set can be approved until it is known.
        """

        def untold() -> list[withdrawals.DecidedSet]:
            with self._database.session() as session:
                return withdrawals.untold(session)

        def mark(told: Sequence[withdrawals.DecidedSet]) -> None:
            with self._database.session() as session:
                withdrawals.mark_told(session, told)

        if decided := await asyncio.to_thread(untold):
            await self._publisher.send(flags.price_sets(decided, self._clock.now()))
            await asyncio.to_thread(mark, decided)
        return bool(decided)

    async def one_shard(self) -> bool:
        """Claim a free shard and do it whole; return whether there was one."""
        with self._database.session() as session, runs.claim(session, self._stopped_at) as shard:
            if shard is None:
                return False
            await self._patiently(session, shard)
            self._done += 1
            if await asyncio.to_thread(runs.is_all_done, session, shard.run_no):
                await self.announce()
            return True

    async def tell_standing(self) -> bool:
        """Tell what stands in a shard of the last daily run; return whether there was one left.

        Only when nothing is left to sweep, and some time after the run has ended: what it told has arrived by then.
        """
        now = self._clock.now()
        with self._database.session() as session, standings.claim(session, now - self._standing_after) as shard:
            if shard is None:
                return False
            rows = await asyncio.to_thread(standings.read, session, shard)
            await self._publisher.send(flags.standing_chunks(rows, shard.run_no, now))
            standings.mark_told(session, shard)
        return True

    async def announce(self) -> None:
        """Finish runs whose shards are all done and publish their completion."""
        async with self._announcing:
            await self._announce()

    async def _announce(self) -> None:
        def finished() -> list[runs.AnalysisRun]:
            with self._database.session() as session:
                runs.finish(session, self._clock.now())
                sets, prices = price_sets.waiting(session)
                metrics.PRICE_SETS_WAITING.set(sets)
                metrics.PRICES_WAITING.set(prices)
                return runs.unannounced(session)

        for run in await asyncio.to_thread(finished):
            with self._database.session() as session:
                parts = runs.outcomes(session, run.run_no)
            await self._publisher.send(completions(run, parts, run.finished_at or self._clock.now()))
            with self._database.session() as session:
                runs.mark_announced(session, run.run_no)
            _log.info("analysis.completed", run_id=run.run_id, accounts=run.accounts, flagged=run.flagged)

    async def _patiently(self, session: Session, shard: runs.Shard) -> None:
        """Do a shard.  Where our code raises at too many of its accounts nothing is held, and TooMany is raised.

        After as many new starts as a message may cost, and where others pass, each of them is held alone.
        """
        try:
            await self._work(session, shard)
        except TooMany as error:
            others_pass = error.passed or self._done
            if shard.failures < self._settings.suspect_starts or not others_pass:
                self._stopped_at.add((shard.run_no, shard.shard))
                await asyncio.to_thread(runs.note_failure, session, shard)
                raise
            _log.exception("shard.accounts_apart", run_no=shard.run_no, shard=shard.shard, failures=shard.failures)
            with isolate_every_fault():
                await self._work(session, shard)

    async def _work(self, session: Session, shard: runs.Shard) -> None:
        """Evaluate, publish, mark done.  The session holds the lock of the shard; no transaction waits for Kafka."""

        def evaluate() -> list[Outgoing]:
            run = runs.get(session, shard.run_no)
            session.commit()
            trigger = TRIGGERS["ON_DEMAND" if run is None else run.kind]
            mine = RunStamp(shard.run_no) if run is None else RunStamp(shard.run_no, covered(run, shard))
            stored = self._evaluator.sweep(session, shard.first_id, shard.last_id, mine, trigger)
            with metrics.EVALUATION_SECONDS.labels("compose").time():
                return self._evaluator.messages(session, stored, mine)

        outgoing = await asyncio.to_thread(evaluate)
        with metrics.EVALUATION_SECONDS.labels("publish").time():
            await self._publisher.send(outgoing)
        await asyncio.to_thread(runs.mark_done, session, shard)


def completions(run: runs.AnalysisRun, parts: Sequence[runs.Outcome], at: datetime) -> list[Outgoing]:
    """Return the completion of a finished run, one event for each enterprise of which it covered accounts."""
    told = []
    for enterprise, group in groupby(parts, key=lambda one: one.enterprise_id):
        advisors = [
            AdvisorCounts(advisor_id=one.advisor_id, accounts=one.accounts, flagged=one.flagged, held=one.held)
            for one in group
        ]
        body = AnalysisCompleted(
            run_id=run.run_id,
            enterprise_id=enterprise,
            business_date=run.business_date,
            version=run.run_no,  # of two runs the later has the higher: one told again changes nothing
            price_set=run.price_set,
            accounts=sum(one.accounts for one in advisors),
            flagged=sum(one.flagged for one in advisors),
            held=sum(one.held for one in advisors),
            advisors=advisors,
        )
        name = event_id("analysis", run.run_id, enterprise)
        told.append(messages.event(ANALYSIS, run.run_id, body, event_id=name, source=SERVICE, at=at))
    return told
