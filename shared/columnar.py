"""Arrow columns: typed constructors, the nested columns of chunks read flat, several chunks as one.

The stubs of pyarrow cannot express the types of our arrays; `Arrow` marks where one is meant.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Arrow: TypeAlias = Any


def array(values: Any, kind: pa.DataType | None = None, mask: NDArray[np.bool_] | None = None) -> Arrow:
    """Return an Arrow array; where mask is true the value is null."""
    return pa.array(values, type=kind, mask=mask)


def lists(starts: NDArray[np.int64], columns: list[Arrow], kind: pa.DataType) -> Arrow:
    """Return a list<struct> column: row i holds columns[..][starts[i]:starts[i + 1]].  kind: type of the list."""
    fields: Any = kind
    struct = pa.StructArray.from_arrays(columns, fields=list(fields.value_type))
    offsets: Any = pa.array(starts, pa.int32())
    listed: Arrow = pa.ListArray.from_arrays(offsets, struct)
    return listed


def children(listed: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the struct array of a list<struct> column, and the row that owns each of its entries."""
    lengths = listed.value_lengths().fill_null(0).to_numpy().astype(np.int64)
    return listed.flatten(), np.repeat(np.arange(len(lengths)), lengths)


def joined(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of all parts, at least one, in one batch."""
    arrow: Any = pa
    whole: pa.RecordBatch = arrow.concat_batches(parts)
    return whole
