"""Dead letters by command, on a real broker: listed, shown, replayed byte for byte, and only once."""

import contextlib
import io
import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.stack.layout import CHECKOUT
from shared.contracts import chunks, codec, topics
from shared.kafka import messages
from shared.kafka.faults import Stopped
from shared.kafka.messages import BadMessage, Incoming
from shared.kafka.processor import MessageProcessor
from shared.kafka.publisher import Publisher
from shared.oncall import dead_letters
from shared.oncall.dead_letters import Entry
from shared.runtime.settings import ProcessorLimits
from tests.commands import run_dlq
from tests.runtime.harness import price_set
from tests.waiting import aside

pytestmark = pytest.mark.integration
SERVICE = "gateway"
HEADERS = (("ce_id", b"one"), ("traceparent", b"00-ab"))
FREE = ProcessorLimits(retry_s=10.0, starts=1000, letters=1000, share=1.0)  # no burst in a test of letters
AT = datetime(2026, 1, 5, 14, tzinfo=UTC)


def put_aside(
    kafka_url: str,
    topic: topics.Topic,
    values: Sequence[bytes | None],
    key: bytes | None,
    code: str,
    headers: Sequence[tuple[str, bytes | None]] = HEADERS,
) -> list[Incoming]:
    """Publish messages and have a processor put each of them aside; return them as the broker gave them."""

    async def work() -> list[Incoming]:
        large = AIOKafkaProducer(bootstrap_servers=kafka_url, max_request_size=4 * topics.MIB)
        async with large as producer, Publisher(kafka_url, SERVICE) as ours:
            sent = [await producer.send_and_wait(topic.name, value, key, headers=list(headers)) for value in values]
            came = [
                Incoming(topic.name, entry.partition, entry.offset, key, value, tuple(headers), entry.timestamp)
                for entry, value in zip(sent, values, strict=True)
            ]

            async def refuse(_group: Sequence[Any]) -> None:
                raise BadMessage(code, "the test refuses it")

            await MessageProcessor(SERVICE, topic, refuse, ours, FREE).run(came)
            return came

    return aside(work())


def behind(kafka_url: str, last: Incoming) -> list[Any]:
    """Return what stands behind a message in its partition now."""

    async def read() -> list[Any]:
        async with AIOKafkaConsumer(bootstrap_servers=kafka_url, group_id=None) as consumer:
            position = TopicPartition(last.topic, last.partition)
            consumer.assign([position])
            end = (await consumer.end_offsets([position]))[position]
            consumer.seek(position, last.offset + 1)
            return [await consumer.getone() for _ in range(last.offset + 1, end)]

    return aside(read())


