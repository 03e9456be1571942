"""Whether a mapping fits its file at all: a file of which nothing is understood is refused, and holds nobody.

Source: product 2, "what it cannot read is named with line and column".
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from services.taxlot.columns.records import Block
from services.taxlot.domain.codes import MAPPING_MISFIT, FileRefused, printable
from services.taxlot.domain.records import Bools, RecordTable, TextColumn
from services.taxlot.mapping.account_rows import UNKNOWN, RowsOfAccounts

FEWEST: Final = 10
"""A column of fewer values, none of which can be read, holds their accounts; of so many or more it refuses the file."""
_MARK: Final = 34  # a value that does not fit its style begins with a quotation mark


@dataclass
class Fit:
    """What has been read so far.  first: line and reason of the first row that is not understood.

    misread: by field, how many values do not fit and the first of them; read: fields with a value that does.
    """

    understood: bool = False
    first: tuple[int, str] | None = None
    misread: dict[str, tuple[int, str]] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)

    def add(self, found: RowsOfAccounts, block: Block) -> None:
        """Note a block."""
        self.understood |= bool((found.kind != UNKNOWN).any())
        if self.first is None and block.malformed:
            self.first = (block.malformed[0].line, block.malformed[0].detail)
        table = block.table
        columns = {"acquired": table.acquired, "quantity": table.quantity, "cost basis": table.cost_basis}
        for name, column in (columns | {"price": table.price, "cash": table.cash}).items():
            if name not in self.read:
                self._note(name, column, table)

    def check(self) -> None:
        """Raise FileRefused (MAPPING_MISFIT) if no row, or no value of a column, could be read."""
        if not self.understood and self.first is not None:
            line, reason = self.first
            raise FileRefused(MAPPING_MISFIT, f"line {line}: {reason}; no row of the file is understood")
        for name, (count, example) in self.misread.items():
            if name not in self.read and count >= FEWEST:
                raise FileRefused(MAPPING_MISFIT, f"{example}; none of the file's {count} values can be read")

    def _note(self, name: str, column: TextColumn, table: RecordTable) -> None:
        filled = np.flatnonzero(column.lengths() > 0)
        bad: Bools = column.data[column.offsets[filled]] == _MARK
        if not bad.all():
            self.read.add(name)
        elif len(bad):
            row = int(filled[0])
            value = bytes(column.data[column.offsets[row] : column.offsets[row + 1]]).decode(errors="replace")
            example = f"line {table.line[row]}, column {table.headings.get(name, name)!r}: {printable(value[:64])}"
            count, first = self.misread.get(name, (0, example))
            self.misread[name] = (count + len(bad), first)
