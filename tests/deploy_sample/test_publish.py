"""Loading a sample into a broker and an inbox."""

import asyncio
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord

from deploy.custodian.listen import NoTopic, consumer_of, read_new
from deploy.sample.make import BookOptions, make
from deploy.sample.publish import EVENTS, load
from shared.contracts.topics import Topic
from tests.deploy_sample import plain_flags

pytestmark = pytest.mark.integration
AS_OF = date(2025, 11, 24)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    make(BookOptions(30, 11, AS_OF), folder, lambda _: None)
    return folder


async def ends_of(kafka_url: str, topic: Topic) -> dict[int, int]:
    async with consumer_of(kafka_url, topic) as consumer:
        ends = await consumer.end_offsets(consumer.assignment())
        return {partition.partition: end for partition, end in ends.items()}


async def records_since(kafka_url: str, topic: Topic, begins: dict[int, int], wanted: int) -> list[ConsumerRecord]:
    found: list[ConsumerRecord] = []
    async with consumer_of(kafka_url, topic) as consumer, asyncio.timeout(30):
        for partition in consumer.assignment():
            consumer.seek(partition, begins[partition.partition])
        while len(found) < wanted:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
    return found


async def test_loading_publishes_every_event_with_its_key_and_headers_and_drops_the_files(
    kafka_url: str, sample: Path, tmp_path: Path
) -> None:
    begins = {topic.name: await ends_of(kafka_url, topic) for _, topic in EVENTS}
    said: list[str] = []
    await load(sample, kafka_url, tmp_path, said.append)
    for name, topic in EVENTS:
        bodies = plain_flags.read(sample, name)
        records = await records_since(kafka_url, topic, begins[topic.name], len(bodies))
        assert len(records) == len(bodies)
        assert {record.key.decode() for record in records} == {str(body[topic.key]) for body in bodies}
        headers = dict(records[0].headers)
        assert headers["ce_type"] == topic.name.encode()
        assert {"ce_id", "ce_source", "ce_time", "ce_specversion"} <= set(headers)
        read, _ = await read_new(kafka_url, topic, topic.content, begins[topic.name], said.append)  # type: ignore[arg-type]  # models here
        assert len(read) == len(bodies)
        assert f"{topic.name}: {len(bodies)} of {len(bodies)}" in " ".join(said)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for path in (sample / "files").iterdir()
    )
    assert all((tmp_path / path.name).read_bytes() == path.read_bytes() for path in (sample / "files").iterdir())


async def test_a_topic_that_is_not_there_is_named(kafka_url: str) -> None:
    with pytest.raises(NoTopic, match=r"no\.such\.topic does not exist"):
        async with consumer_of(kafka_url, Topic("no.such.topic", None, "", "", ())):
            pass


def test_the_command_line_says_what_is_wrong(tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            capture_output=True, text=True, check=False, timeout=60,
            env={key: value for key, value in os.environ.items() if not key.startswith("REBALANCER_")},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert run("deploy.sample", "--out", str(tmp_path), "--as-of", "2025-11-27", "--accounts", "5")[0] == 2
    code, said = run("deploy.sample", "load", str(tmp_path), "--kafka", "127.0.0.1:1", "--inbox", str(tmp_path))
    assert (code, "is no sample directory" in said) == (1, True)
    code, said = run("deploy.custodian", "next-day")
    assert (code, "REBALANCER_KAFKA_URL" in said) == (1, True)
