"""Arrow arrays where the stubs of pyarrow cannot say what ours hold: made here, passed on as `Arrow`."""

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
