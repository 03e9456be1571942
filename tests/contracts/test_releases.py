"""The present contract keeps what was released: by our own rules, and by a validator that knows nothing of them."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from deploy.contracts.examples import EVENTS, FOLDER, as_published, examples
from deploy.contracts.releases import DIGESTS, broken_since, broken_topic, cut, digests, releases, schemas_of
from shared.contracts.asyncapi import RELEASE, document
from shared.contracts.catalogue import NOTES, published
from shared.contracts.event_schemas import model_of, schema_of, schemas
from shared.contracts.topics import BATCH, DAY_MS, ORDERS, Topic

pytestmark = pytest.mark.fast
RELEASES: Final = [pytest.param(folder, id=folder.name) for folder in releases()]
LAST: Final = releases()[-1]
OF_THEN: Final = [
    pytest.param(folder, topic, body, id=f"{folder.name}-{topic}-{name}")
    for folder in releases()
    for topic in sorted(path.name for path in (folder / FOLDER).iterdir())
    for name, body in examples(topic, folder).items()
]
TOPICS: Final = {topic.name: topic for topic in published()}


def errors(schema: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """Return what the validator finds wrong with an event."""
    found = Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(body)
    return [f"{error.json_path}: {error.message}" for error in found]


def test_the_last_release_is_the_one_the_documents_name() -> None:
    assert LAST.name == str(RELEASE)
    for notes in NOTES.values():
        assert int(notes.changes[-1].partition(":")[0]) <= RELEASE + 1, "what comes next is noted before it is cut"


@pytest.mark.parametrize("folder", RELEASES)
def test_a_release_is_never_changed(folder: Path) -> None:
    assert digests(folder) == (folder / DIGESTS).read_text()


def test_no_promise_of_the_last_release_is_broken() -> None:
    broken = broken_since(LAST)
    assert not broken, "publish it on a new topic, or leave it as it was: " + "; ".join(broken)


@pytest.mark.parametrize(("folder", "topic", "body"), OF_THEN)
def test_an_event_of_then_is_valid_now_and_read_by_its_model(folder: Path, topic: str, body: dict[str, Any]) -> None:
    assert not errors(schema_of(TOPICS[topic]), body)
    model_of(TOPICS[topic]).model_validate_json(as_published(body))


@pytest.mark.parametrize("topic", [name for name in schemas_of(LAST) if TOPICS[name].audience == "public"])
def test_a_reader_of_the_last_release_takes_every_event_of_now(topic: str) -> None:
    schema = schemas_of(LAST)[topic]
    for name, body in examples(topic).items():
        assert not errors(schema, body), name


@pytest.mark.parametrize(("topic", "schema"), schemas().items())
def test_every_schema_is_a_schema(topic: str, schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def test_both_checks_find_what_would_break_a_reader() -> None:
    """A status that was not known: the rules call it wider, and a reader of the release refuses the event."""
    schema = deepcopy(schemas_of(LAST)[BATCH.name])
    schema["properties"]["status"]["enum"].remove("CANCELLED")
    body = examples(BATCH.name)["cancelled-at-end-of-day"]
    assert errors(schema, body) == [
        "$.status: 'CANCELLED' is not one of ['WORKING', 'PENDING_APPROVAL', 'APPROVED', 'FAILED']"
    ]


def test_what_is_kept_as_a_release_is_what_is_committed(tmp_path: Path) -> None:
    folder = cut(7, tmp_path)
    assert schemas_of(folder) == json.loads(json.dumps(schemas()))
    assert {path.name for path in (folder / FOLDER).iterdir()} == {path.name for path in (EVENTS / FOLDER).iterdir()}
    assert broken_since(folder) == []
    assert digests(folder) == (folder / DIGESTS).read_text()
    with pytest.raises(FileExistsError):
        cut(7, tmp_path)


def test_a_broken_promise_and_a_topic_that_is_gone_are_found(tmp_path: Path) -> None:
    folder = cut(1, tmp_path)
    path = folder / "schemas" / f"{BATCH.name}.json"
    schema = json.loads(path.read_text())
    schema["properties"]["status"]["enum"].remove("FAILED")
    schema["properties"]["priority"] = {"type": "integer"}
    path.write_text(json.dumps(schema))
    (folder / "schemas" / "rebalancer.gone.v1.json").write_text("{}")
    assert broken_since(folder) == [
        f"{BATCH.name}: status: more values are possible (values: FAILED)",
        f"{BATCH.name}: priority: the field is gone",
        "rebalancer.gone.v1 is gone: publish it on until nobody reads it, and say so in a release",
    ]


def kept_for(retention_ms: int, most_bytes: int = 9) -> dict[str, Any]:
    """Return a binding of a topic that keeps messages for a time."""
    return {"topicConfiguration": {"retention.ms": retention_ms, "max.message.bytes": most_bytes}}


COMPACTED: Final = {"topicConfiguration": {"cleanup.policy": ["compact"], "max.message.bytes": 9}}


@pytest.mark.parametrize(
    ("topic", "change", "said"),
    [
        (ORDERS, {"partitions": 8}, "it had 4 partitions, has 8: the order within a key is lost"),
        (ORDERS, kept_for(1), "it kept 7776000000 ms, keeps 1"),
        (ORDERS, COMPACTED, "it is compacted now"),
        (BATCH, kept_for(9), "it was compacted"),
        (ORDERS, kept_for(90 * DAY_MS, 2**30), "a message had at most 4194304 bytes, has 1073741824"),
    ],
)
def test_what_readers_notice_beside_values_is_found(topic: Topic, change: dict[str, Any], said: str) -> None:
    before, after = document(), document()
    assert broken_topic(before, after, topic) == []
    after["channels"][topic.name]["bindings"]["kafka"].update(change)
    assert broken_topic(before, after, topic) == [said]


def test_another_key_is_found() -> None:
    before, after = document(), document()
    after["components"]["messages"]["BatchChanged"]["bindings"]["kafka"]["key"]["description"] = "account_id"
    assert broken_topic(before, after, BATCH) == ["its key was batch_id, is account_id"]
