"""Who may do what at the broker, derived from the table of topics.

A user has what its entries in the table ask for and nothing else; the broker refuses what nobody was given.
`python -m deploy.acls` gives these rights and writes docs/kafka-rights.md; shared.kafka.access compares a service's own
with what the broker allows it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from shared.contracts.topics import SERVICES, TOPICS, Topic

Operation = Literal["Read", "Write", "Describe", "Create", "Alter", "DescribeConfigs", "AlterConfigs"]
GROUP_PREFIX: Final = "rebalancer-"
AUDITOR: Final = "auditor"
PLATFORM: Final = "platform"
TOPICS_ADMIN: Final = "topics"
ON_CALL: Final = "on-call"
SAMPLE_SUBSCRIBER: Final = "example-subscriber"
USERS: Final = {
    **{service: f"the service {service}, all its processes" for service in SERVICES},
    AUDITOR: "the auditor beside the system: it reads the event log, and how far every group is, and keeps"
    " the ends of chains",
    PLATFORM: "whoever sends what comes in: the sample book, and the simulated custodian, who reads public topics too",
    TOPICS_ADMIN: "`python -m deploy.topics`: makes and changes topics, reads and writes none",
    ON_CALL: "people on call: `python -m services.<name> dlq` reads dead letters, and sends messages again to where"
    " they came from",
    SAMPLE_SUBSCRIBER: "a subscriber of public topics; every further one has the same rights under its own name",
}
"""Every user of ours at the broker, and what it is for."""
_FROM_OUTBOX: Final = ("batch",)
"""Services whose relay looks at the ends of its own topics before it sends anything twice."""
_WATCHES_LAG: Final = "batch"
"""The service that compares the committed offsets of every group with the ends of its topics; the auditor does too."""
_SUBSCRIBER: Final = re.compile(r"[a-z][a-z0-9-]{1,62}")


@dataclass(frozen=True, order=True)
class Right:
    """Leave to do one thing with a topic or a consumer group; prefixed: with every one whose name begins so."""

    resource: Literal["Topic", "Group"]
    name: str
    prefixed: bool
    operation: Operation


def rights_of(user: str) -> list[Right]:
    """Return the rights of a user of ours, sorted.  Raises KeyError for a user that is not in USERS."""
    if user in SERVICES:
        return sorted(set(_of_service(user)))
    if user == SAMPLE_SUBSCRIBER:
        return rights_of_subscriber(user)
    others = {AUDITOR: _of_auditor, PLATFORM: _of_platform, TOPICS_ADMIN: _of_admin, ON_CALL: _of_people}
    return sorted(others[user]())


def rights_of_subscriber(user: str) -> list[Right]:
    """Return the rights of a subscriber: to read public topics, in groups named as itself or <user>.<anything>.

    Raises ValueError if the name is not lower-case letters, digits and hyphens, or is one of a user of ours.
    """
    if not _SUBSCRIBER.fullmatch(user) or (user in USERS and user != SAMPLE_SUBSCRIBER):
        raise ValueError(f"{user!r} cannot be a subscriber: 2 to 63 of a-z, 0-9 and -, and no user of ours")
    groups = [Right("Group", user, False, "Read"), Right("Group", f"{user}.", True, "Read")]
    return sorted([*_public(), *groups])


def _topic(topic: Topic, operation: Operation) -> Right:
    return Right("Topic", topic.name, False, operation)


def _public() -> list[Right]:
    return [_topic(topic, "Read") for topic in TOPICS if topic.audience == "public"]


def _of_service(service: str) -> Iterator[Right]:
    for topic in TOPICS:
        if service in topic.consumers:
            yield _topic(topic, "Read")
        if service == topic.producer:
            yield _topic(topic, "Write")
            if service in _FROM_OUTBOX and topic.audience != "dead-letter":
                yield _topic(topic, "Read")
    # The service's own groups; beside those of its consumers, the ones in which shared.kafka.notes keeps its notes.
    yield Right("Group", f"{GROUP_PREFIX}{service}", True, "Read")
    if service == _WATCHES_LAG:
        yield from _of_lag()


def _of_lag() -> Iterator[Right]:
    yield from (_topic(topic, "Describe") for topic in TOPICS if set(topic.consumers) & set(SERVICES))
    yield Right("Group", GROUP_PREFIX, True, "Describe")


def _of_auditor() -> Iterator[Right]:
    for topic in TOPICS:
        if topic.logged or topic.producer == AUDITOR:
            yield _topic(topic, "Read")
        if topic.producer == AUDITOR:
            yield _topic(topic, "Write")
    yield from _of_lag()


def _of_platform() -> list[Right]:
    return [*_public(), *(_topic(topic, "Write") for topic in TOPICS if topic.producer == PLATFORM)]


def _of_admin() -> list[Right]:
    operations: tuple[Operation, ...] = ("Create", "Describe", "Alter", "DescribeConfigs", "AlterConfigs")
    return [_topic(topic, operation) for topic in TOPICS for operation in operations]


def _of_people() -> list[Right]:
    operations: tuple[Operation, ...] = ("Read", "Write")
    notes = [f"{GROUP_PREFIX}{service}-{kind}" for service in SERVICES for kind in ("released", "suspects")]
    groups = [Right("Group", name, False, "Read") for name in notes]
    return [*(_topic(topic, operation) for topic in TOPICS for operation in operations), *groups]
