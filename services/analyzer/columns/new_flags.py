"""The flags that an evaluation stores: numbers, flag episodes and sentences of a chunk, joined.  No I/O."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from services.analyzer.columns.evaluation import Context, Measurement
from services.analyzer.columns.holds import holds
from services.analyzer.domain import eligibility, episode, kernel, messages
from services.analyzer.domain.layout import FIGURES, NONE, REASON, Ints, Ragged
from services.analyzer.store.facts import AccountRows
from services.analyzer.store.flags import NewFlags
from services.analyzer.store.pgcopy import NULL
from shared.columnar import starts_of
from shared.contracts.codes import FlagState
from shared.fixed_point.records import Records, as_records, as_table, fields_of, records

_FIGURES: Final = slice(-len(fields_of(FIGURES)), None)  # the last fields of a RESULT
_ARRAYS: Final = (
    "flag_version", "facts_version", "lots_version", "portfolio_no", "target_version", "epoch", "on_count", "state",
    "tiles", "needed_since", "last_rebalanced", "figures", "announced",
)  # fmt: skip


def flags_of(
    rows: AccountRows,
    context: Context,
    measured: Measurement,
    portfolio_ids: Mapping[int, str],
    security_ids: Mapping[int, str],
) -> NewFlags:
    """Return the flags of a chunk, with flag episodes and sentences; ids as for `holds`."""
    inputs = _Inputs(rows, context, measured.out)
    codes, texts = holds(rows, context, measured, portfolio_ids, security_ids)
    return inputs.flags(measured.reasons, *inputs.episodes(), codes, texts)


def held_flags(rows: AccountRows, context: Context, code: str, text: str, *, new_episode: bool = False) -> NewFlags:
    """Return flags that hold these accounts, because our code cannot evaluate them; targets may be absent.

    Flag episodes go on as under any hold, or are dropped with `new_episode`.
    """
    count = len(rows)
    out = as_records(kernel.RESULT, np.full((count, len(fields_of(kernel.RESULT))), NONE, np.int64))
    out.state, out.tiles, out.hold, out.drifted = FlagState.HELD, 0, kernel.H_NONE, 0
    no_reasons = Ragged(np.zeros(count + 1, np.int64), records(REASON, 0))
    inputs = _Inputs(rows, context, out)
    needed, causes = (np.full(count, NULL, np.int64), [""] * count) if new_episode else inputs.episodes()
    flags = inputs.flags(no_reasons, needed, causes, [code] * count, [text] * count)
    # The guard refuses a flag of the same portfolio with an older target.
    before = np.where(flags.portfolio_no == rows.ints("f.portfolio_no"), rows.ints("f.target_version", 0), 0)
    return replace(flags, target_version=np.maximum(flags.target_version, before))


def unchanged_quiet(rows: AccountRows, flags: NewFlags, run_no: int) -> NDArray[np.bool_]:
    """Return which accounts are quiet and equal to their stored flag: a sweep does not store them.

    Accounts stored by the same run are not among them: the sweeper that stored them may have died before it published
    them.  Nor are accounts with another target: their flag must name it, or the target change would later count as the
    cause of a flag it did not raise.
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
    """Return the flags except those of the accounts that were refused."""
    return select(flags, ~np.isin(flags.account_id.to_numpy(zero_copy_only=False), list(refused)))


def select(flags: NewFlags, chosen: NDArray[np.bool_]) -> NewFlags:
    """Return the flags of the chosen accounts."""
    indices = np.flatnonzero(chosen)
    starts = starts_of(np.diff(flags.reason_starts)[indices])
    owner = np.repeat(np.arange(len(chosen)), np.diff(flags.reason_starts))
    changes: dict[str, Any] = {name: getattr(flags, name)[indices] for name in _ARRAYS}
    changes |= {
        name: [getattr(flags, name)[index] for index in indices] for name in ("causes", "hold_code", "hold_text")
    }
    return NewFlags(
        account_id=flags.account_id.take(indices),
        enterprise_id=flags.enterprise_id.take(indices),
        advisor_id=flags.advisor_id.take(indices),
        price_set=flags.price_set,
        price_generation=flags.price_generation,
        evaluated_us=flags.evaluated_us,
        reason_starts=starts,
        reasons=flags.reasons[chosen[owner]],
        **changes,
    )


class _Inputs:
    """The inputs of a chunk's flags.  out: a kernel.RESULT an account."""

    def __init__(self, rows: AccountRows, context: Context, out: Records) -> None:
        self._rows = rows
        self._context = context
        self._out = out
        self._portfolio = rows.ints("a.portfolio_no")
        versions = {number: stored.version for number, stored in context.targets.items()}
        uniques, inverse = np.unique(self._portfolio, return_inverse=True)
        self._target_version = np.array([versions.get(int(number), 0) for number in uniques], np.int64)[inverse.ravel()]

    def flags(
        self, reasons: Ragged, needed: Ints, causes: Sequence[str], codes: Sequence[str | None],
        texts: Sequence[str | None],
    ) -> NewFlags:  # fmt: skip
        """Return what is stored, given needed-since and causes from `episodes`, and codes and sentences of holds."""
        rows, out = self._rows, self._out
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
            figures=as_records(FIGURES, as_table(out)[:, _FIGURES]),
            reason_starts=reasons.starts,
            reasons=reasons.data,
            hold_code=codes,
            hold_text=texts,
            evaluated_us=int(self._context.now.timestamp() * 1_000_000),
            announced=self._still_announced(needed, last, causes, codes),
        )

    def episodes(self) -> tuple[Ints, list[str]]:
        """Return needed-since (days since 1970-01-01, NULL without) and cause history of every account."""
        rows, state = self._rows, self._out.state
        needed, causes = np.full(len(rows), NULL, np.int64), [""] * len(rows)
        present = np.flatnonzero((state != FlagState.OFF) & (state != FlagState.CLEAR))
        if not len(present):
            return needed, causes
        known = ~rows.is_null("f.flag_version")
        approved = known & (rows.ints("a.epoch") > rows.ints("f.epoch", 0))
        turned_on = rows.ints("a.on_count") > rows.ints("f.on_count", 0)
        kept_date = rows.days("a.last_rebalanced") != NULL
        before_needed, before_causes = rows.days("f.needed_since"), rows.texts("f.causes").to_pylist()
        changed, day = self._target_changes(known), eligibility.day_number(self._context.today)
        columns = (column[present].tolist() for column in (before_needed, approved, turned_on, kept_date, state))
        for row, since, new_epoch, new_on, kept, outcome in zip(present.tolist(), *columns, strict=True):
            change = episode.InputChange(new_epoch, new_on, kept, changed.get(row), self._context.trigger)
            before = None if since == NULL else since, before_causes[row] or ""
            after, causes[row] = episode.next_as_stored(*before, change, FlagState(outcome), day)
            needed[row] = NULL if after is None else after
        return needed, causes

    def _target_changes(self, known: NDArray[np.bool_]) -> dict[int, str]:
        """Return what changed the target of each account since its last evaluation, as text, by row.

        The first target of an account is no change: before, its target was not known yet.
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

    def _still_announced(
        self, needed: Ints, last: Ints, causes: Sequence[str], codes: Sequence[str | None]
    ) -> NDArray[np.bool_]:
        """Return which accounts' public event is published and stays the same.

        An account without a stored flag counts as off: that it is off or clear is no news.
        """
        rows, out = self._rows, self._out
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
