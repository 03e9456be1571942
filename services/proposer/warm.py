"""Compile every kernel, or load it from the cache, before the first message."""

import pyarrow as pa

from services.proposer.columns.proposals import propose
from shared.contracts.chunks import LOTS


def kernels() -> None:
    """Run every kernel once on an empty chunk."""
    propose(pa.RecordBatch.from_pylist([], schema=LOTS), 0)
