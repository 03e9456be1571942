"""The orders that were proposed of accounts, from the columns of a result chunk."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.batch.domain.trades import ProposedOrder
from shared.columnar import children, entries
from shared.contracts import chunks, codec

_READ: Final = pa.schema([chunks.RESULT.field(name) for name in ("securities", "orders")])


def proposed_orders(content: bytes, row_numbers: Sequence[int], logic: int) -> dict[int, list[ProposedOrder]]:
    """Return the orders under a logic of some rows of a result chunk, by row number.  content: the chunk as it came."""
    rows, _ = codec.decode_kept(content, _READ)
    rows = rows.take(pa.array(row_numbers, pa.int64()))
    orders, owners = children(rows.column("orders"))
    of_logic = np.asarray(pc.equal(pc.struct_field(orders, "logic"), pa.scalar(logic, pa.int8())))
    securities, starts = entries(rows.column("securities"))
    index = starts[owners] + np.asarray(pc.struct_field(orders, "security"), np.int64)
    names = pc.struct_field(securities, "security_id").take(pa.array(index[of_logic])).to_pylist()
    numbers = [
        np.asarray(pc.struct_field(orders, field))[of_logic].tolist()
        for field in ("quantity_micro", "price_micro", "value_cents", "reason")
    ]
    found: dict[int, list[ProposedOrder]] = {number: [] for number in row_numbers}
    for owner, name, *values in zip(owners[of_logic].tolist(), names, *numbers, strict=True):
        found[row_numbers[owner]].append(ProposedOrder(name, *values))
    return found
