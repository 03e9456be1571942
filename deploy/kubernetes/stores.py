"""Topics and users for Strimzi's operators: what deploy.topics and deploy.acls would make of the same tables."""

from collections.abc import Iterable, Mapping
from typing import Final

from deploy.kubernetes.manifests import KAFKA_PASSWORD, secrets
from deploy.kubernetes.workloads import Manifest, manifest, secret_of
from deploy.topic_plan import TopicSettings, configuration_of, partitions_of
from shared.contracts.rights import SAMPLE_SUBSCRIBER, USERS, Right, rights_of
from shared.contracts.topics import TOPICS

CLUSTER: Final = "rebalancer"
"""The name of the Kafka cluster and of the PostgreSQL cluster; services of both begin with it."""
VERSION: Final = "kafka.strimzi.io/v1"


def layout_of(settings: Mapping[str, str]) -> TopicSettings:
    """Return the layout of topics in the data of the settings' ConfigMap."""
    return TopicSettings(
        kafka_url=settings["REBALANCER_KAFKA_URL"],
        partitions=int(settings["REBALANCER_PARTITIONS"]),
        replication=int(settings["REBALANCER_REPLICATION"]),
        min_isr=int(settings["REBALANCER_MIN_ISR"]),
        event_log_days=int(settings["REBALANCER_EVENT_LOG_DAYS"]),
    )


def topics(settings: Mapping[str, str]) -> list[Manifest]:
    """Return a KafkaTopic for every topic of the table."""
    layout, found = layout_of(settings), []
    for topic in TOPICS:
        made = manifest(
            VERSION,
            "KafkaTopic",
            topic.name,
            spec={
                "partitions": partitions_of(topic, layout),
                "replicas": layout.replication,
                "config": {
                    name: int(value) if value.isascii() and value.isdigit() else value
                    for name, value in configuration_of(topic, layout).items()
                },
            },
        )
        made["metadata"]["labels"]["strimzi.io/cluster"] = CLUSTER
        found.append(made)
    return found


def users() -> list[Manifest]:
    """Return a KafkaUser for every user of ours with its rights.

    Passwords of our processes are in the Secrets that these mount; for people and the platform Strimzi makes one, in a
    Secret named as the user.
    """
    given = {reader for reader, keys in secrets().items() if KAFKA_PASSWORD in keys}
    return [
        user_with(name, rights_of(name), (secret_of(name), KAFKA_PASSWORD) if name in given else None)
        for name in USERS
        if name != SAMPLE_SUBSCRIBER
    ]


def user_with(name: str, rights: Iterable[Right], password: tuple[str, str] | None) -> Manifest:
    """Return a user with these rights.  password: name and key of the Secret it is in; None: Strimzi makes one."""
    operations: dict[tuple[str, str, bool], list[str]] = {}
    for right in rights:
        operations.setdefault((right.resource, right.name, right.prefixed), []).append(right.operation)
    acls = [
        {
            "resource": {"type": kind.lower(), "name": of, "patternType": "prefix" if prefixed else "literal"},
            "operations": allowed,
        }
        for (kind, of, prefixed), allowed in operations.items()
    ]
    shown: Manifest = {"type": "scram-sha-512"}
    if password is not None:
        secret, key = password
        shown["password"] = {"valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    spec = {"authentication": shown, "authorization": {"type": "simple", "acls": acls}}
    made = manifest(VERSION, "KafkaUser", name, spec=spec)
    made["metadata"]["labels"]["strimzi.io/cluster"] = CLUSTER
    return made
