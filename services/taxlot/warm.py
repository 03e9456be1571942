"""Compile every kernel, or load it from the cache, before the first message."""

import numpy as np
import pyarrow as pa

from services.taxlot.columns.bookings import book_trades
from services.taxlot.columns.records import parse
from services.taxlot.domain import accounts
from services.taxlot.domain.date_styles import plain_dates
from services.taxlot.domain.envelope import ControlTotals
from services.taxlot.domain.number_styles import Style, plain_numbers
from services.taxlot.domain.records import judge
from shared.contracts.chunks import TRADES
from shared.contracts.custody import cash_line, lot_line


def kernels() -> None:
    """Run every kernel once on an empty chunk and one lot."""
    book_trades(pa.RecordBatch.from_pylist([], schema=TRADES), 0)
    lines = lot_line("A", "S", "L", "2020-01-01", "1", "1.00", True) + cash_line("A", "1.00")
    rows = judge(parse(lines.encode(), 2).table, np.ones(2, np.bool_), 20_000, ControlTotals())
    groups = accounts.group(rows.table)
    accounts.account_holds(rows, groups)
    accounts.sorted_lots(rows, groups, [0])
    foreign = (np.array([0, 1], np.int32), np.frombuffer(b"1", np.uint8))
    plain_numbers(foreign, Style(), ("",), np.zeros(1, np.uint8), np.zeros(1, np.int8))
    plain_dates(foreign, ("YYYYMMDD",), ("",))
