"""Check that your subscriber acts on every event of the rebalancer once, and in order of version for each key.

    python contract.py --kafka HOST:PORT --effects "COMMAND" [-- command that starts your subscriber]

It makes topics of its own on a broker for tests, writes the events of sample.jsonl to them (with duplicates, keys in
any order, and states that overtake each other), kills your subscriber (SIGKILL) after its first effect and starts it
again, and compares what it acted on with what it should have.  COMMAND prints the effects in the order in which your
subscriber made them, a JSON line each: {"source": ce_source, "id": ce_id}; other fields are passed over.

Your subscriber finds the broker in KAFKA_URL and the beginning of every topic's name in TOPIC_PREFIX.  Without a
command to start it, start it yourself with the --prefix that you give.

Exit codes: 0 the contract is kept, 1 it is not (each fault is printed), 2 arguments or surroundings are wrong.
"""

import argparse
import asyncio
import json
import os
import random
import shlex
import signal
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

SAMPLE = Path(__file__).parent / "sample.jsonl"
STATES = ("rebalancer.account-flag.v1", "rebalancer.account-state.v1", "rebalancer.batch.v1")
KEYS = {
    "rebalancer.account-flag.v1": "account_id",
    "rebalancer.account-state.v1": "account_id",
    "rebalancer.batch.v1": "batch_id",
    "rebalancer.orders.v1": "account_id",
    "rebalancer.analysis.v1": "run_id",
    "rebalancer.file.v1": "file_id",
}
"""The field of each topic's events that is the key of their messages."""
LAST_KEY = 9_000_000
PARTITIONS = 3
PAUSE_S = 0.2


@dataclass(frozen=True)
class Event:
    """One event.  partition: None where the key decides."""

    topic: str
    key: str
    headers: tuple[tuple[str, str], ...]
    value: str
    partition: int | None = None

    @property
    def identity(self) -> tuple[str, str]:
        """Return (ce_source, ce_id), the same for every copy of an event."""
        headers = dict(self.headers)
        return headers["ce_source"], headers["ce_id"]

    @property
    def version(self) -> int:
        """Return the version of the account, batch, file or run."""
        return int(json.loads(self.value)["version"])

    @property
    def text(self) -> str:
        """Return the event as a fault names it."""
        return f"{self.topic} {self.key} version {self.version} (ce_id {self.identity[1]})"


Identity = tuple[str, str]


class WrongSurroundings(Exception):
    """The test cannot be made here; the sentence says why."""


