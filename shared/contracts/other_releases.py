"""Reading columns that another release wrote: what is not known is left out, what is missing is null.

During an upgrade chunks of both releases are on the topics.  So a column or an inner field may be added if it may be
null, and never be changed or taken away while a release reads it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def difference(sent: Iterable[Any], expected: Iterable[Any], path: str = "") -> str | None:
    """Return why fields cannot be read as the expected ones, None if they can.  sent, expected: Arrow fields."""
    given = {}
    for field in sent:
        if field.name in given:
            return f"{path}{field.name} stands more than once"
        given[field.name] = field
    for field in expected:
        found = given.get(field.name)
        if found is None:
            if not field.nullable:
                return f"{path}{field.name} is missing"
        elif (fault := _type_difference(found.type, field.type, f"{path}{field.name}")) is not None:
            return fault
    return None


def fitted(rows: pa.RecordBatch, fields: Sequence[Any]) -> pa.RecordBatch:
    """Return the rows with these fields, in this order.  `difference` of the two must be None."""
    names = rows.schema.names
    columns = [
        _fitted(rows.column(field.name), field.type)
        if field.name in names
        else pa.nulls(rows.num_rows, field.type)
        for field in fields
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _type_difference(sent: Any, expected: Any, path: str) -> str | None:
    if sent.equals(expected):
        return None
    if pa.types.is_list(sent) and pa.types.is_list(expected):
        return _type_difference(sent.value_type, expected.value_type, path)
    if pa.types.is_struct(sent) and pa.types.is_struct(expected):
        return difference(sent, expected, f"{path}.")
    return f"{path} has another type: {sent} instead of {expected}"


def _fitted(column: Any, kind: Any) -> Any:
    """Return a column with the type `kind`: inner fields picked by name."""
    if column.type.equals(kind):
        return column
    if pa.types.is_list(kind):
        listed: Any = pa.ListArray
        mask = column.is_null() if column.null_count else None
        return listed.from_arrays(_starts(column), _fitted(column.flatten(), kind.value_type), type=kind, mask=mask)
    names = {field.name for field in column.type}
    children = [
        _fitted(column.field(field.name), field.type) if field.name in names else pa.nulls(len(column), field.type)
        for field in kind
    ]
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=column.is_null() if column.null_count else None)


def _starts(column: Any) -> Any:
    """Return offsets into the flattened values, which leave out what stands behind a null."""
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    starts = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=starts[1:])
    return pa.array(starts)
