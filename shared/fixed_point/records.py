"""Tables of named int64 fields, which kernels read and write as `table[row].field`, compiled or plain.

`numpy.recarray` offers the same in plain Python, and takes six times as long for it.
"""

from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np

Kind: TypeAlias = np.dtype[np.void]
Records: TypeAlias = Any
"""A `Table`, or one of its rows; its fields are int64."""


class Table(np.ndarray[tuple[int], Kind]):
    """An array of records whose columns are read and written as `table.field`."""

    def __getattr__(self, name: str) -> Any:
        """Return the column of that name as an array over the same memory.  Raises AttributeError if there is none."""
        if name not in fields_of(self.dtype):
            raise AttributeError(f"the records have no field {name!r}; theirs are {fields_of(self.dtype)}")
        return self[name].view(np.ndarray)

    def __setattr__(self, name: str, value: Any) -> None:
        """Fill the column of that name.  Raises AttributeError if there is none."""
        if name in fields_of(self.dtype):
            self[name] = value
        else:
            super().__setattr__(name, value)


def record(*fields: str) -> Kind:
    """Return the kind of record that has these fields, in this order.

    Raises ValueError if a field has the name of an attribute of numpy arrays: it could not be read by name.
    """
    taken = [name for name in fields if hasattr(np.ndarray, name)]
    if taken:
        raise ValueError(f"numpy arrays have attributes of these names: {taken}")
    fields_only = np.dtype([(name, np.int64) for name in fields], align=True)
    return np.dtype((_row_type(fields), fields_only))


def fields_of(kind: Kind) -> tuple[str, ...]:
    """Return the names of a record's fields, in their order."""
    return kind.names or ()


def records(kind: Kind, count: int) -> Records:
    """Return so many rows, all fields 0."""
    return np.zeros(count, kind).view(Table)


def room_for(kind: Kind, count: int) -> Records:
    """Return so many rows whose fields hold anything: they are written before they are read."""
    return np.empty(count, kind).view(Table)


def records_of(kind: Kind, **columns: Any) -> Records:
    """Return a table from columns of one length, named as the fields; fields without a column are 0.

    Raises ValueError if the lengths differ.
    """
    (count, *others) = {len(column) for column in columns.values()}
    if others:
        raise ValueError(f"columns of different lengths: {sorted({count, *others})}")
    table = records(kind, count) if len(columns) < len(fields_of(kind)) else room_for(kind, count)
    for name, column in columns.items():
        table[name] = column
    return table


def as_records(kind: Kind, table: Any) -> Records:
    """Return the rows of an int64 table, one column a field, as records over the same memory; a copy if read-only."""
    return np.require(table, np.int64, ("C", "W")).view(kind).reshape(-1).view(Table)


def as_table(rows: Records) -> Any:
    """Return records as an int64 table [n, fields] over the same memory."""
    return rows.view(np.ndarray).view(np.int64).reshape(len(rows), len(fields_of(rows.dtype)))


def _row_type(fields: tuple[str, ...]) -> type[np.void]:
    """Return the type of a single row: its fields are attributes over the memory of the table."""
    return type("Row", (np.void,), {"__slots__": (), **{name: _field(name) for name in fields}})


def _field(name: str) -> property:
    def write(row: Any, value: Any) -> None:
        row[name] = value

    return property(itemgetter(name), write)
