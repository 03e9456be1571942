"""What may happen to a message on its way: other bytes, sizes, shapes, values, headers and keys."""

import random
from collections.abc import Callable
from typing import Any, Final

import orjson
import pyarrow as pa

from shared.contracts import codec
from shared.contracts.topics import MIB
from shared.kafka.messages import Headers
from tests.fuzz.samples import META
from tests.inbound.events import Body

_WILD: Final[tuple[Any, ...]] = (
    None, True, -1, 0, 2**31, 2**40, 2**63 - 1, 2**64, -(2**63), 1e308, 0.1, "", "\x00", "٣", "NaN", "1e400", "9" * 400,
    [], {}, [[]], "x" * 70_000, "2026-02-30", "9999-12-31", "\u2028", "a\r\n",
)  # fmt: skip
_INTS: Final = (-(2**63), -(2**31), -1, 0, 1, 127, 2**31 - 1, 2**40, 2**62, 2**63 - 1)
_BIG: Final = 400  # one in so many is of a size near what a topic takes


def bytes_of(dice: random.Random, value: bytes) -> bytes:
    """Return the bytes with something done to them."""
    changed = bytearray(value)
    match dice.randrange(6):
        case 0 | 1:
            for _ in range(dice.choice((1, 1, 2, 8, 64))):
                changed[dice.randrange(len(changed))] = dice.randrange(256)
        case 2:
            del changed[dice.randrange(len(changed)) :]
        case 3:
            at = dice.randrange(len(changed))
            changed[at:at] = dice.randbytes(dice.choice((1, 4, 8, 300)))
        case 4:
            at = dice.randrange(len(changed))
            changed[at : at + 8] = dice.choice(_INTS).to_bytes(8, "little", signed=True)
        case _:
            size = 4 * MIB - dice.randrange(200) if dice.randrange(_BIG) == 0 else dice.choice((0, 1, 7, 64, 4096))
            changed = bytearray(dice.randbytes(size))
    return bytes(changed)


def json_value(dice: random.Random, body: Body) -> bytes:
    """Return the body with one of its values, at whatever depth, changed, left out, or put under another name."""
    copy = orjson.loads(orjson.dumps(body))
    node: Any = copy
    while True:
        key: Any = dice.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if not isinstance(node[key], dict | list) or not node[key] or dice.random() < 0.3:
            break
        node = node[key]
    match dice.randrange(4):
        case 0:
            del node[key]
        case 1 if isinstance(node, dict):
            node[dice.choice(("other", "\x00", key + "_"))] = node[key]
        case _:
            wild = dice.choice(_WILD)
            node[key] = str(wild) if isinstance(wild, int) and wild.bit_length() > 63 else wild
    text = orjson.dumps(copy)
    if dice.random() < 0.1:
        deep = dice.choice((50, 5_000))
        text = text[:-1] + b',"deep":' + b"[" * deep + b"]" * deep + b"}"
    return text


def chunk_shape(dice: random.Random, rows: pa.RecordBatch) -> bytes:
    """Return the rows as a chunk of another shape, or with other values under the right one."""
    schema, columns = rows.schema, list(rows.columns)
    index = dice.randrange(len(columns))
    field = schema.field(index)
    match dice.randrange(8):
        case 0:
            return codec.encode(rows.select([name for name in schema.names if name != field.name]), META)
        case 1:
            return codec.encode(rows.rename_columns([*schema.names[:index], "x", *schema.names[index + 1 :]]), META)
        case 2:
            return codec.encode(rows, {name: dice.choice(("", "x", "2^63", "9999-99-99")) for name in META})
        case 3:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, schema) as writer:
                for _ in range(dice.choice((0, 2, 3))):
                    writer.write_batch(rows)
            return bytes(sink.getvalue())
        case 4:
            columns[index] = pa.nulls(rows.num_rows, field.type)
        case 5:
            return codec.encode(rows.slice(0, 0), META)
        case _:
            columns[index] = _wild(dice, columns[index])
    return codec.encode(pa.RecordBatch.from_arrays(columns, schema=schema), META)


def _wild(dice: random.Random, column: Any) -> Any:
    """Return the column with wild integers in it, inside of lists as well."""
    kind = column.type
    if pa.types.is_list(kind):
        entries = column.flatten()
        fields = list(kind.value_type)
        chosen = dice.randrange(len(fields))
        inner = [_wild(dice, entries.field(at)) if at == chosen else entries.field(at) for at in range(len(fields))]
        listed: Any = pa.ListArray
        return listed.from_arrays(column.offsets, pa.StructArray.from_arrays(inner, fields=fields), type=kind)
    is_time = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    if not pa.types.is_integer(kind) and not is_time:
        return column
    bits = kind.bit_width
    values = [dice.choice(_INTS) for _ in range(len(column))]
    plain = pa.array([max(-(2 ** (bits - 1)), min(value, 2 ** (bits - 1) - 1)) for value in values], _integer(bits))
    return plain.view(kind) if is_time else plain


def _integer(bits: int) -> pa.DataType:
    kinds: dict[int, Callable[[], pa.DataType]] = {8: pa.int8, 16: pa.int16, 32: pa.int32, 64: pa.int64}
    return kinds[bits]()


def headers_of(dice: random.Random) -> Headers:
    """Return some headers, most of them odd; names that are no text come from the client with backslashes."""
    odd: tuple[tuple[str, bytes | None], ...] = (
        ("ce_id", b"x"), ("ce_id", None), ("", b""), ("", None), ("raw", b"\xff\x00"), ("dlq-code", b"?"),
        ("\\xff", b"1"), ("name\r\n", "é".encode()), ("dlq-headers", b"[]"), ("ce_time", b"yesterday"),
        ("large", b"x" * 20_000),
    )  # fmt: skip
    many = dice.choice((0, 1, 2, 5))
    found = tuple(dice.choice(odd) for _ in range(many))
    return (*found, ("huge", bytes(2 * MIB))) if dice.randrange(_BIG) == 0 else found


def key_of(dice: random.Random) -> bytes | None:
    """Return a key: none, text, bytes that are no text, a large one."""
    return dice.choice((None, b"", b"k", b"\xff\xfe", b"k" * 5_000))
