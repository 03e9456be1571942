"""`python -m services.<name> positions --since INSTANT`: where a service reads on after a restore of its database.

What comes in from others is read again since then, because the database has forgotten it; taking an event twice does
no harm.  What our own services sent is passed over, because it speaks of batches, versions and approvals that are
forgotten or will be given anew; `republish` sends what is stored.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError

from shared.contracts.topics import TOPICS
from shared.kafka.connection import client_options
from shared.kafka.lag import Groups, worker_groups
from shared.kafka.partitions import partitions_of
from shared.oncall import command_line, outages
from shared.runtime import log
from shared.runtime.broker import Broker
from shared.runtime.pause import pause
from shared.runtime.settings import KafkaSettings

_PATIENCE_S: Final = 60.0
"""A member that was killed counts as one until its session ends."""
_PAUSE_S: Final = 0.5
_HAS_MEMBERS: Final = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)
_INBOUND: Final = {topic.name for topic in TOPICS if topic.audience == "inbound"}


def of_worker(service: str, since: datetime) -> None:
    """Move the group of a Faust worker.  Raises Exit as `move` does."""
    log.configure(f"{service}-positions", "ERROR")
    groups = {group: read for group, read in worker_groups().items() if group.endswith(f"-{service}")}
    move(groups, since)


def move(groups: Groups, since: datetime) -> None:
    """Move groups and print a line a topic.  Raises Exit(1) if the broker is away or a member of a group still runs."""
    broker = command_line.read_settings(KafkaSettings).broker
    with outages.reported():
        for group, read in groups.items():
            try:
                moved = asyncio.run(set_positions(broker, group, read, since))
            except _HAS_MEMBERS:
                print(f"{group} still has members: stop every process of the service first", file=sys.stderr)
                raise typer.Exit(1) from None
            for topic, offsets in moved.items():
                where = f"since {since:%Y-%m-%dT%H:%M:%SZ}" if topic in _INBOUND else "from its end"
                at = ", ".join(f"{partition}: {offset}" for partition, offset in sorted(offsets.items()))
                print(f"{group} reads {topic} {where} ({at})")


async def set_positions(
    broker: Broker, group: str, read: Iterable[str], since: datetime
) -> Mapping[str, Mapping[int, int]]:
    """Commit where a group goes on, and return it by topic and partition.

    Raises KafkaError if the broker does not reply, one of _HAS_MEMBERS if the group is in use for _PATIENCE_S.
    """
    client = AIOKafkaConsumer(**client_options(broker), group_id=group, enable_auto_commit=False)
    async with client as consumer:
        partitions = await partitions_of(consumer, sorted(read))
        consumer.assign(partitions)
        offsets: dict[TopicPartition, int] = dict(await consumer.end_offsets(partitions))
        at_ms = int(since.timestamp() * 1000)
        wanted = {at: at_ms for at in partitions if at.topic in _INBOUND}
        found = await consumer.offsets_for_times(wanted) if wanted else {}
        offsets |= {at: first.offset for at, first in found.items() if first is not None}
        await _commit(consumer, offsets)
    moved: dict[str, dict[int, int]] = {}
    for at, offset in sorted(offsets.items()):
        moved.setdefault(at.topic, {})[at.partition] = offset
    return moved


async def _commit(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while True:
        try:
            await consumer.commit(dict(offsets))
            return
        except _HAS_MEMBERS:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await pause(_PAUSE_S)
