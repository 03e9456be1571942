"""Rows of a foreign file to our rows, a block of complete accounts at a time, column by column.

The result is the block that the reader of the documented format yields, so every later check is the same.
Source: product 2, "Each custodian writes its own format".
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.columns.records import Block, MalformedRecord
from services.taxlot.domain.codes import NOT_UNDERSTOOD, printable
from services.taxlot.domain.records import TERM_LONG, Bools, CodedColumn, RecordTable, TextColumn
from services.taxlot.mapping import cash, fields, totals, unit_costs
from services.taxlot.mapping.account_rows import KINDS, LOT, UNKNOWN, RowsOfAccounts, unlisted
from services.taxlot.mapping.model import Codes, FormatMapping, NumberField
from services.taxlot.mapping.raw_rows import RawRows, array_of, coded_column, text_column
from shared.columnar import Ints

_SHOWN: Final = 200  # characters of a line


def block_of(mapping: FormatMapping, found: RowsOfAccounts) -> Block:
    """Return the rows of complete accounts as our records."""
    lots, faults = _lots(mapping, found)
    balances = cash.balances(mapping, found, lots.security)
    counted = np.isin(found.kind, [*(KINDS[name] for name in mapping.totals.records_of), UNKNOWN])
    table = _table(mapping, found, lots, balances)
    malformed = [*_unread(found), *_unmatched(found), *faults, *balances.faults]
    malformed += totals.differences(mapping, found, (lots.quantity, lots.stated_basis), lots.security)
    return Block(table, int(counted.sum()) + len(found.rows.unread), malformed)


@dataclass(frozen=True)
class _Lots:
    """The lots among the rows: `rows` are their indices, the columns have an entry for each.

    counts: which of them become records; the others are money that the cash figure has already.  stated_basis: what the
    file says of whole lots; total rows add up to that, not to products of rounded costs per unit.
    """

    rows: Ints
    counts: Bools
    security: CodedColumn
    sleeve: CodedColumn
    covered: CodedColumn
    lot_id: TextColumn
    acquired: TextColumn
    quantity: TextColumn
    stated_basis: TextColumn
    cost_basis: TextColumn
    price: TextColumn
    holding_since: TextColumn | None
    term: CodedColumn | None


def _lots(mapping: FormatMapping, found: RowsOfAccounts) -> tuple[_Lots, list[MalformedRecord]]:
    """Return the lots, and reports of rows with codes that are not understood."""
    given = mapping.lot
    at = np.flatnonzero(found.kind == LOT)
    rows = found.rows.take(at)
    security = coded_column(*fields.identifiers(mapping, rows, given.security))
    swept = set(mapping.sweep.securities) if mapping.sweep is not None and mapping.sweep.counts == "cash" else set()
    counts = ~np.array([name in swept for name in security.names], np.bool_)[security.index]
    short = None
    faults: list[MalformedRecord] = []
    if given.side is not None:
        shorts = {text.strip() for text in given.side.short}
        short = rows.where(given.side.column, lambda text: text in shorts)
        faults += unlisted(found, at, given.side.column, (*given.side.short, *given.side.long))
    keys = found.account[at] * len(security.names) + security.index

    def number(field: NumberField | None, sides: Bools | None, optional: bool) -> TextColumn:
        if field is None:
            return TextColumn(np.zeros(len(rows) + 1, np.int32), np.zeros(1, np.uint8))
        if field.sign is not None:
            faults.extend(unlisted(found, at, field.sign.column, (*field.sign.negative, *field.sign.positive)))
        return fields.numbers(mapping, rows, field, sides, optional)

    quantity, stated = number(given.quantity, short, False), number(given.cost_basis, None, True)
    basis = stated
    if given.unit_cost is not None:
        unit = number(given.unit_cost, None, True)
        basis, differing = unit_costs.bases(found, at, given, quantity, unit, stated)
        faults += differing
    lots = _Lots(
        at,
        counts,
        security,
        _sleeves(mapping, rows),
        _covered(given.covered, rows),
        fields.lot_ids(rows, given.lot_id, keys),
        _empty(len(rows)) if given.acquired is None else fields.dates(mapping, rows, given.acquired),
        quantity,
        stated,
        basis,
        number(given.price, None, True),
        None if given.holding_since is None else fields.dates(mapping, rows, given.holding_since),
        None if given.term is None else _coded_as(given.term, rows, TERM_LONG, ""),
    )
    return lots, faults


def _table(mapping: FormatMapping, found: RowsOfAccounts, lots: _Lots, balances: cash.Balances) -> RecordTable:
    """Return lots and cash as records: each account's in the order of the file."""
    counted = np.flatnonzero(lots.counts)
    source = np.concatenate([lots.rows[counted], balances.rows])
    is_cash = np.concatenate([np.zeros(len(counted), np.bool_), np.ones(len(balances.rows), np.bool_)])
    order = np.argsort(source * 2 + is_cash, kind="stable")
    source, is_cash = source[order], is_cash[order]
    lot_index = np.zeros(len(order), np.int64)
    lot_index[~is_cash] = counted[order[~is_cash]]  # lots come first in `source`
    picked = pa.array(lot_index, mask=is_cash)

    def texts(column: TextColumn) -> TextColumn:
        return text_column(array_of(column).take(picked))

    def coded(column: CodedColumn) -> CodedColumn:
        index = np.where(is_cash, len(column.names), column.index[lot_index] if len(column.index) else 0)
        return coded_column(index, [*column.names, ""])

    return RecordTable(
        found.rows.line[source],
        coded_column(is_cash.astype(np.int64), ["L", "C"]),
        coded_column(found.account[source], found.numbers),
        coded(lots.security),
        coded(lots.sleeve),
        coded(lots.covered),
        texts(lots.lot_id),
        texts(lots.acquired),
        texts(lots.quantity),
        texts(lots.cost_basis),
        texts(lots.price),
        _amounts(is_cash, balances.texts),
        None if lots.holding_since is None else texts(lots.holding_since),
        None if lots.term is None else coded(lots.term),
        headings=_headings(mapping),
    )


