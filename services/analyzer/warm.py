"""Compiling (or loading from the cache) every kernel before the first message, so that none waits for it."""

import numpy as np

from services.analyzer.domain import kernel
from services.analyzer.domain.layout import SETTINGS, TARGET_HEAD, TARGET_ROW
from services.analyzer.store import pgcopy


def kernels() -> None:
    """Run every kernel once on next to nothing."""
    one = np.zeros(1, np.int64)
    out, starts = np.empty((1, kernel.COLUMNS), np.int64), np.zeros(2, np.int64)
    kernel.evaluate(
        np.zeros((1, SETTINGS), np.int64), one, one, one, starts, np.zeros((0, 2), np.int64), one,
        np.zeros((1, TARGET_HEAD), np.int64), starts, np.zeros((0, TARGET_ROW), np.int64), one, 0, out, starts.copy(),
        np.empty((1, kernel.REASON), np.int64),
    )  # fmt: skip
    pgcopy.warm()