@pytest.fixture
def dead(kafka_url: str, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run `dlq WORDS` and return its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = aside(run_dlq(kafka_url, SERVICE, *arguments))
        return code, capsys.readouterr().out

    return run


def test_letters_are_listed_shown_and_replayed_once(kafka_url: str, dead: Callable[..., Any]) -> None:
    key, code = uuid.uuid4().hex, f"test_{uuid.uuid4().hex[:8]}"
    values = [price_set(1).value, b"\x00\xff no JSON"]
    came = put_aside(kafka_url, topics.PRICE, values, key.encode(), code)

    assert dead("list", "--key", key, "--code", "nothing_such")[1].splitlines()[1:] == []
    found = [json.loads(line) for line in dead("list", "--key", key, "--json")[1].splitlines()]
    assert {(entry["topic"], entry["place"], entry["bytes"]) for entry in found} == {
        (entry.topic, entry.offset, len(key) + len(entry.value or b"")) for entry in came
    }
    assert {entry["place"]: entry["code"] for entry in found} == {came[0].offset: code, came[1].offset: "invalid_event"}
    table = dead("list", "--key", key)[1]
    assert f"platform.price/{came[0].partition}/{came[0].offset}" in table

    by_offset = {entry["place"]: entry["offset"] for entry in found}
    shown = dead("show", str(by_offset[came[0].offset]))[1]
    assert "header    traceparent: 00-ab" in shown
    assert '"price_set": 1' in shown
    assert "cannot be decoded" in dead("show", str(by_offset[came[1].offset]))[1]
    assert dead("show", "999999999")[0] == 1

    assert dead("replay")[0] == 2
    assert dead("replay", "--key", key, "--dry-run")[1].endswith("2 would be replayed\n")
    assert behind(kafka_url, came[-1]) == []
    assert dead("replay", "--key", key) == (0, "2 replayed\n")
    again = behind(kafka_url, came[-1])
    assert sorted(entry.value for entry in again) == sorted(values)
    assert {entry.key for entry in again} == {key.encode()}
    origin = {f"gateway.dlq/0/{entry['offset']}".encode() for entry in found}
    assert {dict(entry.headers)["dlq-replayed-from"] for entry in again} == origin
    assert {entry.headers[:2] for entry in again} == {(("ce_id", b"one"), ("traceparent", b"00-ab"))}

    code_of, said = dead("replay", "--key", key)
    assert (code_of, said.startswith("0 replayed; 2 have been replayed before")) == (0, True)
    assert dead("list", "--key", key)[1].splitlines()[1:] == []
    assert len(dead("list", "--key", key, "--replayed")[1].splitlines()) == 3
    assert dead("replay", "--key", key, "--again")[1] == "2 replayed\n"
    assert len(behind(kafka_url, came[-1])) == 4


def test_a_chunk_is_shown_as_rows_and_comes_back_when_it_fails_again(kafka_url: str, dead: Callable[..., Any]) -> None:
    key = uuid.uuid4().hex
    row = {"account_id": key, "enterprise_id": "E1", "advisor_id": "V1", "epoch": 1, "reason": "REMOVED"}
    rows = pa.RecordBatch.from_pylist([row], schema=chunks.RETURNED)
    value = messages.chunk(topics.RETURNED, key, rows, {"batch_id": "7"}, event_id="x", source="t", at=AT).value
    (came,) = put_aside(kafka_url, topics.RETURNED, [value], key.encode(), "test_refused")
    (first,) = [json.loads(line) for line in dead("list", "--key", key, "--json")[1].splitlines()]
    shown = dead("show", str(first["offset"]))[1]
    assert "1 rows of account_id, enterprise_id" in shown
    assert '"reason": "REMOVED"' in shown
    dead("replay", "--offsets", f"{first['offset']}-{first['offset']}")
    (replayed,) = behind(kafka_url, came)

    async def fail_again() -> None:
        async def refuse(_group: Sequence[Any]) -> None:
            raise BadMessage("test_again", "still not right")

        message = Incoming(
            came.topic, replayed.partition, replayed.offset, replayed.key, replayed.value, replayed.headers, 0
        )
        async with Publisher(kafka_url, SERVICE) as ours:
            await MessageProcessor(SERVICE, topics.RETURNED, refuse, ours, FREE).run([message])

    aside(fail_again())
    (second,) = [json.loads(line) for line in dead("list", "--key", key, "--json")[1].splitlines()]
    assert (second["code"], second["replayed_from"]) == ("test_again", f"gateway.dlq/0/{first['offset']}")
    assert "and failed again" in dead("show", str(second["offset"]))[1]


@pytest.mark.parametrize("service", topics.SERVICES)
def test_every_service_has_the_command(kafka_url: str, service: str) -> None:
    arguments = [sys.executable, "-m", f"services.{service}", "dlq", "list", "--key", "of nobody"]
    env = {"PATH": "/usr/bin", "REBALANCER_KAFKA_URL": kafka_url}
    done = subprocess.run(arguments, cwd=CHECKOUT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout.split()[:2], done.stderr) == (0, ["OFFSET", "TIME"], "")


@pytest.mark.parametrize(("key", "value"), [(None, b"\x00"), (b"", None)], ids=["null key", "null value"])
def test_what_no_header_carries_comes_back_byte_for_byte(
    kafka_url: str, dead: Callable[..., Any], key: bytes | None, value: bytes | None
) -> None:
    """Null values, bytes that are no text, a name twice, a name of ours, a null key or a null value."""
    mark = uuid.uuid4().hex.encode()
    headers = [("mark", mark), ("none", None), ("raw", b"\xff\x00"), ("raw", b"again"), ("dlq-code", b"of another")]
    (came,) = put_aside(kafka_url, topics.RETURNED, [value], key, "test_odd", headers)
    listed = dead("list", "--json", "--topic", topics.RETURNED.name)[1]
    (entry,) = [json.loads(line) for line in listed.splitlines() if mark.decode() in shown(dead, line)]
    assert (entry["code"], entry["key"]) == ("invalid_chunk", None if key is None else key.decode())
    assert dead("replay", "--offsets", str(entry["offset"])) == (0, "1 replayed\n")
    (again,) = behind(kafka_url, came)
    assert (again.key, again.value) == (key, value)
    assert list(again.headers)[:-1] == headers
    assert again.headers[-1] == ("dlq-replayed-from", f"gateway.dlq/0/{entry['offset']}".encode())


def shown(dead: Callable[..., Any], line: str) -> str:
    """Return how a listed letter is shown."""
    return str(dead("show", str(json.loads(line)["offset"]))[1])


def test_a_message_too_large_for_a_letter_is_replayed_from_where_it_stands(
    kafka_url: str, dead: Callable[..., Any], tmp_path: Path
) -> None:
    key = uuid.uuid4().hex
    value = key.encode() * (4 * topics.MIB // 32 - 300)  # the topic takes it; a letter has headers of its own
    (came,) = put_aside(kafka_url, topics.RETURNED, [value], key.encode(), "test_large")
    (entry,) = [json.loads(line) for line in dead("list", "--key", key, "--json")[1].splitlines()]
    assert entry["is_stub"]
    assert dead("show", str(entry["offset"]), "--raw", str(tmp_path / "raw"))[0] == 0
    assert (tmp_path / "raw").read_bytes() == value
    assert dead("replay", "--key", key) == (0, "1 replayed\n")
    (again,) = behind(kafka_url, came)
    assert again.value == value


def test_a_message_that_cannot_be_handled_is_skipped_by_hand(kafka_url: str) -> None:
    """The processor stops before it; somebody on call says so; then it is a letter, and what is behind it is done."""
    key = uuid.uuid4().hex
    done: list[Any] = []

    async def work() -> None:
        rows = [{"account_id": key, "enterprise_id": "E", "advisor_id": "V", "epoch": n, "reason": "X"} for n in (1, 2)]
        async with AIOKafkaProducer(bootstrap_servers=kafka_url) as producer, Publisher(kafka_url, "analyzer") as ours:
            came = []
            for row in rows:
                value = codec.encode(pa.RecordBatch.from_pylist([row], schema=chunks.RETURNED), {})
                sent = await producer.send_and_wait(topics.RETURNED.name, value, key.encode())
                position = (topics.RETURNED.name, sent.partition, sent.offset)
                came.append(Incoming(*position, key.encode(), value, (), sent.timestamp))

            async def fail_first(group: Sequence[Any]) -> None:
                for entry in group:
                    if entry.rows.column("epoch")[0].as_py() == 1:
                        raise KeyError("our code")
                    done.append(entry)

            limits = ProcessorLimits(retry_s=0.2, starts=1000, letters=1000, share=1.0)
            with pytest.raises(Stopped):
                await MessageProcessor("analyzer", topics.RETURNED, fail_first, ours, limits).run(came)
            first = came[0]
            position = (first.topic, str(first.partition), str(first.offset))
            assert f"{' '.join(position)}: could not be handled in 1 starts" in await analyzer("suspects")
            assert "analyzer reads no topic" in await analyzer("skip", "nothing", "0", "0", "--who", "kim", fails=True)
            beyond = ("skip", position[0], position[1], "999999999", "--who", "kim")
            assert "has no message" in await analyzer(*beyond, fails=True)
            await analyzer("skip", *position, "--who", "kim: see 4711")
            await MessageProcessor("analyzer", topics.RETURNED, fail_first, ours, limits).run(came)

    async def analyzer(*arguments: str, fails: bool = False) -> str:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            assert await run_dlq(kafka_url, "analyzer", *arguments) == int(fails)
        return said.getvalue()

    aside(work())
    assert done
    letters = aside(_letters(kafka_url, key))
    assert [(entry.code, entry.reason) for entry in letters] == [("skipped", "skipped by hand: kim: see 4711")]


async def _letters(kafka_url: str, key: str) -> list[Entry]:
    return [entry for entry in await dead_letters.index(kafka_url, "analyzer") if entry.key == key.encode()]
