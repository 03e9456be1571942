"""Costs of lots that a foreign file gives for each unit: the basis is quantity x cost per unit, exactly.

Where the file gives both, the cost of the whole lot is taken, and the other has to agree with it as far as the digits
that are printed tell.  Source: product 1, "lot", "price factor"; product 2, "Each custodian writes its own format".
"""

from collections.abc import Sequence
from decimal import Context, Decimal, Inexact
from typing import Final

import pyarrow as pa

from services.taxlot.columns.records import MalformedRecord
from services.taxlot.domain.codes import COST_DIFFERS, printable
from services.taxlot.domain.records import TextColumn
from services.taxlot.mapping.account_rows import RowsOfAccounts
from services.taxlot.mapping.model import LotFields
from services.taxlot.mapping.raw_rows import array_of, text_column
from shared.columnar import Ints

_LONGEST: Final = 100  # characters of a number
_EXACT: Final = Context(prec=4 * _LONGEST, traps=[Inexact])
_SHOWN: Final = 64


def bases(
    found: RowsOfAccounts, rows: Ints, given: LotFields, quantity: TextColumn, unit: TextColumn, stated: TextColumn
) -> tuple[TextColumn, list[MalformedRecord]]:
    """Return the cost basis of each lot as a plain decimal, and reports of lots whose two costs do not agree.

    rows: of the lots.  quantity, unit (dollars a unit) and stated (dollars of the lot): plain decimals, empty where
    missing, in quotation marks what cannot be read.  So is the result: a cost per unit that cannot be read stands for
    the basis that it should give.
    """
    texts: list[str] = []
    faults: list[MalformedRecord] = []
    for row, units, each, whole in zip(rows.tolist(), *map(_texts, (quantity, unit, stated)), strict=True):
        texts.append(whole or _product(units, each))
        if whole and each and (reason := _fault(units, each, whole, given)) is not None:
            line, number = int(found.rows.line[row]), found.numbers[found.account[row]]
            faults.append(MalformedRecord(line, (number,), *reason))
    return text_column(pa.array([text.encode() for text in texts], pa.binary())), faults


def agree(units: Decimal, each: Decimal, whole: Decimal) -> bool:
    """Say whether the two costs can be the same before each was rounded to the digits that it shows.

    Signs are not compared: some files give the cost of what is owed without one.  A quantity without decimals is exact.
    """
    units, each, whole = abs(units), abs(each), abs(whole)
    off_units = _half_of_last_digit(units) if _exponent(units) < 0 else Decimal(0)
    off_each = _half_of_last_digit(each)
    room = _EXACT.add(
        _half_of_last_digit(whole),
        _EXACT.add(_EXACT.multiply(units, off_each), _EXACT.multiply(off_units, _EXACT.add(each, off_each))),
    )
    return abs(_EXACT.subtract(whole, _EXACT.multiply(units, each))) <= room


def _product(units: str, each: str) -> str:
    if not each or not _is_plain(each):
        return each
    if not _is_plain(units):
        return ""  # its quantity holds the account
    return format(_EXACT.multiply(Decimal(units), Decimal(each)), "f")


def _fault(units: str, each: str, whole: str, given: LotFields) -> tuple[str, str] | None:
    """Return code and detail where a cost per unit cannot be read, or differs from the cost of the lot."""
    per_unit = f"column {'' if given.unit_cost is None else given.unit_cost.column!r}"
    if not _is_plain(each):
        return "NOT_A_NUMBER", f"cost per unit ({per_unit}): {printable(each[:_SHOWN])}"
    if not (_is_plain(units) and _is_plain(whole)) or agree(Decimal(units), Decimal(each), Decimal(whole)):
        return None
    product = format(_EXACT.multiply(Decimal(units), Decimal(each)), "f")
    column = "" if given.cost_basis is None else given.cost_basis.column
    return COST_DIFFERS, f"column {column!r}: {whole}; quantity {units} at {each} a unit ({per_unit}) is {product}"


def _half_of_last_digit(value: Decimal) -> Decimal:
    return Decimal((0, (5,), _exponent(value) - 1))


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)


def _is_plain(text: str) -> bool:
    """Say whether a text, as it comes of a mapping, is a number: what is none is missing or in quotation marks."""
    return 0 < len(text) <= _LONGEST and not text.startswith('"')


def _texts(column: TextColumn) -> Sequence[str]:
    values: list[bytes] = array_of(column).to_pylist()
    return [value.decode(errors="replace") for value in values]
