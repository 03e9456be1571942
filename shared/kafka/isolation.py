"""Isolating accounts at which our code raises: each fails alone, with its reason, and the others are done.

If our code raises at too many accounts (`failure_limit`), none of them fails alone; the whole message does.
Source: architecture "One input never stops all".
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, Generic, TypeVar

import pyarrow as pa

from shared.kafka.failure_limit import RecentFaults, TooMany, is_every_fault_isolated
from shared.kafka.faults import Blame, blame
from shared.runtime import log, metrics

OUR_FAULT: Final = "OUR_FAULT"
TOO_LARGE: Final = "TOO_LARGE"
# Columns emptied in a failed row: their content may be what failed, or what was too large.
_EMPTIED: Final = (
    "lot_picks", "securities", "positions", "lots", "sleeve_trades", "orders", "slices", "transfers", "purchases",
)  # fmt: skip
_SAMPLES: Final = 64  # accounts tried alone to find out whether any succeeds when too many fail
_log = log.get(__name__)

T = TypeVar("T", bound=Sized)
S = TypeVar("S")
R = TypeVar("R")
Work = Callable[[pa.RecordBatch], pa.RecordBatch]
Fail = Callable[[pa.RecordBatch, str, str], pa.RecordBatch]  # (one row, failure code, text) -> the failed row
_recent: Final[defaultdict[str, RecentFaults]] = defaultdict(RecentFaults)


def isolate(
    what: str,
    whole: T,
    halve: Callable[[T], Sequence[T]],
    work: Callable[[T], R],
    alone: Callable[[T, Exception], R],
) -> list[R]:
    """Return [work(whole)]; if our code raises, try each half in the same way, down to single accounts.

    what: the kind of work in words; faults are counted per kind.  whole: accounts, len(whole) of them.
    alone: returns the result of a single account at which our code raised.
    Raises TooMany, before any call of `alone`, if our code raises at too many accounts; reraises exceptions that are
    not faults of our code.
    """
    attempt = _Attempt(_recent[what], len(whole), halve, work)
    found = list(attempt.results(whole))
    faults = [result for result in found if isinstance(result, _Fault)]
    if attempt.are_too_many():
        count = attempt.faults
        attempt.sample(whole)
        raise TooMany(what, count, attempt.accounts, attempt.passed) from faults[0].error
    done = [alone(result.account, result.error) if isinstance(result, _Fault) else result for result in found]
    if is_every_fault_isolated():
        _recent[what].forget()
    else:
        _recent[what].note(attempt.faults, attempt.accounts)
    return done


@dataclass(frozen=True)
class _Fault(Generic[T]):
    """One account at which our code raised."""

    account: T
    error: Exception


class _Attempt(Generic[T, R]):
    """One call of `isolate`: how many accounts succeeded so far, and at how many our code raised."""

    def __init__(
        self, recent: RecentFaults, accounts: int, halve: Callable[[T], Sequence[T]], work: Callable[[T], R]
    ) -> None:
        self.accounts = accounts
        self.passed = 0
        self.faults = 0
        self._too_many = False
        self._recent = recent
        self._halve = halve
        self._work = work

    def are_too_many(self) -> bool:
        """Say whether our code has raised at too many accounts; once true it stays true."""
        if self.faults and not self._too_many and not is_every_fault_isolated():
            self._too_many = self._recent.are_too_many(self.faults, self.accounts)
        return self._too_many

    def results(self, part: T) -> Iterator[R | _Fault[T]]:
        """Yield the results of results as large as possible, and a fault for each single account at which work raised.

        After too many faults, results are no longer halved.
        """
        try:
            done = self._work(part)
        except Exception as error:
            if blame(error) is not Blame.OURS or not len(part):
                raise
            fault = error
        else:
            self.passed += len(part)
            yield done
            return
        if len(part) == 1:
            self.faults += 1
            yield _Fault(part, fault)
        elif not self.are_too_many():
            for half in self._halve(part):
                yield from self.results(half)

    def sample(self, whole: T) -> None:
        """Try single accounts spread over the whole until one succeeds."""
        for sample in range(_SAMPLES):
            part, turns = whole, sample
            while len(part) > 1:
                part, turns = self._halve(part)[turns % 2], turns // 2
            if self.passed:
                return
            list(self.results(part))


def halves(accounts: Sequence[S]) -> tuple[Sequence[S], Sequence[S]]:
    """Return the two halves of a sequence of two accounts or more."""
    half = len(accounts) // 2
    return accounts[:half], accounts[half:]


def note_account_fault(account: str, error: Exception) -> str:
    """Log and count that our code raised at one account; return a sentence about it for users."""
    metrics.ACCOUNT_FAULTS.inc()
    _log.error("account.cannot", account_id=account, exc_info=error)
    return f"account {account}: a fault of ours ({type(error).__name__}); the others are not touched by it"


def isolate_rows(what: str, rows: pa.RecordBatch, work: Work, fail: Fail) -> pa.RecordBatch:
    """Return work(rows), a row for each row; a row at which our code raises fails alone.  Raises as `isolate`."""

    def halve(part: pa.RecordBatch) -> Sequence[pa.RecordBatch]:
        half = part.num_rows // 2
        return part.slice(0, half), part.slice(half)

    def alone(row: pa.RecordBatch, error: Exception) -> pa.RecordBatch:
        return fail(row, OUR_FAULT, note_account_fault(str(row.column("account_id")[0]), error))

    return concat_rows(isolate(what, rows, halve, work, alone))


def replace_faulty_rows(
    what: str, rows: pa.RecordBatch, work: Callable[[pa.RecordBatch], R], fail: Fail
) -> tuple[pa.RecordBatch, R]:
    """Return (rows, work(rows)), for work whose result is not a row for each row.

    Rows at which our code raises are replaced by fail(row) in both.  Raises as `isolate`.
    """
    try:
        done = work(rows)
    except Exception as error:
        if blame(error) is not Blame.OURS:
            raise
    else:
        _recent[what].note(0, rows.num_rows)
        return rows, done

    def attempt(part: pa.RecordBatch) -> pa.RecordBatch:
        work(part)
        return part

    rows = isolate_rows(what, rows, attempt, fail)
    return rows, work(rows)


def concat_rows(results: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the results that `isolate` returns as one record batch."""
    arrow: Any = pa
    whole: pa.RecordBatch = results[0] if len(results) == 1 else arrow.concat_batches(results)
    return whole


