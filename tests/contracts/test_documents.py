"""docs/events is what the table of topics, the catalogue and the models say, and nothing in them is left unsaid."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import BaseModel

from deploy.contracts import files
from deploy.contracts.examples import examples
from shared.contracts.asyncapi import document
from shared.contracts.catalogue import NOTES, published
from shared.contracts.event_schemas import model_of, schema_of, schema_path, schemas
from shared.contracts.field_meanings import MEANINGS, OBJECTS
from shared.contracts.topics import ACCOUNT, FLAGS, TOPICS, Topic

pytestmark = pytest.mark.fast
PUBLISHED: Final = [pytest.param(topic, id=topic.name) for topic in published()]
OUTSIDE: Final = [topic for topic in TOPICS if topic.audience in ("public", "inbound")]


def test_what_is_committed_is_what_is_generated() -> None:
    wanted, there = files.generated(), files.committed()
    wrong = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    assert not wrong, f"run `python -m deploy.contracts` and commit docs/events: {wrong}"


def test_writing_brings_a_folder_up_to_date_and_deletes_what_is_no_longer_generated(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "gone.v1.json").write_text("{}")
    changed = files.write(tmp_path)
    assert "schemas/gone.v1.json" in changed and len(changed) == len(files.generated()) + 1
    assert files.committed(tmp_path) == files.generated()
    assert files.write(tmp_path) == []


@pytest.mark.parametrize("topic", OUTSIDE, ids=lambda topic: topic.name)
def test_a_topic_of_others_has_an_entry_in_which_nothing_is_empty(topic: Topic) -> None:
    assert topic.name in NOTES, f"{topic.name}: say in shared/contracts/catalogue.py what subscribers must know"
    empty = [name for name, value in vars(NOTES[topic.name]).items() if not value]
    assert not empty


def test_the_catalogue_has_no_other_topic() -> None:
    assert NOTES.keys() == {topic.name for topic in OUTSIDE}


def test_every_field_and_object_has_a_meaning_and_every_meaning_a_field() -> None:
    fields, objects = set(), set()
    for topic in OUTSIDE:
        schema = schema_of(topic)
        for name, made in ({schema["title"]: schema} | schema.get("$defs", {})).items():
            objects.add(name)
            for field in made["properties"]:
                own = f"{name}.{field}"
                assert own in MEANINGS or field in MEANINGS, f"{own}: say what it means in field_meanings.py"
                fields.add(own if own in MEANINGS else field)
    assert MEANINGS.keys() == fields
    assert OBJECTS.keys() == objects - {model_of(topic).__name__ for topic in OUTSIDE}


def test_the_key_of_a_topic_is_a_field_of_its_event() -> None:
    for topic in OUTSIDE:
        assert topic.key in schema_of(topic)["required"], topic.name


@pytest.mark.parametrize("topic", PUBLISHED)
def test_a_schema_requires_what_its_model_requires(topic: Topic) -> None:
    model, schema = model_of(topic), schema_of(topic)
    assert set(schema["properties"]) == {name for name, field in model.model_fields.items() if not field.exclude}
    assert set(schema["required"]) == {name for name, field in model.model_fields.items() if field.is_required()}


@pytest.mark.parametrize("topic", PUBLISHED)
def test_a_published_event_is_open_and_knows_no_null(topic: Topic) -> None:
    text = str(schema_of(topic))
    assert "additionalProperties" not in text
    assert topic.audience == "inbound" or "null" not in text


def test_what_others_send_may_be_null_where_the_model_takes_it() -> None:
    assert {"type": "null"} in schema_of(ACCOUNT)["properties"]["portfolio_id"]["anyOf"]


def test_a_topic_of_chunks_has_no_schema() -> None:
    with pytest.raises(TypeError, match="no event in JSON"):
        model_of(FLAGS)


def test_a_schema_that_is_changed_by_its_reader_is_not_changed_for_the_next() -> None:
    topic = published()[0]
    schema_of(topic)["properties"].clear()
    assert schema_of(topic)["properties"]


def test_the_asyncapi_document_has_every_topic_and_no_reference_to_nothing() -> None:
    made = document()
    assert made["asyncapi"] == "3.0.0"
    assert list(made["channels"]) == [topic.name for topic in OUTSIDE]
    assert len(made["operations"]) == len(made["components"]["messages"]) == len(OUTSIDE)
    for reference in references(made):
        found: Any = made
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found


def references(node: object) -> list[str]:
    """Return every reference in a document."""
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    return [found for value in node for found in references(value)] if isinstance(node, list) else []


def test_the_document_says_who_sends_what() -> None:
    made = document()
    assert made["operations"]["publishBatchChanged"]["action"] == "send"
    assert made["operations"]["takeAccountChanged"]["action"] == "receive"
    orders = made["channels"]["rebalancer.orders.v1"]["bindings"]["kafka"]
    assert (orders["partitions"], orders["topicConfiguration"]["retention.ms"]) == (4, 90 * 86_400_000)
    batch = made["channels"]["rebalancer.batch.v1"]["bindings"]["kafka"]["topicConfiguration"]
    assert batch["cleanup.policy"] == ["compact"]
    headers = made["components"]["messages"]["OrdersReleased"]["headers"]
    assert headers["properties"]["ce_type"]["const"] == "rebalancer.orders.v1"
    own = re.compile(headers["properties"]["ce_source"]["pattern"])
    assert own.search("/rebalancer/batch/a1b2a1b2a1b2") and own.search("/rebalancer/batch")
    assert not own.search("/rebalancer/taxlot/a1b2a1b2a1b2")
    assert "ce_id" in headers["required"] and "ce_enterprises" not in headers["required"]


@pytest.mark.parametrize("topic", PUBLISHED)
def test_every_page_says_all_that_a_subscriber_asks(topic: Topic) -> None:
    page, notes = files.generated()[f"{topic.name}.md"], NOTES[topic.name]
    for said in (notes.purpose, notes.order, notes.once, notes.volume, notes.replay, *notes.changes):
        assert said in page
    assert f"`{topic.key}`" in page and schema_path(topic) in page and "```json" in page
    for name in schema_of(topic)["properties"]:
        assert f"| `{name}` |" in page
    for name in list(examples(topic.name))[1:]:
        assert f"examples/{topic.name}/{name}.json" in page


def test_models_of_events_are_strict_where_schemas_are_open() -> None:
    """What we write is checked by the model; a reader's schema lets fields of later releases pass."""
    for name in schemas():
        topic = next(topic for topic in OUTSIDE if topic.name == name)
        model: type[BaseModel] = model_of(topic)
        assert model.model_config["extra"] == ("forbid" if topic.audience == "public" else "ignore")
