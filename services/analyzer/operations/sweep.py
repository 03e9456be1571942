"""The sweeper: analyses of many accounts, shard by shard, behind interactive work.  Not a Faust worker.

A shard: evaluate (guarded, stamped with the run), commit, publish every flag so stamped, mark done.  A sweeper that
dies leaves its shard open.  The next sweeper does the shard again and publishes the same: flags stamped with the run
are stored anew, and their public events count as published only when the run has no open shard.
Source: architecture "Daily analysis".
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final

from services.analyzer.operations.evaluate import Evaluator, RunStamp
from services.analyzer.operations.flag_messages import FlagMessages
from services.analyzer.operations.run_messages import completions, price_set_events, standing_chunks
from services.analyzer.operations.send_flags import FlagSender
from services.analyzer.settings import Settings
from services.analyzer.store import price_sets, run_end, run_start, runs, shards, standings, withdrawals
from services.analyzer.store.database import Database, Session, read_incarnation
from shared.kafka.failure_limit import TooMany, isolate_every_fault
from shared.kafka.faults import is_transient
from shared.kafka.incarnation import of_incarnation
from shared.kafka.publisher import Publisher
from shared.rules.trading_calendar import NEW_YORK, business_date
from shared.runtime import log, metrics, trace
from shared.runtime.clock import Clock
from shared.runtime.pause import pause
from shared.runtime.runner import run_all

_log = log.get(__name__)
_PUBLISHED_AGAIN: Final = timedelta(days=7)  # no proposal on a withdrawn set is older than this
TRIGGERS: Final[dict[runs.RunKind, str]] = {
    "DAILY": "daily analysis",
    "ON_DEMAND": "analysis on demand",
    "TARGET": "",  # the new target version itself is the cause
    "PRICES": "new prices",
}


class Sweeper:
    """Starts the daily run at its time and works on free shards."""

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
        self._sender = FlagSender(publisher, evaluator.events_again)
        self._clock = clock
        self._settings = settings
        self._standing_after = timedelta(seconds=settings.standing_after_s)
        self._announcing = asyncio.Lock()
        self._done = 0  # shards done since this process started
        self._stopped_at: set[tuple[int, int]] = set()  # (run, shard): not tried again by this process

    async def run(self) -> None:
        """Work until cancelled.  While the database or the broker is away, wait for it."""
        os.nice(self._settings.sweep_nice)
        await run_all(self._repeat(self.step), self._repeat(self.publish_withdrawals))

    async def _repeat(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Do work until cancelled, at once while there is more.  Raises its errors unless they are transient."""
        while True:
            try:
                busy = await work()
            except Exception as error:
                if not is_transient(error):
                    raise
                _log.warning("sweep.waits", error=error)
                busy = False
            if not busy:
                await pause(self._settings.sweep_poll_s)

    async def step(self) -> bool:
        """Start what is due, do shards until none is free, announce finished runs; return whether anything was done.

        Several lanes work at once, because a shard waits in turn for the database, the processor and the broker.
        If a lane fails, the others finish before its error is raised.
        """
        lanes = (self._lane() for _ in range(self._settings.sweep_shards))
        done = await asyncio.gather(*lanes, return_exceptions=True)
        failures = [error for error in done if isinstance(error, BaseException)]
        if failures:
            raise next((error for error in failures if not is_transient(error)), failures[0])
        await self.announce()
        return any(done) or await self.publish_standing()

    async def _lane(self) -> bool:
        done = False
        while True:
            await asyncio.to_thread(self.start_daily)
            if not await self.one_shard():
                return done
            done = True

    def start_daily(self) -> int | None:
        """Start the daily run of this business date when it is due; return its number if it is new."""
        now = self._clock.now()
        today = business_date(now, self._settings.cut_off)
        if now < datetime.combine(today, self._settings.daily_analysis, tzinfo=NEW_YORK):
            return None
        with self._database.session() as session:
            started = None if runs.has_daily(session, today) else run_start.start(session, "DAILY", today, now)
            if started is not None:  # in case a message about a withdrawal was lost
                withdrawals.publish_again(session, now - _PUBLISHED_AGAIN)
            return started

    async def publish_withdrawals(self) -> bool:
        """Publish new decisions on price sets that were withdrawn once; return whether there were any.

        This does not wait for shards: until batch knows of a withdrawal, proposals made on the set can be approved.
        """

        def unpublished() -> list[withdrawals.DecidedSet]:
            with self._database.session() as session:
                return withdrawals.unpublished(session)

        def mark(published: Sequence[withdrawals.DecidedSet]) -> None:
            with self._database.session() as session:
                withdrawals.mark_published(session, published)

        if decided := await asyncio.to_thread(unpublished):
            with trace.within(trace.started()):
                await self._publisher.send(price_set_events(decided))
            await asyncio.to_thread(mark, decided)
        return bool(decided)

    async def one_shard(self) -> bool:
        """Claim a free shard and do all of it; return whether there was one."""
        with self._database.session() as session, shards.claim(session, self._stopped_at) as shard:
            if shard is None:
                return False
            with trace.within(trace.named("run", shard.run_no)):
                await self._do_shard(session, shard)
            self._done += 1
            if await asyncio.to_thread(shards.is_all_done, session, shard.run_no):
                await self.announce()
            return True

    async def publish_standing(self) -> bool:
        """Publish the standings of a shard of the last daily run; return whether there was one left.

        Only when nothing is left to sweep, and some time after the run has ended, so that its flags have arrived.
        """
        now = self._clock.now()
        with self._database.session() as session, standings.claim(session, now - self._standing_after) as shard:
            if shard is None:
                return False
            rows = await asyncio.to_thread(standings.read, session, shard)
            with trace.within(trace.named("run", shard.run_no)):
                await self._publisher.send(standing_chunks(rows, shard.run_no, now))
            standings.mark_published(session, shard)
        return True

    async def announce(self) -> None:
        """Finish runs whose shards are all done and publish their completion."""
        async with self._announcing:
            await self._announce()

    async def _announce(self) -> None:
        def finished() -> list[runs.AnalysisRun]:
            with self._database.session() as session:
                run_end.finish(session, self._clock.now())
                sets, prices = price_sets.waiting(session)
                metrics.PRICE_SETS_WAITING.set(sets)
                metrics.PRICES_WAITING.set(prices)
                return runs.unannounced(session)

        for run in await asyncio.to_thread(finished):
            with trace.within(trace.named("run", run.run_no)):
                await self._announce_run(run)

    async def _announce_run(self, run: runs.AnalysisRun) -> None:
        with self._database.session() as session:
            events = of_incarnation(completions(run, runs.outcomes(session, run.run_no)), read_incarnation(session))
        await self._publisher.send(events)
        with self._database.session() as session:
            run_end.mark_announced(session, run.run_no)
        _log.info("analysis.completed", run_id=run.run_id, accounts=run.accounts, flagged=run.flagged)

    async def _do_shard(self, session: Session, shard: shards.Shard) -> None:
        """Do a shard.  If our code raises at too many of its accounts, none is held and TooMany is raised.

        After `suspect_starts` restarts, and if other accounts pass, each of these accounts is held alone.
        """
        try:
            await self._work(session, shard)
        except TooMany as error:
            others_pass = error.passed or self._done
            if shard.failures < self._settings.suspect_starts or not others_pass:
                self._stopped_at.add((shard.run_no, shard.shard))
                await asyncio.to_thread(shards.note_failure, session, shard)
                raise
            _log.exception("shard.accounts_apart", run_no=shard.run_no, shard=shard.shard, failures=shard.failures)
            with isolate_every_fault():
                await self._work(session, shard)

    async def _work(self, session: Session, shard: shards.Shard) -> None:
        """Evaluate, publish, mark done.  The session holds the lock of the shard; no transaction waits for Kafka."""

        def evaluate() -> list[FlagMessages]:
            run = runs.get(session, shard.run_no)
            session.commit()
            trigger = TRIGGERS["ON_DEMAND" if run is None else run.kind]
            stamp = RunStamp(shard.run_no, shards.covered(run, shard))
            stored = self._evaluator.sweep(session, shard.first_id, shard.last_id, stamp, trigger)
            with metrics.EVALUATION_SECONDS.labels("compose").time():
                return self._evaluator.messages_of_sweep(session, stored, stamp)

        found = await asyncio.to_thread(evaluate)
        with metrics.EVALUATION_SECONDS.labels("publish").time():
            await self._publisher.send([chunk for part in found for chunk in part.chunks])
            if self._sender.is_due(found):
                await self._sender.send(lambda: nullcontext(session), found)
        await asyncio.to_thread(shards.mark_done, session, shard)
