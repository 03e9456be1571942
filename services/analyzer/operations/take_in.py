"""Takes messages in: stores the facts they carry and says which accounts must be evaluated.

Each function stores one group of decoded messages of a topic in a transaction and skips what is older than the stored
facts.  The accounts it returns include those of skipped messages: a message delivered again after a crash publishes
what its first delivery left out.  Source: architecture "Guard", "Republish".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from services.analyzer.columns import incoming
from services.analyzer.operations.price_sets import PriceSetResult, take_in
from services.analyzer.settings import Settings
from services.analyzer.store import facts_merge, flags, price_sets, run_start, security_master, targets
from services.analyzer.store.database import Database, Session
from services.analyzer.store.names import Names
from services.analyzer.store.runs import RunKind
from shared.contracts.platform import AccountChanged, ModelChanged, PortfolioChanged, PricesPublished, SecurityChanged
from shared.contracts.succession import admit
from shared.kafka.messages import Chunk
from shared.rules.trading_calendar import business_date
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)


@dataclass(frozen=True)
class TakenIn:
    """The result of a group.

    accounts: to be evaluated by this worker.  refused: (code, text) by index in the group.  problems: of parts that
    are left out while the rest of the group is stored.
    """

    accounts: list[str] = field(default_factory=list)
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class FactStore:
    """Stores facts of all kinds for one worker.  Methods block and may run in several threads."""

    def __init__(self, database: Database, names: Names, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._names = names
        self._clock = clock
        self._settings = settings
        self._noted_securities: set[int] = set()  # held securities this process has noted

    def holdings(self, group: Sequence[Chunk]) -> list[str]:
        """Store what accounts hold after a good file, or their data hold; return the accounts."""
        merged = incoming.holdings(self._names, group)
        fresh = set(merged.securities.tolist()) - self._noted_securities
        with self._database.session() as session:
            facts_merge.merge_holdings(session, merged)
            if fresh:
                price_sets.note_held(session, sorted(fresh))
        self._noted_securities |= fresh
        return list(merged.account_id.to_pylist())

    def accounts(self, group: Sequence[AccountChanged]) -> TakenIn:
        """Store accounts and their settings; an account whose settings are not valid is stored and held."""
        problems: dict[str, str] = {}
        with self._database.session() as session:
            known = facts_merge.known_versions(session, [event.account_id for event in group])
            admitted = admit(group, lambda event: event.account_id, known)
            facts_merge.merge_accounts(session, incoming.accounts(self._names, admitted.newest, problems))
        refused = {index: ("bad_version", text) for index, text in admitted.refused.items()}
        versions = {event.account_id: event.version for event in admitted.newest}
        for index, event in enumerate(group):
            is_newest = versions.get(event.account_id) == event.version
            if index not in refused and event.account_id in problems and is_newest:
                refused[index] = "bad_settings", problems[event.account_id]
        return TakenIn(admitted.named, refused)

    def securities(self, group: Sequence[SecurityChanged]) -> TakenIn:
        """Store securities; where roles change, name the accounts that are held for want of a price.

        Such an account may need that price no longer.  The daily analysis evaluates the others.
        """
        with self._database.session() as session:
            saved = security_master.save_securities(session, self._names, group)
            bound = self._settings.at_once_accounts
            accounts = flags.price_held(session, bound + 1) if saved.roles_changed else []
            if len(accounts) > bound:
                coverage = run_start.Coverage("PRICE_HELD", subject=f"securities {security_master.version(session)}")
                self._open_run(session, "PRICES", coverage)
                accounts = []
        refused = {index: ("bad_version", text) for index, text in saved.admitted.refused.items()}
        return TakenIn(accounts, refused)

    def prices(self, group: Sequence[PricesPublished]) -> tuple[list[str], list[PriceSetResult]]:
        """Store price sets; return the accounts held for want of a price, and the result of each set.

        If these are more than at_once_accounts, a run over them is opened instead and none is returned.
        """
        bound = self._settings.at_once_accounts
        with self._database.session() as session:
            results = [take_in(session, self._names, self._clock, self._settings, event) for event in group]
            generation, _ = price_sets.in_force(session)
            if len(flags.price_held(session, bound + 1)) > bound:
                coverage = run_start.Coverage("PRICE_HELD", subject=f"prices {generation}")
                self._open_run(session, "PRICES", coverage)
                return [], results
        with self._database.session() as session:
            return flags.price_held(session), results

    def models(self, group: Sequence[ModelChanged]) -> TakenIn:
        """Store models and the targets that follow them."""
        return self._targets(lambda session: targets.save_models(session, self._names, group))

    def portfolios(self, group: Sequence[PortfolioChanged]) -> TakenIn:
        """Store portfolios and their targets."""
        return self._targets(lambda session: targets.save_portfolios(session, self._names, group))

    def rebalanced(self, group: Sequence[Chunk]) -> list[str]:
        """Store approvals: new epoch, last rebalanced, settling; return the accounts."""
        approvals = sorted(incoming.approvals(group), key=lambda approval: approval.epoch)
        newest = {approval.account_id: approval for approval in approvals}
        with self._database.session() as session:
            facts_merge.mark_rebalanced(session, list(newest.values()))
        return sorted(newest)

    def _targets(self, save: Callable[[Session], targets.SavedTargets]) -> TakenIn:
        """Store targets and return their accounts; open a run over them instead if there are too many.

        The run is opened in the transaction that stores the targets: it exists if, and only if, they do.
        """
        with self._database.session() as session:
            saved = save(session)
            portfolios = saved.portfolios
            many = targets.touches_more_than(session, portfolios, self._settings.at_once_accounts)
            if many:
                subject = f"targets {targets.state_of(session, portfolios)}"
                self._open_run(session, "TARGET", run_start.Coverage("PORTFOLIOS", portfolios, subject))
        refused = {index: ("bad_version", text) for index, text in saved.refused.items()}
        with self._database.session() as session:
            problems = targets.problems_of(session, portfolios)
            return TakenIn([] if many else targets.accounts_of(session, portfolios), refused, problems)

    def _open_run(self, session: Session, kind: RunKind, coverage: run_start.Coverage) -> None:
        """Open a run over a part of the book, unless there has been a run of that subject."""
        now = self._clock.now()
        number = run_start.start_part(session, kind, coverage, business_date(now, self._settings.cut_off), now)
        _log.info("analysis.opened", kind=kind, run_no=number)
