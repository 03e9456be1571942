"""One account that cannot be worked on, or whose answer no message can carry, fails alone with its reason.

Where our code raises at too many (toomany), nothing fails but the message.
Source: architecture "One input never stops all".
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import pyarrow as pa

from shared.kafka.failure_limit import Recent, TooMany, is_any_number_allowed
from shared.kafka.faults import Blame, blame
from shared.runtime import log, metrics

OUR_FAULT: Final = "OUR_FAULT"
TOO_LARGE: Final = "TOO_LARGE"
# What of an account is emptied when it fails: it may be what could not be worked on, or what was too large.
_EMPTIED: Final = (
    "lot_picks", "securities", "positions", "lots", "sleeve_trades", "orders", "slices", "transfers", "purchases",
)  # fmt: skip
_LOOKS: Final = 64  # accounts that are tried alone, to tell whether any passes where too many do not
_log = log.get(__name__)

T = TypeVar("T", bound=Sized)
S = TypeVar("S")
R = TypeVar("R")
Work = Callable[[pa.RecordBatch], pa.RecordBatch]
Fail = Callable[[pa.RecordBatch, str, str], pa.RecordBatch]  # one row, failure code and text: what answers in its place
_recent: Final[defaultdict[str, Recent]] = defaultdict(Recent)


def apart(
    what: str,
    whole: T,
    halve: Callable[[T], Sequence[T]],
    work: Callable[[T], R],
    alone: Callable[[T, Exception], R],
) -> list[R]:
    """Return [work(whole)].  Where our code raises, the same of its halves; `alone` answers for a single account.

    what: the kind of work in words; faults are counted by it.  len(whole): its accounts.  What the world is at fault
    for is raised, and so is what makes the whole a bad message.  Raises TooMany, before `alone` has answered for any,
    where our code raises at more accounts than can be at fault themselves.
    """
    tried = _Tried(_recent[what], len(whole), halve, work)
    found = list(tried.parts(whole))
    faults = [one for one in found if isinstance(one, _Fault)]
    if tried.are_too_many():
        count = tried.faults
        tried.look(whole)
        raise TooMany(what, count, tried.accounts, tried.passed) from faults[0].error
    done = [alone(one.account, one.error) if isinstance(one, _Fault) else one for one in found]
    if is_any_number_allowed():
        _recent[what].forget()
    else:
        _recent[what].note(tried.faults, tried.accounts)
    return done


@dataclass(frozen=True)
class _Fault(Generic[T]):
    """One account at which our code raised."""

    account: T
    error: Exception


class _Tried(Generic[T, R]):
    """The parts of a whole as they are tried: how many accounts passed, and at how many our code raised."""

    def __init__(
        self, recent: Recent, accounts: int, halve: Callable[[T], Sequence[T]], work: Callable[[T], R]
    ) -> None:
        self.accounts = accounts
        self.passed = 0
        self.faults = 0
        self._too_many = False
        self._recent = recent
        self._halve = halve
        self._work = work

    def are_too_many(self) -> bool:
        """Say whether our code has raised at too many for them to fail alone; once they are, they stay so."""
        if self.faults and not self._too_many and not is_any_number_allowed():
            self._too_many = self._recent.are_too_many(self.faults, self.accounts)
        return self._too_many

    def parts(self, part: T) -> Iterator[R | _Fault[T]]:
        """Yield what the work made of parts as large as can be, and the single accounts at which it raised.

        Once they are too many nothing is halved any further: the rest is only tried.
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
                yield from self.parts(half)

    def look(self, whole: T) -> None:
        """Try accounts all over the whole, one by one, until one has passed."""
        for look in range(_LOOKS):
            one, turns = whole, look
            while len(one) > 1:
                one, turns = self._halve(one)[turns % 2], turns // 2
            if self.passed:
                return
            list(self.parts(one))


def halves(accounts: Sequence[S]) -> tuple[Sequence[S], Sequence[S]]:
    """Return the two halves of a sequence of two accounts or more."""
    half = len(accounts) // 2
    return accounts[:half], accounts[half:]


def cannot(account: str, error: Exception) -> str:
    """Log and count that our code raised this at one account; return the sentence that says so."""
    metrics.ACCOUNT_FAULTS.inc()
    _log.error("account.cannot", account_id=account, exc_info=error)
    return f"account {account}: a fault of ours ({type(error).__name__}); the others are not touched by it"


def each_apart(what: str, rows: pa.RecordBatch, work: Work, fail: Fail) -> pa.RecordBatch:
    """Return work(rows), one row a row; a row at which our code raises fails alone.  Raises as `apart`."""

    def halve(part: pa.RecordBatch) -> Sequence[pa.RecordBatch]:
        half = part.num_rows // 2
        return part.slice(0, half), part.slice(half)

    def alone(row: pa.RecordBatch, error: Exception) -> pa.RecordBatch:
        return fail(row, OUR_FAULT, cannot(str(row.column("account_id")[0]), error))

    return whole_of(apart(what, rows, halve, work, alone))


def mended(
    what: str, rows: pa.RecordBatch, work: Callable[[pa.RecordBatch], R], fail: Fail
) -> tuple[pa.RecordBatch, R]:
    """Return (rows, work(rows)), for work that makes no row of each row.

    Rows at which our code raises stand there as `fail` makes them.  Raises as `apart`.
    """
    try:
        done = work(rows)
    except Exception as error:
        if blame(error) is not Blame.OURS:
            raise
    else:
        _recent[what].note(0, rows.num_rows)
        return rows, done

    def tried(part: pa.RecordBatch) -> pa.RecordBatch:
        work(part)
        return part

    rows = each_apart(what, rows, tried, fail)
    return rows, work(rows)


def whole_of(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the parts that `apart` gives in one."""
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
