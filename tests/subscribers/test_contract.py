"""The contract test for subscribers finds each fault, and the example subscribers keep the contract.

On real Kafka: duplicates, keys in any order, states that overtake each other, and a kill in the middle.
"""

import ast
import json
import random
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.sample_events import SAMPLE
from examples.subscribers import contract
from examples.subscribers.contract import Event, Identity
from examples.subscribers.python import subscriber
from tests.subscribers import typescript

KIT = SAMPLE.parent
PYTHON = KIT / "python"
EFFECTS = f"{sys.executable} {PYTHON / 'effects.py'}"
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


class Killed(Exception):
    """The process ended here."""


class Consumer:
    """Gives the records in two fetches and again after a start, until they are committed; is killed where it says."""

    def __init__(self, records: list[Record], killed_at: str) -> None:
        half = len(records) // 2
        self._fetches = [records[:half], records[half:]]
        self._killed_at = killed_at
        self.commits = 0

    async def getmany(self, **_bounds: int) -> dict[str, list[Record]]:
        if not self._fetches:
            raise Killed
        return {"partition": self._fetches.pop(0)}

    async def commit(self) -> None:
        if self._killed_at == "commit":
            raise Killed
        self.commits += 1


@pytest.mark.fast
@pytest.mark.parametrize("seed", SEEDS)
async def test_killed_between_effect_and_commit_it_acts_on_nothing_twice(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The effects of the first fetch are stored, its offsets are not: after the start it comes again."""
    fed = feed(seed)
    monkeypatch.setenv("DATABASE", str(tmp_path / "subscriber.db"))
    records = [
        Record(event.key.encode(), event.value.encode(), [(name, text.encode()) for name, text in event.headers])
        for event in fed
    ]
    for killed_at in ("commit", "commit", "end"):
        consumer: Any = Consumer(records, killed_at)
        with pytest.raises(Killed):
            await subscriber.follow(consumer)
    assert consumer.commits == 2
    assert faults(fed, effects_in(tmp_path)) == []


@pytest.mark.fast
async def test_what_cannot_be_acted_on_is_stored_neither_whole_nor_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE", str(tmp_path / "subscriber.db"))
    good, other = (event for event in feed(0)[:2])
    first = Record(good.key.encode(), good.value.encode(), [(name, text.encode()) for name, text in good.headers])
    broken = Record(other.key.encode(), b"no event", [(name, text.encode()) for name, text in other.headers])
    consumer: Any = Consumer([first, first, first, broken], "end")
    with pytest.raises(ValueError):
        await subscriber.follow(consumer)
    assert consumer.commits == 1
    assert effects_in(tmp_path) == [good.identity], "of the first fetch, which was whole"


def effects_in(folder: Path) -> list[Identity]:
    """Return what the command for the contract test prints of the database in this folder."""
    env = {"DATABASE": str(folder / "subscriber.db")}
    done = subprocess.run(EFFECTS.split(), env=env, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["source"], row["id"]) for row in rows]


@pytest.mark.fast
def test_the_python_subscriber_is_read_at_one_look() -> None:
    """Lines with code, as its README counts them: neither blank, nor a comment, nor a docstring."""
    text = (PYTHON / "subscriber.py").read_text()
    documented = [
        node.body[0] for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node)
    ]  # fmt: skip
    prose = {number for node in documented for number in range(node.lineno, (node.end_lineno or 0) + 1)}
    lines = [line.strip() for number, line in enumerate(text.splitlines(), 1) if number not in prose]
    code = [line for line in lines if line and not line.startswith("#")]
    assert len(code) <= 45
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.integration
def test_the_python_subscriber_keeps_the_contract_on_real_kafka(kafka_url: str, tmp_path: Path) -> None:
    keep_contract(kafka_url, tmp_path, EFFECTS, [sys.executable, str(PYTHON / "subscriber.py")])


@pytest.mark.integration
def test_a_subscriber_without_deduplication_breaks_the_contract_on_real_kafka(kafka_url: str, tmp_path: Path) -> None:
    text = (PYTHON / "subscriber.py").read_text()
    careless = text.replace("INSERT OR IGNORE INTO seen VALUES", "INSERT OR REPLACE INTO seen VALUES")
    assert careless != text
    (tmp_path / "careless.py").write_text(careless)
    shutil.copy(PYTHON / "connection.py", tmp_path)
    done = contract_run(kafka_url, tmp_path, EFFECTS, [sys.executable, str(tmp_path / "careless.py")])
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
