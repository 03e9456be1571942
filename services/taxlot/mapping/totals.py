"""Total rows of a foreign file: what they say of an account, or of a security in it, against the sum of its lots.

Source: product 2, "A bad row quarantines its account".
"""

from typing import Final

import numpy as np

from services.taxlot.columns.records import MalformedRecord
from services.taxlot.domain import text
from services.taxlot.domain.codes import TOTAL_DIFFERS
from services.taxlot.domain.records import CodedColumn, TextColumn
from services.taxlot.domain.text import Codes
from services.taxlot.mapping import fields
from services.taxlot.mapping.account_rows import LOT, TOTAL, RowsOfAccounts, unlisted, unreadable
from services.taxlot.mapping.model import Check, FormatMapping, NumberField
from shared.columnar import Ints
from shared.fixed_point.text import text_of

_FIELDS: Final = ("quantity", "cost basis")
_EXACT: Final = (6, 10**17)  # decimals and limit: finer than costs are kept, so that sums are of what is written


def differences(
    mapping: FormatMapping, found: RowsOfAccounts, columns: tuple[TextColumn, TextColumn], security: CodedColumn
) -> list[MalformedRecord]:
    """Return total rows that differ from their lots, or cannot be read.

    columns (quantity, cost basis) and security: of every lot row.  A sum with a value that is unknown, or no number, is
    not compared.
    """
    faults: list[MalformedRecord] = []
    for number, rule in enumerate(mapping.rows):
        rows = np.flatnonzero((found.kind == TOTAL) & (found.rule == number))
        if rule.check is None or not len(rows):
            continue
        owners, keys = _keys(mapping, found, rule.check, rows, security)
        checks = (rule.check.quantity, rule.check.cost_basis)
        for field, given, column in zip(_FIELDS, checks, columns, strict=True):
            if given is not None:
                faults += _compared(mapping, found, (field, given), (rows, owners), (column, keys))
    return faults


def _keys(
    mapping: FormatMapping, found: RowsOfAccounts, check: Check, rows: Ints, security: CodedColumn
) -> tuple[Ints, Ints]:
    """Return what each total row, and each lot, is added up by."""
    lots = found.account[found.kind == LOT]
    if check.of == "account":
        return found.account[rows], lots
    index, names = fields.identifiers(mapping, found.rows.take(rows), mapping.lot.security)
    numbers = {name: number for number, name in enumerate(security.names)}
    of_name = np.array([numbers.get(name, len(numbers)) for name in names], np.int64)
    width = len(numbers) + 1
    return found.account[rows] * width + of_name[index], lots * width + security.index


def _compared(
    mapping: FormatMapping,
    found: RowsOfAccounts,
    what: tuple[str, NumberField],
    stated: tuple[Ints, Ints],
    summed: tuple[TextColumn, Ints],
) -> list[MalformedRecord]:
    (field, given), (rows, owners), (column, keys) = what, stated, summed
    said = fields.numbers(mapping, found.rows.take(rows), given, None, True)
    wanted, wanted_status = text.decimals(said.offsets, said.data, *_EXACT)
    faults = unreadable(found, rows, f"total of the {field} (column {given.column!r})", said, _filled(wanted_status))
    if given.sign is not None:
        stated_rows = rows[wanted_status != text.EMPTY]
        faults += unlisted(found, stated_rows, given.sign.column, (*given.sign.negative, *given.sign.positive))
    values, status = text.decimals(column.offsets, column.data, *_EXACT)
    unclear = set(keys[status != text.GOOD].tolist())
    order = np.argsort(keys, kind="stable")
    summed_keys, begins = np.unique(keys[order], return_index=True)
    added = np.add.reduceat(values[order], begins) if len(begins) else values
    sums = dict(zip(summed_keys.tolist(), added.tolist(), strict=True))
    for row, key, want, state in zip(rows.tolist(), owners.tolist(), wanted, wanted_status, strict=True):
        if state != text.GOOD or key in unclear or sums.get(key, 0) == want:
            continue
        said_text, sum_text = (text_of(int(value), _EXACT[0], trim=True) for value in (want, sums.get(key, 0)))
        detail = f"column {given.column!r}: the file says {said_text}, the {field} of its lots adds up to {sum_text}"
        line, number = int(found.rows.line[row]), found.numbers[found.account[row]]
        faults.append(MalformedRecord(line, (number,), TOTAL_DIFFERS, detail))
    return faults


def _filled(status: Codes) -> Codes:
    """Return the status of totals, of which one that is missing is none at all."""
    return np.where(status == text.EMPTY, text.GOOD, status).astype(np.uint8)
