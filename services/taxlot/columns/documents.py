"""An account's lots as one compact document: an Arrow record batch without schema, in the order of `sorted_lots`."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.domain.codes import TOO_MANY_LOTS, TOO_MANY_POSITIONS
from shared.columnar import starts_of
from shared.fixed_point.limits import MAX_LOTS, MAX_POSITIONS
from shared.rules.relief.lots import ALWAYS_LONG, NO_DATE, Ints

_NO_DAY = -(1 << 31)  # a missing date in 32 bits
_ALWAYS_LONG = _NO_DAY + 1
# Behind a document whose last column is there.  Lots whose term counts from their acquired day need none: their
# documents, and the digests of them, are what earlier releases wrote; of the others these read all other columns.
_PADDING = 8  # bytes that the length of a document is a multiple of
_WITH_TERM = b"\x01"

# No column is nullable: marks stand for missing dates and unknown bases, so every batch has the same buffers.
_TYPES: Final[dict[str, pa.DataType]] = {
    "security_id": pa.string(),
    "sleeve_id": pa.string(),
    "lot_id": pa.string(),
    "acquired": pa.int32(),
    "quantity_micro": pa.int64(),
    "basis_cents": pa.int64(),
    "covered": pa.int8(),
    "term_from": pa.int32(),
}
SCHEMA: Final = pa.schema([pa.field(name, kind, nullable=False) for name, kind in _TYPES.items()])
_WITHOUT_TERM: Final = pa.schema(list(SCHEMA)[:-1])


def batch_of(
    texts: Sequence[Any],
    acquired: Ints,
    quantity: Ints,
    basis: Ints,
    covered: Ints,
    term_from: Ints | None = None,
) -> pa.RecordBatch:
    """Return lots as one record batch; dates are days or NO_DATE, bases cents or NO_BASIS.

    texts: security, sleeve and lot id.  term_from: the day from which the term counts, or ALWAYS_LONG; None: acquired.
    """
    term = acquired if term_from is None else term_from
    columns = [
        *texts,
        pa.array(_packed(acquired)),
        pa.array(quantity),
        pa.array(basis),
        pa.array(covered.astype(np.int8)),
        pa.array(_packed(term)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _packed(days: Ints) -> Any:
    packed = np.where(days == NO_DATE, _NO_DAY, np.where(days == ALWAYS_LONG, _ALWAYS_LONG, days))
    return packed.astype(np.int32)


def document(lots: pa.RecordBatch, begin: int, end: int) -> bytes:
    """Return the document of the lots begin:end."""
    part = lots.slice(begin, end - begin)
    if part.column("term_from").equals(part.column("acquired")):
        return part.select(_WITHOUT_TERM.names).serialize().to_pybytes()
    return part.serialize().to_pybytes() + _WITH_TERM


def digests(lots: pa.RecordBatch, first: Sequence[int], cash: Sequence[int]) -> Iterator[bytes]:
    """Yield a digest of each account's lots and cash: equal content gives equal digests.

    The documents themselves do not: the padding of a slice in Arrow depends on its neighbours.
    """
    numbers: list[Any] = [
        lots.column(name).to_numpy() for name in ("acquired", "quantity_micro", "basis_cents", "covered")
    ]
    acquired: Any = numbers[0]
    term_from: Any = lots.column("term_from").to_numpy()
    differing = starts_of(term_from != acquired).tolist()
    texts = [_text_buffers(lots.column(name)) for name in ("security_id", "sleeve_id", "lot_id")]
    for begin, end, cents in zip(first[:-1], first[1:], cash, strict=True):
        content = hashlib.blake2b(cents.to_bytes(8, "little", signed=True), digest_size=16)
        for values in numbers:
            content.update(values[begin:end])
        for offsets, lengths, data in texts:
            content.update(lengths[begin:end])
            content.update(data[offsets[begin] : offsets[end]])
        if differing[end] > differing[begin]:
            content.update(term_from[begin:end])
        yield content.digest()


def _text_buffers(column: Any) -> tuple[Any, Any, Any]:
    """Return offsets, lengths and bytes of a text column."""
    _, offsets, data = column.buffers()
    used = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    return used.tolist(), np.diff(used), memoryview(data if data is not None else b"")


def joined(documents: Sequence[bytes]) -> tuple[pa.RecordBatch, Ints]:
    """Return the lots of n documents in one batch, and n + 1 offsets: document k has the lots first[k]:first[k + 1]."""
    batches = [_read(document) for document in documents]
    first = starts_of([batch.num_rows for batch in batches])
    table = pa.Table.from_batches(batches, SCHEMA).combine_chunks()
    whole = table.to_batches()[0] if table.num_rows else pa.RecordBatch.from_pylist([], SCHEMA)
    return whole, first


def _read(document: bytes) -> pa.RecordBatch:
    if document.endswith(_WITH_TERM) and len(document) % _PADDING == len(_WITH_TERM):
        return pa.ipc.read_record_batch(pa.py_buffer(document), SCHEMA)
    lots = pa.ipc.read_record_batch(pa.py_buffer(document), _WITHOUT_TERM)
    return pa.RecordBatch.from_arrays([*lots.columns, lots.column("acquired")], schema=SCHEMA)


def acquired_days(lots: pa.RecordBatch) -> Ints:
    """Return the acquired days of a batch, NO_DATE where missing."""
    days = lots.column("acquired").to_numpy().astype(np.int64)
    return np.where(days == _NO_DAY, NO_DATE, days)


def term_days(lots: pa.RecordBatch) -> Ints:
    """Return the days from which terms count, NO_DATE where missing, ALWAYS_LONG where the law says so."""
    days = lots.column("term_from").to_numpy().astype(np.int64)
    return np.where(days == _NO_DAY, NO_DATE, np.where(days == _ALWAYS_LONG, ALWAYS_LONG, days))


def bases(lots: pa.RecordBatch) -> Ints:
    """Return the bases of a batch in cents, NO_BASIS where unknown."""
    values: Ints = lots.column("basis_cents").to_numpy()
    return values


def oversized_accounts(lots: pa.RecordBatch, first: Any) -> dict[int, tuple[str, str]]:
    """Return hold code and figures of each account with more lots or positions than messages can carry, by its index.

    Account k has the lots first[k]:first[k + 1], each lot with its sleeve: without it their number is not final.
    """
    counts = np.diff(first)
    oversized = {}
    for account in np.flatnonzero(counts > MAX_POSITIONS).tolist():
        if counts[account] > MAX_LOTS:
            oversized[account] = (TOO_MANY_LOTS, f"{counts[account]} lots, at most {MAX_LOTS}")
        elif (positions := _positions(lots.slice(int(first[account]), int(counts[account])))) > MAX_POSITIONS:
            oversized[account] = (TOO_MANY_POSITIONS, f"{positions} positions, at most {MAX_POSITIONS}")
    return oversized


def _positions(lots: pa.RecordBatch) -> int:
    names: list[Any] = [lots.column(name).cast(pa.string()).to_pylist() for name in ("security_id", "sleeve_id")]
    return len(set(zip(*names, strict=True)))
