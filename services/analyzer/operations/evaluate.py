"""Evaluates accounts against the store: read, evaluate, replace under the guard, and again where the guard refuses."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from services.analyzer.columns import evaluation, new_flags
from services.analyzer.columns.holds import named
from services.analyzer.domain.messages import our_fault
from services.analyzer.operations.context import Contexts
from services.analyzer.operations.flag_messages import FlagMessages, events_again, messages_of
from services.analyzer.store import facts, flags
from services.analyzer.store.database import Database, Session
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.names import PORTFOLIO, SECURITY, Names
from shared.kafka.faults import Blame, RetryLater, blame
from shared.kafka.isolation import OUR_FAULT, halves, isolate, note_account_fault
from shared.kafka.messages import Outgoing
from shared.runtime import metrics

CHUNK: Final = 2_000  # accounts evaluated in one transaction
_ROUNDS: Final = 50  # refusals in a row before the work is retried later


@dataclass(frozen=True)
class RunStamp:
    """The run that a sweep stamps on the flags it replaces.  covered: which accounts of a range the run covers."""

    run_no: int
    covered: facts.Condition = field(default_factory=lambda: facts.EVERY)


Read = Callable[[Session], AccountRows]


@dataclass(frozen=True)
class _Evaluation:
    """How accounts are evaluated and stored.

    begin: opens a transaction.  evaluate: rows to flags.  by_ids: how refused accounts are read again.
    run_no: stamped on stored flags.  trigger: as in Context.
    """

    begin: Callable[[], AbstractContextManager[Session]]
    evaluate: Callable[[Session, AccountRows], flags.NewFlags]
    by_ids: Callable[[Sequence[str]], Read]
    run_no: int | None
    trigger: str


class Evaluator:
    """Evaluates accounts with the newest prices and targets, and gives the messages of stored flags.

    An account at which our own code raises is held alone (OUR_FAULT); all others are evaluated and published as ever.
    If they are too many, none is held and TooMany is raised.
    """

    def __init__(self, database: Database, names: Names, contexts: Contexts) -> None:
        self._database = database
        self._names = names
        self.contexts = contexts

    def evaluate(self, accounts: Sequence[str], trigger: str) -> None:
        """Evaluate accounts by id and store their flags.  trigger: the cause, as in Context.

        Raises RetryLater if others keep evaluating the same accounts, TooMany.
        """
        work = self._work(self._database.session, trigger, None)
        for start in range(0, len(accounts), CHUNK):
            self._isolate_rows(work, list(accounts[start : start + CHUNK]))

    def sweep(
        self, session: Session, first_id: str, last_id: str, run: RunStamp, trigger: str
    ) -> list[flags.StoredFlags]:
        """Evaluate the covered accounts between two ids for a run; return the stored flags, to be published.

        Accounts that stay quiet are not stored.  `session` holds the lock of the shard and loses it with the
        connection, so nothing is stored for a shard that another sweeper may have taken.  Raises as `evaluate`.
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
            stored = self._isolate_rows(work, accounts)
        return [flags.as_stored(replaced) for replaced in stored]

    def messages_by_ids(self, accounts: Sequence[str]) -> list[FlagMessages]:
        """Return the stored flags of these accounts and everything to publish of them."""
        return self._messages_apart(self._work(self._database.session, "", None), list(accounts))

    def messages_of_sweep(
        self, session: Session, stored: Sequence[flags.StoredFlags], run: RunStamp
    ) -> list[FlagMessages]:
        """Return everything to publish of what a sweep has stored: from memory, else as `messages_by_ids`.

        Raises TooMany if our code raises at too many accounts, and what the database raises.
        """
        try:
            with session.transaction():
                return [messages_of(session, self._names, part) for part in stored]
        except Exception as error:
            if blame(error) is not Blame.OURS:
                raise
            accounts = [account for part in stored for account in part.account_id.to_pylist()]
            return self._messages_apart(self._work(lambda: _transaction(session), "", run), accounts)

    def events_again(self, session: Session, accounts: Sequence[str]) -> list[Outgoing]:
        """Return the public events of these accounts' flags as they are stored, whether or not they are announced."""
        with session.transaction():
            return events_again(session, self._names, accounts)

    def _messages_apart(self, work: _Evaluation, accounts: Sequence[str]) -> list[FlagMessages]:
        """Return these flags and their messages; accounts whose messages our code cannot make are held first."""

        def read(some: Sequence[str]) -> FlagMessages:
            with work.begin() as session:
                return messages_of(session, self._names, flags.read(session, some))

        def hold(alone: Sequence[str], error: Exception) -> FlagMessages:
            note_account_fault(alone[0], error)
            self._hold(work, alone, error)
            try:
                return read(alone)
            except Exception as again:
                if blame(again) is not Blame.OURS:
                    raise
            self._hold(work, alone, error, new_episode=True)
            return read(alone)

        return isolate("publish flags", accounts, halves, read, hold)

    def _work(
        self, begin: Callable[[], AbstractContextManager[Session]], trigger: str, run: RunStamp | None
    ) -> _Evaluation:
        def evaluate(session: Session, rows: AccountRows) -> flags.NewFlags:
            context = self.contexts.of(session, rows, trigger)
            with _stage("measure"):
                measured = evaluation.measure(rows, context)
            with _stage("judge"):
                return self._flags_of(session, rows, context, measured, run)

        return _Evaluation(begin, evaluate, _by_ids, None if run is None else run.run_no, trigger)

    def _isolate_rows(self, work: _Evaluation, accounts: Sequence[str]) -> list[flags.NewFlags]:
        """Evaluate and store these accounts; each account at which our own code raises is held alone."""

        def hold(alone: Sequence[str], error: Exception) -> list[flags.NewFlags]:
            note_account_fault(alone[0], error)
            return self._hold(work, alone, error)

        stored_halves = isolate(
            "evaluate accounts", accounts, halves, lambda some: _until_stored(work, _by_ids(some)), hold
        )
        return [stored for half in stored_halves for stored in half]

    def _hold(
        self, work: _Evaluation, alone: Sequence[str], error: Exception, *, new_episode: bool = False
    ) -> list[flags.NewFlags]:
        """Store that an account is held.

        Its flag episode goes on, except with `new_episode` or where our code fails at the episode too.
        """
        text = our_fault(type(error).__name__)

        def evaluate(session: Session, rows: AccountRows) -> flags.NewFlags:
            if not new_episode:
                try:
                    context = self.contexts.of(session, rows, work.trigger)
                    return new_flags.held_flags(rows, context, OUR_FAULT, text)
                except Exception as again:
                    if blame(again) is not Blame.OURS:
                        raise
            context = self.contexts.without_targets(session, work.trigger)
            return new_flags.held_flags(rows, context, OUR_FAULT, text, new_episode=True)

        return _until_stored(replace(work, evaluate=evaluate, by_ids=_bare), _bare(alone))

    def _flags_of(
        self,
        session: Session,
        rows: AccountRows,
        context: evaluation.Context,
        measured: evaluation.Measurement,
        run: RunStamp | None,
    ) -> flags.NewFlags:
        """Return the flags to store: of all accounts, or in a run of those that are not quiet and unchanged."""
        portfolios, securities = named(rows, measured)
        portfolio_ids = self._names.ids(session, PORTFOLIO, sorted(portfolios))
        security_ids = self._names.ids(session, SECURITY, sorted(securities))
        found = new_flags.flags_of(rows, context, measured, portfolio_ids, security_ids)
        if run is None:
            return found
        return new_flags.select(found, ~new_flags.unchanged_quiet(rows, found, run.run_no))


