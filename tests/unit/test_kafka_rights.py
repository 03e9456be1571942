"""Users and rights at the broker follow from the table of topics; their page is up to date."""

import pytest

from deploy.acls import page
from deploy.acls.apply import wanted
from services.auditor.operations.passes import GROUPS
from shared.contracts import topics
from shared.contracts.rights import (
    AUDITOR,
    GROUP_PREFIX,
    ON_CALL,
    PLATFORM,
    SAMPLE_SUBSCRIBER,
    TOPICS_ADMIN,
    USERS,
    Right,
    rights_of,
    rights_of_subscriber,
)
from shared.contracts.topics import SERVICES, TOPICS
from shared.kafka.lag import worker_groups

pytestmark = pytest.mark.fast
PUBLIC = {topic.name for topic in TOPICS if topic.audience == "public"}


def names(user: str, operation: str, resource: str = "Topic") -> set[str]:
    """Return what the user may do this with."""
    return {right.name for right in rights_of(user) if right.operation == operation and right.resource == resource}


def test_the_page_is_what_the_table_says() -> None:
    assert page.PATH.read_text() == page.text(), "write it anew: python -m deploy.acls page"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_writes_what_it_produces_and_nothing_else(service: str) -> None:
    assert names(service, "Write") == {topic.name for topic in TOPICS if topic.producer == service}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_what_it_consumes(service: str) -> None:
    consumed = {topic.name for topic in TOPICS if service in topic.consumers}
    beyond = names(service, "Read") - consumed
    assert consumed <= names(service, "Read")
    assert beyond == ({topic.name for topic in TOPICS if topic.producer == "batch"} - {"batch.dlq"} - consumed
                      if service == "batch" else set()), "only a relay reads what it wrote"  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_groups_that_are_its_own(service: str) -> None:
    own = [right for right in rights_of(service) if right.resource == "Group" and right.operation == "Read"]
    assert own == [Right("Group", f"{GROUP_PREFIX}{service}", True, "Read")]
    assert not [other for other in SERVICES if other != service and other.startswith(service)]


def test_whoever_watches_the_lag_sees_every_group_and_its_topics() -> None:
    seen = names("batch", "Describe") | names("batch", "Read") | names("batch", "Write")
    assert {topic for read in worker_groups().values() for topic in read} <= seen
    assert names("batch", "Describe", "Group") == {GROUP_PREFIX}


def test_the_auditor_reads_the_event_log_and_writes_ends_of_chains_alone() -> None:
    heads = {topics.CHAIN_HEADS.name}
    assert names(AUDITOR, "Read") == {topic.name for topic in topics.TOPICS if topic.logged} | heads
    assert names(AUDITOR, "Write") == heads
    assert {topic for group in GROUPS.values() for topic in group} <= names(AUDITOR, "Describe")


def test_a_subscriber_reads_public_topics_and_nothing_else() -> None:
    for user in (SAMPLE_SUBSCRIBER, "acme"):
        rights = rights_of_subscriber(user)
        assert {right.operation for right in rights} == {"Read"}
        assert {right.name for right in rights if right.resource == "Topic"} == PUBLIC
        groups = {(right.name, right.prefixed) for right in rights if right.resource == "Group"}
        assert groups == {(user, False), (f"{user}.", True)}, "no group of one whose name begins like its own"
    assert rights_of(SAMPLE_SUBSCRIBER) == rights_of_subscriber(SAMPLE_SUBSCRIBER)


@pytest.mark.parametrize("name", ["", "a", "batch", PLATFORM, "A b", "acme.", "*", "acme/other"])
def test_a_subscriber_cannot_be_called_so(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a subscriber"):
        rights_of_subscriber(name)


def test_who_sends_what_comes_in_reads_no_internal_topic() -> None:
    assert names(PLATFORM, "Read") == PUBLIC
    assert names(PLATFORM, "Write") == {topic.name for topic in TOPICS if topic.audience == "inbound"}


def test_who_makes_topics_neither_reads_nor_writes_them() -> None:
    assert not names(TOPICS_ADMIN, "Read") | names(TOPICS_ADMIN, "Write")
    assert names(TOPICS_ADMIN, "Create") == {topic.name for topic in TOPICS}


def test_people_on_call_send_again_to_every_topic_of_a_dead_letter() -> None:
    origins = {topic.name for topic in TOPICS if topic.consumers}
    letters = {topics.dead_letters(service).name for service in SERVICES}
    assert origins | letters <= names(ON_CALL, "Read")
    assert origins | letters <= names(ON_CALL, "Write")


def test_no_right_is_for_everything() -> None:
    for entry in wanted(USERS):
        assert entry.name not in ("", "*")
        assert entry.principal.removeprefix("User:") in USERS
