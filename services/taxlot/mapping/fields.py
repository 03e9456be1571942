"""The fields of rows: foreign texts to the texts of the documented format, column by column."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from services.taxlot.domain import date_styles, number_styles
from services.taxlot.domain.number_styles import Style
from services.taxlot.domain.records import Bools, TextColumn
from services.taxlot.mapping.model import Condition, DateField, FormatMapping, LotId, Matches, NumberField, TextField
from services.taxlot.mapping.raw_rows import RawRows, array_of, text_column
from shared.columnar import Ints

compute: Any = pyarrow.compute
_SHIFTS = {"0.0001": -4, "0.001": -3, "0.01": -2, "0.1": -1, "10": 1, "100": 2, "1000": 3, "10000": 4}


def matching(rows: RawRows, when: Condition | None) -> Bools:
    """Say which rows fulfil a condition."""
    found = np.ones(len(rows), np.bool_)
    for column, wanted in (when or {}).items():
        found &= rows.where(column, _predicate(wanted))
    return found


def numbers(
    mapping: FormatMapping, rows: RawRows, given: NumberField, short: Bools | None, optional: bool
) -> TextColumn:
    """Return a column of numbers as plain decimals.

    short: rows whose number is negative whatever its sign.  optional: a missing number is empty; else its text is kept
    in quotation marks, so that the reason of the hold shows it.
    """
    style = given.style or mapping.numbers
    mode = np.full(len(rows), number_styles.AS_WRITTEN, np.uint8)
    shift = np.full(len(rows), -(given.implied_decimals or 0), np.int8)
    if given.sign is not None:
        mode[rows.where(given.sign.column, _among(given.sign.negative))] = number_styles.NEGATE
    if short is not None:
        mode[short] = number_styles.SHORT
    left = np.ones(len(rows), np.bool_)
    for factor in given.factors:
        hit = left & matching(rows, factor.when)
        shift[hit] += _SHIFTS[factor.times]
        left &= ~hit
    written = Style(
        style.currency, style.thousands, style.decimal, style.plus, style.parentheses, style.trailing_minus,
        implied=given.implied_decimals is not None, unsigned=given.sign is not None,
    )  # fmt: skip
    column = text_column(rows.columns[given.column])
    missing = _missing(mapping, given.missing) if optional else ()
    return TextColumn(*number_styles.plain_numbers((column.offsets, column.data), written, missing, mode, shift))


def dates(mapping: FormatMapping, rows: RawRows, given: DateField) -> TextColumn:
    """Return a column of dates as YYYY-MM-DD, missing ones empty."""
    column = text_column(rows.columns[given.column])
    missing = _missing(mapping, given.missing)
    return TextColumn(*date_styles.plain_dates((column.offsets, column.data), tuple(given.styles), missing))


def identifiers(mapping: FormatMapping, rows: RawRows, given: TextField) -> tuple[Ints, list[str]]:
    """Return a column of identifiers as indices into their texts, of which several may be equal."""
    index, texts = rows.coded(given.column)
    missing = set(_missing(mapping, given.missing))
    return index, ["" if text in missing else identifier(text, given) for text in texts]


def identifier(text: str, given: TextField) -> str:
    """Return one identifier as the mapping writes it."""
    for old, new in given.replace.items():
        text = text.replace(old, new)
    text = text.translate({ord(char): None for char in given.remove})
    if given.pad_to is not None and text:
        text = text.rjust(given.pad_to, "0")
    if given.strip_zeros:
        text = text.lstrip("0") or text[:1]
    return given.names.get(text, text)


def lot_ids(rows: RawRows, given: LotId, keys: Ints) -> TextColumn:
    """Return the names of lots.  keys: of each row's account and security, inside which equal names are numbered."""
    pieces = [compute.ascii_trim_whitespace(_as_string(rows.columns[name])) for name in given.columns]
    made = pieces[0] if len(pieces) == 1 else compute.binary_join_element_wise(*pieces, "-")
    for char in given.remove:
        made = compute.replace_substring(made, char, "")
    if given.number_equal:
        made = _numbered(made, keys)
    return text_column(made.cast(pa.binary()))


def _numbered(names: Any, keys: Ints) -> Any:
    """Return the names, equal ones of a key with their number from the second on."""
    codes = names.dictionary_encode().indices.to_numpy().astype(np.int64)
    combined = keys * (int(codes.max(initial=0)) + 1) + codes
    order = np.argsort(combined, kind="stable")
    sorted_keys = combined[order]
    begins = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]) if len(order) else np.zeros(0, np.bool_)
    ranks = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    again = np.flatnonzero(ranks)
    if not len(again):
        return names
    texts = names.to_pylist()
    for position in again.tolist():
        texts[order[position]] += f"-{int(ranks[position]) + 1}"
    return pa.array(texts, pa.string())


def _as_string(column: Any) -> Any:
    return array_of(text_column(column), pa.string())


def _missing(mapping: FormatMapping, own: list[str] | None) -> tuple[str, ...]:
    return tuple(mapping.missing if own is None else own)


def _predicate(wanted: list[str] | Matches) -> Callable[[str], bool]:
    if isinstance(wanted, Matches):
        pattern = wanted.pattern()
        return lambda text: pattern.fullmatch(text) is not None
    return _among(wanted)


def _among(wanted: list[str]) -> Callable[[str], bool]:
    texts = {text.strip() for text in wanted}
    return lambda text: text in texts
