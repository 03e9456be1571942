"""The flag episode: since when, and because of what, an account is in the queue.  A state machine.  Source: product 3.

An episode begins with the first evaluation that flags.  It ends with an evaluation that raises no flag, with approval,
or with the rebalancer turned off.  A held or settling account is not evaluated, so its episode neither begins nor ends;
a target change or turning on is remembered meanwhile, because it may be what brings the account in later.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shared.contracts.codes import FlagState
from shared.contracts.events import SourceName

IN_QUEUE: Final = (FlagState.FLAGGED, FlagState.NO_TARGET)
NOT_EVALUATED: Final = (FlagState.HELD, FlagState.SETTLING)

_LETTERS: Final[dict[SourceName, str]] = {"REBALANCER_ON": "R", "TARGET_UPDATE": "T", "DRIFT_ANALYSIS": "D"}
_SOURCES: Final[dict[str, SourceName]] = {letter: name for name, letter in _LETTERS.items()}


@dataclass(frozen=True)
class EpisodeCause:
    """What led to an evaluation.  day: business date in days since 1970-01-01."""

    day: int
    source: SourceName
    detail: str


@dataclass(frozen=True)
class FlagEpisode:
    """The present flag episode.

    needed_since: business date of its first flag, in days since 1970-01-01; None before the first flag.
    """

    needed_since: int | None = None
    causes: tuple[EpisodeCause, ...] = ()

    @property
    def source(self) -> SourceName | None:
        """What brought the account into the queue in this episode; None before the first flag."""
        return self.causes[0].source if self.needed_since is not None and self.causes else None


NO_EPISODE: Final = FlagEpisode()


@dataclass(frozen=True)
class InputChange:
    """What differs between the inputs of the last evaluation and of this one.

    trigger: what started this evaluation, when nothing else explains it; empty when there is no cause of its own.
    """

    approved: bool  # a higher epoch
    turned_on: bool  # the rebalancer was turned on (again) since
    kept_date: bool  # a last-rebalanced date exists although it was turned on: the platform knew it
    target_changed: str | None  # description of the change of portfolio, model or sleeve weights since
    trigger: str


def cause_of(change: InputChange, day: int) -> EpisodeCause:
    """Return the cause of this evaluation: turning on precedes a target change, which precedes everything else."""
    if change.turned_on and not change.kept_date:
        return EpisodeCause(day, "REBALANCER_ON", "rebalancer turned on")
    if change.target_changed is not None:
        return EpisodeCause(day, "TARGET_UPDATE", change.target_changed)
    return EpisodeCause(day, "DRIFT_ANALYSIS", change.trigger or "evaluated again")


def next_episode(before: FlagEpisode, change: InputChange, outcome: FlagState, day: int) -> FlagEpisode:
    """Return the episode after an evaluation with this outcome.  day: business date in days since 1970-01-01."""
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
    needed_since: int | None, causes: str, change: InputChange, outcome: FlagState, day: int
) -> tuple[int | None, str]:
    """Return `next_episode` in stored form, given the stored form; cached, as most accounts of a day share a few."""
    after = next_episode(FlagEpisode(needed_since, read_causes(causes)), change, outcome, day)
    return after.needed_since, causes_text(after.causes)


def _with(episode: FlagEpisode, cause: EpisodeCause) -> FlagEpisode:
    """Add a cause to the history, unless it is there already."""
    if any((known.source, known.detail) == (cause.source, cause.detail) for known in episode.causes):
        return episode
    return FlagEpisode(episode.needed_since, (*episode.causes, cause))


def causes_text(causes: tuple[EpisodeCause, ...]) -> str:
    """Return the history as text, one line per cause."""
    return "\n".join(f"{cause.day} {_LETTERS[cause.source]} {cause.detail}" for cause in causes)


@lru_cache(maxsize=4096)
def read_causes(text: str) -> tuple[EpisodeCause, ...]:
    """Return the history that `causes_text` wrote; cached, as most accounts of a day share a few.

    Raises ValueError or KeyError if the text is damaged.
    """
    lines = (line.split(" ", 2) for line in text.split("\n") if line)
    return tuple(EpisodeCause(int(day), _SOURCES[letter], detail) for day, letter, detail in lines)
