"""The episode: how long, and by what, an account has been in the queue.  A pure state machine.  Source: product 3.

A episode begins with the first evaluation that flags and ends with one that raises no flag, with approval, or with the
rebalancer turned off.  A held or settling account is not evaluated: its episode neither begins nor ends, and a target
change or a turning on that happens meanwhile is remembered, because it is what brings the account in later.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shared.contracts.codes import FlagState
from shared.contracts.events import SourceName

IN_QUEUE: Final = (FlagState.FLAGGED, FlagState.NO_TARGET)
NOT_EVALUATED: Final = (FlagState.HELD, FlagState.SETTLING)

_SHORT: Final[dict[SourceName, str]] = {"REBALANCER_ON": "R", "TARGET_UPDATE": "T", "DRIFT_ANALYSIS": "D"}
_LONG: Final[dict[str, SourceName]] = {short: name for name, short in _SHORT.items()}


@dataclass(frozen=True)
class Cause:
    """What led to an evaluation. day: business date in days since 1970-01-01."""

    day: int
    source: SourceName
    detail: str


@dataclass(frozen=True)
class FlagEpisode:
    """The present episode. needed_since: business date of its first flag in days, None before the first flag."""

    needed_since: int | None = None
    causes: tuple[Cause, ...] = ()

    @property
    def source(self) -> SourceName | None:
        """What brought the account into the queue in this episode."""
        return self.causes[0].source if self.needed_since is not None and self.causes else None


NO_EPISODE: Final = FlagEpisode()


@dataclass(frozen=True)
class Change:
    """What differs between the inputs of the last evaluation and of this one; it tells the cause and what was broken.

    trigger: in words, what started this evaluation when none of the others explains it; empty: nothing of its own.
    """

    approved: bool  # a higher epoch
    turned_on: bool  # the rebalancer was turned on (again) since
    kept_date: bool  # a last-rebalanced date exists all the same: the platform knew of it before
    target_changed: str | None  # in words, when portfolio, model or sleeve weights changed since
    trigger: str


def cause_of(change: Change, day: int) -> Cause:
    """Return the cause of this evaluation: turning on before a target change before everything else."""
    if change.turned_on and not change.kept_date:
        return Cause(day, "REBALANCER_ON", "rebalancer turned on")
    if change.target_changed is not None:
        return Cause(day, "TARGET_UPDATE", change.target_changed)
    return Cause(day, "DRIFT_ANALYSIS", change.trigger or "evaluated again")


def next_episode(before: FlagEpisode, change: Change, outcome: FlagState, day: int) -> FlagEpisode:
    """Return the episode after an evaluation with this outcome on the business date `day`."""
    if outcome in (FlagState.OFF, FlagState.CLEAR):
        return NO_EPISODE
    episode = NO_EPISODE if change.approved or change.turned_on else before
    cause = cause_of(change, day)
    if outcome in NOT_EVALUATED:
        return _with(episode, cause) if cause.source != "DRIFT_ANALYSIS" else episode
    since = day if episode.needed_since is None else episode.needed_since
    if cause.source == "DRIFT_ANALYSIS" and not change.trigger and episode.causes:
        return FlagEpisode(since, episode.causes)
    return FlagEpisode(since, _with(episode, cause).causes)


@lru_cache(maxsize=4096)
def next_as_stored(
    needed_since: int | None, causes: str, change: Change, outcome: FlagState, day: int
) -> tuple[int | None, str]:
    """Return `next_episode` in stored form, given the stored form; cached, as most accounts of a day share a few."""
    after = next_episode(FlagEpisode(needed_since, read_causes(causes)), change, outcome, day)
    return after.needed_since, causes_text(after.causes)


def _with(episode: FlagEpisode, cause: Cause) -> FlagEpisode:
    """Add a cause to the history, unless the same one stands there already."""
    if any((one.source, one.detail) == (cause.source, cause.detail) for one in episode.causes):
        return episode
    return FlagEpisode(episode.needed_since, (*episode.causes, cause))


def causes_text(causes: tuple[Cause, ...]) -> str:
    """Return the history as text, a line a cause."""
    return "\n".join(f"{one.day} {_SHORT[one.source]} {one.detail}" for one in causes)


@lru_cache(maxsize=4096)
def read_causes(text: str) -> tuple[Cause, ...]:
    """Return the history that `causes_text` wrote; most accounts of a day share one of a few."""
    lines = (line.split(" ", 2) for line in text.split("\n") if line)
    return tuple(Cause(int(day), _LONG[short], detail) for day, short, detail in lines)
