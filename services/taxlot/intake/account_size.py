"""How much of one account is taken in: as much as every message of a request can carry.

A row without a sleeve may become several lots, one a sleeve; so it is counted when every lot has its sleeve.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.domain.codes import TOO_MANY_LOTS, TOO_MANY_POSITIONS
from shared.fixed_point.limits import MAX_LOTS, MAX_POSITIONS


def too_many(lots: pa.RecordBatch, first: Any) -> dict[int, tuple[str, str]]:
    """Return code and figures of the hold of each account that is too large, by its place.

    Account k has the lots first[k]:first[k + 1], ordered by security and sleeve.
    """
    counts = np.diff(first)
    found = {}
    for place in np.flatnonzero(counts > MAX_POSITIONS).tolist():
        if counts[place] > MAX_LOTS:
            found[place] = (TOO_MANY_LOTS, f"{counts[place]} lots, at most {MAX_LOTS}")
        elif (positions := _positions(lots.slice(int(first[place]), int(counts[place])))) > MAX_POSITIONS:
            found[place] = (TOO_MANY_POSITIONS, f"{positions} positions, at most {MAX_POSITIONS}")
    return found


def _positions(lots: pa.RecordBatch) -> int:
    names: list[Any] = [lots.column(name).cast(pa.string()).to_pylist() for name in ("security_id", "sleeve_id")]
    return len(set(zip(*names, strict=True)))
