"""Reading a custodial file: header and trailer, then the body in blocks of complete accounts, as columns."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.csv

from services.taxlot.domain.codes import Refused
from services.taxlot.domain.envelope import Header, Totals, header_of, trailer_of
from services.taxlot.domain.rows import Coded, Table, Text
from shared.contracts.custody import COLUMNS

BLOCK_BYTES: Final = 4 << 20
_LONGEST_LINE = 1 << 16
_PACKED: Final = {"gzip": b"\x1f\x8b", "zip": b"PK\x03\x04", "bzip2": b"BZh", "xz": b"\xfd7zXZ", "zstd": b"(\xb5/\xfd"}
_CODED = ("record", "account_number", "security_id", "covered", "sleeve_id")
_TYPES = {name: pa.dictionary(pa.int32(), pa.binary()) if name in _CODED else pa.binary() for name in COLUMNS}


@dataclass(frozen=True)
class Misshapen:
    """A record without eleven fields.  accounts: whose it may be (its own, or those of its neighbours)."""

    line: int
    accounts: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Records of complete accounts; `records` counts the misshapen ones too."""

    table: Table
    records: int
    misshapen: list[Misshapen] = field(default_factory=list)


class LotFile:
    """An open custodial file.  Raises Refused when first or last line are not what they must be."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.name = path.name
        self.size = path.stat().st_size
        try:
            if not self.size:
                raise Refused("NOT_A_LOT_FILE", "the file is empty")
            first = self._file.readline(_LONGEST_LINE)
            _not_packed(first)
            self.header: Header = header_of(_line(first))
            self._begin = len(first)
            self._end = self._trailer_start()
            self._file.seek(self._end)
            self.promised: Totals = trailer_of(_line(self._file.read(_LONGEST_LINE)))
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def status(self) -> os.stat_result:
        """Return what the file system says of the file now, also when its name is gone."""
        return os.fstat(self._file.fileno())

    def _trailer_start(self) -> int:
        """Return where the last line begins."""
        begin = max(self._begin, self.size - _LONGEST_LINE)
        self._file.seek(begin)
        tail = self._file.read().rstrip(b"\r\n")
        return begin + tail.rfind(b"\n") + 1

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[Block]:
        """Yield the body, cut where the account number changes."""
        place, line = self._begin, 2
        while place < self._end:
            body = self._read(place, size)
            block = parse(body, line)
            yield block
            line += block.records
            place += len(body)

    def _read(self, place: int, size: int) -> bytes:
        """Return about `size` bytes from `place`, up to the end of an account."""
        self._file.seek(place)
        parts = [self._file.read(min(size, self._end - place))]
        left = self._end - place - len(parts[0])
        if left and not parts[0].endswith(b"\n"):
            parts.append(self._file.readline(left))
            left -= len(parts[-1])
        account = _account_of((parts[0][-_LONGEST_LINE:] + b"".join(parts[1:])).rstrip(b"\r\n").rpartition(b"\n")[2])
        while left:
            line = self._file.readline(left)
            if _account_of(line) != account:
                break
            parts.append(line)
            left -= len(line)
        return b"".join(parts)


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of the file's bytes: its identity."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _not_packed(first: bytes) -> None:
    """Refuse what is packed by name: nothing is ever unpacked here, however small it looks."""
    for kind, begin in _PACKED.items():
        if first.startswith(begin):
            raise Refused("NOT_A_LOT_FILE", f"the file is packed ({kind}); unpack it and put it in again")


def _line(raw: bytes) -> str:
    try:
        return raw.strip(b"\r\n").decode()
    except UnicodeDecodeError as error:
        raise Refused("NOT_A_LOT_FILE", f"the file is not UTF-8 text: {error}") from error


def _account_of(record: bytes) -> bytes:
    return record.split(b"|", 2)[1] if record.count(b"|") >= 2 else b""


def parse(body: bytes, first_line: int) -> Block:
    """Return the records of `body` as columns; first_line is the line number of the first.  Raises Refused."""
    bad: list[tuple[int, str]] = []

    def skip(row: Any) -> Literal["skip"]:
        bad.append((row.number, row.text))
        return "skip"

    if not body.endswith(b"\n"):
        body += b"\n"
    source: Any = pa.BufferReader(body)
    try:
        table = pa.csv.read_csv(
            source,
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(body) + 1, column_names=list(COLUMNS)),
            parse_options=pa.csv.ParseOptions(
                delimiter="|", quote_char=False, ignore_empty_lines=False, invalid_row_handler=skip
            ),
            convert_options=pa.csv.ConvertOptions(column_types=_TYPES, strings_can_be_null=False),
        )
    except pa.ArrowInvalid as error:
        raise Refused("NOT_A_LOT_FILE", f"near line {first_line}: {error}") from error
    numbers = np.arange(1, len(table) + len(bad) + 1, dtype=np.int64)
    good = np.delete(numbers, [number - 1 for number, _ in bad]) if bad else numbers
    columns = {name: table.column(name).combine_chunks() for name in COLUMNS}
    accounts = _coded(columns["account_number"])
    read = Table(
        good + (first_line - 1),
        _coded(columns["record"]),
        accounts,
        _coded(columns["security_id"]),
        _coded(columns["sleeve_id"]),
        _coded(columns["covered"]),
        *(_text(columns[name]) for name in ("lot_id", "acquired", "quantity", "cost_basis", "price", "cash")),
    )
    return Block(read, len(numbers), [_misshapen(number, text, first_line, good, accounts) for number, text in bad])


def _misshapen(number: int, text: str, first_line: int, good: Any, accounts: Coded) -> Misshapen:
    """Return whose record it may be: the account it names, else the accounts before and after it."""
    line = first_line - 1 + number
    fields = text.split("|")
    if len(fields) >= 2 and fields[0] in ("L", "C") and fields[1]:
        return Misshapen(line, (fields[1],))
    after = int(np.searchsorted(good, number))
    near = [place for place in (after - 1, after) if 0 <= place < len(good)]
    return Misshapen(line, tuple(accounts.names[accounts.index[place]] for place in near))


def _text(column: Any) -> Text:
    _, offsets, data = column.buffers()
    places = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return Text(places, np.frombuffer(data if data is not None and data.size else b"\0", np.uint8))


def _coded(column: Any) -> Coded:
    names = [name.decode(errors="replace") for name in column.dictionary.to_pylist()]
    return Coded(column.indices.to_numpy().astype(np.int64), names, _text(column.dictionary))
