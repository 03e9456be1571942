"""A foreign file of lines: its head, its body, its tail, and the body in pieces of whole lines."""

from collections.abc import Iterator
from typing import BinaryIO, Final

from services.taxlot.domain.codes import MAPPING_MISFIT, FileRefused
from services.taxlot.domain.envelope import refuse_packed
from services.taxlot.mapping.forms import FixedWidth
from services.taxlot.mapping.model import FormatMapping

HEAD_LINES: Final = 100
_EDGE: Final = 1 << 16  # bytes of head and tail that are looked at
_BOM: Final = b"\xef\xbb\xbf"


class TextFile:
    """The bytes of an open file, divided.  head and tail: texts for patterns.  begin, end: of the body.

    line: number of the first line of the body.  Raises FileRefused if header or trailer is not as the mapping says.
    """

    def __init__(self, file: BinaryIO, size: int, mapping: FormatMapping) -> None:
        self._file = file
        self._mapping = mapping
        first = file.read(_EDGE)
        refuse_packed(first)
        if not first.strip():
            raise FileRefused("NOT_A_LOT_FILE", "the file is empty")
        self.begin = len(_BOM) if first.startswith(_BOM) else 0
        self._lines = first[self.begin :].split(b"\n")[: HEAD_LINES + 1]
        if len(first) == size and self._lines and not self._lines[-1]:
            self._lines.pop()
        self.line = 1
        if mapping.header is not None:
            if not self._text(self._lines[0]).startswith(mapping.header):
                shown = self._text(self._lines[0])[:60]
                detail = f"line 1 must begin with {mapping.header!r}, it reads {shown!r}"
                raise FileRefused("NOT_A_LOT_FILE", detail)
            self._pass_over(1)
        self.head = "\n".join(self.head_lines()[: None if mapping.header is None else 1])
        self.end, self.tail = self._tail(size)
        self.lines = max(1, _count_lines(file, self.begin, self.end))

    def head_lines(self) -> list[str]:
        """Return the first lines of the file."""
        return [self._text(line) for line in self._lines]

    def begin_after(self, count: int) -> None:
        """Let the body begin after the first `count` lines of the file; they are the head."""
        self._pass_over(count - (self.line - 1))
        self.head = "\n".join(self.head_lines()[:count])
        self.lines -= count

    def pieces(self, size: int) -> Iterator[tuple[bytes, int]]:
        """Yield the body in pieces of whole lines of about `size` bytes, with their first line's number.

        As UTF-8, but for fixed widths, whose columns are counted in the bytes of the file.
        """
        is_plain = self._mapping.encoding == "utf-8" or isinstance(self._mapping.source, FixedWidth)
        offset, line = self.begin, self.line
        while offset < self.end:
            self._file.seek(offset)
            body = self._file.read(min(size, self.end - offset))
            if not body.endswith(b"\n") and offset + len(body) < self.end:
                body += self._file.readline(self.end - offset - len(body))
            offset += len(body)
            if not body.endswith(b"\n"):
                body += b"\n"
            yield (body if is_plain else self._decoded(body).encode()), line
            line += body.count(b"\n")

    def _pass_over(self, count: int) -> None:
        passed = self._lines[self.line - 1 : self.line - 1 + count]
        self.begin += sum(len(line) + 1 for line in passed)
        self.line += count

    def _tail(self, size: int) -> tuple[int, str]:
        """Return where the body ends, and the text of the last lines.  Raises FileRefused (BAD_TRAILER)."""
        start = max(self.begin, size - _EDGE)
        self._file.seek(start)
        raw = self._file.read()
        text = self._decoded(raw, errors="replace").rstrip("\r\n")
        if self._mapping.trailer is None:
            return size, text
        last = raw.rstrip(b"\r\n").rpartition(b"\n")[2]
        shown = self._text(last)
        if not shown.startswith(self._mapping.trailer):
            detail = (
                f"the last line must begin with {self._mapping.trailer!r}, it reads {shown[:60]!r}: the file was cut"
                " off; ask the custodian to send it again"
            )
            raise FileRefused("BAD_TRAILER", detail)
        return start + raw.rstrip(b"\r\n").rfind(b"\n") + 1, text

    def _text(self, line: bytes) -> str:
        return self._decoded(line.rstrip(b"\r"))

    def _decoded(self, raw: bytes, errors: str = "strict") -> str:
        try:
            return raw.decode(self._mapping.encoding, errors)
        except UnicodeDecodeError as error:
            detail = f"the file is not text in the encoding {self._mapping.encoding}: {error}"
            raise FileRefused(MAPPING_MISFIT, detail) from error


def _count_lines(file: BinaryIO, begin: int, end: int) -> int:
    file.seek(begin)
    count, left = 0, end - begin
    while left > 0:
        piece = file.read(min(left, 1 << 22))
        if not piece:
            break
        count, left = count + piece.count(b"\n"), left - len(piece)
    return count
