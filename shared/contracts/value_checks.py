"""Checks of a chunk's values beyond their types: damaged bytes may still decode.

Kernels use the indices in a chunk, and compiled code checks no bounds: an index outside reads foreign memory.  The
proposer checks the indices of its own input itself, account by account.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896  # 0001-01-01 and 9999-12-31 in days since 1970-01-01
_DAY_US: Final = 86_400_000_000
_LOGICS: Final = 3
# Column -> its fields that are indices -> the column of the same account that they point into.
_POINTERS: Final = {
    "positions": {"security": "securities"},
    "lots": {"security": "securities"},
    "sleeve_trades": {"position": "positions"},
    "orders": {"security": "securities"},
    "slices": {"security": "securities"},
    "transfers": {"security": "securities"},
    "purchases": {"security": "securities"},
    "edits": {"security": "securities"},
}
_OF_A_LOGIC: Final = frozenset({"proposals", "sleeve_trades", "orders", "slices", "transfers", "taxes", "edits"})


def check(rows: pa.RecordBatch, *, pointers: bool = True) -> None:
    """Check all values.  pointers: whether to check indices too.

    Raises ValueError that names the column and what is wrong, or pa.ArrowInvalid if a column itself is broken.
    """
    rows.validate(full=True)
    for field, column in zip(rows.schema, rows.columns, strict=True):
        _check_values(field.name, field, column)
        if pointers and field.name in _OF_A_LOGIC:
            _check_range(f"{field.name}.logic", _ints(column, "logic"), 0, _LOGICS)
    if not pointers:
        return
    names = rows.schema.names
    for name, fields in _POINTERS.items():
        for pointer, target in fields.items():
            if name in names and target in names:
                column, into = rows.column(name), rows.column(target)
                sizes = _lengths(into)[np.repeat(np.arange(rows.num_rows), _lengths(column))]
                _check_range(f"{name}.{pointer}", _ints(column, pointer), 0, sizes)


def _check_values(name: str, field: Any, column: Any) -> None:
    """Raise ValueError if a value is missing that must be there, or a day is outside of the years 1 to 9999.

    Instants are in microseconds.
    """
    if not field.nullable and column.null_count:
        raise ValueError(f"{name} is missing in {column.null_count} places")
    kind = field.type
    if pa.types.is_list(kind):
        entries = column.flatten()
        for index, inner in enumerate(kind.value_type):
            _check_values(f"{name}.{inner.name}", inner, entries.field(index))
    elif pa.types.is_date32(kind):
        _check_years(name, column.drop_null().cast(pa.int32()).to_numpy())
    elif pa.types.is_timestamp(kind):
        _check_years(name, column.drop_null().cast(pa.int64()).to_numpy() // _DAY_US)


def _check_years(name: str, days: Any) -> None:
    if len(days) and not _FIRST_DAY <= days.min() <= days.max() <= _LAST_DAY:
        raise ValueError(f"{name} is outside of the years 1 to 9999")


def _check_range(name: str, values: Any, first: int, beyond: Any) -> None:
    """Raise ValueError if an index is below `first` or not below `beyond`."""
    if len(values) and ((values < first) | (values >= beyond)).any():
        raise ValueError(f"{name} points to nothing")


def _ints(column: Any, field: str) -> Any:
    return column.flatten().field(field).to_numpy(zero_copy_only=False)


def _lengths(column: Any) -> Any:
    return column.value_lengths().fill_null(0).to_numpy()
