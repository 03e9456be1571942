"""First stop of a request: each account's lots join its facts, or the account fails as stale.

Facts and lots must rest on the same custodial data: the same lots_version, and lots that add up to the positions.
Source: architecture "Request path".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.domain.picks import Held, Pick, fit
from services.taxlot.store import documents
from shared.columnar import children
from shared.contracts.chunks import LOTS
from shared.rules.relief.lots import NO_BASIS, NO_DATE, Ints

STALE_LOTS: Final = "STALE_LOTS"
DATA_HOLD: Final = "DATA_HOLD"
_LOT_TYPE: Any = LOTS.field("lots").type


@dataclass(frozen=True)
class Stored:
    """What is stored of one account; document None: nothing, or the account is held."""

    lots_version: int
    hold_text: str | None
    document: bytes | None


def attach(facts: pa.RecordBatch, stored: Mapping[str, Stored]) -> pa.RecordBatch:
    """Return the chunk with its lots.  An account whose lots do not fit its facts carries failure_code and no lots."""
    accounts: list[Any] = facts.column("account_id").to_pylist()
    codes, texts = facts.column("failure_code").to_pylist(), facts.column("failure_text").to_pylist()
    versions: list[Any] = facts.column("lots_version").to_pylist()
    for row, account in enumerate(accounts):
        if codes[row] is None:
            codes[row], texts[row] = _failure(account, versions[row], stored.get(account))
    wanted = [row for row, code in enumerate(codes) if code is None]
    lots, first = documents.joined([stored[accounts[row]].document or b"" for row in wanted])
    owner = np.repeat(np.array(wanted, np.int64), np.diff(first))
    security = _security_index(facts, lots, owner)
    for row in _ill_fitting(facts, lots, owner, security):
        if codes[row] is None:
            codes[row] = STALE_LOTS
            why = "the lots do not add up to the positions the proposal would rest on; analyse again and propose"
            texts[row] = f"account {accounts[row]}: {why}"
    return _with_lots(facts, codes, texts, lots, owner, security, _picked(facts, lots, wanted, first))


def _failure(account: str, version: int, found: Stored | None) -> tuple[str | None, str | None]:
    if found is None:
        return STALE_LOTS, f"no custodial file has reported account {account} yet"
    if found.hold_text is not None:
        return DATA_HOLD, found.hold_text
    if found.lots_version != version or found.document is None:
        newer = f"lots version {found.lots_version} is newer than the facts' version {version}"
        return STALE_LOTS, f"{newer}; the account is being analysed again, then propose once more"
    return None, None


def _starts(owner: Ints, rows: int) -> Ints:
    return np.searchsorted(owner, np.arange(rows + 1)).astype(np.int64)


def _codes(*columns: Any) -> list[Ints]:
    """Return the columns' texts as codes of one common dictionary."""
    encoded = pa.concat_arrays([column.cast(pa.string()) for column in columns]).dictionary_encode()
    indices = encoded.indices.to_numpy().astype(np.int64)
    cuts = np.cumsum([len(column) for column in columns])[:-1]
    return list(np.split(indices, cuts))


def _security_index(facts: pa.RecordBatch, lots: pa.RecordBatch, owner: Ints) -> Ints:
    """Return each lot's index among its account's securities, -1 where the facts do not know the security."""
    held, owners = children(facts.column("securities"))
    ours, theirs = _codes(lots.column("security_id"), held.field("security_id"))
    width = int(max(ours.max(initial=0), theirs.max(initial=0))) + 1
    known = owners * width + theirs
    order = np.argsort(known, kind="stable")
    wanted = owner * width + ours
    if not len(known):
        return np.full(len(wanted), -1, np.int64)
    place = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    return np.where(known[place] == wanted, place - _starts(owners, facts.num_rows)[owner], -1)


def _ill_fitting(facts: pa.RecordBatch, lots: pa.RecordBatch, owner: Ints, security: Ints) -> Sequence[int]:
    """Return the rows whose lots do not add up to their positions, by security and sleeve."""
    positions, owners = children(facts.column("positions"))
    ours, theirs = _codes(lots.column("sleeve_id"), positions.field("sleeve_id"))
    with_security = np.concatenate([security, positions.field("security").to_numpy().astype(np.int64)])
    rows = np.concatenate([owner, owners])
    sleeves = np.concatenate([ours, theirs])
    units = np.concatenate(
        [lots.column("quantity_micro").to_numpy(), -positions.field("quantity_micro").to_numpy().astype(np.int64)]
    )
    if not len(rows):
        return []
    key = (rows * (int(with_security.max()) + 2) + with_security + 1) * (int(sleeves.max()) + 1) + sleeves
    order = np.argsort(key, kind="stable")
    begin = np.flatnonzero(np.concatenate([[True], np.diff(key[order]) != 0]))
    sums = np.add.reduceat(units[order], begin)
    wrong = rows[order][begin[sums != 0]]
    found: list[int] = np.unique(np.concatenate([wrong, owner[security < 0]])).tolist()
    return found


def _picked(facts: pa.RecordBatch, lots: pa.RecordBatch, wanted: Sequence[int], first: Ints) -> Ints:
    """Return the micro-units picked of each lot, PICKS_MISFIT where picks do not fit; few accounts pick at all."""
    picked = np.zeros(lots.num_rows, np.int64)
    column: Any = facts.column("lot_picks")
    if column.null_count == len(column):
        return picked
    for place, row in enumerate(wanted):
        picks = column[row].as_py()
        if picks:
            begin, end = int(first[place]), int(first[place + 1])
            names = ("security_id", "sleeve_id", "lot_id", "quantity_micro")
            held = zip(*(lots.column(name)[begin:end].to_pylist() for name in names), strict=True)
            picked[begin:end], _ = fit([Held(*one) for one in held], [Pick(**_named(one)) for one in picks])
    return picked


def _named(pick: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: pick[name] for name in ("security_id", "lot_id", "sleeve_id")}, "units": pick["quantity_micro"]}


def _with_lots(
    facts: pa.RecordBatch,
    codes: Sequence[str | None],
    texts: Sequence[str | None],
    lots: Any,
    owner: Ints,
    security: Ints,
    picked: Ints,
) -> pa.RecordBatch:
    kept = np.array([code is None for code in codes], np.bool_)[owner] if len(owner) else np.zeros(0, np.bool_)
    chosen = lots.filter(pa.array(kept))
    acquired, basis = documents.acquired_days(chosen), documents.bases(chosen)
    entries = pa.StructArray.from_arrays(
        [
            pa.array(security[kept], pa.int32()),
            chosen.column("sleeve_id"),
            chosen.column("lot_id"),
            pa.array(np.where(acquired == NO_DATE, 0, acquired).astype(np.int32), mask=acquired == NO_DATE).cast(
                pa.date32()
            ),
            chosen.column("quantity_micro"),
            pa.array(basis, pa.int64(), mask=basis == NO_BASIS),
            chosen.column("covered").cast(pa.bool_()),
            pa.array(picked[kept]),
        ],
        fields=list(_LOT_TYPE.value_type),
    )
    starts = pa.array(_starts(owner[kept], facts.num_rows).astype(np.int32))
    listed: Any = pa.ListArray
    arrays = [
        pa.array(codes, pa.string())
        if name == "failure_code"
        else pa.array(texts, pa.string())
        if name == "failure_text"
        else facts.column(name)
        for name in facts.schema.names
    ]
    arrays.append(listed.from_arrays(starts, entries, type=_LOT_TYPE))
    return pa.RecordBatch.from_arrays(arrays, schema=LOTS)
