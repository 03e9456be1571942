"""Evaluates accounts against the store: read, judge, replace under the guard, and again for who was refused."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from psycopg import sql

from services.analyzer.columns import evaluation
from services.analyzer.columns import flags as publish
from services.analyzer.columns.evaluation import Context
from services.analyzer.domain import messages as words
from services.analyzer.domain.layout import KEY_SHIFT, SLEEVE_MASK
from services.analyzer.settings import Settings
from services.analyzer.store import facts, flags
from services.analyzer.store.database import Database, Session
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.names import PORTFOLIO, SECURITY, SLEEVE, Names
from services.analyzer.store.pgcopy import NULL
from services.analyzer.store.price_sets import PriceBook, Prices
from services.analyzer.store.targets import StoredTarget, TargetBook
from shared.kafka.faults import Blame, RetryLater, blame
from shared.kafka.isolation import OUR_FAULT, halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing
from shared.rules.trading_calendar import business_date
from shared.runtime import metrics
from shared.runtime.clock import Clock

CHUNK: Final = 2_000  # accounts a transaction evaluates
_ROUNDS: Final = 50  # refusals in a row before the work is put off


@dataclass(frozen=True)
class RunStamp:
    """The run a sweep stamps on the flags it replaces; without one every account is stored. covered: whom it covers."""

    run_no: int
    covered: sql.Composable = field(default_factory=lambda: facts.EVERY)


Read = Callable[[Session], AccountRows]


@dataclass(frozen=True)
class _Work:
    """How accounts are evaluated and stored: in which transactions, what is judged of rows, how they are read again."""

    begin: Callable[[], AbstractContextManager[Session]]
    judge: Callable[[Session, AccountRows], flags.NewFlags]
    by_ids: Callable[[Sequence[str]], Read]
    run_no: int | None
    trigger: str


@dataclass(frozen=True)
class FlagMessages:
    """Flags as they stand, and all that is to be published of them: chunks for batch, public events not yet out."""

    stored: flags.StoredFlags
    messages: list[Outgoing]


class Evaluator:
    """Keeps prices and targets of one process and evaluates accounts with the newest of both.

    An account at which our own code raises is held alone (OUR_FAULT); all others are evaluated and told as ever.  Where
    they are too many none is held, and TooMany is raised.
    """

    def __init__(self, database: Database, names: Names, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._names = names
        self._clock = clock
        self._settings = settings
        self.prices = PriceBook()
        self.targets = TargetBook()

    def evaluate(self, accounts: Sequence[str], trigger: str) -> None:
        """Evaluate accounts by id and store what is found; trigger says in words why."""
        work = self._work(self._database.session, trigger, None)
        for start in range(0, len(accounts), CHUNK):
            self._each_apart(work, list(accounts[start : start + CHUNK]))

    def sweep(
        self, session: Session, first_id: str, last_id: str, run: RunStamp, trigger: str
    ) -> list[flags.StoredFlags]:
        """Evaluate the covered accounts between two ids for a run and return what was stored, to be published.

        Quiet accounts that stay as they were are not stored.  `session` holds the lock of the shard: with the lock
        goes the connection, so nothing is stored for a shard that somebody else may have finished meanwhile.
        """
        work = self._work(lambda: _transaction(session), trigger, run)
        ends = (facts.BY_RANGE, first_id, last_id)
        try:
            stored = _until_stored(work, lambda session: facts.read_rows(session, *ends, covered=run.covered))
        except Exception as error:
            if blame(error) is not Blame.OURS:
                raise
            with work.begin() as session:
                accounts = facts.read_ids(session, *ends, covered=run.covered)
            if not accounts:
                raise
            stored = self._each_apart(work, accounts)
        return [flags.as_stored(one) for one in stored]

    def context(self, session: Session, rows: AccountRows, trigger: str) -> Context:
        """Return the newest prices and the targets of these rows."""
        prices = self.prices.newest(session)
        portfolios = rows.ints("a.portfolio_no")
        return self._context(
            prices, self.targets.of(session, np.unique(portfolios[portfolios != NULL]).tolist()), trigger
        )

    def _context(self, prices: Prices, targets: Mapping[int, StoredTarget], trigger: str) -> Context:
        now = self._clock.now()
        return Context(
            prices=prices,
            targets=targets,
            today=business_date(now, self._settings.cut_off),
            now=now,
            trigger=trigger,
            price_age_sessions=self._settings.price_age_sessions,
        )

    def tell(self, accounts: Sequence[str]) -> list[FlagMessages]:
        """Return the flags of these accounts as they stand, and all that is to be published of them."""
        return self._told(self._work(self._database.session, "", None), list(accounts))

    def messages(self, session: Session, stored: Sequence[flags.StoredFlags], run: RunStamp) -> list[Outgoing]:
        """Return all that is to be published of what a sweep has stored: from memory, else as in `tell`."""
        try:
            with session.transaction():
                return [message for one in stored for message in self._messages(session, one)]
        except Exception as error:
            if blame(error) is not Blame.OURS:
                raise
            accounts = [account for one in stored for account in one.account_id.to_pylist()]
            told = self._told(self._work(lambda: _transaction(session), "", run), accounts)
            return [message for one in told for message in one.messages]

    def _messages(self, session: Session, stored: flags.StoredFlags) -> list[Outgoing]:
        """Return chunks for batch, and the public events not yet announced."""
        ids = self.ids_of(session, stored)
        at = self._clock.now()
        return [*publish.flag_chunks(stored, ids, at), *publish.public_events(stored, ids)]

    def _told(self, work: _Work, accounts: Sequence[str]) -> list[FlagMessages]:
        """Return these flags and their messages; the accounts of which our own code cannot tell are held first."""

        def read(some: Sequence[str]) -> FlagMessages:
            with work.begin() as session:
                stored = flags.read(session, some)
                return FlagMessages(stored, self._messages(session, stored))

        def hold(alone: Sequence[str], error: Exception) -> FlagMessages:
            note_account_fault(alone[0], error)
            self._hold(work, alone, error)
            try:
                return read(alone)
            except Exception as again:
                if blame(again) is not Blame.OURS:
                    raise
            self._hold(work, alone, error, anew=True)
            return read(alone)

        return isolate("tell flags", accounts, halves, read, hold)

    def ids_of(self, session: Session, stored: flags.StoredFlags) -> publish.FlagIds:
        """Return the ids of the numbers that these flags hold."""
        keys = stored.reasons[:, 0]
        return publish.FlagIds(
            self._names.id_column(session, PORTFOLIO, stored.numbers["portfolio_no"]),
            self._names.id_column(session, SLEEVE, np.where(keys < 0, -1, keys & SLEEVE_MASK)),
            self._names.id_column(session, SECURITY, keys >> KEY_SHIFT),
        )

    def _work(self, begin: Callable[[], AbstractContextManager[Session]], trigger: str, run: RunStamp | None) -> _Work:
        def judge(session: Session, rows: AccountRows) -> flags.NewFlags:
            context = self.context(session, rows, trigger)
            with _stage("measure"):
                numbers = evaluation.measure(rows, context)
            with _stage("judge"):
                return self._judged(session, rows, context, numbers, run)

        return _Work(begin, judge, _by_ids, None if run is None else run.run_no, trigger)

    def _each_apart(self, work: _Work, accounts: Sequence[str]) -> list[flags.NewFlags]:
        """Evaluate and store these accounts; the ones at which our own code raises are held, each for itself."""

        def hold(alone: Sequence[str], error: Exception) -> list[flags.NewFlags]:
            note_account_fault(alone[0], error)
            return self._hold(work, alone, error)

        parts = isolate("evaluate accounts", accounts, halves, lambda some: _until_stored(work, _by_ids(some)), hold)
        return [one for part in parts for one in part]

    def _hold(self, work: _Work, alone: Sequence[str], error: Exception, *, anew: bool = False) -> list[flags.NewFlags]:
        """Store that an account is held.  Its episode goes on, but for `anew`, or where our code fails at that too."""
        text = words.our_fault(type(error).__name__)

        def judge(session: Session, rows: AccountRows) -> flags.NewFlags:
            if not anew:
                try:
                    return evaluation.held(rows, self.context(session, rows, work.trigger), OUR_FAULT, text)
                except Exception as again:
                    if blame(again) is not Blame.OURS:
                        raise
            context = self._context(self.prices.newest(session), {}, work.trigger)
            return evaluation.held(rows, context, OUR_FAULT, text, anew=True)

        return _until_stored(replace(work, judge=judge, by_ids=_bare), _bare(alone))

    def _judged(
        self, session: Session, rows: AccountRows, context: Context, numbers: evaluation.Numbers, run: RunStamp | None
    ) -> flags.NewFlags:
        """Return what is to be stored: all accounts, or those a run has something to say of."""
        portfolios, securities = evaluation.named(rows, numbers)
        judged = evaluation.judge(
            rows,
            context,
            numbers,
            self._names.ids(session, PORTFOLIO, sorted(portfolios)),
            self._names.ids(session, SECURITY, sorted(securities)),
        )
        if run is None:
            return judged
        return evaluation.select(judged, ~evaluation.unchanged_quiet(rows, judged, run.run_no))


def _until_stored(work: _Work, read: Read) -> list[flags.NewFlags]:
    """Evaluate what `read` gives; then, as long as some are refused, read those again and evaluate again.

    Each round is a transaction of its own; what each has stored is returned.
    """
    stored: list[flags.NewFlags] = []
    for _ in range(_ROUNDS):
        with work.begin() as session:
            flags.barrier(session)
            with _stage("read"):
                rows = read(session)
            judged, refused = _once(session, rows, work)
        if judged is not None:
            stored.append(judged if not refused else evaluation.without(judged, refused))
        if not refused:
            return stored
        again = sorted(refused)
        read = work.by_ids(again)
    raise RetryLater(f"{len(again)} accounts are being evaluated elsewhere all the time, {again[0]} among them")


def _once(session: Session, rows: AccountRows, work: _Work) -> tuple[flags.NewFlags | None, set[str]]:
    """Evaluate and store; return what was to be stored, if anything, and the accounts that were refused."""
    judged = work.judge(session, rows) if len(rows) else None
    if judged is None or not len(judged):
        return None, set()
    with _stage("store"):
        return judged, flags.replace(session, judged, work.run_no)


@contextmanager
def _transaction(session: Session) -> Iterator[Session]:
    with session.transaction():
        yield session


def _stage(name: str) -> AbstractContextManager[object]:
    """Return what adds the time of a stage to the metric."""
    timer: AbstractContextManager[object] = metrics.EVALUATION_SECONDS.labels(name).time()
    return timer


def _by_ids(accounts: Sequence[str]) -> Read:
    """Return a reader of these accounts."""
    chosen = list(accounts)
    return lambda session: facts.read_rows(session, facts.BY_IDS, chosen)


def _bare(accounts: Sequence[str]) -> Read:
    """Return a reader of these accounts that does not look into their documents."""
    chosen = list(accounts)
    return lambda session: facts.read_bare(session, chosen)
