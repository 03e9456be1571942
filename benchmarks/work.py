"""The engine's tasks: each handles so many accounts, chunk by chunk, and only the services' own code is timed."""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks import accounts, evaluating, held
from services.analyzer.columns import evaluation, new_flags
from services.analyzer.store import facts, pgcopy
from services.proposer.columns.proposals import propose
from services.proposer.domain.engine import LOGICS
from services.proposer.domain.reasons import LOGIC_NAMES
from services.taxlot.columns import purchases
from services.taxlot.columns.bookings import book_trades
from services.taxlot.columns.lots import attach
from services.taxlot.domain.households import ApprovedSales, HouseholdFacts
from shared.contracts import chunks, codec
from shared.contracts.codes import Logic
from shared.rules.relief.wash import WASH_DAYS

LOTS: Final = 3  # a position
_SALES: Final = 500
_DEEP: Final = 10  # lots a position where all are relieved
_SWEPT: Final = 2_000  # accounts the analyzer evaluates at a time
_FLAGGED: Final = 0.1

# Trade logics, positions, and the accounts a second that one core should reach.
_BOTH: Final = (Logic.BEST_FIT, Logic.MIN_TRANSACTION)
PROPOSED: Final[tuple[tuple[Sequence[Logic], int, int], ...]] = (
    (_BOTH, 30, 15_000),
    (_BOTH, 60, 7_500),
    (LOGICS, 30, 5_000),
    (LOGICS, 60, 2_500),
)


@dataclass(frozen=True)
class Figure:
    """Count of things done, their seconds of processor time, and a digest of the results."""

    done: int
    seconds: float
    digest: str

    @property
    def rate(self) -> float:
        """Return how much is done a second."""
        return self.done / self.seconds


@dataclass(frozen=True)
class Work:
    """One line of the table: `run` does the task for so many accounts.

    positions: of each account, as the published library is given them; None: the library has no such task.
    """

    what: str
    unit: str
    reach: int | None
    run: Callable[[int], Figure]
    positions: int | None = None


def works() -> list[Work]:
    """Return the lines of the table in their order."""
    found = [
        Work("analysis, 40 positions: numbers and reasons", "accounts/s", 400_000, _measuring),
        Work("  ... and reading the rows, episodes, causes, texts", "accounts/s", None, _judging),
    ]
    for logics, positions, reach in PROPOSED:
        names = " + ".join(LOGIC_NAMES[logic] for logic in logics)
        plain = _proposing(logics, positions)
        found.append(Work(f"proposal, {positions} positions: {names}", "accounts/s", reach, plain, positions))
        if Logic.TAX_AWARE not in logics:
            continue
        encoded, bound = _proposing(logics, positions, encoded=True), _proposing(logics, positions, budgets=True)
        found.append(Work("  ... and messages decoded and encoded", "accounts/s", None, encoded))
        # Where gain limits bind, Tax-aware cuts sells and runs again.
        found.append(Work("  ... where gain limits hold half of the accounts back", "accounts/s", reach, bound))
    found.append(Work(f"lot relief, all of {_DEEP} lots a position", "lots/s", 2_000_000, _relieving))
    found.append(Work(f"wash sales: {_SALES} approved sales an account looked through", "sales/s", 1_000_000, _looking))
    return found


class _Watch:
    """Adds up processor time and digests results."""

    def __init__(self) -> None:
        self.done = 0
        self._seconds = 0.0
        self._digest = hashlib.sha256()

    def time(self, do: Callable[[], Any], done: int | None = None) -> Any:
        """Time `do` and add `done` to the things done; None adds nothing."""
        started = time.process_time()
        result = do()
        self._seconds += time.process_time() - started
        self.done += done or 0
        return result

    def see(self, *shown: bytes) -> None:
        """Add a result to the digest."""
        for batch in shown:
            self._digest.update(batch)

    def figure(self) -> Figure:
        """Return the measurement."""
        return Figure(self.done, self._seconds, self._digest.hexdigest())


def _measuring(count: int) -> Figure:
    """Value every position, compare every weight with its band, list what triggers."""
    known, watch = held.market(40), _Watch()
    context = evaluating.context(known, _FLAGGED)
    for size, copied in evaluating.copies(known, count, _SWEPT):
        rows = facts.rows_of(pgcopy.table_of(copied, len(facts.READ)))
        numbers = watch.time(lambda: evaluation.measure(rows, context), size)  # noqa: B023  # called at once
        watch.see(numbers.out.tobytes(), numbers.reasons.data.tobytes())
    return watch.figure()


