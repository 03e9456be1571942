"""The service as a process on real Kafka: events in, orders out, and nothing lost when it dies at the worst moment."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from aiokafka import AIOKafkaConsumer

from deploy.stack.layout import CHECKOUT
from shared.contracts import topics
from shared.contracts.codes import FlagState
from shared.contracts.platform import ExecutionReported
from shared.contracts.principal import Principal
from shared.contracts.topics import Topic
from shared.kafka import messages
from shared.kafka.messages import Incoming, Outgoing, decoder
from shared.kafka.publisher import Publisher
from tests.batch import build
from tests.batch.harness import Harness
from tests.ports import free_port
from tests.signing import PUBLIC_KEY, SignedAs
from tests.stackfix.infrastructure import as_role
from tests.waiting import until_async, until_up

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SMALL_REQUEST, SMALL_RESULTS = topics.small(topics.WORK_REQUEST), topics.small(topics.WORK_RESULTS)


class Process:
    """One replica, started as users start it."""

    def __init__(self, kafka_url: str, database_url: str, **more: str) -> None:
        self.port = free_port()
        env = os.environ | {
            "REBALANCER_KAFKA_URL": kafka_url,
            "REBALANCER_DATABASE_URL": as_role(database_url, "batch"),
            "REBALANCER_REQUESTS_DATABASE_URL": as_role(database_url, "batch_requests"),
            "REBALANCER_HTTP_PORT": str(self.port),
            "REBALANCER_PRINCIPAL_PUBLIC_KEY": PUBLIC_KEY,
            "REBALANCER_ANSWER_WITHIN_S": "5",
            **more,
        }
        self._process = subprocess.Popen([sys.executable, "-m", "services.batch"], cwd=CHECKOUT, env=env)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as somebody with every role."""
        who = Principal(subject="pat", name="Pat", roles=["trader", "approver"], enterprises=["E1"])
        signed = SignedAs(who, "batch", Harness.real_now)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30, auth=signed) as client:
            return await client.request(method, path, **options)

    async def ready(self) -> None:
        """Wait until it works."""

        def responds() -> bool:
            try:
                return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=30).status_code == 200
            except httpx.TransportError:
                return False

        await asyncio.to_thread(until_up, responds, self._process)

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> int:
        """Ask it to end and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)


@contextmanager
def _running(kafka_url: str, database_url: str, **more: str) -> Iterator[Process]:
    process = Process(kafka_url, database_url, **more)
    try:
        yield process
    finally:
        process.kill()


@pytest.fixture
async def publisher(kafka_url: str) -> AsyncIterator[Publisher]:
    """Sends as other services do."""
    async with Publisher(kafka_url, "test") as opened:
        yield opened


def _event(topic: Topic, key: str, body: Any) -> Outgoing:
    return messages.event(topic, key, body, event_id=str(uuid.uuid4()), source="test", at=build.MORNING)


def _chunk(topic: Topic, key: str, chunk: messages.Chunk) -> Outgoing:
    return messages.chunk(
        topic, key, chunk.rows, chunk.meta, event_id=str(uuid.uuid4()), source="test", at=build.MORNING
    )


async def _reader(stack: AsyncExitStack, kafka_url: str, topic: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_url, auto_offset_reset="earliest")
    await consumer.start()
    stack.push_async_callback(consumer.stop)
    return consumer


async def _orders(consumer: AIOKafkaConsumer, wanted: set[str]) -> dict[str, set[str]]:
    """Return event ids by account once every wanted account was seen."""
    seen: dict[str, set[str]] = {}
    async with asyncio.timeout(40):
        while set(seen) != wanted:
            record = await consumer.getone()
            account_id = record.key.decode()
            if account_id in wanted:
                assert orjson.loads(record.value)["account_id"] == account_id
                seen.setdefault(account_id, set()).add(dict(record.headers)["ce_id"].decode())
    return seen


async def test_events_in_orders_out(
    kafka_url: str, batch_url: str, make_harness: Callable[..., Harness], publisher: Publisher
) -> None:
    tag = uuid.uuid4().hex[:8]
    ids = [f"{tag}-{number}" for number in range(3)]
    async with AsyncExitStack() as stack:
        requests = await _reader(stack, kafka_url, SMALL_REQUEST.name)
        orders = await _reader(stack, kafka_url, topics.ORDERS.name)
        process = stack.enter_context(_running(kafka_url, batch_url))
        await process.ready()
        await publisher.send([_event(topics.ACCOUNT, account_id, build.an_account(account_id)) for account_id in ids])
        await publisher.send([Outgoing(topics.FLAGS.name, b"x", b"not a chunk", {})])  # poison goes to the dead letters
        await publisher.send(
            [_chunk(topics.FLAGS, ids[0], build.flags(*[build.a_flag(account_id) for account_id in ids]))]
        )

        async def queued() -> int:
            return int((await process.ask("GET", "/v1/queue/accounts", params={"q": tag})).json()["total"])

        await until_async(queued, lambda total: total == 3)
        body = {"selection": {"kind": "matching", "q": tag}, "expected_count": 3}
        made = await process.ask("POST", "/v1/batches", json=body, headers={"Idempotency-Key": "p"})
        assert made.status_code == 202, made.text
        number = made.json()["batch"]["batch_id"]
        await publisher.send([await _result(requests, ids[0], number)])

        async def batch() -> Any:
            return (await process.ask("GET", f"/v1/batches/{number}")).json()

        seen = await until_async(batch, lambda shown: shown["status"] == "PENDING_APPROVAL")
        headers = {"Idempotency-Key": "a", "If-Match": f'"{seen["version"]}"'}
        approved = await process.ask("POST", f"/v1/batches/{number}/approve", headers=headers)
        assert approved.status_code == 200, approved.text
        assert set(await _orders(orders, set(ids))) == set(ids)

        async def exposed() -> str:
            return str((await process.ask("GET", "/metrics")).text)

        # The poison stands on a partition of its own, which may be read last.
        await until_async(exposed, lambda text: 'rebalancer_dead_letters_total{reason="invalid_chunk"' in text)
        assert process.end() == 0


async def test_executions_come_back_and_states_go_out(
    kafka_url: str, batch_url: str, make_harness: Callable[..., Harness], publisher: Publisher
) -> None:
    """A good report is stored, one of an order that was never sent is a dead letter that says why; states in order."""
    harness = make_harness()
    account = uuid.uuid4().hex[:8]
    await harness.queue(account)
    batch = await harness.user().done(await harness.user().pending(account), "approve")
    (sent,) = harness.sent(topics.ORDERS.name)
    good = ExecutionReported(
        order_id=sent["orders"][0]["order_id"], account_id=account, enterprise_id="E1", batch_id=batch["batch_id"],
        security_id="AAA", version=1, status="FILLED", quantity="10", price="101", at=build.MORNING,
    )  # fmt: skip
    never_sent = good.model_copy(update={"security_id": "NEVER"})
    async with AsyncExitStack() as stack:
        letters = await _reader(stack, kafka_url, topics.dead_letters("batch").name)
        states = await _reader(stack, kafka_url, topics.ACCOUNT_STATE.name)
        process = stack.enter_context(_running(kafka_url, batch_url))
        await process.ready()
        await publisher.send([_event(topics.EXECUTION, account, report) for report in (never_sent, good, good)])

        async def reported() -> Any:
            return (await process.ask("GET", f"/v1/batches/{batch['batch_id']}")).json()["execution"]

        await until_async(reported, lambda counts: counts["filled"] == 1)
        headers = await _headers_of(letters, account)
        assert f"account {account} has no approved order of it" in " ".join(headers.values())
        state = await _headers_of(states, account)
        assert state["ce_type"] == topics.ACCOUNT_STATE.name
        assert process.end() == 0


async def _headers_of(consumer: AIOKafkaConsumer, key: str) -> dict[str, str]:
    """Return the headers of the next message with this key."""
    async with asyncio.timeout(40):
        async for record in consumer:
            if record.key == key.encode():
                return {name: value.decode() for name, value in record.headers}
    raise AssertionError(f"no message has the key {key}")


async def _result(requests: AIOKafkaConsumer, account_id: str, batch_id: int) -> Outgoing:
    """Return the result of the request that names the account."""
    decode = decoder(SMALL_REQUEST)
    async with asyncio.timeout(40):
        async for record in requests:
            asked = decode(Incoming(record.topic, 0, record.offset, record.key, record.value, (), 0))
            rows = asked.rows.to_pylist()
            if rows[0]["account_id"] == account_id:
                results = build.results([build.a_result(row) for row in rows], batch_id, int(asked.meta["attempt"]))
                return _chunk(SMALL_RESULTS, str(batch_id), results)
    raise AssertionError("no request came")


async def test_a_crash_between_commit_and_publish_loses_and_doubles_nothing(
    kafka_url: str, batch_url: str, make_harness: Callable[..., Harness]
) -> None:
    harness = make_harness()  # commits like a replica, and dies before its relay has published anything
    tag = uuid.uuid4().hex[:8]
    ids = [f"{tag}-{number}" for number in range(5)]
    await harness.queue(*ids)
    await harness.user().done(await harness.user().pending(*ids), "approve")
    async with AsyncExitStack() as stack:
        orders = await _reader(stack, kafka_url, topics.ORDERS.name)
        first = stack.enter_context(_running(kafka_url, batch_url))
        await first.ready()
        first.kill()  # maybe between publish and mark: then the next one publishes again, with the same ids
        second = stack.enter_context(_running(kafka_url, batch_url))
        await second.ready()
        seen = await _orders(orders, set(ids))

        async def unpublished() -> int:
            return int(harness.sql("SELECT count(*) FROM outbox WHERE published_at IS NULL")[0][0])

        await until_async(unpublished, lambda left: left == 0)
    assert all(len(events) == 1 for events in seen.values())


@contextmanager
def _failing_flags(admin_url: str) -> Iterator[None]:
    """Whoever writes a flag meanwhile is told to try again; it ends with the block."""
    with psycopg.connect(admin_url, autocommit=True, options="-c search_path=batch") as connection:
        connection.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'try again' USING ERRCODE = 'serialization_failure'; END $$"
        )
        connection.execute("CREATE TRIGGER fails BEFORE INSERT ON flag FOR EACH ROW EXECUTE FUNCTION fail()")
        yield
        connection.execute("DROP FUNCTION fail CASCADE")


@contextmanager
def _refusing_flags(admin_url: str) -> Iterator[None]:
    """Nobody writes flags meanwhile, everybody reads them; it ends with the block."""
    with psycopg.connect(admin_url) as connection:
        connection.execute("LOCK TABLE batch.flag IN SHARE MODE")
        yield


async def _troubles(process: Process) -> list[str]:
    response = await process.ask("GET", "/readyz")
    assert response.status_code == 200, response.text
    return list(response.json().get("troubles", ()))


async def test_a_consumer_that_stops_leaves_the_api_at_work_and_begins_again(
    kafka_url: str, batch_url: str, database_url: str, make_harness: Callable[..., Harness], publisher: Publisher
) -> None:
    harness = make_harness()
    first, second = (f"{uuid.uuid4().hex[:8]}-{number}" for number in range(2))
    await harness.queue(first, second)
    cleared = build.a_flag(second, flag_version=2, state=int(FlagState.CLEAR), tiles=0)
    with _running(kafka_url, batch_url, REBALANCER_RETRY_S="0.5") as process:
        await process.ready()
        with _failing_flags(database_url):
            await publisher.send([_chunk(topics.FLAGS, second, build.flags(cleared))])
            troubles = await until_async(
                lambda: _troubles(process), lambda all_: any("flags failed" in trouble for trouble in all_)
            )
            assert any("SerializationFailure" in trouble for trouble in troubles), troubles
            metrics = (await process.ask("GET", "/metrics")).text
            assert 'rebalancer_part_failing{part="rebalancer-batch-flags",service="batch"} 1.0' in metrics
            assert (await process.ask("GET", "/v1/queue/accounts")).json()["total"] == 2
            body = {"selection": {"kind": "ids", "ids": [first]}, "expected_count": 1}
            key = {"Idempotency-Key": str(uuid.uuid4())}
            assert (await process.ask("POST", "/v1/batches", json=body, headers=key)).status_code == 202
            assert (await process.ask("GET", "/healthz")).status_code == 200
        await until_async(lambda: _state(harness, second), lambda state: state == FlagState.CLEAR)


async def test_a_consumer_that_hangs_fails_the_liveness(
    kafka_url: str, batch_url: str, database_url: str, make_harness: Callable[..., Harness], publisher: Publisher
) -> None:
    account = uuid.uuid4().hex
    await make_harness().queue(account)
    with _running(kafka_url, batch_url, REBALANCER_STUCK_S="6") as process:
        await process.ready()
        assert (await process.ask("GET", "/healthz")).status_code == 200
        with _refusing_flags(database_url):
            await publisher.send([_chunk(topics.FLAGS, account, build.flags(build.a_flag(account, flag_version=2)))])
            said = await until_async(
                lambda: process.ask("GET", "/healthz"), lambda response: "batch-flags" in response.text
            )
            assert said.status_code == 503
            because = said.json()["because"]  # others that wait for the same table may be among them
            assert any(trouble.startswith("rebalancer-batch-flags: has not got on for ") for trouble in because), (
                because
            )


async def _state(harness: Harness, account_id: str) -> int:
    return int(harness.sql("SELECT state FROM flag WHERE account_id = %s", account_id)[0][0])
