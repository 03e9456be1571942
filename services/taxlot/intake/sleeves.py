"""Assign sleeves to the lots of accounts that have lots without one; other accounts are not touched."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.columns import documents
from services.taxlot.domain.sender import KnownAccount
from services.taxlot.domain.sleeves import ReportedLot, assign_sleeves
from services.taxlot.domain.treatment import ORDINARY_SECURITY, SecurityFacts
from services.taxlot.store import lots, platform
from shared.columnar import starts_of
from shared.rules.relief.lots import Ints


def with_sleeves(
    connection: Any,
    batch: pa.RecordBatch,
    first: Ints,
    accounts: Sequence[KnownAccount],
    securities: Mapping[str, SecurityFacts],
    buys_since: date,
) -> tuple[pa.RecordBatch, Ints]:
    """Return the lots of n accounts, each in a sleeve, and n + 1 offsets: account k has the lots first[k]:first[k + 1].

    A lot that is split over sleeves becomes several lots, of what is priced in percent of face in multiples of a
    ten-thousandth: no finer face can be traded.
    """
    without = np.flatnonzero(_lengths(batch.column("sleeve_id")) == 0)
    if not len(without):
        return batch, first
    owners = np.unique(np.searchsorted(first, without, side="right") - 1).tolist()
    names = [accounts[owner].account_id for owner in owners]
    known = _known_splits(lots.documents(connection, names))
    buys = _open_buys(connection, names, buys_since)
    slices, sizes = [], np.diff(first)
    begin = 0
    for owner in owners:
        slices.append(batch.slice(first[begin], first[owner] - first[begin]))
        account = accounts[owner]
        reported = _reported(batch.slice(first[owner], first[owner + 1] - first[owner]), securities)
        assigned = assign_sleeves(reported, known[account.account_id], buys[account.account_id], account.apm_sleeve_id)
        slices.append(_batch(assigned))
        sizes[owner] = len(assigned)
        begin = owner + 1
    slices.append(batch.slice(first[begin]))
    whole = pa.Table.from_batches(slices, documents.SCHEMA).combine_chunks().to_batches()
    return whole[0], starts_of(sizes)


def _lengths(texts: Any) -> Any:
    """Return the number of bytes of each text."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.diff(offsets)


def _known_splits(stored: dict[str, bytes]) -> dict[str, dict[tuple[str, str], dict[str, int]]]:
    """Return by account the stored micro-units by sleeve of each (security, lot id)."""
    known: dict[str, dict[tuple[str, str], dict[str, int]]] = defaultdict(dict)
    for account, document in stored.items():
        lots_before, _ = documents.joined([document])
        for row in lots_before.to_pylist():
            shares = known[account].setdefault((row["security_id"], row["lot_id"]), {})
            shares[row["sleeve_id"]] = shares.get(row["sleeve_id"], 0) + row["quantity_micro"]
    return known


def _open_buys(connection: Any, names: Sequence[str], since: date) -> dict[str, dict[str, dict[str, int]]]:
    """Return approved buys that no good file has shown yet: approved on or after the account's last good file.

    since: the latest day to begin with, for bytes that are read again and were that last file themselves.
    """
    seen = lots.last_seen(connection, names)
    buys: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    by_day: dict[date, list[str]] = defaultdict(list)
    for name in names:
        by_day[min(seen.get(name, date.min), since)].append(name)
    for day, accounts in by_day.items():
        for account, security, sleeve, units in platform.approved_buys(connection, accounts, day):
            buys[account][security][sleeve] = units
    return buys


def _reported(batch: pa.RecordBatch, securities: Mapping[str, SecurityFacts]) -> list[ReportedLot]:
    columns: list[list[Any]] = [batch.column(name).to_pylist() for name in ("security_id", "lot_id", "sleeve_id")]
    numbers = [
        documents.acquired_days(batch).tolist(),
        batch.column("quantity_micro").to_pylist(),
        documents.bases(batch).tolist(),
        batch.column("covered").to_pylist(),
        documents.term_days(batch).tolist(),
        [securities.get(name, ORDINARY_SECURITY).divisor for name in columns[0]],
    ]
    return [ReportedLot(*row) for row in zip(*columns, *numbers, strict=True)]


def _batch(assigned: Sequence[ReportedLot]) -> pa.RecordBatch:
    def numbers(name: str) -> Ints:
        return np.array([getattr(lot, name) for lot in assigned], dtype=np.int64)

    return documents.batch_of(
        [
            pa.array([getattr(lot, name) for lot in assigned], pa.string())
            for name in ("security_id", "sleeve_id", "lot_id")
        ],
        numbers("acquired"),
        numbers("quantity"),
        numbers("basis"),
        numbers("covered"),
        np.array([lot.acquired if lot.term_from is None else lot.term_from for lot in assigned], dtype=np.int64),
    )
