"""Changes from one file to the next that are too large to be taken without a look.

Source: product 2, "Custodial lot files"; docs/custodial-files.md, "Changes that are too large".
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.rules.relief.lots import Ints


@dataclass(frozen=True)
class ChangeLimit:
    """percent: of the greater of before and after; 0: no limit.  holds: hold the account, or only report it."""

    percent: int = 0
    holds: bool = False


def beyond_limit(before: Ints, after: Ints, percent: int) -> Any:
    """Say for each pair whether it differs by more than so many percent of the greater.

    Exact, also where a hundredfold exceeds 64 bits.
    """
    greater = np.maximum(np.abs(before), np.abs(after))
    hundredths, rest = greater // 100, greater % 100
    more = np.abs(after - before) - hundredths * percent
    return np.clip(more, -1, 100) * 100 > rest * percent
