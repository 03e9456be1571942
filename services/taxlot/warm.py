"""Compiling (or loading from the cache) every kernel before the first message, so that none waits for it."""

import numpy as np
import pyarrow as pa

from services.taxlot.columns.bookings import book_trades
from services.taxlot.domain import accounts
from services.taxlot.domain.envelope import Totals
from services.taxlot.domain.rows import judge
from services.taxlot.intake.reader import parse
from shared.contracts.chunks import TRADES
from shared.contracts.custody import cash_line, lot_line


def kernels() -> None:
    """Run every kernel once on next to nothing."""
    book_trades(pa.RecordBatch.from_pylist([], schema=TRADES), 0)
    lines = lot_line("A", "S", "L", "2020-01-01", "1", "1.00", True) + cash_line("A", "1.00")
    rows = judge(parse(lines.encode(), 2).table, np.ones(2, np.bool_), 20_000, Totals())
    groups = accounts.group(rows.table)
    accounts.holds_of(rows, groups)
    accounts.lots_of(rows, groups, [0])
