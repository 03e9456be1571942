"""One pass over all invariants: read topics, look at all stores at one instant, weigh what differs, say what is broken.

Topics are read before the stores.  So whatever was read of a topic has its cause in the stores that are looked at, and
only what is missing on a topic may still come.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

import psycopg
from aiokafka.errors import KafkaError

from services.auditor.domain.invariants import Difference, Invariant
from services.auditor.domain.suspicions import Suspicions
from services.auditor.operations.audit_chain import AuditChain
from services.auditor.operations.figures import Figures
from services.auditor.operations.history_chains import HistoryChains
from services.auditor.operations.kept_heads import AUDIT_LOG, KeptHeads, histories, history_of
from services.auditor.operations.looks import BETWEEN_SERVICES, IN_THE_STORES, Look, View
from services.auditor.operations.order_ledger import OrderLedger
from services.auditor.operations.order_stream import OrderStream
from services.auditor.settings import Settings
from services.auditor.store import accounts, batches, unpublished
from services.auditor.store.database import Snapshot, snapshot
from shared.contracts import topics
from shared.kafka.lag import Groups, LagWatch, worker_group
from shared.runtime import log, metrics
from shared.runtime.clock import Clock
from shared.runtime.components import Heartbeat, no_heartbeat

GROUPS: Final[Groups] = {
    worker_group("analyzer"): [topic.name for topic in topics.TOPICS if "analyzer" in topic.consumers],
    worker_group("taxlot"): [topics.REBALANCED.name],
    "rebalancer-batch-flags": [topics.FLAGS.name],
    "rebalancer-batch-facts": [topics.ACCOUNT.name],
}
"""Consumer groups through which a difference between services may still be resolved, with their topics."""
_BROKER_S: Final = 60.0
_DECIDED: Final = 10
"""Decided batches that a pass looks at; all have their turn, one after the other."""
_OF_CHAINS: Final = (Invariant.HISTORY_WHOLE, Invariant.AUDIT_LOG_WHOLE)
Found = tuple[Sequence[Difference], bool]
"""What differs, and whether everything that belongs to this pass was looked at."""
_log = log.get(__name__)


class Passes:
    """Looks at all invariants again and again.

    heads: ends of chains, read before the first pass and kept after each.
    lag: of GROUPS, sampled with each pass.  now_s: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        stream: OrderStream,
        heads: KeptHeads,
        lag: LagWatch,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._stream = stream
        self._heads = heads
        self._history, self._audit_log = HistoryChains(settings.audit_links), AuditChain(settings.audit_links)
        self._lag = lag
        self._now_s = now_s
        self._suspicions = Suspicions(settings.audit_patience_s)
        self._ledger = OrderLedger()
        self._in_the_stores: Mapping[Invariant, Look] = {
            **IN_THE_STORES,
            Invariant.FIGURES_ADD_UP: Figures().look,
            Invariant.HISTORY_WHOLE: self._history.look,
            Invariant.AUDIT_LOG_WHOLE: self._audit_log.look,
        }
        self._looked_s = dict.fromkeys(Invariant, now_s())
        self._after, self._after_batch = "", 0  # behind which account and decided batch the next pass continues
        self._topics_away: str | None = None
        self._heads_away: str | None = None
        self._is_whole = False  # the topic of orders was read to its end
        for invariant in Invariant:
            metrics.INVARIANT_BROKEN.labels(invariant).set(0)
            metrics.INVARIANT_AGE.labels(invariant).set_function(partial(self._age_s, invariant))

    def broken(self) -> list[Difference]:
        """Return everything that counts as broken."""
        return [difference for invariant in Invariant for difference in self._suspicions.broken(invariant)]

    def troubles(self) -> list[str]:
        """Return a sentence for everything that counts as broken, and why topics are not read."""
        away = [f"topics are not read: {self._topics_away}"] if self._topics_away else []
        heads = [f"ends of chains are not kept: {self._heads_away}"] if self._heads_away else []
        return [*(f"{difference.invariant}: {difference.says}" for difference in self.broken()), *away, *heads]

    async def close(self) -> None:
        """Close the client of the broker."""
        await self._stream.close()

    async def look(self, heartbeat: Heartbeat = no_heartbeat) -> None:
        """Make one pass.  Raises psycopg.Error if the database is away; without the broker, some is left out.

        heartbeat: called before each step.
        """
        heartbeat()
        await self._read_topics()
        if not self._heads.are_read:
            await self._try_heads(self._read_heads)
        async with snapshot(self._settings.database_url) as connection:
            in_flight_s = await self._in_flight(connection)
            view = await self._view(connection)
            for invariant, look in self._looks(view).items():
                heartbeat()
                await self._look_at(connection, invariant, look, in_flight_s[invariant])
        heartbeat()
        if self._heads.are_read:
            await self._try_heads(self._keep_heads)

    async def _try_heads(self, what: Callable[[], Awaitable[None]]) -> None:
        """Read or keep ends of chains, or note why that is not possible; the next pass tries again."""
        try:
            async with asyncio.timeout(_BROKER_S):
                await what()
        except (KafkaError, TimeoutError, OSError, LookupError, ValueError) as error:
            self._heads_away = repr(error)[:200]
            _log.warning("audit.heads_away", error=error)
        else:
            self._heads_away = None

    async def _read_heads(self) -> None:
        """Take the ends that were kept in place of those that were seen since the start, which prove nothing."""
        kept = await self._heads.read()
        self._history.seen |= histories(kept)
        self._audit_log.seen = kept.get(AUDIT_LOG, self._audit_log.seen)

    async def _keep_heads(self) -> None:
        heads = {history_of(name): end for name, end in self._history.seen.items()}
        if self._audit_log.seen is not None and self._audit_log.seen[0] > 0:  # an empty log has no end to lose
            heads[AUDIT_LOG] = self._audit_log.seen
        await self._heads.keep(heads)

    async def _read_topics(self) -> None:
        """Read offsets and orders, or note why that is not possible."""
        try:
            async with asyncio.timeout(_BROKER_S):
                await self._lag.sample()
                reading = await self._stream.read()
        except (KafkaError, TimeoutError, OSError) as error:
            self._topics_away = repr(error)[:200]
            _log.warning("audit.topics_away", error=error)
            return
        self._topics_away, self._is_whole = None, reading.is_whole
        self._ledger.note(reading.messages)

    async def _in_flight(self, connection: Snapshot) -> Mapping[Invariant, float]:
        """Return the age in seconds of the oldest thing that may still resolve a difference, by invariant."""
        outbox_s = await unpublished.oldest_message_s(connection)
        running_s = await unpublished.analysis_running_s(connection, self._clock.now())
        lags = [self._lag.age_s(group, topic) for group, read in GROUPS.items() for topic in read]
        services_s = max(outbox_s, *lags)
        return dict.fromkeys(Invariant, 0.0) | {
            Invariant.ORDERS_PUBLISHED: outbox_s,
            Invariant.EPOCHS_AGREE: services_s,
            Invariant.FLAGS_AGREE: max(services_s, running_s),
        }

    async def _view(self, connection: Snapshot) -> View:
        """Return what this pass looks at, and move on to what the next one does."""
        within = await accounts.next_range(connection, self._after, self._settings.audit_accounts)
        turn = await batches.decided_after(connection, self._after_batch, _DECIDED)
        self._after = within.last or ""
        self._after_batch = turn[-1] if len(turn) == _DECIDED else 0
        return View(connection, self._clock.now(), turn, within, self._suspicions.subjects)

    def _looks(self, view: View) -> dict[Invariant, Callable[[], Awaitable[Found]]]:
        """Return what looks at each invariant; without the broker, those that need it are left out."""

        looks = {**self._in_the_stores, **BETWEEN_SERVICES}

        async def orders() -> Found:
            found, is_all = await self._ledger.compare(view.connection, self._stream.since)
            return found, is_all and self._is_whole

        async def stored(invariant: Invariant) -> Found:
            return await looks[invariant](view), True

        if self._topics_away is not None:
            return {invariant: partial(stored, invariant) for invariant in self._in_the_stores}
        others = {invariant: partial(stored, invariant) for invariant in looks}
        return {Invariant.ORDERS_PUBLISHED: orders, **others}

    async def _look_at(
        self, connection: Snapshot, invariant: Invariant, look: Callable[[], Awaitable[Found]], in_flight_s: float
    ) -> None:
        """Look at one invariant; what fails delays no other.  Raises psycopg.Error if the database went away."""
        began_s = time.monotonic()
        try:
            async with connection.transaction():
                found, is_whole = await look()
        except (psycopg.Error, ValueError, LookupError) as error:  # the latter two: history that cannot be read
            if connection.closed:
                raise
            _log.error("audit.look_failed", invariant=str(invariant), error=error)
            return
        finally:
            metrics.INVARIANT_SECONDS.labels(invariant).observe(time.monotonic() - began_s)
        if is_whole:  # else the next pass goes on: what is missing now may be there then
            self._weigh(invariant, found, in_flight_s)
            if self._heads.are_read or invariant not in _OF_CHAINS:  # else a cut end would go unseen: its age tells
                self._looked_s[invariant] = self._now_s()

    def _weigh(self, invariant: Invariant, found: Sequence[Difference], in_flight_s: float) -> None:
        """Note what was found, and say what is broken and what holds again."""
        before = {difference.subject for difference in self._suspicions.broken(invariant)}
        for difference in self._suspicions.note(invariant, found, self._now_s(), in_flight_s):
            _log.error(
                "invariant.broken", invariant=str(invariant), subject=difference.subject, difference=difference.says
            )
        broken = {difference.subject for difference in self._suspicions.broken(invariant)}
        for subject in sorted(before - broken):
            _log.info("invariant.holds_again", invariant=str(invariant), subject=subject)
        metrics.INVARIANT_BROKEN.labels(invariant).set(1 if broken else 0)

    def _age_s(self, invariant: Invariant) -> float:
        return self._now_s() - self._looked_s[invariant]