def main() -> int:
    """Feed, kill, compare; return the exit code."""
    options = _parser().parse_args()
    try:
        faults = asyncio.run(run(options))
    except (WrongSurroundings, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    for fault in faults:
        print(f"broken: {fault}")
    print("the contract is broken" if faults else "the contract is kept: every effect once, in order of version")
    return int(bool(faults))


async def run(options: argparse.Namespace) -> list[str]:
    """Return every fault of the subscriber.  Raises WrongSurroundings."""
    if effects_of(options.effects):
        raise WrongSurroundings("your subscriber has effects already: give it an empty storage for this test")
    feed = feed_of(read(SAMPLE), random.Random(options.seed))  # noqa: S311  # an order of events, no secret
    half = len(feed) // 2
    ends = end_marks(feed)
    await make_topics(options.kafka, {options.prefix + event.topic for event in feed})
    await publish(options.kafka, options.prefix, feed[:half])
    with Subscriber(options) as subscriber:
        subscriber.start()
        reached = wait(lambda: bool(effects_of(options.effects)), options.within, subscriber)
        subscriber.kill()
        await publish(options.kafka, options.prefix, [*feed[half:], *ends])
        subscriber.start()
        last = {event.identity for event in ends}
        reached = reached and wait(lambda: last <= set(effects_of(options.effects)), options.within, subscriber)
        faults = compare(expected([*feed, *ends]), [*feed, *ends], effects_of(options.effects))
    return faults if reached else [f"not done within {options.within:.0f} s", *faults]


def read(path: Path) -> list[Event]:
    """Return the events of a stream of JSON lines."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Event(row["topic"], row["key"], tuple(row["headers"].items()), _json(row["value"])) for row in rows]


def feed_of(events: Sequence[Event], chance: random.Random) -> list[Event]:
    """Return the events as a subscriber may meet them.

    Keys come in any order; within a key versions rise, but the two newest states of a key change places; every event
    comes up to three times, at once or long after; one event has a field that the subscriber does not know.
    """
    queues: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        queues.setdefault((event.topic, event.key), []).append(event)
    for (topic, _), queue in queues.items():
        if topic in STATES and len(queue) > 1:
            queue[-2:] = queue[:-3:-1]
    mixed = []
    while queues:
        key = chance.choice(sorted(queues))
        mixed.append(queues[key].pop(0))
        if not queues[key]:
            del queues[key]
    mixed[0] = replace(mixed[0], value=_json(json.loads(mixed[0].value) | {"a_field_of_a_later_release": [1]}))
    for event in list(mixed):
        for _ in range(chance.randint(1, 2)):
            mixed.insert(chance.randint(mixed.index(event) + 1, len(mixed)), event)
    return mixed


def end_marks(feed: Iterable[Event]) -> list[Event]:
    """Return an event for each partition of each topic: whoever acted on all of them has read everything before."""
    last = {event.topic: event for event in feed}
    return [_end_mark(event, partition) for event in last.values() for partition in range(PARTITIONS)]


def _end_mark(event: Event, partition: int) -> Event:
    """Return an event that is new in every identity a subscriber may keep: id, key, order ids."""
    value = json.loads(event.value)
    field = KEYS[event.topic]
    key = str(LAST_KEY + partition)
    value[field] = type(value[field])(key)
    text = _json(value)
    for order in value.get("orders", ()):
        text = text.replace(order["order_id"], f"{order['order_id']}-end-{partition}")
    headers = dict(event.headers) | {"ce_id": f"end-{event.topic}-{partition}", "ce_subject": key}
    return Event(event.topic, key, tuple(headers.items()), text, partition)


def expected(fed: Iterable[Event]) -> dict[tuple[str, str], list[Identity]]:
    """Return what a subscriber acts on, in order, by topic and key.

    A copy of an event is passed over, and so is a state that is older than one of its key that came before it.
    """
    acted: dict[tuple[str, str], list[Identity]] = {}
    newest: dict[tuple[str, str], int] = {}
    for event in fed:
        key = event.topic, event.key
        if event.identity in acted.get(key, ()) or (event.topic in STATES and event.version <= newest.get(key, -1)):
            continue
        acted.setdefault(key, []).append(event.identity)
        newest[key] = event.version
    return acted


def compare(
    wanted: dict[tuple[str, str], list[Identity]], fed: Iterable[Event], effects: Sequence[Identity]
) -> list[str]:
    """Return the faults of a subscriber's effects: missing, twice, of an older state, out of order, of no event."""
    known = {event.identity: event for event in fed}
    should = {identity for identities in wanted.values() for identity in identities}
    faults = [f"no event has the identity {identity}" for identity in effects if identity not in known]
    faults += [f"not acted on: {known[identity].text}" for identity in sorted(should - set(effects))]
    for identity in sorted(set(effects) & set(known)):
        times = effects.count(identity)
        if identity not in should:
            faults.append(f"acted on, though a newer state came before: {known[identity].text}")
        elif times > 1:
            faults.append(f"acted on {times} times: {known[identity].text}")
    for key, identities in wanted.items():
        versions = [known[identity].version for identity in dict.fromkeys(effects) if identity in identities]
        if versions != sorted(versions):
            faults.append(f"acted out of order: {' '.join(key)}, versions {versions}")
    return faults


def effects_of(command: str) -> list[Identity]:
    """Return what the command prints as the subscriber's effects.  Raises WrongSurroundings.

    A last line without its end is passed over: a file may be read while the subscriber writes it.
    """
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongSurroundings(f"{command} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    try:
        rows = [json.loads(line) for line in done.stdout.splitlines(keepends=True) if line.endswith("\n")]
        return [(row["source"], row["id"]) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise WrongSurroundings(f'{command} must print {{"source": ..., "id": ...}} lines: {error!r}') from error


def security() -> dict[str, Any]:
    """Return how to speak to the broker: as the user of KAFKA_USER over TLS, or in the clear."""
    if "KAFKA_USER" not in os.environ:
        return {}
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile=os.environ["KAFKA_CA_FILE"]),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": os.environ["KAFKA_USER"],
        "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
    }


async def make_topics(kafka: str, names: Iterable[str]) -> None:
    """Make the topics of the test that the broker lacks."""
    client = AIOKafkaAdminClient(bootstrap_servers=kafka, **security())
    await client.start()
    try:
        missing = sorted(set(names) - set(await client.list_topics()))
        await client.create_topics([NewTopic(name, PARTITIONS, 1) for name in missing])
    finally:
        await client.close()


async def publish(kafka: str, prefix: str, events: Iterable[Event]) -> None:
    """Write events in their order and wait until the broker has them."""
    async with AIOKafkaProducer(bootstrap_servers=kafka, **security(), enable_idempotence=True) as producer:
        for event in events:
            headers = [(name, value.encode()) for name, value in event.headers]
            await producer.send(
                prefix + event.topic, event.value.encode(), event.key.encode(), event.partition, headers=headers
            )
        await producer.flush()


class Subscriber:
    """The process under test, with all that it started; without a command somebody else runs it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._command: list[str] = options.command
        self._env = {**os.environ, "KAFKA_URL": options.kafka, "TOPIC_PREFIX": options.prefix}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Subscriber":
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it.  Raises OSError if the command cannot be run."""
        if self._command:
            self._process = subprocess.Popen(
                self._command, env=self._env, start_new_session=True, stdout=subprocess.DEVNULL
            )

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it ended by itself
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def has_ended(self) -> bool:
        """Say whether it ended by itself."""
        return self._process is not None and self._process.poll() is not None


def wait(holds: Callable[[], bool], within_s: float, subscriber: Subscriber) -> bool:
    """Return whether a condition came to hold in time.  Raises WrongSurroundings when the subscriber ends by itself."""
    deadline = time.monotonic() + within_s
    while not holds():
        if subscriber.has_ended():
            raise WrongSurroundings("your subscriber ended by itself: see what it printed")
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_S)
    return True


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="contract.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kafka", required=True, help="address of a broker for tests, host:port")
    parser.add_argument("--effects", required=True, help="command that prints what your subscriber acted on")
    parser.add_argument("--prefix", default=f"contract-{uuid.uuid4().hex[:8]}.", help="beginning of every topic's name")
    parser.add_argument("--seed", type=int, default=1, help="another seed is another order of events")
    parser.add_argument("--within", type=float, default=120, help="seconds that each half may take")
    parser.add_argument("command", nargs="*", help="command that starts your subscriber")
    return parser


if __name__ == "__main__":
    sys.exit(main())