def _until_stored(work: _Evaluation, read: Read) -> list[flags.NewFlags]:
    """Evaluate what `read` returns; read and evaluate again as long as accounts are refused; return what is stored.

    Each round is a transaction of its own.  Raises RetryLater after too many rounds.
    """
    stored: list[flags.NewFlags] = []
    for _ in range(_ROUNDS):
        with work.begin() as session:
            flags.share_replacements(session)
            with _stage("read"):
                rows = read(session)
            found, refused = _round(session, rows, work)
        if found is not None:
            stored.append(found if not refused else new_flags.without(found, refused))
        if not refused:
            return stored
        again = sorted(refused)
        read = work.by_ids(again)
    raise RetryLater(f"{len(again)} accounts are being evaluated elsewhere all the time, {again[0]} among them")


def _round(session: Session, rows: AccountRows, work: _Evaluation) -> tuple[flags.NewFlags | None, set[str]]:
    """Evaluate and store; return the flags to store, if any, and the accounts that were refused."""
    found = work.evaluate(session, rows) if len(rows) else None
    if found is None or not len(found):
        return None, set()
    with _stage("store"):
        return found, flags.replace(session, found, work.run_no)


@contextmanager
def _transaction(session: Session) -> Iterator[Session]:
    with session.transaction():
        yield session


def _stage(name: str) -> AbstractContextManager[object]:
    """Return a context manager that adds its time to the metric of a stage."""
    timer: AbstractContextManager[object] = metrics.EVALUATION_SECONDS.labels(name).time()
    return timer


def _by_ids(accounts: Sequence[str]) -> Read:
    chosen = list(accounts)
    return lambda session: facts.read_rows(session, facts.BY_IDS, chosen)


def _bare(accounts: Sequence[str]) -> Read:
    """Return a reader of these accounts that does not decode their documents."""
    chosen = list(accounts)
    return lambda session: facts.read_bare(session, chosen)
