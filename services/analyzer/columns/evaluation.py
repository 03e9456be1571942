"""The numbers of an evaluation: a chunk of accounts, its targets and prices through the kernel.  No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np

from services.analyzer.domain import eligibility, kernel
from services.analyzer.domain.layout import NONE, REASON, Ints, Ragged, Target, stack_targets
from services.analyzer.domain.substitution import JUDGED
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.pgcopy import NULL
from services.analyzer.store.price_sets import Prices
from services.analyzer.store.security_master import HeldSecurities
from services.analyzer.store.targets import StoredTarget
from shared.fixed_point.records import Records, as_records, room_for
from shared.rules.trading_calendar import session_before


@dataclass(frozen=True)
class Context:
    """The inputs that all accounts of a chunk share.

    securities: how holdings are treated.  targets: by portfolio number.  today: business date.  trigger: what started
    the evaluation, a text for the cause history.  price_age_sessions: a price set older than so many sessions before
    `today` is stale.
    """

    prices: Prices
    securities: HeldSecurities
    targets: Mapping[int, StoredTarget]
    today: date
    now: datetime
    trigger: str
    price_age_sessions: int

    @property
    def stale(self) -> bool:
        """Whether the price set is too old to value anything."""
        as_of = self.prices.as_of
        return as_of is not None and as_of < session_before(self.today, self.price_age_sessions)


@dataclass(frozen=True)
class Measurement:
    """The result of the kernel for n accounts, with the targets it was given.

    out: a kernel.RESULT an account; reasons: triggering components, REASON records;
    target_of[n]: row of heads and target_rows, or kernel.T_*; judged: JUDGED records, the first out[-1].judged of which
    are the last account's positions after substitution.
    """

    out: Records
    reasons: Ragged
    target_of: Ints
    heads: Ints
    target_rows: Ragged
    judged: Records


def measure(rows: AccountRows, context: Context) -> Measurement:
    """Value the accounts of a chunk and compare their weights with their bands."""
    settle = rows.days("a.settle_date")
    problem = ~rows.is_null("a.hold_code") | ~rows.is_null("a.settings_problem")
    eligible = eligibility.eligibility_of(
        problem, ~rows.is_null("a.holdings"), settle, eligibility.overdue_before(context.today)
    )
    target_of, targets = index_targets(rows.ints("a.portfolio_no"), context.targets)
    heads, target_rows = stack_targets(targets)
    count = len(rows)
    lengths = np.diff(target_rows.starts)
    room = len(rows.holdings.data) + count + int(_of_target(lengths, target_of).sum())
    rules = _substitutes(rows)
    named = np.diff(rules.starts)
    # An account may have each substitute in every sleeve in which what it replaces has a target.
    listed = np.where(named > 0, np.diff(rows.holdings.starts) + _of_target(lengths, target_of) * (1 + named), 0)
    found = kernel.Found(
        room_for(kernel.RESULT, count),
        np.zeros(count + 1, np.int64),
        room_for(REASON, room + int(listed.sum())),
        room_for(JUDGED, int(listed.max(initial=0)) + 1),
        np.zeros(int(named.max(initial=0)), np.int64),
    )
    accounts = kernel.AccountChunk(
        as_records(kernel.SETTINGS, rows.settings),
        eligible,
        rows.ints("a.cash_cents"),
        (rows.days("a.last_rebalanced") != NULL).astype(np.int64),
        rows.holdings.starts,
        rows.holdings.data,
        target_of,
        rows.own_roles.starts,
        rows.own_roles.data,
        rules.starts,
        rules.data,
    )
    securities = kernel.SecurityTable(context.prices.micro, context.securities.roles, context.securities.divisor)
    aims = kernel.Targets(as_records(kernel.HEAD, heads), target_rows.starts, target_rows.data)
    kernel.evaluate(accounts, aims, securities, int(context.stale), found)
    reasons = Ragged(found.starts, found.reasons[: found.starts[-1]])
    return Measurement(found.results, reasons, target_of, heads, target_rows, found.judged)


def _of_target(lengths: Ints, target_of: Ints) -> Ints:
    """Return the number of rows of each account's target, 0 without one."""
    return np.where(target_of >= 0, lengths[np.maximum(target_of, 0)], 0) if len(lengths) else np.zeros_like(target_of)


def _substitutes(rows: AccountRows) -> Ragged:
    """Return the restrictions that name a substitute, by account."""
    data, starts = rows.restrictions.data, rows.restrictions.starts
    named = data.substitute != NONE
    owner = np.repeat(np.arange(len(rows)), np.diff(starts))
    return Ragged(np.searchsorted(owner[named], np.arange(len(rows) + 1)), data[named])


def index_targets(portfolios: Ints, known: Mapping[int, StoredTarget]) -> tuple[Ints, list[Target]]:
    """Return the index of each account's target in the list returned with it, or kernel.T_*."""
    targets: list[Target] = []
    indices: dict[int, int] = {NULL: kernel.T_NONE}
    uniques, inverse = np.unique(portfolios, return_inverse=True)
    for number in uniques:
        stored = known.get(int(number))
        if int(number) not in indices and stored is not None and stored.target is not None:
            indices[int(number)] = len(targets)
            targets.append(stored.target)
    table = np.array([indices.get(int(number), kernel.T_UNKNOWN) for number in uniques], np.int64)
    return table[inverse.ravel()], targets
