"""The real broker and the real database as the stack runs them: killed, they come back with what was acknowledged."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from deploy import roles, topics
from deploy.stack import Stack, clock, kafka
from deploy.stack.errors import StackError
from deploy.stack.layout import Layout
from shared.contracts.topics import TOPICS
from shared.runtime.clock import set_instant
from tests.stackfix.infrastructure import as_role
from tests.waiting import aside

pytestmark = [pytest.mark.integration]


def test_every_topic_of_the_table_is_created_once(kafka_url: str) -> None:
    async def names() -> set[str]:
        client = AIOKafkaAdminClient(bootstrap_servers=kafka_url)
        await client.start()
        try:
            return set(await client.list_topics())
        finally:
            await client.close()

    assert {topic.name for topic in TOPICS} <= aside(names())
    assert aside(topics.create(kafka_url)) == []


def test_each_test_has_an_empty_database(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
        connection.execute("CREATE TABLE left_behind ()")


def test_only_the_owner_of_a_schema_creates_there_and_it_may_enter_no_other(database_url: str) -> None:
    for service in roles.SERVICES:
        with psycopg.connect(as_role(database_url, f"{service}{roles.OWNER}")) as connection:
            connection.execute("CREATE TABLE mine (x int)")
            assert connection.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'mine'").fetchall() == [
                (service,)
            ]
            connection.rollback()
    refused = [(f"{service}{kind}", service) for service in roles.SERVICES for kind in ("", roles.REQUESTS)]
    refused += [("gateway_migrator", "batch"), ("batch_migrator", "gateway"), ("batch", "public")]
    for role, schema in refused:
        with (
            psycopg.connect(as_role(database_url, role)) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(f"CREATE TABLE {schema}.foreign_table (x int)")


@pytest.mark.fault
@pytest.mark.slow
def test_kafka_and_postgres_killed_come_back_with_what_was_acknowledged(local_infrastructure: Stack) -> None:
    stack, topic = local_infrastructure, TOPICS[0].name
    with psycopg.connect(stack.addresses.admin_database(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (x int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    aside(_send(stack.addresses.kafka, topic, b"kept"))
    for name in ("kafka", "postgres"):
        before = stack.pid(name)
        stack.kill(name)
        stack.wait_ready(name)
        assert stack.pid(name) != before
    with psycopg.connect(stack.addresses.admin_database()) as connection:
        assert connection.execute("SELECT x FROM kept").fetchall() == [(7,)]
    assert b"kept" in aside(_read(stack.addresses.kafka, topic))


@pytest.mark.slow
def test_data_keys_and_time_are_kept_from_stop_to_start_and_ports_may_change(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "kept", services=(), ephemeral=False)
    try:
        with stack:
            set_instant(stack.layout.clock_file, clock.now(stack.layout).replace(year=2031))
            aside(_send(stack.addresses.kafka, TOPICS[0].name, b"before"))
            before = stack.addresses
        stopped_at = clock.now(stack.layout)
        assert not stack.running()
        set_instant(stack.layout.clock_file, stopped_at.replace(year=2032))  # as if a year had passed while it was down
        Layout(stack.layout.state).state_file.write_text('{"ports": {"kafka": 0, "kafka-controller": 0}}')
        with stack:
            assert stack.addresses.kafka != before.kafka
            assert stack.addresses.secrets == before.secrets
            assert 0 <= (clock.now(stack.layout) - stopped_at).total_seconds() < 60
            assert b"before" in aside(_read(stack.addresses.kafka, TOPICS[0].name))
    finally:
        shutil.rmtree(stack.layout.postgres_home)


def test_a_start_that_fails_names_the_guilty_with_its_words_and_leaves_nothing(tmp_path: Path) -> None:
    stack = Stack(tmp_path / "broken", services=())
    stack.layout.make()
    stack.layout.kafka_data.mkdir()
    (stack.layout.kafka_data / "log").write_text("a file where the broker wants a directory")
    assert kafka.jars_present()
    with pytest.raises(StackError, match="could not be formatted"):
        stack.start()
    assert not stack.running()
    assert not stack.layout.postgres_home.exists()


def test_nothing_listens_beyond_loopback(local_infrastructure: Stack) -> None:
    ports = set(local_infrastructure.addresses.ports.values())
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    listening = [row[1].rpartition(":") for row in rows if row[3] == "0A"]
    ours = [address for address, _, port in listening if int(port, 16) in ports]
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert ours
    assert set(ours) <= loopback


def test_what_is_secret_is_readable_by_its_owner_only(local_infrastructure: Stack) -> None:
    layout = local_infrastructure.layout
    for path in (layout.secrets_file, layout.plan_file, layout.socket):
        assert path.stat().st_mode & 0o077 == 0, path
        assert path.stat().st_uid == os.geteuid()


async def _send(kafka_url: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka_url, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, key=b"one", partition=0)
    finally:
        await producer.stop()


async def _read(kafka_url: str, topic: str) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=kafka_url, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=10_000)
        return [record.value for records in found.values() for record in records]
    finally:
        await consumer.stop()
