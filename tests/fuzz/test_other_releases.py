"""A message of a later release, with columns and fields nobody here knows, is read as if it had none of them; a message
of an earlier one lacks what may be null."""

import random
from datetime import date
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts import chunks, codec
from shared.contracts.topics import TOPICS, Topic
from shared.kafka.messages import BadMessage, Incoming, decoder
from tests.fuzz.samples import META, body_of, json_of, rows_of

CHUNKS = [topic for topic in TOPICS if isinstance(topic.content, pa.Schema)]
EVENTS = [topic for topic in TOPICS if topic.content is not None and not isinstance(topic.content, pa.Schema)]
UNKNOWN: dict[str, Any] = {
    "of_the_next_release": "text",
    "a_number": 7,
    "a_list": [{"inner": 1.5}, {"inner": None}],
    "an_object": {"deep": {"x": []}},
}
POINTED_INTO = {"securities", "positions"}  # indices of other columns lead into them
_KINDS = (pa.string(), pa.int64(), pa.bool_(), pa.list_(pa.struct([pa.field("inner", pa.date32())])))


def _received(topic: Topic, value: bytes) -> Incoming:
    return Incoming(topic.name, 0, 0, b"k", value, (("ce_of_the_next_release", b"1"),), 0)


def _unknown(dice: random.Random, count: int) -> tuple[Any, Any]:
    """Return a field that no release has, and a column of it."""
    kind = dice.choice(_KINDS)
    values = {
        pa.string(): "text", pa.int64(): 2**40, pa.bool_(): True,
    }.get(kind, [{"inner": date(2026, 1, 2)}])  # fmt: skip
    column = pa.array([dice.choice([values, None]) for _ in range(count)], kind)
    return pa.field(f"of_the_next_release_{dice.randrange(10**6)}", kind), column


def _later(column: Any, kind: Any, dice: random.Random) -> Any:
    """Return the column with unknown fields at any place of every structure in it."""
    if pa.types.is_list(kind):
        values = column.flatten()
        inner = _later(values, kind.value_type, dice)
        lengths = column.value_lengths().fill_null(0).to_pylist()
        starts = [sum(lengths[:index]) for index in range(len(lengths) + 1)]
        listed: Any = pa.ListArray
        return listed.from_arrays(
            pa.array(starts, pa.int32()), inner, mask=column.is_null() if column.null_count else None
        )
    if not pa.types.is_struct(kind):
        return column
    fields, children = list(kind), [_later(column.field(field.name), field.type, dice) for field in kind]
    fields = [pa.field(field.name, child.type, field.nullable) for field, child in zip(fields, children, strict=True)]
    for _ in range(dice.randint(1, 2)):
        field, child = _unknown(dice, len(column))
        at = dice.randint(0, len(fields))
        fields.insert(at, field)
        children.insert(at, child)
    return pa.StructArray.from_arrays(children, fields=fields)


def _later_rows(rows: pa.RecordBatch, dice: random.Random) -> pa.RecordBatch:
    columns = [_later(column, column.type, dice) for column in rows.columns]
    fields = [
        pa.field(field.name, column.type, field.nullable) for field, column in zip(rows.schema, columns, strict=True)
    ]
    for _ in range(3):
        field, column = _unknown(dice, rows.num_rows)
        at = dice.randint(0, len(fields))
        fields.insert(at, field)
        columns.insert(at, column)
    mixed = list(zip(fields, columns, strict=True))
    dice.shuffle(mixed)
    return pa.RecordBatch.from_arrays([c for _, c in mixed], schema=pa.schema([f for f, _ in mixed]))


@pytest.mark.parametrize("topic", CHUNKS, ids=lambda topic: topic.name)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_a_chunk_with_unknown_columns_and_fields_is_read_as_without_them(topic: Topic, seed: int) -> None:
    assert isinstance(topic.content, pa.Schema)
    rows = rows_of(topic.content)
    sent = codec.encode(_later_rows(rows, random.Random(seed)), META | {"of_the_next_release": "1"})
    read = decoder(topic)(_received(topic, sent))
    assert read.rows.schema.equals(topic.content) and read.rows.equals(rows)
    assert META.items() <= read.meta.items()
    wanted = frozenset(topic.content.names[:3])
    assert decoder(topic, wanted)(_received(topic, sent)).rows.equals(rows.select(topic.content.names[:3]))
    assert codec.decode_kept(sent, topic.content)[0].equals(rows)


@pytest.mark.parametrize("topic", CHUNKS, ids=lambda topic: topic.name)
def test_a_chunk_of_an_earlier_release_lacks_only_what_may_be_null(topic: Topic) -> None:
    assert isinstance(topic.content, pa.Schema)
    rows = rows_of(topic.content)
    for index, field in enumerate(topic.content):
        earlier = codec.encode(rows.remove_column(index), META)
        if not field.nullable:
            with pytest.raises(BadMessage, match=f"{field.name} is missing"):
                decoder(topic)(_received(topic, earlier))
        elif field.name not in POINTED_INTO:
            read = decoder(topic)(_received(topic, earlier)).rows
            assert read.column(field.name).null_count == rows.num_rows
            assert read.remove_column(index).equals(rows.remove_column(index))


def test_another_type_is_refused_also_inside() -> None:
    rows = rows_of(chunks.RESULT)
    for name in ("account_id", "securities"):
        index = chunks.RESULT.names.index(name)
        other = rows.set_column(index, name, pa.array([[{"security_id": 7}]] * rows.num_rows))
        with pytest.raises(ValueError, match=f"columns differ from the contract: {name}"):
            codec.decode(codec.encode(other, META), chunks.RESULT)
    twice = pa.RecordBatch.from_arrays(
        [*rows.columns, rows.column(0)], names=[*rows.schema.names, rows.schema.names[0]]
    )
    with pytest.raises(ValueError, match="more than once"):
        codec.decode(codec.encode(twice, META), chunks.RESULT)


def _grown(value: Any, dice: random.Random) -> Any:
    """Return a JSON value with unknown fields in every object of it."""
    if isinstance(value, list):
        return [_grown(part, dice) for part in value]
    if not isinstance(value, dict):
        return value
    pairs = [(name, _grown(part, dice)) for name, part in value.items()]
    pairs += dice.sample(sorted(UNKNOWN.items()), dice.randint(1, len(UNKNOWN)))
    dice.shuffle(pairs)
    return dict(pairs)


@pytest.mark.parametrize("topic", EVENTS, ids=lambda topic: topic.name)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_an_event_with_unknown_fields_is_read_as_without_them(topic: Topic, seed: int) -> None:
    plain = json_of(body_of(topic))
    grown = orjson.dumps(_grown(orjson.loads(plain), random.Random(seed)))
    assert decoder(topic)(_received(topic, grown)) == decoder(topic)(_received(topic, plain))