def too_large(fail: Fail) -> Callable[[pa.RecordBatch, str], pa.RecordBatch]:
    """Return the function with which `messages.result_chunks` fails a row that is too large for a message."""
    return lambda row, why: fail(row, TOO_LARGE, why)


def failed(rows: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
    """Return rows of FACTS, LOTS, TRADES or RESULT as failed, with empty bulk columns; earlier failures are kept."""
    return pa.RecordBatch.from_arrays(
        [_column(field, rows.column(field.name), code, text) for field in rows.schema], schema=rows.schema
    )


def _column(field: Any, column: Any, code: str, text: str) -> Any:
    if field.name in _EMPTIED:
        return pa.array([[]] * len(column), field.type)
    texts = {"failure_code": code, "failure_text": text}
    if field.name in texts:
        return column.fill_null(texts[field.name])
    if field.name != "proposals":
        return column
    entries = column.flatten()
    marked = [
        entries.field(inner.name).fill_null(texts[inner.name]) if inner.name in texts else entries.field(inner.name)
        for inner in field.type.value_type
    ]
    listed: Any = pa.ListArray
    lengths = column.value_lengths().fill_null(0).to_pylist()
    starts = list(accumulate(lengths, initial=0))
    children = pa.StructArray.from_arrays(marked, fields=list(field.type.value_type))
    return listed.from_arrays(pa.array(starts, pa.int32()), children, type=field.type)
