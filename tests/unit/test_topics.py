"""The table of topics is coherent: names once, parties that exist, content that decodes."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from pydantic import BaseModel

from shared.contracts import chunks, codec, events, topics
from shared.contracts.topics import TOPICS, Topic
from shared.kafka import messages


def test_names_are_unique_and_parties_exist() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)
    for topic in TOPICS:
        assert topic.producer in {*topics.SERVICES, "platform", "auditor"}
        assert set(topic.consumers) <= set(topics.SERVICES)
        assert topic.audience == "dead-letter" or topic.content is not None
        assert topic.max_message_bytes >= chunks.MAX_CHUNK_BYTES


@pytest.mark.parametrize(
    "topic", [topic for topic in TOPICS if isinstance(topic.content, pa.Schema)], ids=lambda t: t.name
)
def test_an_empty_chunk_of_every_work_topic_goes_round(topic: Topic) -> None:
    assert isinstance(topic.content, pa.Schema)
    rows = pa.RecordBatch.from_pylist([], schema=topic.content)
    sent = messages.chunk(
        topic, "7", rows, {"batch_id": "7"}, event_id="e", source="test", at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    got = messages.decoder(topic)(_incoming(topic, sent.value))
    assert got.meta == {"batch_id": "7"}
    assert got.rows.schema.equals(topic.content)


def test_a_kept_chunk_of_an_earlier_release_has_nulls_where_columns_came_later() -> None:
    earlier = pa.schema([field for field in chunks.RETURNED if field.name != "reason"])
    row = {"account_id": "A", "enterprise_id": "E", "advisor_id": "V", "epoch": 1}
    value = codec.encode(pa.RecordBatch.from_pylist([row], schema=earlier), {"batch_id": "7"})
    rows, meta = codec.decode_kept(value, chunks.RETURNED)
    assert (rows.to_pylist(), meta) == ([row | {"reason": None}], {"batch_id": "7"})
    with pytest.raises(ValueError, match="columns differ"):
        codec.decode(value, chunks.RETURNED)
    other = pa.schema([pa.field("account_id", pa.int64())])
    with pytest.raises(ValueError, match="columns differ"):
        codec.decode_kept(
            codec.encode(pa.RecordBatch.from_pylist([{"account_id": 1}], schema=other), {}), chunks.RETURNED
        )


def test_only_the_wanted_columns_are_unpacked_and_all_are_compared_with_the_contract() -> None:
    row = {"account_id": "A", "enterprise_id": "E", "advisor_id": "V", "epoch": 1, "reason": "FAILED"}
    wanted = frozenset(("epoch", "account_id"))
    value = codec.encode(pa.RecordBatch.from_pylist([row], schema=chunks.RETURNED), {"batch_id": "7"})
    rows, meta = codec.decode(value, chunks.RETURNED, wanted)
    assert (rows.to_pylist(), meta) == ([{"account_id": "A", "epoch": 1}], {"batch_id": "7"})
    other = pa.schema(
        [pa.field(field.name, pa.int64()) if field.name == "reason" else field for field in chunks.RETURNED]
    )
    value = codec.encode(pa.RecordBatch.from_pylist([row | {"reason": 4}], schema=other), {})
    with pytest.raises(ValueError, match="columns differ"):
        codec.decode(value, chunks.RETURNED, wanted)
    with pytest.raises(pa.ArrowInvalid):
        codec.decode(b"", chunks.RETURNED, wanted)


def test_columns_that_differ_from_the_contract_are_refused_by_name() -> None:
    rows = pa.RecordBatch.from_pylist([], schema=chunks.RETURNED)
    value = codec.encode(rows, {})
    with pytest.raises(messages.BadMessage, match=r"invalid_chunk.*liquidate is missing"):
        messages.decoder(topics.WORK_REQUEST)(_incoming(topics.WORK_REQUEST, value))


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"\xff\xfe", b'{"price_set": 1, "as_of": "2026-01-02", "prices": {"price": 1.5}}']
)
def test_json_that_does_not_fit_says_where(value: bytes) -> None:
    with pytest.raises(messages.BadMessage) as refused:
        messages.decoder(topics.PRICE)(_incoming(topics.PRICE, value))
    assert refused.value.code == "invalid_event"
    assert ":" in refused.value.detail


def test_events_carry_cloudevents_attributes_and_leave_absent_values_out() -> None:
    body = events.AccountFlag(
        account_id="A1", enterprise_id="E1", advisor_id="V1", version=3, state="CLEAR", tiles=[], reasons=[]
    )
    sent = messages.event(
        topics.ACCOUNT_FLAG, "A1", body, event_id="id-1", source="analyzer", at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    assert sent.headers["ce_id"] == "id-1"
    assert sent.headers["ce_specversion"] == "1.0"
    assert sent.headers["content-type"] == "application/json"
    assert b"null" not in sent.value


def test_our_events_refuse_unknown_fields_and_foreign_ones_pass_them_over() -> None:
    for topic in TOPICS:
        if isinstance(topic.content, type) and issubclass(topic.content, BaseModel):
            expected = "ignore" if topic.audience == "inbound" else "forbid"
            assert topic.content.model_config["extra"] == expected, topic.name


def _incoming(topic: Topic, value: bytes) -> messages.Incoming:
    return messages.Incoming(topic.name, 0, 0, b"k", value, (), 0)
