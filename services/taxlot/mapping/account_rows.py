"""Rows of a foreign file with what they are: lot, cash, total or to be skipped, and of which account."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.taxlot.columns.records import MalformedRecord
from services.taxlot.domain import text
from services.taxlot.domain.accounts import text_at
from services.taxlot.domain.codes import NOT_UNDERSTOOD, printable
from services.taxlot.domain.records import TextColumn
from services.taxlot.domain.text import Codes
from services.taxlot.mapping import fields
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.raw_rows import RawRows, coded_column
from shared.columnar import Ints

LOT, CASH, TOTAL, SKIP, UNKNOWN = range(5)
KINDS: Final = {"lot": LOT, "cash": CASH, "total": TOTAL, "skip": SKIP}


@dataclass(frozen=True)
class RowsOfAccounts:
    """Rows with what they are.  account: a number for each, the names in `numbers`; kind and rule: of each row."""

    rows: RawRows
    account: Ints
    numbers: list[str]
    kind: Ints
    rule: Ints


def understood(mapping: FormatMapping, rows: RawRows) -> RowsOfAccounts:
    """Return the rows with what they are by the rules of the mapping: of each row, the first that fits."""
    kind = np.full(len(rows), UNKNOWN, np.int64)
    rule = np.full(len(rows), -1, np.int64)
    for number, each in enumerate(mapping.rows):
        hit = (rule < 0) & fields.matching(rows, each.when)
        kind[hit], rule[hit] = KINDS[each.is_], number
    index, texts = fields.identifiers(mapping, rows, mapping.account)
    coded = coded_column(index, texts)
    return RowsOfAccounts(rows, coded.index, coded.names, kind, rule)


def unlisted(found: RowsOfAccounts, rows: Ints, column: str, known: Collection[str]) -> list[MalformedRecord]:
    """Return those of some rows whose code in a column is none of the known ones."""
    texts = {code.strip() for code in known}
    strange = rows[~found.rows.take(rows).where(column, lambda code: code in texts)]
    named = ", ".join(repr(code) for code in sorted(texts))
    return [
        MalformedRecord(
            int(found.rows.line[row]),
            (found.numbers[found.account[row]],),
            NOT_UNDERSTOOD,
            f"column {column!r}: {printable(found.rows.text(column, row)[:64])!r} is none of {named}",
        )
        for row in strange.tolist()
    ]


def unreadable(found: RowsOfAccounts, rows: Ints, field: str, read: TextColumn, status: Codes) -> list[MalformedRecord]:
    """Return those of some rows whose number cannot be read.  field: what it is, and its column.

    read: the texts of these rows; status: of `text`.
    """
    return [
        MalformedRecord(
            int(found.rows.line[rows[index]]),
            (found.numbers[found.account[rows[index]]],),
            "OUT_OF_RANGE" if status[index] == text.TOO_LARGE else "NOT_A_NUMBER",
            f"{field}: {printable(text_at(read, index)[:64]) or 'empty'}",
        )
        for index in np.flatnonzero(status != text.GOOD).tolist()
    ]
