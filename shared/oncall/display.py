"""Dead letters as text: a table with a line each, or one of them with headers and body."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa

from shared.contracts.topics import TOPICS
from shared.oncall.dead_letters import DeadLetter, Entry

_ROWS: Final = 20
_HEX_BYTES: Final = 512
_HEX_LINE: Final = 32
_CHUNKS: Final = {topic.name for topic in TOPICS if isinstance(topic.content, pa.Schema)}


def lines(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the lines of a table of dead letters."""
    rows = [("OFFSET", "TIME", "FROM", "KEY", "CODE", "BYTES", "REPLAYED", "REASON")]
    rows += [
        (
            str(entry.offset),
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            f"{entry.topic}/{entry.partition}/{entry.source_offset}",
            text(entry.key)[:40],
            entry.code,
            f"{entry.bytes}{' (stub)' if entry.is_stub else ''}",
            "" if entry.replayed_at is None else f"{entry.replayed_at:%m-%d %H:%M:%S}",
            _one_line(entry.reason),
        )
        for entry in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()


def as_json(entry: Entry) -> dict[str, Any]:
    """Return an entry as plain values; the offset of the original is named `place`, as scripts know it."""
    values = vars(entry) | {"place": entry.source_offset}
    del values["source_offset"]
    return values | {
        "key": None if entry.key is None else text(entry.key),
        "at": entry.at.isoformat(),
        "replayed_at": None if entry.replayed_at is None else entry.replayed_at.isoformat(),
    }


def whole(letter: DeadLetter) -> Iterator[str]:
    """Yield the lines of one dead letter: origin, reason, headers, and body, decoded if possible."""
    entry = letter.entry
    yield f"letter    {entry.offset}, put aside {entry.at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"from      {entry.topic}, partition {entry.partition}, offset {entry.source_offset}"
    yield f"because   {entry.code}: {_one_line(entry.reason)}"
    if entry.replayed_from is not None:
        yield f"earlier   it had been replayed from {entry.replayed_from} and failed again"
    yield f"replayed  {'no' if entry.replayed_at is None else f'{entry.replayed_at:%Y-%m-%d %H:%M:%S} UTC'}"
    yield f"key       {'null' if letter.key is None else text(letter.key)}"
    for name, value in letter.headers:
        yield f"header    {name}: {'null' if value is None else text(value)}"
    if entry.is_stub:
        yield f"value     {entry.bytes} bytes, too large for a letter; they stand at the place it came from"
    elif letter.value is None:
        yield "value     null"
    else:
        yield f"value     {len(letter.value)} bytes"
        yield from _body(entry.topic, letter.value)


def _body(topic: str, value: bytes) -> Iterator[str]:
    try:
        yield from _rows(value) if topic in _CHUNKS else json.dumps(json.loads(value), indent=1).splitlines()
    except Exception as error:  # noqa: BLE001  # such bytes are expected here
        yield f"          cannot be decoded ({_one_line(repr(error))[:200]}); the first bytes:"
        for start in range(0, min(len(value), _HEX_BYTES), _HEX_LINE):
            yield f"{start:8x}  {value[start : start + _HEX_LINE].hex(' ')}"


def _rows(value: bytes) -> Iterator[str]:
    with pa.ipc.open_stream(value) as reader:
        table = reader.read_all()
    meta = {name.decode(): part.decode() for name, part in (table.schema.metadata or {}).items()}
    yield f"          {table.num_rows} rows of {', '.join(table.column_names)}; {meta}"
    for row in table.slice(0, _ROWS).to_pylist():
        yield json.dumps(row, default=str)


def text(value: bytes | None) -> str:
    """Return any bytes as printable text."""
    shown = (value or b"").decode(errors="backslashreplace")
    return shown if shown.isprintable() else ascii(shown)[1:-1]


def _one_line(reason: str) -> str:
    return reason if reason.isprintable() else ascii(reason)[1:-1]
