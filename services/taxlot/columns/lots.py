"""First stop of a request: each account's lots join its facts, or the account fails as stale.

Facts and lots must rest on the same custodial data: the same lots_version, and lots that add up to the positions.
Source: architecture "Request path".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.taxlot.columns import documents
from services.taxlot.domain.holdings import DATA_HOLD, STALE_LOTS, StoredHolding, failure_of
from services.taxlot.domain.picks import HeldLot, Pick, match_picks
from shared.columnar import children, entries
from shared.contracts.chunks import LOTS
from shared.contracts.codes import HoldingRole
from shared.rules.relief.lots import ALWAYS_LONG, NO_BASIS, NO_DATE, Ints

_LOT_TYPE: Final[Any] = LOTS.field("lots").type
_NO_RANK: Final = -1


def attach(facts: pa.RecordBatch, stored: Mapping[str, StoredHolding]) -> pa.RecordBatch:
    """Return the FACTS rows as LOTS rows, with the lots of each account that may be traded.

    Those are the lots of MANAGED securities: what is LOCKED, EXCLUDED or a cash equivalent is never relieved.

    An account whose lots do not fit its facts has no lots, and its failure_code and failure_text say why.
    """
    accounts: list[Any] = facts.column("account_id").to_pylist()
    codes, texts = facts.column("failure_code").to_pylist(), facts.column("failure_text").to_pylist()
    versions: list[Any] = facts.column("lots_version").to_pylist()
    for row, account in enumerate(accounts):
        if codes[row] is None:
            codes[row], texts[row] = failure_of(account, versions[row], stored.get(account))
    wanted = [row for row, code in enumerate(codes) if code is None]
    lots, first = documents.joined([stored[accounts[row]].document or b"" for row in wanted])
    owner = np.repeat(np.array(wanted, np.int64), np.diff(first))
    security = _security_index(facts, lots, owner)
    for row in _mismatched(facts, lots, owner, security):
        if codes[row] is None:
            codes[row] = STALE_LOTS
            why = "the lots do not add up to the positions the proposal would rest on; analyse again and propose"
            texts[row] = f"account {accounts[row]}: {why}"
    role, divisor = _of_securities(facts, owner, security)
    tradable = (role == HoldingRole.MANAGED) & (lots.column("quantity_micro").to_numpy() > 0)
    for lot in np.flatnonzero(tradable & (lots.column("quantity_micro").to_numpy() % divisor != 0)).tolist():
        row, name = int(owner[lot]), lots.column("security_id")[lot].as_py()
        if codes[row] is None:
            why = f"a lot of {name} has more than four decimals, and its price is in percent of face"
            codes[row], texts[row] = DATA_HOLD, f"account {accounts[row]}: {why}"
    return _with_lots(facts, codes, texts, lots, owner, security, _picked(facts, lots, wanted, first), tradable)


def _offsets(owner: Ints, rows: int) -> Ints:
    """Return rows + 1 offsets: row r owns the entries offsets[r]:offsets[r + 1].  owner: row of each entry, sorted."""
    return np.searchsorted(owner, np.arange(rows + 1)).astype(np.int64)


def _codes(*columns: Any) -> list[Ints]:
    """Return the columns' texts as codes of one common dictionary."""
    encoded = pa.concat_arrays([column.cast(pa.string()) for column in columns]).dictionary_encode()
    indices = encoded.indices.to_numpy().astype(np.int64)
    cuts = np.cumsum([len(column) for column in columns])[:-1]
    return list(np.split(indices, cuts))


def _security_index(facts: pa.RecordBatch, lots: pa.RecordBatch, owner: Ints) -> Ints:
    """Return the index of each lot's security in its account's securities, -1 where the facts do not have it."""
    securities, owners = children(facts.column("securities"))
    of_lots, of_facts = _codes(lots.column("security_id"), securities.field("security_id"))
    width = int(max(of_lots.max(initial=0), of_facts.max(initial=0))) + 1
    known = owners * width + of_facts
    order = np.argsort(known, kind="stable")
    wanted = owner * width + of_lots
    if not len(known):
        return np.full(len(wanted), -1, np.int64)
    match = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    return np.where(known[match] == wanted, match - _offsets(owners, facts.num_rows)[owner], -1)


def _of_securities(facts: pa.RecordBatch, owner: Ints, security: Ints) -> tuple[Ints, Ints]:
    """Return holding role and price divisor of each lot's security; an unknown security is ordinary."""
    listed, starts = entries(facts.column("securities"))
    at = starts[owner] + security
    known = security >= 0

    def of(field: str, ordinary: int) -> Ints:
        values = listed.field(field).cast(pa.int64()).fill_null(ordinary).to_numpy()
        return np.where(known, values[np.where(known, at, 0)], ordinary) if len(values) else np.full(len(at), ordinary)

    return of("role", int(HoldingRole.MANAGED)), of("price_divisor", 1)


