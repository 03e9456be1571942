"""One account that cannot be worked on, or whose answer no message can carry, fails alone with its reason.

Source: architecture "One input never stops all".
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import pyarrow as pa

from shared import log, metrics
from shared.faults import Blame, blame

OUR_FAULT: Final = "OUR_FAULT"
TOO_LARGE: Final = "TOO_LARGE"
# What of an account is emptied when it fails: it may be what could not be worked on, or what was too large.
_EMPTIED: Final = (
    "lot_picks", "securities", "positions", "lots", "sleeve_trades", "orders", "slices", "transfers", "purchases",
)  # fmt: skip
_log = log.get(__name__)

T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[pa.RecordBatch], pa.RecordBatch]
Fail = Callable[[pa.RecordBatch, str, str], pa.RecordBatch]  # one row, failure code and text: what answers in its place


def apart(
    whole: T, halve: Callable[[T], Sequence[T]], work: Callable[[T], R], alone: Callable[[T, Exception], R]
) -> list[R]:
    """Return [work(whole)].  Where our code raises, the same of its halves; `alone` answers for what has no halves.

    What the world is at fault for is raised, and so is what makes the whole a bad message.
    """
    try:
        return [work(whole)]
    except Exception as error:
        if blame(error) is not Blame.OURS:
            raise
        parts = halve(whole)
        if not parts:
            return [alone(whole, error)]
    return [one for part in parts for one in apart(part, halve, work, alone)]


def halves(accounts: list[str]) -> Sequence[list[str]]:
    """Return the two halves of a list, none of one with a single account."""
    half = len(accounts) // 2
    return (accounts[:half], accounts[half:]) if half else ()


def cannot(account: str, error: Exception) -> str:
    """Log and count that our code raised this at one account; return the sentence that says so."""
    metrics.ACCOUNT_FAULTS.inc()
    _log.error("account.cannot", account_id=account, exc_info=error)
    return f"account {account}: a fault of ours ({type(error).__name__}); the others are not touched by it"


def each_apart(rows: pa.RecordBatch, work: Work, fail: Fail) -> pa.RecordBatch:
    """Return work(rows), one row a row; a row at which our code raises fails alone.  Raises as `apart`."""

    def halve(part: pa.RecordBatch) -> Sequence[pa.RecordBatch]:
        half = part.num_rows // 2
        return (part.slice(0, half), part.slice(half)) if half else ()

    def alone(row: pa.RecordBatch, error: Exception) -> pa.RecordBatch:
        if not row.num_rows:
            raise error
        return fail(row, OUR_FAULT, cannot(str(row.column("account_id")[0]), error))

    parts = apart(rows, halve, work, alone)
    arrow: Any = pa
    whole: pa.RecordBatch = parts[0] if len(parts) == 1 else arrow.concat_batches(parts)
    return whole


def too_large(fail: Fail) -> Callable[[pa.RecordBatch, str], pa.RecordBatch]:
    """Return what `messages.answer` asks for: fails a row that no message can carry."""
    return lambda row, why: fail(row, TOO_LARGE, why)


def failed(rows: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
    """Return rows of FACTS, LOTS, TRADES or RESULT as failed for this reason, unless they are already; rid of bulk."""
    return pa.RecordBatch.from_arrays(
        [_column(field, rows.column(field.name), code, text) for field in rows.schema], schema=rows.schema
    )


def _column(field: Any, column: Any, code: str, text: str) -> Any:
    if field.name in _EMPTIED:
        return pa.array([[]] * len(column), field.type)
    said = {"failure_code": code, "failure_text": text}
    if field.name in said:
        return column.fill_null(said[field.name])
    if field.name != "proposals":
        return column
    entries = column.flatten()
    marked = [
        entries.field(one.name).fill_null(said[one.name]) if one.name in said else entries.field(one.name)
        for one in field.type.value_type
    ]
    listed: Any = pa.ListArray
    lengths = column.value_lengths().fill_null(0).to_pylist()
    starts = [sum(lengths[:place]) for place in range(len(lengths) + 1)]
    children = pa.StructArray.from_arrays(marked, fields=list(field.type.value_type))
    return listed.from_arrays(pa.array(starts, pa.int32()), children, type=field.type)
