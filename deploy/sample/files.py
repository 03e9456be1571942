"""Writing custodial lot files from columns: millions of rows in seconds, the format of docs/custodial-files.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute

from deploy.sample.book import Holdings
from shared.contracts.custody import CASH, LOT, MONEY_DECIMALS, QUANTITY_DECIMALS, REFRESHED, header_line, trailer_line
from shared.rules.trading_calendar import cut_off

Column = Any
"""An Arrow array; pyarrow's stubs do not allow the mixture of arrays and texts that its functions accept."""
compute: Any = pyarrow.compute
AFTER_CUT_OFF = timedelta(minutes=10)


@dataclass
class Totals:
    """Totals of a trailer: records, sum of quantities (micro), of known bases (cents), of cash (cents)."""

    records: int = 0
    quantity_micro: int = 0
    basis_cents: int = 0
    cash_cents: int = 0


def file_name(custodian: str, day: date, kind: str = REFRESHED) -> str:
    """Return the usual name of a custodian's file of that day."""
    return f"{custodian}_{day:%Y%m%d}_{kind}.lots"


def created_at(day: date) -> datetime:
    """Return the instant a day's files are made: shortly after the cut-off, the same on every run."""
    return (cut_off(day) + AFTER_CUT_OFF).astimezone(UTC)


def write_file(
    path: Path, custodian: str, day: date, blocks: Iterable[Holdings], prices: Mapping[str, str], kind: str = REFRESHED
) -> Totals:
    """Write a whole file under a `.part` name, rename it when it is complete, and return its totals.

    prices: dollars a unit as text, by security id.
    """
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        writer = LotFile(file, custodian, day, prices, kind)
        for part in blocks:
            writer.add(part)
        writer.close()
    unfinished.replace(path)
    return writer.totals


class LotFile:
    """One file being written, chunk by chunk; `close` adds the trailer."""

    def __init__(
        self, file: BinaryIO, custodian: str, day: date, prices: Mapping[str, str], kind: str = REFRESHED
    ) -> None:
        self._file = file
        self._prices = pa.array(list(prices.values()), pa.string())
        self._priced = pa.array(list(prices), pa.string())
        self.totals = Totals()
        made = created_at(day).isoformat().replace("+00:00", "Z")
        file.write(header_line(custodian, day.isoformat(), kind, made).encode())

    def add(self, part: Holdings) -> None:
        """Write the records of some accounts, each account's lots before its cash."""
        lots, cash = part.lots, part.cash
        if not len(cash):
            return
        numbers = (
            pa.chunked_array([lots["account_number"], cash["account_number"]]).combine_chunks().dictionary_encode()
        )
        # The same account gets the same code in both, so a stable sort brings its records together, cash last.
        order = np.argsort(numbers.indices.to_numpy(), kind="stable")
        lines = pa.concat_arrays([self._lot_lines(lots), self._cash_lines(cash)]).take(pa.array(order))
        self._file.write(_bytes_of(lines))
        self.totals.records += len(lots) + len(cash)
        self.totals.quantity_micro += _sum(lots["quantity_micro"])
        self.totals.basis_cents += _sum(lots["basis_cents"])
        self.totals.cash_cents += _sum(cash["cash_cents"])

    def close(self) -> None:
        """Write the trailer."""
        sums = self.totals
        line = trailer_line(sums.records, sums.quantity_micro, sums.basis_cents, sums.cash_cents)
        self._file.write(line.encode())

    def _lot_lines(self, lots: pa.RecordBatch) -> Column:
        return _joined(
            LOT,
            lots["account_number"],
            lots["security_id"],
            lots["lot_id"],
            _blank(lots["acquired"].cast(pa.string())),
            decimal_text(lots["quantity_micro"], QUANTITY_DECIMALS, trim=True),
            _blank(decimal_text(lots["basis_cents"], MONEY_DECIMALS)),
            compute.if_else(lots["covered"], "Y", "N"),
            lots["sleeve_id"],
            _blank(self._prices.take(compute.index_in(lots["security_id"], self._priced))),
            "",
            _blank(lots["holding_since"].cast(pa.string())),
            compute.binary_join_element_wise(_blank(lots["term"]), "\n", ""),
        )

    def _cash_lines(self, cash: pa.RecordBatch) -> Column:
        money = decimal_text(cash["cash_cents"], MONEY_DECIMALS)
        return _joined(CASH, cash["account_number"], *[""] * 8, money, "", "\n")


def decimal_text(values: Column, decimals: int, *, trim: bool = False) -> Column:
    """Return scaled int64 values as plain decimal text, null for null; trim drops zeros at the end of the fraction."""
    low = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    wide = np.stack([low, low >> 63], axis=1)  # 128-bit little-endian: the value, then its sign
    exact = pa.Array.from_buffers(pa.decimal128(38, decimals), len(low), [None, pa.py_buffer(wide.tobytes())])
    text = exact.cast(pa.string())
    if trim:
        text = compute.utf8_rtrim(compute.utf8_rtrim(text, characters="0"), characters=".")
    return compute.if_else(values.is_valid(), text, pa.scalar(None, pa.string()))


def _joined(*fields: object) -> Column:
    return compute.binary_join_element_wise(*fields, "|")


def _blank(text: Column) -> Column:
    return text.fill_null("")


def _bytes_of(lines: Column) -> bytes:
    """Return the text of all lines one after another, straight from Arrow's buffers."""
    offsets = np.frombuffer(lines.buffers()[1], np.int32)[lines.offset : lines.offset + len(lines) + 1]
    text: bytes = lines.buffers()[2].slice(int(offsets[0]), int(offsets[-1] - offsets[0])).to_pybytes()
    return text


def _sum(column: Column) -> int:
    return int(compute.sum(column).as_py() or 0)
