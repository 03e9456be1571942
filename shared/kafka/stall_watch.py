"""Watching whether the committed offsets of a Faust worker still move.

A handler that never returns, or a lost coroutine, leaves a worker alive, in its group and ready while messages wait.
Only the offsets show it.  They are compared periodically with what Faust counts anyway, so messages cost nothing.
Waiting times start anew after a rebalance and while the broker does not answer: nothing can be committed then, and a
restart would not help.  The metric of the age of uncommitted messages continues in both cases.
Source: architecture "Bulk paths".
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Self, TypeVar

import faust

from shared.kafka.faust_worker import processors_of
from shared.kafka.publisher import Publisher
from shared.runtime import log, metrics
from shared.runtime.pause import pause
from shared.runtime.settings import ServiceSettings

_LOOKS: Final = 12  # comparisons within the time after which a partition counts as stuck
_REPLY_S: Final = 5.0  # a broker that does not reply within this time is away
_log = log.get(__name__)
T = TypeVar("T")


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


class Backlog(NamedTuple):
    """Messages of a partition that were read and are not committed.

    committed: the group's next offset to handle, None before its first commit.  read: offset of the last message
    given to the agent.  waited_s: seconds since `committed` last moved.
    """

    committed: int | None
    read: int
    waited_s: float


Backlogs = Mapping[Partition, Backlog]


def look(
    before: Backlogs, read: Mapping[Partition, int], committed: Mapping[Partition, int | None], passed_s: float
) -> dict[Partition, Backlog]:
    """Return the backlogs now, `passed_s` seconds after the backlogs `before`.

    read: offset of the last message given to the agent; committed: next offset to handle.  The waiting time of a
    partition starts anew when its committed offset moves; a partition without uncommitted messages has no backlog.
    """
    found = {}
    for partition, offset in read.items():
        done = committed.get(partition)
        if done is not None and done > offset:
            continue
        last = before.get(partition)
        still = last is not None and last.committed == done
        found[partition] = Backlog(done, offset, last.waited_s + passed_s if last is not None and still else 0.0)
    return found


def stuck(backlogs: Backlogs, patience_s: float) -> list[str]:
    """Return a sentence for each partition that has waited more than `patience_s` seconds, ordered by name."""
    return [
        f"{partition.topic}-{partition.partition}: {_uncommitted(standing)} has been committed for"
        f" {standing.waited_s:.0f} s, and messages up to offset {standing.read} have been read"
        for partition, standing in sorted(backlogs.items())
        if standing.waited_s > patience_s
    ]


def _uncommitted(standing: Backlog) -> str:
    return "nothing" if standing.committed is None else f"nothing from offset {standing.committed} on"


class StallWatch:
    """Watches a worker while it is open; `stuck` reports partitions that do not move.

    Messages not given to this process since the last rebalance are not seen; a client that reads nothing at all is
    outside its scope.
    """

    def __init__(self, app: faust.App, publisher: Publisher, service: str, settings: ServiceSettings) -> None:
        self._app = app
        self._publisher = publisher
        self._service = service
        self._patience_s = settings.stuck_s
        self._backlogs: Backlogs = {}  # what the worker is responsible for
        self._ages: Backlogs = {}  # for the metric; continues while the broker is away
        self._rebalances = 0

    async def __aenter__(self) -> Self:
        self._watching = asyncio.create_task(self._watch(), name="stall-watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching

    def stuck(self) -> list[str]:
        """Return a sentence for each partition without a commit for too long; empty if all is well."""
        return stuck(self._backlogs, self._patience_s)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = self._patience_s / _LOOKS
        while True:
            began_s = loop.time()
            await pause(pause_s)
            # A process that was suspended for an hour, alone or with its machine, has not worked for an hour.
            try:
                await self._look(min(loop.time() - began_s, 2 * pause_s))
            except Exception:  # noqa: BLE001  # the watch must neither end silently nor stop a healthy worker
                _log.exception("stall_watch.failed")

    async def _look(self, passed_s: float) -> None:
        was_well = not self.stuck()
        self._ages, found = self._found(passed_s)
        self._set_metric()
        if any(backlog.waited_s > 0 for backlog in found.values()) and not await self._publisher.responds(_REPLY_S):
            found = {}
        self._backlogs = found
        if was_well and (now := self.stuck()):
            _log.error("worker.stuck", stuck=[sentence.partition(":")[0] for sentence in now])

    def _found(self, passed_s: float) -> tuple[Backlogs, Backlogs]:
        """Return the backlogs of all partitions, and of those for which only this worker can be responsible."""
        app: Any = self._app
        if not app.started:
            return {}, {}
        if app.rebalancing or app.rebalancing_count != self._rebalances:
            self._rebalances = app.rebalancing_count
            aged = {at: backlog._replace(waited_s=backlog.waited_s + passed_s) for at, backlog in self._ages.items()}
            return aged, {}
        consumer, assigned = app.consumer, app.consumer.assignment()
        read = {at: offset for at, offset in app.monitor.tp_read_offsets.items() if at in assigned}
        # A rebalance resets the monitor; messages being handled or buffered are still in `unacked`.
        for message in list(consumer.unacked):
            if message.tp in assigned and not message.acked:
                read[message.tp] = max(message.offset, read.get(message.tp, 0))
        # A restart would not help a held topic.
        held = {processor.topic.name for processor in processors_of(app) if processor.held is not None}
        own = {at: offset for at, offset in read.items() if at.topic not in held}
        committed = _named({at: consumer._committed_offset.get(at) for at in read})  # noqa: SLF001  # not public
        ages = look(self._ages, _named(read), committed, passed_s)
        return ages, look(self._backlogs, _named(own), committed, passed_s)

    def _set_metric(self) -> None:
        """Set the metric of each topic to the longest waiting time of its partitions."""
        longest = dict.fromkeys((topic.get_topic_name() for topic in self._app.topics), 0.0)
        for partition, standing in self._ages.items():
            longest[partition.topic] = max(longest.get(partition.topic, 0.0), standing.waited_s)
        for topic, waited_s in longest.items():
            metrics.UNCOMMITTED_AGE.labels(self._service, topic).set(waited_s)


def _named(offsets: Mapping[Any, T]) -> dict[Partition, T]:
    return {Partition(at.topic, at.partition): offset for at, offset in offsets.items()}
