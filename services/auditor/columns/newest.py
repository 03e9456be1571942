"""The newest state of each key among many events, as columns: a book of 1,000,000 accounts has millions of events."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from shared.columnar import Ints

KEYS: Final = ("key", "publisher", "version", "first")
"""Columns that a table of states needs.  first: number of the event in the order of reading, rising within a key."""


def newest_by_publisher(states: pa.Table) -> pa.Table:
    """Return of each key and publisher the row with the highest version, of equal ones the first.

    Its column `first` becomes that of the first row of both.  The result for a part may stand for the part: tables that
    were made smaller so, joined in the order of reading, give the same as the whole.
    """
    if not states.num_rows:
        return states
    pair = _codes(states.column("key")) * (states.num_rows + 1) + _codes(states.column("publisher"))
    version, first = (_ints(states.column(name)) for name in ("version", "first"))
    order = np.lexsort((-first, version, pair))
    starts = np.flatnonzero(np.diff(pair[order], prepend=-1))
    last = order[np.append(starts[1:], len(order)) - 1]
    earliest = np.minimum.reduceat(first[order], starts)
    chosen = states.take(pa.array(last))
    return chosen.set_column(chosen.schema.get_field_index("first"), "first", pa.array(earliest))


def newest(states: pa.Table) -> pa.Table:
    """Return one row of each key: of the publisher that came last, the highest version.

    A publisher is one incarnation of a database; after a restore the next one takes its place.
    """
    by_publisher = newest_by_publisher(states)
    if not by_publisher.num_rows:
        return by_publisher
    key = _codes(by_publisher.column("key"))
    order = np.lexsort((_ints(by_publisher.column("first")), key))
    ends = np.append(np.flatnonzero(np.diff(key[order])), len(order) - 1)
    return by_publisher.take(pa.array(order[ends]))


def _codes(column: Any) -> Ints:
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return np.asarray(encoded.indices, np.int64)


def _ints(column: Any) -> Ints:
    return np.asarray(column.to_numpy(), np.int64)
