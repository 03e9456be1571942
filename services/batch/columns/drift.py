"""The drift that the proposals of a result chunk leave, under every logic: exact sums over its accounts.

Of one account it is what `views.proposals.drift_of` shows.  Source: product 4, "Tax-aware".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row

from services.batch.domain.drift import FINE, DriftSums
from shared.columnar import Ints, children, entries
from shared.contracts import chunks, codec
from shared.contracts.codes import HoldingRole
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.limits import PPB

_READ: Final = pa.schema(
    [chunks.RESULT.field(name) for name in ("securities", "positions", "proposals", "sleeve_trades")]
)


@dataclass(frozen=True)
class _Positions:
    """Positions that may be traded, by their index among all positions: what each drift is computed from."""

    owner: list[int]
    quantity: list[int]
    target: list[int]  # in 1e-18 of the account's value
    price: list[int]
    divisor: list[int]
    managed: list[int]
    worth: dict[int, int]  # cents of the managed ones before the trades

    def worth_of(self, index: int, quantity: int) -> int:
        """Return cents of a quantity of the security at an index, rounded once."""
        return value_cents(quantity // self.divisor[index], self.price[index])


def drift_left(content: bytes, members: Sequence[Row[Any]]) -> dict[int, DriftSums]:
    """Return by logic what drift the trades of accounts of one result chunk leave.

    Left out are accounts for which the logic proposed nothing, those without a value, and those with substitutes, which
    take over targets.  members: rows with row_no; content: the chunk as it came.
    """
    rows, _ = codec.decode_kept(content, _READ)
    rows = rows.take(pa.array([member.row_no for member in members], pa.int64()))
    securities, owners = children(rows.column("securities"))
    substituted = set(owners[_ints(securities, "substitute") >= 0].tolist())
    positions, starts = _positions(rows)
    values = _values(rows, substituted)
    trades = _trades(rows, starts)
    return {logic: _left(positions, of_logic, trades.get(logic, {})) for logic, of_logic in values.items()}


def _left(positions: _Positions, values: dict[int, int], traded: dict[int, int]) -> DriftSums:
    """Return the sums of one logic.  values: cents by account; traded: millionths by index of the position."""
    left = 0
    for index in positions.managed:
        value = values.get(positions.owner[index])
        if value is not None:
            worth = positions.worth[index]
            if index in traded:
                worth = positions.worth_of(index, positions.quantity[index] + traded[index])
            left += abs(worth * FINE - positions.target[index] * value)
    return DriftSums(left, sum(values.values()), len(values))


def _positions(rows: pa.RecordBatch) -> tuple[_Positions, Ints]:
    """Return the positions, and where those of each account begin."""
    entries_, owner = children(rows.column("positions"))
    _, starts = entries(rows.column("positions"))
    securities, first = entries(rows.column("securities"))
    security = first[owner] + _ints(entries_, "security")
    role = _ints(securities, "role", int(HoldingRole.MANAGED))[security]
    ppb, rest = _ints(entries_, "target_ppb").tolist(), _ints(entries_, "target_rest_edge").tolist()
    found = _Positions(
        owner=owner.tolist(),
        quantity=_ints(entries_, "quantity_micro").tolist(),
        target=[part * PPB + more for part, more in zip(ppb, rest, strict=True)],
        price=_ints(securities, "price_micro")[security].tolist(),
        divisor=_ints(securities, "price_divisor", 1)[security].tolist(),
        managed=np.flatnonzero(role == int(HoldingRole.MANAGED)).tolist(),
        worth={},
    )
    found.worth.update((index, found.worth_of(index, found.quantity[index])) for index in found.managed)
    return found, starts


def _values(rows: pa.RecordBatch, without: set[int]) -> dict[int, dict[int, int]]:
    """Return V in cents by logic and account, where the logic proposed and V is more than nothing."""
    proposals, owner = children(rows.column("proposals"))
    proposed = pc.is_null(pc.struct_field(proposals, "failure_code")).to_numpy(zero_copy_only=False)
    values = _ints(proposals, "value_cents")
    logics = _ints(proposals, "logic")
    found: dict[int, dict[int, int]] = {logic: {} for logic in np.unique(logics).tolist()}
    for index in np.flatnonzero(proposed & (values > 0)).tolist():
        if int(owner[index]) not in without:
            found[int(logics[index])][int(owner[index])] = int(values[index])
    return found


def _trades(rows: pa.RecordBatch, starts: Ints) -> dict[int, dict[int, int]]:
    """Return the millionths traded, crossed ones too, by logic and index of the position."""
    trades, owner = children(rows.column("sleeve_trades"))
    index = (starts[owner] + _ints(trades, "position")).tolist()
    found: dict[int, dict[int, int]] = {}
    listed = zip(_ints(trades, "logic").tolist(), index, _ints(trades, "quantity_micro").tolist(), strict=True)
    for logic, at, quantity in listed:
        found.setdefault(logic, {})[at] = quantity
    return found


def _ints(structs: Any, field: str, absent: int = 0) -> Ints:
    """Return an integer field; `absent` where it is null, which early releases left it."""
    return np.asarray(pc.fill_null(pc.struct_field(structs, field).cast(pa.int64()), absent), np.int64)