def _amounts(is_cash: Bools, texts: list[str]) -> TextColumn:
    raw = [text.encode() for text in texts]
    lengths = np.zeros(len(is_cash) + 1, np.int64)
    lengths[1:][is_cash] = [len(text) for text in raw]
    return TextColumn(np.cumsum(lengths).astype(np.int32), np.frombuffer(b"".join(raw) or b"\0", np.uint8))


def _headings(mapping: FormatMapping) -> dict[str, str]:
    given = mapping.lot
    named: dict[str, Any] = {
        "account": mapping.account, "security": given.security, "quantity": given.quantity, "acquired": given.acquired,
        "price": given.price, "sleeve": given.sleeve, "cash": mapping.cash.amount,
        "covered": given.covered if isinstance(given.covered, Codes) else None,
        "holding since": given.holding_since, "term": given.term,
    }  # fmt: skip
    headings = {name: field.column for name, field in named.items() if field is not None}
    costs = [cost.column for cost in (given.cost_basis, given.unit_cost) if cost is not None]
    if costs:
        headings["cost basis"] = ", ".join(costs)
    return headings | {"lot id": ", ".join(given.lot_id.columns)}


def _sleeves(mapping: FormatMapping, rows: RawRows) -> CodedColumn:
    if mapping.lot.sleeve is None:
        return coded_column(np.zeros(len(rows), np.int64), [""])
    return coded_column(*fields.identifiers(mapping, rows, mapping.lot.sleeve))


def _covered(given: Codes | str, rows: RawRows) -> CodedColumn:
    if isinstance(given, str):
        return coded_column(np.zeros(len(rows), np.int64), [given])
    return _coded_as(given, rows, "Y", "N")


def _coded_as(given: Codes, rows: RawRows, is_so: str, is_not: str) -> CodedColumn:
    """Return a column of two states in our words; a code of neither stays, in quotation marks: it holds its account."""
    index, texts = rows.coded(given.column)
    yes, no = ({text.strip() for text in codes} for codes in (given.yes, given.no))
    return coded_column(index, [is_so if text in yes else is_not if text in no else f'"{text}"' for text in texts])


def _unread(found: RowsOfAccounts) -> list[MalformedRecord]:
    """Return the lines that are no rows, with the accounts of the rows around them."""
    lines, reports = found.rows.line, []
    for unread in found.rows.unread:
        after = int(np.searchsorted(lines, unread.line))
        around = [row for row in (after - 1, after) if 0 <= row < len(lines)]
        accounts = tuple(dict.fromkeys(found.numbers[found.account[row]] for row in around))
        detail = f"{unread.reason}: {printable(unread.text[:_SHOWN])}"
        reports.append(MalformedRecord(unread.line, accounts, NOT_UNDERSTOOD, detail))
    return reports


def _unmatched(found: RowsOfAccounts) -> list[MalformedRecord]:
    """Return the rows that no rule of the mapping is for, with their account, else those around them."""
    reports = []
    for row in np.flatnonzero(found.kind == UNKNOWN).tolist():
        own = found.numbers[found.account[row]]
        around = [each for each in (row - 1, row + 1) if 0 <= each < len(found.account)]
        accounts = (own,) if own else tuple(found.numbers[found.account[each]] for each in around)
        shown = "; ".join(f"{name}: {found.rows.text(name, row)}" for name in list(found.rows.columns)[:8])
        detail = f"no rule of the mapping is for it: {printable(shown[:_SHOWN])}"
        reports.append(MalformedRecord(int(found.rows.line[row]), accounts, NOT_UNDERSTOOD, detail))
    return reports


def _empty(count: int) -> TextColumn:
    return TextColumn(np.zeros(count + 1, np.int32), np.zeros(1, np.uint8))
