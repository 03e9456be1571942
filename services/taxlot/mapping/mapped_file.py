"""A foreign file read by its mapping: the same header, totals and blocks as a file of the documented format."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import numpy as np

from services.taxlot.columns.records import Block
from services.taxlot.mapping import facts, fields
from services.taxlot.mapping.account_rows import RowsOfAccounts, understood
from services.taxlot.mapping.delimited import DelimitedRows
from services.taxlot.mapping.fit import Fit
from services.taxlot.mapping.fixed_width import FixedWidthRows
from services.taxlot.mapping.forms import Delimited, FixedWidth
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.raw_rows import RawRows, coded_column, joined
from services.taxlot.mapping.rows import block_of
from services.taxlot.mapping.xml_rows import XmlRows

BLOCK_BYTES: Final = 8 << 20


class RowSource(Protocol):
    """An open file as raw rows.  head, tail: texts around the body.  lines: about how many rows there are."""

    head: str
    tail: str
    lines: int

    def chunks(self, size: int) -> Iterator[RawRows]:
        """Yield the rows in chunks of about `size` bytes.  Raises FileRefused."""


class MappedFile:
    """An open foreign file.  lines: about how many rows it has.  Raises FileRefused if the mapping does not fit it."""

    def __init__(self, path: Path, mapping: FormatMapping, name: str | None = None) -> None:
        self._file = path.open("rb")
        self._mapping = mapping
        self.name = name or path.name
        self.size = self.status().st_size
        try:
            self._source = self._open()
            attributes = self._source.context if isinstance(self._source, XmlRows) else {}
            around = facts.Surroundings(self._source.head, self._source.tail, self.name, attributes)
            self.header = facts.header_of(mapping, around)
            self.lines = self._source.lines
            self.promised = facts.promised_of(mapping, around, self._source.lines)
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

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[Block]:
        """Yield our records in blocks of complete accounts.  Raises FileRefused if the mapping does not fit."""
        for _, block in self.read(size):
            yield block

    def read(self, size: int = BLOCK_BYTES) -> Iterator[tuple[RowsOfAccounts, Block]]:
        """Yield the rows of complete accounts and our records of them.  Raises FileRefused as `blocks` does."""
        fit = Fit()
        for found in self._account_rows(size):
            block = block_of(self._mapping, found)
            fit.add(found, block)
            yield found, block
        fit.check()

    def _account_rows(self, size: int = BLOCK_BYTES) -> Iterator[RowsOfAccounts]:
        """Yield the rows of complete accounts with what they are.  Raises FileRefused."""
        if not self._mapping.grouped:
            yield from self._brought_together(size)
            return
        kept: RawRows | None = None
        for chunk in self._source.chunks(size):
            rows = chunk if kept is None else joined([kept, chunk])
            complete, kept = rows.cut(_last_account(self._mapping, rows))
            if len(complete):
                yield understood(self._mapping, complete)
        if kept is not None and (len(kept) or kept.unread):
            yield understood(self._mapping, kept)

    def _open(self) -> RowSource:
        form = self._mapping.source
        if isinstance(form, Delimited):
            return DelimitedRows(self._file, self.size, self._mapping, form)
        if isinstance(form, FixedWidth):
            return FixedWidthRows(self._file, self.size, self._mapping, form)
        return XmlRows(self._file, self.size, self._mapping, form)

    def _brought_together(self, size: int) -> Iterator[RowsOfAccounts]:
        """Yield the rows of the whole file, account by account in the order in which they first stand there."""
        chunks = list(self._source.chunks(size))
        if not chunks:
            return
        rows = joined(chunks)
        found = understood(self._mapping, rows)
        order = np.argsort(found.account, kind="stable")
        yield RowsOfAccounts(
            RawRows(rows.line[order], rows.take(order).columns, rows.unread),
            found.account[order],
            found.numbers,
            found.kind[order],
            found.rule[order],
        )


def _last_account(mapping: FormatMapping, rows: RawRows) -> int:
    """Return where the rows of the last account begin; rows that name no account end none."""
    index, texts = fields.identifiers(mapping, rows, mapping.account)
    account = coded_column(index, texts)
    named = np.array([bool(name) for name in account.names], np.bool_)[account.index]
    if not named.any():
        return 0
    last = account.index[np.flatnonzero(named)[-1]]
    others = np.flatnonzero(named & (account.index != last))
    return int(others[-1]) + 1 if len(others) else 0