def _mismatched(facts: pa.RecordBatch, lots: pa.RecordBatch, owner: Ints, security: Ints) -> Sequence[int]:
    """Return the rows whose lots do not add up to their positions, by security and sleeve."""
    positions, owners = children(facts.column("positions"))
    lot_sleeve, position_sleeve = _codes(lots.column("sleeve_id"), positions.field("sleeve_id"))
    with_security = np.concatenate([security, positions.field("security").to_numpy().astype(np.int64)])
    rows = np.concatenate([owner, owners])
    sleeves = np.concatenate([lot_sleeve, position_sleeve])
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
    mismatched: list[int] = np.unique(np.concatenate([wrong, owner[security < 0]])).tolist()
    return mismatched


class _Picked(NamedTuple):
    """Of each lot: micro-units picked or PICKS_MISFIT, and the rank of its pick, _NO_RANK without one."""

    units: Ints
    ranks: Ints


def _picked(facts: pa.RecordBatch, lots: pa.RecordBatch, wanted: Sequence[int], first: Ints) -> _Picked:
    """Return what is picked of each lot; few accounts pick at all.

    wanted: rows of `facts`; the lots of row wanted[k] are first[k]:first[k + 1].
    """
    picked = _Picked(np.zeros(lots.num_rows, np.int64), np.full(lots.num_rows, _NO_RANK, np.int64))
    column: Any = facts.column("lot_picks")
    if column.null_count == len(column):
        return picked
    for index, row in enumerate(wanted):
        picks = column[row].as_py()
        if picks:
            begin, end = int(first[index]), int(first[index + 1])
            names = ("security_id", "sleeve_id", "lot_id", "quantity_micro")
            held = zip(*(lots.column(name)[begin:end].to_pylist() for name in names), strict=True)
            matched = match_picks([HeldLot(*lot) for lot in held], [_pick_of(pick) for pick in picks])
            picked.units[begin:end] = matched.units
            picked.ranks[begin:end] = [_NO_RANK if rank is None else rank for rank in matched.ranks]
    return picked


def _pick_of(entry: Mapping[str, Any]) -> Pick:
    return Pick(entry["security_id"], entry["lot_id"], entry["sleeve_id"], entry["quantity_micro"])


def _with_lots(
    facts: pa.RecordBatch,
    codes: Sequence[str | None],
    texts: Sequence[str | None],
    lots: Any,
    owner: Ints,
    security: Ints,
    picked: _Picked,
    tradable: NDArray[np.bool_],
) -> pa.RecordBatch:
    """Return LOTS rows: the facts with these failures, and the tradable lots of the accounts that have none."""
    kept = np.array([code is None for code in codes], np.bool_)[owner] if len(owner) else np.zeros(0, np.bool_)
    kept &= tradable
    chosen = lots.filter(pa.array(kept))
    acquired, basis = documents.acquired_days(chosen), documents.bases(chosen)
    no_date = acquired == NO_DATE
    term_from = documents.term_days(chosen)
    as_acquired = (term_from == acquired) | (term_from == ALWAYS_LONG) | (term_from == NO_DATE)
    listed_lots = pa.StructArray.from_arrays(
        [
            pa.array(security[kept], pa.int32()),
            chosen.column("sleeve_id"),
            chosen.column("lot_id"),
            pa.array(np.where(no_date, 0, acquired).astype(np.int32), mask=no_date).cast(pa.date32()),
            chosen.column("quantity_micro"),
            pa.array(basis, pa.int64(), mask=basis == NO_BASIS),
            chosen.column("covered").cast(pa.bool_()),
            pa.array(picked.units[kept]),
            pa.array(picked.ranks[kept].astype(np.int32), mask=picked.ranks[kept] == _NO_RANK),
            pa.array(np.where(as_acquired, 0, term_from).astype(np.int32), mask=as_acquired).cast(pa.date32()),
            pa.array(term_from == ALWAYS_LONG),
        ],
        fields=list(_LOT_TYPE.value_type),
    )
    offsets = pa.array(_offsets(owner[kept], facts.num_rows).astype(np.int32))
    listed: Any = pa.ListArray
    failures = {"failure_code": pa.array(codes, pa.string()), "failure_text": pa.array(texts, pa.string())}
    arrays = [failures.get(name, facts.column(name)) for name in facts.schema.names]
    arrays.append(listed.from_arrays(offsets, listed_lots, type=_LOT_TYPE))
    return pa.RecordBatch.from_arrays(arrays, schema=LOTS)
