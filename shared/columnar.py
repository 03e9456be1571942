"""The nested columns of chunks, read flat, and the rows of several chunks as those of one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def children(listed: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the struct array of a list<struct> column, and the row that owns each of its entries."""
    lengths = listed.value_lengths().fill_null(0).to_numpy().astype(np.int64)
    return listed.flatten(), np.repeat(np.arange(len(lengths)), lengths)


def joined(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of all parts, at least one, in one batch."""
    arrow: Any = pa
    whole: pa.RecordBatch = arrow.concat_batches(parts)
    return whole
