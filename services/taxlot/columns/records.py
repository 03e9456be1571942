"""Parse records of a custodial file into columns.  Source: docs/custodial-files.md, "Form"."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv

from services.taxlot.domain.codes import FileRefused
from services.taxlot.domain.records import CodedColumn, RecordTable, TextColumn
from shared.contracts.custody import COLUMNS, MORE_COLUMNS

_CODED: Final = ("record", "account_number", "security_id", "covered", "sleeve_id", "term")
_ALL: Final = (*COLUMNS, *MORE_COLUMNS)
_TYPES: Final = {name: pa.dictionary(pa.int32(), pa.binary()) if name in _CODED else pa.binary() for name in _ALL}


@dataclass(frozen=True)
class MalformedRecord:
    """A record that cannot be read, as one of neither eleven nor thirteen fields.

    accounts: the number it names, else those of the records before and after it.  code and detail: of the hold that it
    brings.
    """

    line: int
    accounts: tuple[str, ...]
    code: str = "BAD_RECORD"
    detail: str = ""


@dataclass(frozen=True)
class Block:
    """Records of complete accounts; `records` counts the malformed ones too."""

    table: RecordTable
    records: int
    malformed: list[MalformedRecord] = field(default_factory=list)


def parse(body: bytes, first_line: int) -> Block:
    """Return the records of `body` as columns; first_line: the line number of the first record.

    Raises FileRefused (NOT_A_LOT_FILE) if `body` is not text in lines.
    """
    malformed: list[tuple[int, str]] = []

    def skip(row: Any) -> Literal["skip"]:
        malformed.append((row.number, row.text))
        return "skip"

    if not body.endswith(b"\n"):
        body += b"\n"
    body, names = _columns(body)
    source: Any = pa.BufferReader(body)
    try:
        table = pa.csv.read_csv(
            source,
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=list(names)),
            parse_options=pa.csv.ParseOptions(
                delimiter="|", quote_char=False, ignore_empty_lines=False, invalid_row_handler=skip
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types={name: _TYPES[name] for name in names}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise FileRefused("NOT_A_LOT_FILE", f"near line {first_line}: {error}") from error
    numbers = np.arange(1, len(table) + len(malformed) + 1, dtype=np.int64)
    good = np.delete(numbers, [number - 1 for number, _ in malformed]) if malformed else numbers
    columns = {name: table.column(name).combine_chunks() for name in names}
    accounts = _coded(columns["account_number"])
    records = RecordTable(
        good + (first_line - 1),
        _coded(columns["record"]),
        accounts,
        _coded(columns["security_id"]),
        _coded(columns["sleeve_id"]),
        _coded(columns["covered"]),
        _text(columns["lot_id"]),
        _text(columns["acquired"]),
        _text(columns["quantity"]),
        _text(columns["cost_basis"]),
        _text(columns["price"]),
        _text(columns["cash"]),
        _text(columns["holding_since"]) if "holding_since" in columns else None,
        _coded(columns["term"]) if "term" in columns else None,
    )
    return Block(
        records, len(numbers), [_malformed(number, text, first_line, good, accounts) for number, text in malformed]
    )


def _columns(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the columns of the records, and the records; where only some have them all, the others get them empty."""
    lines, bars = body.count(b"\n"), body.count(b"|")
    short, long = len(COLUMNS) - 1, len(_ALL) - 1
    if bars == lines * short:
        return body, COLUMNS
    if bars == lines * long:
        return body, _ALL
    records = body.split(b"\n")
    counts = [record.count(b"|") for record in records]
    if long not in counts:
        return body, COLUMNS
    lacking = b"|" * (long - short)
    return b"\n".join(
        record.removesuffix(b"\r") + lacking if count == short else record
        for record, count in zip(records, counts, strict=True)
    ), _ALL


def _malformed(number: int, text: str, first_line: int, good: Any, accounts: CodedColumn) -> MalformedRecord:
    """Return the malformed record with the accounts it may belong to.

    number: of the record in the block, from 1.  good: the numbers of the records in `accounts`.
    """
    line = first_line - 1 + number
    fields = text.split("|")
    if len(fields) >= 2 and fields[0] in ("L", "C") and fields[1]:
        return MalformedRecord(line, (fields[1],))
    after = int(np.searchsorted(good, number))
    neighbours = [index for index in (after - 1, after) if 0 <= index < len(good)]
    return MalformedRecord(line, tuple(accounts.names[accounts.index[index]] for index in neighbours))


def _text(column: Any) -> TextColumn:
    _, offsets, data = column.buffers()
    used = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return TextColumn(used, np.frombuffer(data if data is not None and data.size else b"\0", np.uint8))


def _coded(column: Any) -> CodedColumn:
    names = [name.decode(errors="replace") for name in column.dictionary.to_pylist()]
    return CodedColumn(column.indices.to_numpy().astype(np.int64), names, _text(column.dictionary))
