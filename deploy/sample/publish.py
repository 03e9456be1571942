"""Loading a sample into a running system: platform events to Kafka, custodial files into the inbox."""

import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from deploy.sample.make import load_universe
from shared.contracts.topics import ACCOUNT, MODEL, PORTFOLIO, PRICE, SECURITY, Topic
from shared.ids import event_id
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.runtime.broker import Broker

PLATFORM: Final = "platform"
EVENTS: Final = (
    ("securities", SECURITY),
    ("prices", PRICE),
    ("models", MODEL),
    ("portfolios", PORTFOLIO),
    ("accounts", ACCOUNT),
)
"""File and topic, in the order of publication: an event comes after those it refers to."""
GROUP: Final = 2_000


async def load(sample: Path, broker: Broker, inbox: Path, say: Callable[[str], None], *, faults: bool = False) -> None:
    """Publish all platform events of a sample, wait for every acknowledgement, then put its files into the inbox.

    faults: only put the files of sample/faults into the inbox.  A second call changes nothing: ids and versions repeat.
    Raises FileNotFoundError if the directory is no sample, KafkaError if the broker refuses.
    """
    manifest, _ = load_universe(sample)
    if not faults:
        async with Publisher(broker, PLATFORM) as publisher:
            for name, topic in EVENTS:
                await _publish(publisher, sample / "platform" / f"{name}.jsonl", topic, manifest["platform"][name], say)
    folder = sample / ("faults" if faults else "files")
    for file in sorted(folder.glob("*.lots")):
        drop(file, inbox)
        say(f"inbox: {file.name}")


def drop(file: Path, inbox: Path) -> None:
    """Put a copy of a file into the inbox; it appears under its name only when it is complete."""
    inbox.mkdir(parents=True, exist_ok=True)
    unfinished = inbox / f"{file.name}.part"
    shutil.copyfile(file, unfinished)
    unfinished.replace(inbox / file.name)


def platform_event(topic: Topic, body: dict[str, Any], at: datetime) -> Outgoing:
    """Return a platform event with CloudEvents headers; its id repeats when it is published again.

    What has versions of its own under a shared key (an order of an account) is told apart by its `order_id`.
    """
    key = str(body[topic.key])
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id(topic.name, body.get("order_id", key), body.get("version", 1)),
        "ce_type": topic.name,
        "ce_source": f"/{PLATFORM}",
        "ce_subject": key,
        "ce_time": at.isoformat(),
        "content-type": "application/json",
    }
    return Outgoing(topic.name, key.encode(), orjson.dumps(body), headers)


async def _publish(publisher: Publisher, path: Path, topic: Topic, total: int, say: Callable[[str], None]) -> None:
    started, done = time.monotonic(), 0
    for group in _groups(path):
        now = datetime.now(UTC)
        await publisher.send(platform_event(topic, body, now) for body in group)
        done += len(group)
        if done == total or done % (10 * GROUP) == 0:
            say(f"{topic.name}: {done} of {total} ({time.monotonic() - started:.1f} s)")


def _groups(path: Path) -> Iterator[list[dict[str, Any]]]:
    with path.open("rb") as file:
        while lines := list(islice(file, GROUP)):
            yield [orjson.loads(line) for line in lines]
