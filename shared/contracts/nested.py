"""The nested columns of chunks, read flat."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def children(listed: Any) -> tuple[Any, NDArray[np.int64]]:
    """Return the struct array of a list<struct> column, and the row that owns each of its entries."""
    lengths = listed.value_lengths().fill_null(0).to_numpy().astype(np.int64)
    return listed.flatten(), np.repeat(np.arange(len(lengths)), lengths)
