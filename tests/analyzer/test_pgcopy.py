"""Binary COPY by whole columns: what is written is read back, and nothing is compiled but by the warm-up."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from services.analyzer import warm
from services.analyzer.store import pgcopy
from services.analyzer.store.pgcopy import NULL, Column, PgIntColumn, bytes_column, table_of, text_column, whole
from shared.contracts.codes import FlagState

pytestmark = pytest.mark.fast


def test_columns_of_every_form_find_their_kernels_compiled() -> None:
    """With gaps, or not to be written to, an array is another type to the compiler: the first message waited for it."""
    warm.kernels()
    kernels: list[Any] = [pgcopy._put_int, pgcopy._copy, pgcopy._integers, pgcopy._count, pgcopy._locate]
    compiled = [len(kernel.signatures) for kernel in kernels]
    fixed = np.array([5, NULL, 7], np.int64)
    fixed.flags.writeable = False
    gaps = np.arange(12, dtype=np.int64).reshape(3, 4)[:, 1]
    documents = bytes_column(np.array([0, 1, 3, 3]), np.frombuffer(b"abc", np.uint8))
    columns: list[Column] = [
        PgIntColumn(fixed, 8),
        PgIntColumn(gaps, 4),
        text_column(pa.array(["x", None, "yz"])),
        documents,
    ]
    read = table_of(whole(columns), len(columns))
    assert read.ints(0, FlagState.CLEAR).tolist() == [5, int(FlagState.CLEAR), 7]
    assert read.ints(1).tolist() == [1, 5, 9]
    assert read.texts(2).to_pylist() == ["x", None, "yz"]
    assert [read.bytes_of(3, row) for row in range(3)] == [b"a", b"bc", b""]
    assert [len(kernel.signatures) for kernel in kernels] == compiled == [1] * 5
