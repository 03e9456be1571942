"""The sample stream for subscribers: our own models read it, it is what the script makes, and it shows every kind."""

import json
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from deploy import sample_events
from examples.subscribers import contract
from examples.subscribers.python import subscriber
from shared.contracts import events
from shared.contracts.topics import TOPICS

pytestmark = pytest.mark.fast
PUBLIC = {topic.name: topic for topic in TOPICS if topic.audience == "public"}
ROWS: list[dict[str, Any]] = [json.loads(line) for line in sample_events.SAMPLE.read_text().splitlines()]


def values(topic: str, field: str) -> set[Any]:
    return {row["value"].get(field) for row in ROWS if row["topic"] == topic}


def test_the_committed_stream_is_what_the_script_makes() -> None:
    assert sample_events.SAMPLE.read_text() == sample_events.text(), "run `python -m deploy.sample_events`"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['topic']}-{row['key']}-{row['value']['version']}")
def test_the_model_of_the_topic_reads_an_event_and_writes_the_same(row: dict[str, Any]) -> None:
    model = PUBLIC[row["topic"]].content
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    read = model.model_validate_json(json.dumps(row["value"]))
    assert read.model_dump(mode="json", exclude_none=True) == row["value"]
    assert row["headers"]["ce_type"] == row["topic"]
    assert row["headers"]["ce_subject"] == row["key"]


def test_every_public_topic_and_every_kind_of_its_events_is_in_it() -> None:
    assert {row["topic"] for row in ROWS} == set(PUBLIC)
    flags, batches, orders = "rebalancer.account-flag.v1", "rebalancer.batch.v1", "rebalancer.orders.v1"
    assert values(flags, "state") == set(get_args(events.StateName))
    assert values("rebalancer.account-state.v1", "state") == set(get_args(events.WorkStateName))
    assert values("rebalancer.account-state.v1", "batch_status") - {None} == set(get_args(events.OpenStatus))
    assert values(flags, "source") - {None} == set(get_args(events.SourceName))
    tiles = {tile for row in ROWS if row["topic"] == flags for tile in row["value"]["tiles"]}
    assert tiles == set(get_args(events.TileName))
    assert values(batches, "status") == set(get_args(events.BatchStatus))
    assert values(batches, "logic") == set(get_args(events.LogicName))
    assert values(batches, "reason") == {None, "USER", "END_OF_DAY", "ALL_REMOVED", "ALL_FAILED"}
    assert values("rebalancer.file.v1", "outcome") == {"LOADED", "REFUSED", "DUPLICATE"}
    released = [row["value"] for row in ROWS if row["topic"] == orders]
    sides = [{order["side"] for order in value["orders"]} for value in released]
    assert {"BUY", "SELL"} in sides
    assert {"SELL"} in sides  # a liquidation
    assert any(value["transfers"] and not value["orders"] for value in released)  # units that only cross


def test_examples_name_every_public_topic_and_the_compacted_ones_as_states() -> None:
    states = {name for name, topic in PUBLIC.items() if topic.compacted}
    assert set(subscriber.STATES) == set(contract.STATES) == states
    assert {*subscriber.STATES, *subscriber.FACTS} == set(contract.KEYS) == set(PUBLIC)
    assert {name: topic.key for name, topic in PUBLIC.items()} == contract.KEYS
    text = (sample_events.SAMPLE.parent / "typescript" / "subscriber.ts").read_text()
    assert all(f'"{name}"' in text for name in PUBLIC)
