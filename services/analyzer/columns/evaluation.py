"""One evaluation of a chunk of accounts: facts, targets and prices in, flags to store out.  No input or output here."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analyzer.domain import eligibility, episode, kernel, messages
from services.analyzer.domain.layout import NONE, Ints, Ragged, Target, stack_targets
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.flags import NewFlags
from services.analyzer.store.pgcopy import NULL
from services.analyzer.store.price_sets import Prices
from services.analyzer.store.targets import StoredTarget
from shared.columnar import starts_of
from shared.contracts.codes import FlagState
from shared.fixed_point.records import Records, as_records, as_table, fields_of, room_for
from shared.rules.trading_calendar import session_before

_FIGURES: Final = slice(fields_of(kernel.RESULT).index("value"), None)


@dataclass(frozen=True)
class Context:
    """What holds for the whole chunk. today: business date; targets by portfolio number; trigger in words.

    price_age_sessions: a price set is stale when it is older than so many sessions before `today`.
    """

    prices: Prices
    targets: Mapping[int, StoredTarget]
    today: date
    now: datetime
    trigger: str
    price_age_sessions: int

    @property
    def stale(self) -> bool:
        """Say whether the price set is too old to value anything."""
        as_of = self.prices.as_of
        return as_of is not None and as_of < session_before(self.today, self.price_age_sessions)


@dataclass(frozen=True)
class Numbers:
    """What the kernel found: a kernel.RESULT an account and the triggering lists [.., kernel.REASON].

    gates, target_of, heads [m, TargetField] and target_rows as the kernel was given them.
    """

    out: Records
    reasons: Ragged
    gates: Ints
    target_of: Ints
    heads: Ints
    target_rows: Ragged


def measure(rows: AccountRows, context: Context) -> Numbers:
    """Evaluate the numbers of a chunk."""
    settle = rows.days("a.settle_date")
    problem = ~rows.is_null("a.hold_code") | ~rows.is_null("a.settings_problem")
    gates = eligibility.gates(problem, ~rows.is_null("a.holdings"), settle, eligibility.overdue_before(context.today))
    target_of, targets = place_targets(rows.ints("a.portfolio_no"), context.targets)
    heads, target_rows = stack_targets(targets)
    count = len(rows)
    lengths = np.diff(target_rows.starts)
    room = len(rows.holdings.data) + count + int(lengths[target_of[target_of >= 0]].sum())
    found = kernel.Found(room_for(kernel.RESULT, count), np.zeros(count + 1, np.int64), room_for(kernel.REASON, room))
    accounts = kernel.Accounts(
        as_records(kernel.SETTINGS, rows.settings),
        gates,
        rows.ints("a.cash_cents"),
        (rows.days("a.last_rebalanced") != NULL).astype(np.int64),
        rows.holdings.starts,
        as_records(kernel.HOLDING, rows.holdings.data),
        target_of,
    )
    aims = kernel.Targets(as_records(kernel.HEAD, heads), target_rows.starts, as_records(kernel.AIM, target_rows.data))
    kernel.evaluate(accounts, aims, context.prices.micro, int(context.stale), found)
    reasons = Ragged(found.starts, as_table(found.reasons[: found.starts[-1]]))
    return Numbers(found.results, reasons, gates, target_of, heads, target_rows)


def place_targets(portfolios: Ints, known: Mapping[int, StoredTarget]) -> tuple[Ints, list[Target]]:
    """Return for each account the place of its target in the list returned beside it, or kernel.T_*."""
    targets: list[Target] = []
    places: dict[int, int] = {NULL: kernel.T_NONE}
    uniques, inverse = np.unique(portfolios, return_inverse=True)
    for number in uniques:
        held = known.get(int(number))
        if int(number) not in places and held is not None and held.target is not None:
            places[int(number)] = len(targets)
            targets.append(held.target)
    table = np.array([places.get(int(number), kernel.T_UNKNOWN) for number in uniques], np.int64)
    return table[inverse.ravel()], targets


def judge(
    rows: AccountRows,
    context: Context,
    numbers: Numbers,
    portfolio_ids: Mapping[int, str],
    security_ids: Mapping[int, str],
) -> NewFlags:
    """Return the flags of a chunk, episodes and texts included; ids by number, of those that `named` asks for."""
    found = _Judge(rows, context, numbers)
    return found.flags(*found.episodes(), *found.holds(portfolio_ids, security_ids))


def held(rows: AccountRows, context: Context, code: str, text: str, *, anew: bool = False) -> NewFlags:
    """Return the flags of accounts that are held because they cannot be evaluated; the targets may be lacking.

    Episodes go on as under any hold, or begin anew.
    """
    count = len(rows)
    out = as_records(kernel.RESULT, np.full((count, len(fields_of(kernel.RESULT))), NONE, np.int64))
    out.state, out.tiles, out.hold, out.drifted = FlagState.HELD, 0, kernel.H_NONE, 0
    nothing = Ragged(np.zeros(count + 1, np.int64), np.zeros((0, len(fields_of(kernel.REASON))), np.int64))
    target_of, (heads, target_rows) = np.full(count, kernel.T_UNKNOWN, np.int64), stack_targets([])
    gates = np.full(count, kernel.G_HELD, np.int64)
    found = _Judge(rows, context, Numbers(out, nothing, gates, target_of, heads, target_rows))
    needed, causes = (np.full(count, NULL, np.int64), [""] * count) if anew else found.episodes()
    flags = found.flags(needed, causes, [code] * count, [text] * count)
    # The guard lets no flag of the same portfolio fall behind in its target.
    before = np.where(flags.portfolio_no == rows.ints("f.portfolio_no"), rows.ints("f.target_version", 0), 0)
    return replace(flags, target_version=np.maximum(flags.target_version, before))


def holds(
    rows: AccountRows,
    context: Context,
    numbers: Numbers,
    portfolio_ids: Mapping[int, str],
    security_ids: Mapping[int, str],
) -> tuple[list[str | None], list[str | None]]:
    """Return code and sentence of every held account, None of the others; ids as for `judge`."""
    return _Judge(rows, context, numbers).holds(portfolio_ids, security_ids)


def named(rows: AccountRows, numbers: Numbers) -> tuple[set[int], set[int]]:
    """Return the numbers of the portfolios and securities that the texts of holds will name."""
    out = numbers.out
    portfolios = rows.ints("a.portfolio_no")[out.hold == kernel.H_TARGET]
    securities = out.hold_security
    return {int(number) for number in portfolios}, {int(number) for number in securities[securities >= 0]}


class _Judge:
    """Joins numbers, flag episodes and texts of one chunk.  Loops only over accounts that need a text or an episode."""

    def __init__(self, rows: AccountRows, context: Context, numbers: Numbers) -> None:
        self._rows = rows
        self._context = context
        self._numbers = numbers
        self._portfolio = rows.ints("a.portfolio_no")
        self._day = eligibility.day_number(context.today)
        versions = {number: held.version for number, held in context.targets.items()}
        uniques, inverse = np.unique(self._portfolio, return_inverse=True)
        self._target_version = np.array([versions.get(int(number), 0) for number in uniques], np.int64)[inverse.ravel()]

    def flags(self, needed: Ints, causes: list[str], codes: list[str | None], texts: list[str | None]) -> NewFlags:
        """Return what is to be stored, given `episodes` and `holds`."""
        rows, out = self._rows, self._numbers.out
        last = rows.days("a.last_rebalanced")
        return NewFlags(
            account_id=rows.account_id,
            enterprise_id=rows.texts("a.enterprise_id"),
            advisor_id=rows.texts("a.advisor_id"),
            flag_version=rows.ints("f.flag_version", 0) + 1,
            facts_version=rows.ints("a.facts_version"),
            lots_version=rows.ints("a.lots_version"),
            portfolio_no=self._portfolio,
            target_version=self._target_version,
            price_set=self._context.prices.price_set,
            price_generation=self._context.prices.generation,
            epoch=rows.ints("a.epoch"),
            on_count=rows.ints("a.on_count"),
            state=out.state,
            tiles=out.tiles,
            needed_since=needed,
            last_rebalanced=last,
            causes=causes,
            figures=as_table(out)[:, _FIGURES],
            reason_starts=self._numbers.reasons.starts,
            reasons=self._numbers.reasons.data,
            hold_code=codes,
            hold_text=texts,
            evaluated_us=int(self._context.now.timestamp() * 1_000_000),
            announced=self._still_announced(needed, last, causes, codes),
        )

    def episodes(self) -> tuple[Ints, list[str]]:
        """Return needed-since and cause history of every account."""
        rows, state = self._rows, self._numbers.out.state
        needed, causes = np.full(len(rows), NULL, np.int64), [""] * len(rows)
        present = np.flatnonzero((state != FlagState.OFF) & (state != FlagState.CLEAR))
        if not len(present):
            return needed, causes
        known = ~rows.is_null("f.flag_version")
        approved = known & (rows.ints("a.epoch") > rows.ints("f.epoch", 0))
        turned_on = rows.ints("a.on_count") > rows.ints("f.on_count", 0)
        kept_date = rows.days("a.last_rebalanced") != NULL
        before_needed, before_causes = rows.days("f.needed_since"), rows.texts("f.causes").to_pylist()
        changed = self._target_changes(known)
        columns = (column[present].tolist() for column in (before_needed, approved, turned_on, kept_date, state))
        for row, since, new_epoch, new_on, kept, outcome in zip(present.tolist(), *columns, strict=True):
            change = episode.Change(new_epoch, new_on, kept, changed.get(row), self._context.trigger)
            before = None if since == NULL else since, before_causes[row] or ""
            after, causes[row] = episode.next_as_stored(*before, change, FlagState(outcome), self._day)
            needed[row] = NULL if after is None else after
        return needed, causes

    def _target_changes(self, known: NDArray[np.bool_]) -> dict[int, str]:
        """Return in words what changed the target of each account since its last evaluation.

        The first sight of a target is no change: an account whose target was merely not known yet had none to change.
        """
        rows = self._rows
        moved = self._portfolio != rows.ints("f.portfolio_no")
        differs = known & (moved | (self._target_version != rows.ints("f.target_version", 0)))
        changed: dict[int, str] = {}
        for row in np.flatnonzero(differs).tolist():
            if rows.text("f.hold_code", row) == messages.TARGET_UNKNOWN:
                continue
            if moved[row]:
                changed[row] = "the account has another portfolio"
            else:
                changed[row] = self._context.targets[int(self._portfolio[row])].cause
        return changed

    def holds(
        self, portfolio_ids: Mapping[int, str], security_ids: Mapping[int, str]
    ) -> tuple[list[str | None], list[str | None]]:
        """Return code and sentence of every held account."""
        rows, out = self._rows, self._numbers.out
        codes: list[str | None] = [None] * len(rows)
        texts: list[str | None] = [None] * len(rows)
        for row in np.flatnonzero(out.state == FlagState.HELD).tolist():
            found = int(out[row].hold)
            if found == kernel.H_NONE:
                codes[row], texts[row] = gate_hold(rows, row)
            elif found == kernel.H_TARGET:
                number = int(self._portfolio[row])
                held = self._context.targets.get(number)
                codes[row], texts[row] = messages.target_hold(
                    portfolio_ids[number], None if held is None else held.problem
                )
            else:
                security = security_ids.get(int(out[row].hold_security))
                prices = self._context.prices
                codes[row], texts[row] = messages.hold(found, security, prices.price_set, prices.as_of)
        return codes, texts

    def _still_announced(
        self, needed: Ints, last: Ints, causes: list[str], codes: list[str | None]
    ) -> NDArray[np.bool_]:
        """Return which accounts' public event stays as it was, and had been published.

        An account never seen before counts as off: that it is off or clear is no news.
        """
        rows, out = self._rows, self._numbers.out
        quiet = np.isin(out.state, (FlagState.OFF, FlagState.CLEAR))
        before_state = rows.ints("f.state", FlagState.OFF)
        same = (out.state == before_state) & (out.tiles == rows.ints("f.tiles", 0))
        same &= (needed == rows.days("f.needed_since")) & (last == rows.days("f.last_rebalanced"))
        same = np.where(rows.is_null("f.flag_version"), quiet, same & rows.announced())
        for row in np.flatnonzero(~quiet & same).tolist():
            first_before = rows.text("f.causes", row).partition("\n")[0]
            same_hold = rows.text("f.hold_code", row) == (codes[row] or "")
            same[row] = same_hold and first_before == causes[row].partition("\n")[0]
        return same


def gate_hold(rows: AccountRows, row: int) -> tuple[str, str]:
    """Return code and sentence of an account that the gate held."""
    hold_code = rows.text("a.hold_code", row)
    if hold_code:
        return hold_code, rows.text("a.hold_text", row)
    problem = rows.text("a.settings_problem", row)
    if problem:
        return "BAD_SETTINGS", problem
    if rows.is_null("a.holdings")[row]:
        return messages.no_holdings()
    settle_date = eligibility.day_of(int(rows.days("a.settle_date")[row]))
    return messages.settling_overdue(settle_date, eligibility.SETTLING_SESSIONS)


def unchanged_quiet(rows: AccountRows, flags: NewFlags, run_no: int) -> NDArray[np.bool_]:
    """Return which accounts are quiet and as their stored flag says: a sweep leaves them alone.

    Not those of its own run: another sweeper stored them and died, and perhaps nobody has been told of them yet.  Nor
    those with another target: their flag must name it, else it counts as the cause of whatever brings them in later.
    """
    quiet = np.isin(flags.state, (FlagState.OFF, FlagState.CLEAR, FlagState.SETTLING))
    same = (flags.state == rows.ints("f.state", -1)) & (flags.epoch == rows.ints("f.epoch", -1))
    same &= flags.on_count == rows.ints("f.on_count", -1)
    same &= flags.portfolio_no == rows.ints("f.portfolio_no")
    same &= flags.target_version == rows.ints("f.target_version", -1)
    same &= flags.last_rebalanced == rows.days("f.last_rebalanced")
    same &= rows.ints("f.run_no") != run_no
    return np.asarray(quiet & same, bool)


def without(flags: NewFlags, refused: Collection[str]) -> NewFlags:
    """Return the flags but those of the accounts that were refused."""
    return select(flags, ~np.isin(flags.account_id.to_numpy(zero_copy_only=False), list(refused)))


def select(flags: NewFlags, chosen: NDArray[np.bool_]) -> NewFlags:
    """Return the chosen accounts only."""
    places = np.flatnonzero(chosen)
    starts = starts_of(np.diff(flags.reason_starts)[places])
    owner = np.repeat(np.arange(len(chosen)), np.diff(flags.reason_starts))
    changes: dict[str, Any] = {
        name: getattr(flags, name)[places]
        for name in (
            "flag_version", "facts_version", "lots_version", "portfolio_no", "target_version", "epoch", "on_count",
            "state", "tiles", "needed_since", "last_rebalanced", "figures", "announced",
        )
    }  # fmt: skip
    changes |= {
        name: [getattr(flags, name)[place] for place in places] for name in ("causes", "hold_code", "hold_text")
    }
    return NewFlags(
        account_id=flags.account_id.take(places),
        enterprise_id=flags.enterprise_id.take(places),
        advisor_id=flags.advisor_id.take(places),
        price_set=flags.price_set,
        price_generation=flags.price_generation,
        evaluated_us=flags.evaluated_us,
        reason_starts=starts,
        reasons=flags.reasons[chosen[owner]],
        **changes,
    )
