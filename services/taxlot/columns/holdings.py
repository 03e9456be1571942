"""Rows of HOLDINGS: each account's lots added up by sleeve and security."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.columns import documents
from services.taxlot.domain.holdings import HoldingRow
from shared.contracts.chunks import HOLDINGS
from shared.kafka.isolation import OUR_FAULT, concat_rows, halves, isolate, note_account_fault


def holdings_of(group: Sequence[HoldingRow]) -> pa.RecordBatch:
    """Return the accounts as rows of HOLDINGS; an account at which our code raises is shown as held (OUR_FAULT)."""

    def held(alone: Sequence[HoldingRow], error: Exception) -> pa.RecordBatch:
        row = list(alone[0])
        row[6:9] = OUR_FAULT, note_account_fault(row[0], error), None  # code, text, document
        return holdings_rows([tuple(row)])

    return concat_rows(isolate("publish holdings", group, halves, holdings_rows, held))


def holdings_rows(group: Sequence[HoldingRow]) -> pa.RecordBatch:
    """Return the accounts as rows of HOLDINGS, their lots added up by sleeve and security."""
    columns = list(zip(*group, strict=True))
    held = np.array([document is None for document in columns[8]])
    lots, first = documents.joined([document for document in columns[8] if document is not None])
    owner = np.repeat(np.flatnonzero(~held), np.diff(first))
    entries, starts = _added_up(lots, owner, len(group))
    offsets = pa.array(starts, pa.int32(), mask=np.concatenate([held, [False]]))
    listed: Any = pa.ListArray
    arrays = [
        pa.array(columns[0], pa.string()),
        pa.array(columns[1], pa.string()),
        pa.array(columns[2], pa.string()),
        pa.array(columns[3], pa.int64()),
        pa.array(columns[4], pa.date32()),
        pa.array(columns[9], pa.string()),
        pa.array([None if hold else cash for cash, hold in zip(columns[5], held, strict=True)], pa.int64()),
        pa.array(columns[6], pa.string()),
        pa.array(columns[7], pa.string()),
        listed.from_arrays(offsets, entries, type=HOLDINGS.field("holdings").type),
        pa.array(columns[10], HOLDINGS.field("received_at").type),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=HOLDINGS)


def _added_up(lots: pa.RecordBatch, owner: Any, accounts: int) -> tuple[Any, Any]:
    """Return the struct array of holdings and accounts + 1 offsets into it.

    owner: index of each lot's account; inside an account lots are ordered by security and sleeve.
    """
    security = lots.column("security_id").dictionary_encode()
    sleeve = lots.column("sleeve_id").dictionary_encode()
    codes = security.indices.to_numpy().astype(np.int64) * max(len(sleeve.dictionary), 1)
    codes += sleeve.indices.to_numpy()
    new = np.ones(lots.num_rows, np.bool_)
    if lots.num_rows:
        new[1:] = (codes[1:] != codes[:-1]) | (owner[1:] != owner[:-1])
    begin: Any = np.flatnonzero(new)
    units = np.add.reduceat(lots.column("quantity_micro").to_numpy(), begin) if len(begin) else np.zeros(0, np.int64)
    kind: Any = HOLDINGS.field("holdings").type
    entries = pa.StructArray.from_arrays(
        [
            lots.column("sleeve_id").take(pa.array(begin)),
            lots.column("security_id").take(pa.array(begin)),
            pa.array(units, pa.int64()),
        ],
        fields=list(kind.value_type),
    )
    starts = np.searchsorted(owner[begin], np.arange(accounts + 1)).astype(np.int32)
    return entries, starts