def _judging(count: int) -> Figure:
    """Do all that a sweep does between reading from the database and storing."""
    known, watch = held.market(40), _Watch()
    context = evaluating.context(known, _FLAGGED)

    def swept(copied: bytes) -> Any:
        rows = facts.rows_of(pgcopy.table_of(copied, len(facts.READ)))
        numbers = evaluation.measure(rows, context)
        judged = new_flags.flags_of(rows, context, numbers, {}, {})
        return new_flags.select(judged, ~new_flags.unchanged_quiet(rows, judged, 1))

    for size, copied in evaluating.copies(known, count, _SWEPT):
        flags = watch.time(lambda: swept(copied), size)  # noqa: B023  # called at once
        watch.see(flags.figures.tobytes(), "".join(flags.causes).encode())
    return watch.figure()


def _proposing(
    logics: Sequence[Logic], positions: int, *, encoded: bool = False, budgets: bool = False
) -> Callable[[int], Figure]:
    """Return the task of one request: lots attached, proposed, netted, booked; `encoded`: each step from and to bytes.

    budgets: the accounts have gain budgets.
    """

    def way(requests: accounts.Requests) -> pa.RecordBatch:
        lots = attach(requests.facts, requests.stored)
        return book_trades(propose(lots, accounts.TRADE_DAY, logics), accounts.TRADE_DAY)

    def as_messages(requests: accounts.Requests, sent: bytes) -> pa.RecordBatch:
        lots = codec.encode(attach(codec.decode(sent, chunks.FACTS)[0], requests.stored), {})
        trades = codec.encode(propose(codec.decode(lots, chunks.LOTS)[0], accounts.TRADE_DAY, logics), {})
        result = book_trades(codec.decode(trades, chunks.TRADES)[0], accounts.TRADE_DAY)
        codec.encode(result, {})
        return result

    def run(count: int) -> Figure:
        watch = _Watch()
        for requests in accounts.requests(count, positions, LOTS, budgets=budgets):
            size = requests.facts.num_rows
            if encoded:
                sent = codec.encode(requests.facts, {})
                result = watch.time(lambda: as_messages(requests, sent), size)  # noqa: B023  # called at once
            else:
                result = watch.time(lambda: way(requests), size)  # noqa: B023  # called at once
            watch.see(result.serialize().to_pybytes())
        return watch.figure()

    return run


def _looking(count: int) -> Figure:
    """Find which of the booked buys are of what their household has sold by an approval, and list its purchases."""
    watch = _Watch()
    for requests in accounts.requests(count, 30, LOTS):
        trades = propose(attach(requests.facts, requests.stored), accounts.TRADE_DAY, (Logic.BEST_FIT,))
        booked = book_trades(trades, accounts.TRADE_DAY)
        names: list[Any] = booked.column("account_id").to_pylist() * _SALES
        days: Any = accounts.TRADE_DAY - np.arange(len(names), dtype=np.int64) % WASH_DAYS
        bought = purchases.buys_of(booked).names
        sold = ApprovedSales(names, [bought[number % len(bought)] for number in range(len(names))], days)
        known, losing = HouseholdFacts([], [], sold), purchases.loss_sales_of(booked)
        look = partial(purchases.with_purchases, booked, trades, losing, known, accounts.TRADE_DAY)
        watch.see(watch.time(look, len(names)).serialize().to_pybytes())
    return watch.figure()


def _relieving(count: int) -> Figure:
    """Relieve every lot of accounts that are sold whole: order, basis, proceeds, gain and term of each."""
    watch = _Watch()
    for requests in accounts.requests(-(-count // _DEEP), 30, _DEEP, liquidate=True):
        trades = propose(attach(requests.facts, requests.stored), accounts.TRADE_DAY, (Logic.BEST_FIT,))
        result = watch.time(lambda: book_trades(trades, accounts.TRADE_DAY))  # noqa: B023  # called at once
        watch.done += len(result.column("slices").flatten())
        watch.see(result.serialize().to_pybytes())
    return watch.figure()
