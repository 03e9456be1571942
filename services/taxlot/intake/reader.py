"""Read a custodial file: header and trailer first, then the body in blocks of complete accounts."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.taxlot.columns.records import Block, parse
from services.taxlot.domain.codes import FileRefused
from services.taxlot.domain.envelope import ControlTotals, Header, header_of, refuse_packed, trailer_of

BLOCK_BYTES: Final = 4 << 20
_LONGEST_LINE: Final = 1 << 16


class LotFile:
    """An open custodial file.  Raises FileRefused if its header or trailer cannot be read."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.name = path.name
        self.size = self.status().st_size
        try:
            if not self.size:
                raise FileRefused("NOT_A_LOT_FILE", "the file is empty")
            first = self._file.readline(_LONGEST_LINE)
            refuse_packed(first)
            self.header: Header = header_of(_line(first))
            self._begin = len(first)
            self._end = self._trailer_start()
            self._file.seek(self._end)
            self.promised: ControlTotals = trailer_of(_line(self._file.read(_LONGEST_LINE)))
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
        """Return the present status of the open file, also when its name is gone."""
        return os.fstat(self._file.fileno())

    def _trailer_start(self) -> int:
        """Return where the last line begins."""
        begin = max(self._begin, self.size - _LONGEST_LINE)
        self._file.seek(begin)
        tail = self._file.read().rstrip(b"\r\n")
        return begin + tail.rfind(b"\n") + 1

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[Block]:
        """Yield the body in blocks of about `size` bytes, each ending where the account number changes."""
        offset, line = self._begin, 2
        while offset < self._end:
            body = self._read(offset, size)
            block = parse(body, line)
            yield block
            line += block.records
            offset += len(body)

    def _read(self, offset: int, size: int) -> bytes:
        """Return about `size` bytes from `offset`, up to the end of an account."""
        self._file.seek(offset)
        pieces = [self._file.read(min(size, self._end - offset))]
        left = self._end - offset - len(pieces[0])
        if left and not pieces[0].endswith(b"\n"):
            pieces.append(self._file.readline(left))
            left -= len(pieces[-1])
        account = _account_of((pieces[0][-_LONGEST_LINE:] + b"".join(pieces[1:])).rstrip(b"\r\n").rpartition(b"\n")[2])
        while left:
            line = self._file.readline(left)
            if _account_of(line) != account:
                break
            pieces.append(line)
            left -= len(line)
        return b"".join(pieces)


def digest_of(path: Path) -> bytes:
    """Return the SHA-256 of the file's bytes: its identity."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _line(raw: bytes) -> str:
    """Return the text of a line.  Raises FileRefused if it is not UTF-8."""
    try:
        return raw.strip(b"\r\n").decode()
    except UnicodeDecodeError as error:
        raise FileRefused("NOT_A_LOT_FILE", f"the file is not UTF-8 text: {error}") from error


def _account_of(record: bytes) -> bytes:
    return record.split(b"|", 2)[1] if record.count(b"|") >= 2 else b""
