"""What the broker refuses a running process stands at its /readyz and once in its log, and heals without a restart."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.acls import protocol
from deploy.acls.apply import apply
from deploy.acls.brokers import ADMIN
from deploy.stack import ports
from deploy.stack.layout import CHECKOUT
from shared.contracts import chunks, codec
from shared.contracts.rights import Right
from shared.kafka.access import connected
from shared.kafka.connection import client_options
from shared.kafka.publisher import Publisher
from tests.kafka_rights.conftest import UNCLOSED, SecuredKafka
from tests.kafka_rights.small_worker import REQUESTS, RESULTS, SERVICE, message
from tests.waiting import aside, until

pytestmark = [pytest.mark.integration, UNCLOSED]


class Worker:
    """The small worker as a process."""

    def __init__(self, kafka: SecuredKafka, log: Path) -> None:
        self.port = ports.choose({"http": 0})["http"]
        self.log = log
        self.env = {
            "PATH": os.environ["PATH"], **kafka.environment(SERVICE), "REBALANCER_HTTP_PORT": str(self.port),
        }  # fmt: skip

    @contextmanager
    def running(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run it, its log in the file."""
        command = [sys.executable, "-m", "tests.kafka_rights.small_worker"]
        with self.log.open("wb") as output, subprocess.Popen(command, cwd=CHECKOUT, env=self.env, stdout=output) as it:
            try:
                yield it
            finally:
                it.terminate()

    def waits_for(self) -> list[str] | None:
        """Return why it is not ready, None while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as reply:
                return list(orjson.loads(reply.read())["waiting_for"])
        except urllib.error.HTTPError as error:
            with error:
                return list(orjson.loads(error.read())["waiting_for"])
        except OSError:
            return None

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of its log that tell of an event."""
        read = [orjson.loads(line) for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]
        return [line for line in read if line["event"] == event]

    def until_refused(self, why: str) -> None:
        """Wait until /readyz names the reason."""
        until(self.waits_for, lambda reasons: any(why in reason for reason in reasons or ()))


async def gives_results(kafka: SecuredKafka, key: str) -> bool:
    """Send a request to the worker and return once its result is there."""
    value = codec.encode(pa.RecordBatch.from_pylist([], schema=chunks.LOTS), {"key": key})
    broker = kafka.broker("taxlot")
    async with Publisher(broker, "taxlot") as publisher:
        await publisher.send([message(REQUESTS, key, value)])
    consumer = AIOKafkaConsumer(RESULTS.name, **client_options(broker), auto_offset_reset="earliest")
    async with consumer:
        async for record in consumer:
            if record.key == key.encode():
                return True
    return False


async def take(kafka: SecuredKafka, right: Right) -> None:
    """Take a right from the worker."""
    connection = await connected(kafka.broker(ADMIN))
    try:
        await protocol.delete(connection, [protocol.entry_of(SERVICE, right)])
    finally:
        connection.close()


def test_a_worker_with_a_wrong_password_waits_and_says_so(kafka: SecuredKafka, tmp_path: Path) -> None:
    worker = Worker(kafka, tmp_path / "log")
    worker.env["REBALANCER_KAFKA_PASSWORD"] = "another"  # pragma: allowlist secret
    with kafka.restored(), worker.running() as process:
        worker.until_refused(f"refuses the user {SERVICE}: REBALANCER_KAFKA_PASSWORD is wrong")
        aside(apply(kafka.broker(ADMIN), {SERVICE: "another"}))
        until(worker.waits_for, lambda reasons: reasons == [])
        assert process.poll() is None, "it began without being started again"
        assert len(worker.lines("access.refused")) == 1
        assert len(worker.lines("access.granted")) == 1
        aside(apply(kafka.broker(ADMIN), {SERVICE: "a third"}))


def test_a_worker_tells_what_it_may_no_longer_do(kafka: SecuredKafka, tmp_path: Path) -> None:
    worker = Worker(kafka, tmp_path / "log")
    with kafka.restored(), worker.running():
        until(worker.waits_for, lambda reasons: reasons == [])
        assert aside(gives_results(kafka, "first"))
    for operation, topic in (("Read", REQUESTS), ("Write", RESULTS)):
        with kafka.restored(), worker.running() as process:
            aside(take(kafka, Right("Topic", topic.name, False, operation)))  # type: ignore[arg-type]  # one of both
            worker.until_refused(f"may not {operation.lower()} the topics {topic.name}")
            kafka.restore()
            until(worker.waits_for, lambda reasons: reasons == [])
            assert process.poll() is None
        (line,) = worker.lines("access.refused")
        assert "the rights that `python -m deploy.acls apply` gives" in line["because"]
