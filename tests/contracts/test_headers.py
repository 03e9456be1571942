"""Headers of what we publish are those that the documents promise."""

from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator

from deploy.contracts.examples import as_published, examples
from deploy.sample.publish import platform_event
from shared.contracts.asyncapi import headers_of
from shared.contracts.catalogue import published
from shared.contracts.event_schemas import model_of
from shared.contracts.topics import TOPICS, Topic
from shared.kafka import messages
from shared.kafka.incarnation import of_incarnation
from shared.kafka.publisher import _headers, schema_urls

pytestmark = pytest.mark.fast
AT = datetime(2026, 6, 12, 20, tzinfo=UTC)
ENTERPRISES = ("summit", "harbor")
GATEWAY = "https://rebalancer.example"


@pytest.mark.parametrize("topic", published(), ids=lambda topic: topic.name)
@pytest.mark.parametrize("gateway_url", ["", GATEWAY])
@pytest.mark.parametrize("incarnation", ["", "a1b2a1b2a1b2"])
def test_headers_fit_their_schema(topic: Topic, gateway_url: str, incarnation: str) -> None:
    body = next(iter(examples(topic.name).values()))
    if topic.audience == "inbound":
        sent = platform_event(topic, body, AT)
    else:
        event = model_of(topic).model_validate_json(as_published(body))
        sent = messages.event(
            topic, str(body[topic.key]), event, event_id="e-1", source=topic.producer, at=AT, enterprises=ENTERPRISES
        )
        (sent,) = of_incarnation([sent], incarnation)
    headers = {name: value.decode() for name, value in _headers(sent, schema_urls(gateway_url))}
    Draft202012Validator(headers_of(topic)).validate(headers)
    named = bool(gateway_url) and topic.audience == "public"
    wanted = f"{GATEWAY}/api/v1/events/schemas/{topic.name}.json" if named else None
    assert headers.get("ce_dataschema") == wanted
    assert headers.get("ce_enterprises") == ("harbor,summit" if topic.audience == "public" else None)


def test_only_public_topics_have_a_schema_at_the_gateway() -> None:
    public = {topic.name for topic in TOPICS if topic.audience == "public"}
    assert schema_urls(GATEWAY).keys() == public
    assert schema_urls("") == {}


def test_the_same_event_has_another_identity_in_another_incarnation_and_the_same_in_the_same() -> None:
    sent = messages.plain_event(TOPICS[0], "k", {}, event_id="e-1", source="batch", at=AT)
    identities = [
        {(made.headers["ce_source"], made.headers["ce_id"]) for made in of_incarnation([sent, sent], name)}
        for name in ("", "a1b2a1b2a1b2", "c3d4c3d4c3d4")
    ]
    assert identities[0] == {("/rebalancer/batch", "e-1")}
    assert [len(found) for found in identities] == [1, 1, 1]
    assert len({name for found in identities for _, name in found}) == 3
