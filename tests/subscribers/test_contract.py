"""The contract test for subscribers finds each fault, and the example subscribers keep the contract.

On real Kafka: duplicates, keys in any order, states that overtake each other, and a kill in the middle.
"""

import random
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.sample_events import SAMPLE
from examples.subscribers import contract
from examples.subscribers.contract import Event, Identity
from examples.subscribers.python import subscriber
from tests.subscribers import typescript

KIT = SAMPLE.parent
SEEDS = range(5)


@dataclass(frozen=True)
class Record:
    """What the example reads of a Kafka record."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def feed(seed: int) -> list[Event]:
    fed = contract.feed_of(contract.read(SAMPLE), random.Random(seed))
    return [*fed, *contract.end_marks(fed)]


def once(fed: list[Event]) -> list[Identity]:
    """Return the effects of a subscriber that acts on each id once and does not look at versions."""
    return list(dict.fromkeys(event.identity for event in fed))


def faults(fed: list[Event], effects: list[Identity]) -> list[str]:
    return contract.compare(contract.expected(fed), fed, effects)


def right(fed: list[Event]) -> list[Identity]:
    return [identity for identities in contract.expected(fed).values() for identity in identities]


@pytest.mark.fast
@pytest.mark.parametrize("seed", SEEDS)
def test_a_feed_holds_what_a_subscriber_must_be_able_to_meet(seed: int) -> None:
    fed = feed(seed)
    assert len(fed) > len(set(fed)), "duplicates"
    assert {event.identity for event in contract.read(SAMPLE)} <= {event.identity for event in fed}
    overtaken = {event.identity for event in fed} - set(right(fed))
    assert overtaken, "states that come after newer ones"
    assert faults(fed, right(fed)) == []


@pytest.mark.fast
@pytest.mark.parametrize("seed", SEEDS)
def test_each_fault_of_a_subscriber_is_found(seed: int) -> None:
    fed = feed(seed)
    good = right(fed)
    assert any("times" in fault for fault in faults(fed, [*good, good[3]]))
    assert any("not acted on" in fault for fault in faults(fed, good[1:]))
    assert any("a newer state came before" in fault for fault in faults(fed, once(fed)))
    assert any("out of order" in fault for fault in faults(fed, good[::-1]))
    assert any("no event" in fault for fault in faults(fed, [*good, ("elsewhere", "1")]))


@pytest.mark.fast
@pytest.mark.parametrize("seed", SEEDS)
def test_the_python_subscriber_acts_on_each_event_once_and_never_on_an_older_state(seed: int) -> None:
    fed = feed(seed)
    database = sqlite3.connect(":memory:")
    database.executescript(subscriber.TABLES)
    for event in fed:
        headers = [(name, value.encode()) for name, value in event.headers]
        subscriber.act(database, Record(event.key.encode(), event.value.encode(), headers))
    effects = database.execute("SELECT source, id FROM effect ORDER BY number").fetchall()
    database.close()
    assert faults(fed, effects) == []


@pytest.mark.integration
def test_the_python_subscriber_keeps_the_contract_on_real_kafka(kafka_url: str, tmp_path: Path) -> None:
    program = f"{sys.executable} {KIT / 'python' / 'subscriber.py'}"
    keep_contract(kafka_url, tmp_path, f"{program} effects", program.split())


@pytest.mark.integration
def test_a_subscriber_without_deduplication_breaks_the_contract_on_real_kafka(kafka_url: str, tmp_path: Path) -> None:
    text = (KIT / "python" / "subscriber.py").read_text()
    careless = text.replace("INSERT OR IGNORE INTO seen VALUES", "INSERT OR REPLACE INTO seen VALUES")
    assert careless != text
    (tmp_path / "careless.py").write_text(careless)
    program = f"{sys.executable} {tmp_path / 'careless.py'}"
    done = contract_run(kafka_url, tmp_path, f"{program} effects", program.split())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "times: rebalancer.orders.v1" in done.stdout


@pytest.mark.integration
@pytest.mark.slow
def test_the_typescript_subscriber_keeps_the_contract_on_real_kafka(kafka_url: str, tmp_path: Path) -> None:
    typescript.build(tmp_path)
    (tmp_path / "effects.jsonl").touch()
    keep_contract(kafka_url, tmp_path, "cat effects.jsonl", ["node", typescript.PROGRAM])


def keep_contract(kafka_url: str, folder: Path, effects: str, command: list[str]) -> None:
    done = contract_run(kafka_url, folder, effects, command)
    assert done.returncode == 0, done.stdout + done.stderr


def contract_run(kafka_url: str, folder: Path, effects: str, command: list[str]) -> "subprocess.CompletedProcess[str]":
    """Run the contract test as a subscriber's author does, in a folder of its own."""
    arguments = ["--kafka", kafka_url, "--effects", effects, "--", *command]
    return subprocess.run(
        [sys.executable, str(KIT / "contract.py"), *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
