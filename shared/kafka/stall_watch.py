"""Does a worker's committed offset still move?  A handler that never returns or a lost coroutine leaves a Faust worker
alive, in its group and ready, while messages wait: only the offsets tell.

Looked at now and then from what Faust counts anyway, so messages cost nothing.  A rebalance begins anew, and so does a
broker that does not answer: nothing can be committed then, and a new start would not help; how long it has been is told
all the same.  Source: architecture "Bulk paths".
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self, TypeVar

import faust

from shared.kafka.faust_worker import guards_of
from shared.kafka.publisher import Publisher
from shared.runtime import log, metrics
from shared.runtime.settings import ServiceSettings

_LOOKS: Final = 12  # in the time after which a partition counts as stuck
_ANSWER_S: Final = 5.0  # a broker that is silent for so long is away
_log = log.get(__name__)
T = TypeVar("T")


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Standing(NamedTuple):
    """A partition with messages that were read and are not committed.

    committed: the group's next offset to be handled, None before its first commit.  read: offset of the last message
    handed to its agent.  waited_s: seconds since `committed` last moved.
    """

    committed: int | None
    read: int
    waited_s: float


Standings = Mapping[Partition, Standing]


def look(
    before: Standings, read: Mapping[Partition, int], committed: Mapping[Partition, int | None], passed_s: float
) -> dict[Partition, Standing]:
    """Return the partitions in which something waits, `passed_s` after the look `before`.

    read: offset of the last message handed over; committed: next offset to be handled.  What has moved waits anew;
    where all that was read is committed nothing waits, however long ago that was.
    """
    found = {}
    for partition, offset in read.items():
        done = committed.get(partition)
        if done is not None and done > offset:
            continue
        last = before.get(partition)
        still = last is not None and last.committed == done
        found[partition] = Standing(done, offset, last.waited_s + passed_s if last is not None and still else 0.0)
    return found


def stuck(standings: Standings, patience_s: float) -> list[str]:
    """Return a sentence for each partition that has waited for more than `patience_s`, in order of their names."""
    return [
        f"{partition.topic}-{partition.partition}: {_uncommitted(standing)} has been committed for"
        f" {standing.waited_s:.0f} s, and messages up to offset {standing.read} have been read"
        for partition, standing in sorted(standings.items())
        if standing.waited_s > patience_s
    ]


def _uncommitted(standing: Standing) -> str:
    return "nothing" if standing.committed is None else f"nothing from offset {standing.committed} on"


class Progress:
    """Watches a worker while it is open; `stuck` says what stands still.

    What was not handed to this process since the last rebalance is not seen: a worker that reads nothing at all is a
    matter of its client.
    """

    def __init__(self, app: faust.App, publisher: Publisher, service: str, settings: ServiceSettings) -> None:
        self._app = app
        self._publisher = publisher
        self._service = service
        self._patience_s = settings.stuck_s
        self._standings: Standings = {}  # what counts against the worker
        self._ages: Standings = {}  # what is told: it goes on while the broker is away
        self._rebalances = 0

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch(), name="progress")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching

    def stuck(self) -> list[str]:
        """Return a sentence for each partition in which nothing was committed for too long; none: all is well."""
        return stuck(self._standings, self._patience_s)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = self._patience_s / _LOOKS
        while True:
            began_s = loop.time()
            await asyncio.sleep(pause_s)
            # A process that was stopped for an hour, with its machine or alone, has not had an hour to work in.
            try:
                await self._look(min(loop.time() - began_s, 2 * pause_s))
            except Exception:  # noqa: BLE001  # the watch neither ends without a word nor takes a sound worker with it
                _log.exception("progress.look_failed")

    async def _look(self, passed_s: float) -> None:
        was_well = not self.stuck()
        self._ages, found = self._found(passed_s)
        self._tell()
        if any(one.waited_s > 0 for one in found.values()) and not await self._publisher.answers(_ANSWER_S):
            found = {}
        self._standings = found
        if was_well and (now := self.stuck()):
            _log.error("worker.stuck", partitions=now)

    def _found(self, passed_s: float) -> tuple[Standings, Standings]:
        """Return what waits, and of it what only this worker can be the reason of."""
        app: Any = self._app
        if not app.started:
            return {}, {}
        if app.rebalancing or app.rebalancing_count != self._rebalances:
            self._rebalances = app.rebalancing_count
            aged = {at: one._replace(waited_s=one.waited_s + passed_s) for at, one in self._ages.items()}
            return aged, {}
        consumer, assigned = app.consumer, app.consumer.assignment()
        read = {at: offset for at, offset in app.monitor.tp_read_offsets.items() if at in assigned}
        # The monitor forgets with a rebalance what came before its end; what is in work or in a buffer is still there.
        for message in list(consumer.unacked):
            if message.tp in assigned and not message.acked:
                read[message.tp] = max(message.offset, read.get(message.tp, 0))
        held = {guard.topic.name for guard in guards_of(app) if guard.held is not None}  # a new start would not help
        own = {at: offset for at, offset in read.items() if at.topic not in held}
        committed = _named({at: consumer._committed_offset.get(at) for at in read})  # noqa: SLF001  # no other way to it
        ages = look(self._ages, _named(read), committed, passed_s)
        return ages, look(self._standings, _named(own), committed, passed_s)

    def _tell(self) -> None:
        """Set the metric: by topic, how long the partition that has waited longest has."""
        longest = dict.fromkeys((topic.get_topic_name() for topic in self._app.topics), 0.0)
        for partition, standing in self._ages.items():
            longest[partition.topic] = max(longest.get(partition.topic, 0.0), standing.waited_s)
        for topic, waited_s in longest.items():
            metrics.UNCOMMITTED_AGE.labels(self._service, topic).set(waited_s)


def _named(offsets: Mapping[Any, T]) -> dict[Partition, T]:
    return {Partition(at.topic, at.partition): offset for at, offset in offsets.items()}
