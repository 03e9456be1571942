"""Giving sleeves to lots reported without one: only accounts that have such lots are touched."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.domain.sleeves import Reported
from services.taxlot.domain.sleeves import place as place_lots
from services.taxlot.store import documents, lots, platform
from services.taxlot.store.platform import KnownAccount
from shared.rules.relief.lots import Ints


def place(
    connection: Any, batch: pa.RecordBatch, first: Ints, accounts: Sequence[KnownAccount]
) -> tuple[pa.RecordBatch, Ints]:
    """Return the lots with every one in a sleeve, and where each account's lots begin, one more at the end."""
    without = np.flatnonzero(_lengths(batch.column("sleeve_id")) == 0)
    if not len(without):
        return batch, first
    owners = np.unique(np.searchsorted(first, without, side="right") - 1).tolist()
    names = [accounts[owner].account_id for owner in owners]
    known = _known_splits(lots.documents(connection, names))
    buys = _open_buys(connection, names)
    parts, sizes = [], np.diff(first)
    begin = 0
    for owner in owners:
        parts.append(batch.slice(first[begin], first[owner] - first[begin]))
        account = accounts[owner]
        reported = _reported(batch.slice(first[owner], first[owner + 1] - first[owner]))
        placed = place_lots(reported, known[account.account_id], buys[account.account_id], account.apm_sleeve_id)
        parts.append(_batch(placed))
        sizes[owner] = len(placed)
        begin = owner + 1
    parts.append(batch.slice(first[begin]))
    whole = pa.Table.from_batches(parts, documents.SCHEMA).combine_chunks().to_batches()
    return whole[0], np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _lengths(texts: Any) -> Any:
    """Return the number of bytes of each text."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return np.diff(offsets)


def _known_splits(stored: dict[str, bytes]) -> dict[str, dict[tuple[str, str], dict[str, int]]]:
    known: dict[str, dict[tuple[str, str], dict[str, int]]] = defaultdict(dict)
    for account, document in stored.items():
        lots_before, _ = documents.joined([document])
        for row in lots_before.to_pylist():
            shares = known[account].setdefault((row["security_id"], row["lot_id"]), {})
            shares[row["sleeve_id"]] = shares.get(row["sleeve_id"], 0) + row["quantity_micro"]
    return known


def _open_buys(connection: Any, names: Sequence[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Return approved buys that no good file has shown yet: approved on or after the account's last good file."""
    seen = lots.last_seen(connection, names)
    buys: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    by_day: dict[date, list[str]] = defaultdict(list)
    for name in names:
        by_day[seen.get(name, date.min)].append(name)
    for day, some in by_day.items():
        for account, security, sleeve, units in platform.approved_buys(connection, some, day):
            buys[account][security][sleeve] = units
    return buys


def _reported(lots_now: pa.RecordBatch) -> list[Reported]:
    columns = [lots_now.column(name).to_pylist() for name in ("security_id", "lot_id", "sleeve_id")]
    numbers = [
        documents.acquired_days(lots_now).tolist(),
        lots_now.column("quantity_micro").to_pylist(),
        documents.bases(lots_now).tolist(),
        lots_now.column("covered").to_pylist(),
    ]
    return [Reported(*row) for row in zip(*columns, *numbers, strict=True)]


def _batch(placed: Sequence[Reported]) -> pa.RecordBatch:
    def numbers(name: str) -> Ints:
        return np.array([getattr(one, name) for one in placed], dtype=np.int64)

    return documents.batch_of(
        pa.array([one.security_id for one in placed], pa.string()),
        pa.array([one.sleeve_id for one in placed], pa.string()),
        pa.array([one.lot_id for one in placed], pa.string()),
        numbers("acquired"),
        numbers("quantity"),
        numbers("basis"),
        numbers("covered"),
    )
