"""Arrow columns: typed constructors, the nested columns of chunks read flat, several chunks as one.

The stubs of pyarrow cannot express the types of our arrays; `Arrow` marks where one is meant.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Arrow: TypeAlias = Any
Bytes: TypeAlias = NDArray[np.uint8]
Ints: TypeAlias = NDArray[np.int64]


def array(values: Any, kind: pa.DataType | None = None, mask: NDArray[np.bool_] | None = None) -> Arrow:
    """Return an Arrow array; where mask is true the value is null."""
    return pa.array(values, type=kind, mask=mask)


def lists(starts: NDArray[np.int64], columns: list[Arrow], kind: pa.DataType) -> Arrow:
    """Return a list<struct> column: row i holds columns[..][starts[i]:starts[i + 1]].  kind: type of the list."""
    fields: Any = kind
    struct = pa.StructArray.from_arrays(columns, fields=list(fields.value_type))
    offsets: Any = pa.array(starts, pa.int32())
    listed: Arrow = pa.ListArray.from_arrays(offsets, struct, type=fields)
    return listed


def read_only(data: Bytes) -> Bytes:
    """Return the bytes as an array that may not be written to, over the same memory.

    Some of Arrow's buffers may be written to and others not, and numba compiles a kernel for each kind.
    """
    view = data.view()
    view.flags.writeable = False
    return view


def starts_of(lengths: Any) -> NDArray[np.int64]:
    """Return where runs of these lengths begin that stand one after another, and one more: where the last ends."""
    starts = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.asarray(lengths, np.int64), out=starts[1:])
    return starts


def entries(listed: Arrow) -> tuple[Arrow, NDArray[np.int64]]:
    """Return the entries of a list column, all rows' one after another, and where each row's begin.

    A null list has none.
    """
    return listed.flatten(), starts_of(lengths_of(listed))


def children(listed: Arrow) -> tuple[Arrow, NDArray[np.int64]]:
    """Return the entries of a list column, all rows' one after another, and the row that owns each of them."""
    lengths = lengths_of(listed)
    return listed.flatten(), np.repeat(np.arange(len(lengths)), lengths)


def lengths_of(listed: Arrow) -> NDArray[np.int64]:
    """Return how many entries each row of a list column has; a null list has none."""
    return np.asarray(listed.value_lengths().fill_null(0).to_numpy(zero_copy_only=False), np.int64)


def joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of all batches, at least one, as one batch."""
    arrow: Any = pa
    whole: pa.RecordBatch = arrow.concat_batches(batches)
    return whole
