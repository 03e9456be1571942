"""On a real broker with TLS and users: each may do what docs/kafka-rights.md names, and nothing else."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError
from aiokafka.protocol.fetch import FetchRequest

from deploy.acls.apply import Refused, apply
from deploy.acls.brokers import ADMIN
from deploy.certificates import issue
from deploy.stack.layout import CHECKOUT
from shared.contracts import topics
from shared.contracts.rights import ON_CALL, PLATFORM, SAMPLE_SUBSCRIBER, USERS, Right, rights_of
from shared.contracts.topics import TOPICS
from shared.kafka.access import connected, refusals
from shared.kafka.connection import client_options
from shared.kafka.lag import LagWatch, worker_groups
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from shared.kafka.suspects import Suspect, Suspects
from shared.kafka.topic_hold import Releases
from shared.oncall import dead_letters
from shared.runtime.broker import Broker, SecuredBroker
from tests.kafka_rights.conftest import UNCLOSED, SecuredKafka
from tests.subscribers import typescript
from tests.waiting import until

pytestmark = [pytest.mark.integration, UNCLOSED]
NAMES = [topic.name for topic in TOPICS]
PUBLIC = {topic.name for topic in TOPICS if topic.audience == "public"}
FORBIDDEN = TopicAuthorizationFailedError.errno
EXPECTED = "acted on rebalancer.orders.v1 acct-1"
PYTHON = (sys.executable, str(CHECKOUT / "examples" / "subscribers" / "python" / "subscriber.py"))
TYPESCRIPT = ("node", typescript.PROGRAM)


async def readable(broker: Broker, names: Collection[str]) -> set[str]:
    """Return the topics from which the broker lets this user fetch."""
    connection = await connected(broker)
    try:
        wanted = [(name, [(0, 0, 1024)]) for name in names]
        reply: Any = await connection.send(FetchRequest(1, 0, 1024, 0, wanted))
        return {name for name, partitions in reply.topics if partitions[0][1] != FORBIDDEN}
    finally:
        connection.close()


async def writable(broker: Broker, names: Collection[str]) -> set[str]:
    """Return the topics to which the broker lets this user write; a message is left in each."""
    done = set()
    async with AIOKafkaProducer(**client_options(broker), enable_idempotence=True) as producer:
        for name in names:
            try:
                headers = [("ce_source", b"/test"), ("ce_id", name.encode()), ("ce_type", name.encode())]
                await producer.send_and_wait(name, b'{"version": 1}', b"of a test", partition=0, headers=headers)
                done.add(name)
            except TopicAuthorizationFailedError:
                pass
    return done


def allowed(user: str, operation: str) -> set[str]:
    """Return the topics for which the user has this right."""
    return {right.name for right in rights_of(user) if (right.resource, right.operation) == ("Topic", operation)}


@pytest.mark.parametrize("user", USERS)
async def test_a_user_reads_and_writes_what_its_rights_name_and_nothing_else(kafka: SecuredKafka, user: str) -> None:
    broker = kafka.broker(user)
    assert (await refusals(broker, rights_of(user))).sentences() == []
    assert await readable(broker, NAMES) == allowed(user, "Read")
    if allowed(user, "Write"):
        assert await writable(broker, NAMES) == allowed(user, "Write")
    else:  # a client that may write nothing at all is refused when it connects as a producer
        async with AIOKafkaProducer(**client_options(broker)) as producer:
            for name in NAMES:
                with pytest.raises(TopicAuthorizationFailedError):
                    await producer.send_and_wait(name, b"no event", partition=0)


@pytest.mark.parametrize("user", ["analyzer", SAMPLE_SUBSCRIBER])
async def test_a_user_is_in_its_own_groups_alone(kafka: SecuredKafka, user: str) -> None:
    (topic, *_), own = sorted(allowed(user, "Read")), {"analyzer": "rebalancer-analyzer"}.get(user, user)
    at = TopicPartition(topic, 0)
    for group in (own, f"{own}.more" if user == SAMPLE_SUBSCRIBER else f"{own}-more"):
        async with AIOKafkaConsumer(topic, **client_options(kafka.broker(user)), group_id=group) as consumer:
            assert at in consumer.assignment()
            await consumer.commit({at: 0})
            assert await consumer.committed(at) == 0
    for group in ("rebalancer-batch-facts", "rebalancer-taxlot", f"{SAMPLE_SUBSCRIBER}2", "somebody"):
        stranger = AIOKafkaConsumer(topic, **client_options(kafka.broker(user)), group_id=group)
        try:
            with pytest.raises(GroupAuthorizationFailedError):
                await stranger.start()
        finally:
            await stranger.stop()


async def test_what_the_services_do_beside_their_topics(kafka: SecuredKafka) -> None:
    """Notes in groups of their own, the lag of every group, and what people on call do with all of it."""
    at = (topics.WORK_LOTS.name, 0, 0)
    await Suspects(kafka.broker("proposer"), "proposer").note(at, Suspect(1), "of a test")
    assert (await Suspects(kafka.broker(ON_CALL), "proposer").known())[at].starts == 1
    await Releases(kafka.broker(ON_CALL), "proposer").give(topics.WORK_LOTS.name, "kim", 1)
    released = await Releases(kafka.broker("proposer"), "proposer").newest(topics.WORK_LOTS.name)
    assert released is not None
    assert released.who == "kim"
    assert len(await dead_letters.index(kafka.broker(ON_CALL), "proposer")) >= 0
    await LagWatch(kafka.broker("batch"), worker_groups()).sample()


@contextmanager
def subscriber(
    kafka: SecuredKafka, folder: Path, program: Sequence[str] = PYTHON, **more: str
) -> Iterator["subprocess.Popen[str]"]:
    """Run an example subscriber as its user."""
    env = {
        "PATH": os.environ["PATH"], "KAFKA_URL": kafka.addresses.kafka, "KAFKA_CA_FILE": str(kafka.security.ca_file),
        "KAFKA_USER": SAMPLE_SUBSCRIBER, "KAFKA_PASSWORD": kafka.passwords[SAMPLE_SUBSCRIBER],
        "DATABASE": str(folder / "subscriber.db"), **more,
    }  # fmt: skip
    with subprocess.Popen(
        program, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("program", [PYTHON, TYPESCRIPT], ids=["python", "typescript"])
async def test_an_example_subscriber_reads_a_public_event(
    kafka: SecuredKafka, tmp_path: Path, program: Sequence[str]
) -> None:
    if program is TYPESCRIPT:
        await asyncio.to_thread(typescript.build, tmp_path)
    headers = {"ce_id": "1", "ce_source": "/test", "ce_type": topics.ORDERS.name}
    async with Publisher(kafka.broker("batch"), "batch") as publisher:
        await publisher.send([Outgoing(topics.ORDERS.name, b"acct-1", b'{"version": 1}', headers)])
    with subscriber(kafka, tmp_path, program) as reading:
        assert reading.stdout is not None
        while not (line := await asyncio.to_thread(reading.stdout.readline)).startswith(EXPECTED):
            assert line, "it ended"


async def test_the_example_subscriber_says_what_it_is_refused(kafka: SecuredKafka, tmp_path: Path) -> None:
    with subscriber(kafka, tmp_path, TOPIC_PREFIX="none.") as refused:
        _, said = await asyncio.to_thread(refused.communicate)
        assert refused.returncode == 1
        assert "ask whoever gave it to you" in said.splitlines()[-1]
    with subscriber(kafka, tmp_path, GROUP="somebody") as refused:
        _, said = await asyncio.to_thread(refused.communicate)
        assert "GROUP must be the user's name" in said.splitlines()[-1]
    with subscriber(kafka, tmp_path, KAFKA_PASSWORD="wrong") as refused:  # pragma: allowlist secret
        _, said = await asyncio.to_thread(refused.communicate)
        assert "invalid credentials" in said
        assert "KAFKA_PASSWORD right?" in said.splitlines()[-1]


async def test_a_wrong_password_and_a_foreign_certificate_are_named(kafka: SecuredKafka, tmp_path: Path) -> None:
    broker = kafka.broker("batch")
    assert isinstance(broker, SecuredBroker)
    for wrong in (replace(broker, password="wrong"), replace(broker, user="nobody")):  # pragma: allowlist secret
        (sentence,) = (await refusals(wrong)).connection
        assert f"refuses the user {wrong.user}: REBALANCER_KAFKA_PASSWORD is wrong" in sentence
        assert "python -m deploy.acls apply" in sentence
    other = tmp_path / "other.pem"
    other.write_text(issue("other", ["127.0.0.1"]).authority)
    (sentence,) = (await refusals(replace(broker, ca_file=other))).connection
    assert f"{other} (REBALANCER_KAFKA_CA_FILE) does not vouch for" in sentence
    (sentence,) = (await refusals(kafka.addresses.kafka)).doubtful
    assert "does it need REBALANCER_KAFKA_SECURITY=SASL_SSL?" in sentence


async def test_a_missing_topic_and_a_forbidden_one_are_named(kafka: SecuredKafka) -> None:
    unknown = Right("Topic", "no.such.topic", False, "Read")
    found = await refusals(kafka.broker(ADMIN), [unknown, *rights_of("batch")])
    assert found.sentences() == ["missing topics: no.such.topic: `python -m deploy.topics` makes them"]
    (sentence,) = (await refusals(kafka.broker(PLATFORM), rights_of("proposer"))).forbidden
    assert "it may not read the topics work.lots, work.lots.small; write the topics" in sentence
    assert "read the groups rebalancer-proposer*" in sentence


def test_commands_say_why_they_cannot(kafka: SecuredKafka, tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    wrong = {**bare, **kafka.environment("topics"), "REBALANCER_KAFKA_PASSWORD": "wrong"}  # pragma: allowlist secret
    for command in (["deploy.topics"], ["deploy.acls", "apply"]):
        passwords = {f"KAFKA_PASSWORD_{user.upper().replace('-', '_')}": "x" for user in USERS}
        done = run(command, {**wrong, **passwords})
        assert done.returncode == 1
        assert "refuses the user topics: REBALANCER_KAFKA_PASSWORD is wrong" in done.stderr
        assert "Traceback" not in done.stderr
    done = run(["deploy.acls", "apply"], {**bare, **kafka.environment(ADMIN)})
    assert done.returncode == 1
    assert "KAFKA_PASSWORD_ANALYZER is not set, and there is no file" in done.stderr


def test_applying_again_changes_nothing_and_takes_what_is_too_much(kafka: SecuredKafka, tmp_path: Path) -> None:
    for user, word in kafka.passwords.items():
        (tmp_path / f"kafka_password_{user.replace('-', '_')}").write_text(word)
    env = {"PATH": os.environ["PATH"], **kafka.environment(ADMIN), "REBALANCER_SECRETS_DIR": str(tmp_path)}
    done = run(["deploy.acls", "apply"], env)
    assert done.stdout == f"{len(USERS)} users have their passwords; 0 rights given, 0 taken\n", done.stderr

    (tmp_path / "kafka_password_acme").write_text("word-of-acme")
    assert run(["deploy.acls", "subscriber", "acme"], env).stdout.startswith("1 users have their passwords; ")
    acme = replace(kafka.security.broker(kafka.addresses.kafka, "batch"), user="acme", password="word-of-acme")
    until(lambda: asyncio.run(readable(acme, NAMES)), lambda names: names == PUBLIC)
    assert run(["deploy.acls", "subscriber", "batch-"], env).returncode == 1


async def test_who_may_not_cannot_give_rights(kafka: SecuredKafka) -> None:
    with pytest.raises(Refused, match="ClusterAuthorizationFailedError"):
        await apply(kafka.broker("batch"), {"acme": "word"})


def run(command: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a module of ours to its end."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False
    )
