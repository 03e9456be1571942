"""The flag episode as a table: before, change, after.  Source: product 3, "Source", "Needed since"."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.analyzer.domain.episode import (
    IN_QUEUE,
    NO_EPISODE,
    NOT_EVALUATED,
    EpisodeCause,
    FlagEpisode,
    InputChange,
    causes_text,
    next_episode,
    read_causes,
)
from shared.contracts.codes import FlagState

pytestmark = pytest.mark.fast
MON, TUE = 20_458, 20_459
ON = EpisodeCause(MON, "REBALANCER_ON", "rebalancer turned on")
DRIFT = EpisodeCause(MON, "DRIFT_ANALYSIS", "daily analysis")
TARGET = EpisodeCause(MON, "TARGET_UPDATE", "model M version 2")
NEW_TARGET = EpisodeCause(TUE, "TARGET_UPDATE", "t")
RUNNING = FlagEpisode(MON, (DRIFT,))
PENDING = FlagEpisode(None, (ON,))


def change(
    approved: bool = False, turned_on: bool = False, kept: bool = False, target: str | None = None, trigger: str = "x"
) -> InputChange:
    return InputChange(approved, turned_on, kept, target, trigger)


def on(day: int, detail: str = "x") -> EpisodeCause:
    return EpisodeCause(day, "DRIFT_ANALYSIS", detail)


@pytest.mark.parametrize(
    ("before", "what", "outcome", "after"),
    [
        # an episode begins with the first flag, by what led to it
        (NO_EPISODE, change(), FlagState.FLAGGED, FlagEpisode(TUE, (on(TUE),))),
        (NO_EPISODE, change(target="t"), FlagState.FLAGGED, FlagEpisode(TUE, (NEW_TARGET,))),
        (NO_EPISODE, change(turned_on=True, target="t"), FlagState.NO_TARGET,
         FlagEpisode(TUE, (EpisodeCause(TUE, "REBALANCER_ON", "rebalancer turned on"),))),
        # the platform knew of a rebalance since it was turned on: not turning on brought it in
        (NO_EPISODE, change(turned_on=True, kept=True), FlagState.FLAGGED, FlagEpisode(TUE, (on(TUE),))),
        # it goes on, and later causes join the history once
        (RUNNING, change(), FlagState.FLAGGED, FlagEpisode(MON, (DRIFT, on(TUE)))),
        (RUNNING, change(trigger="daily analysis"), FlagState.FLAGGED, RUNNING),
        (RUNNING, change(trigger=""), FlagState.FLAGGED, RUNNING),
        (RUNNING, change(target="t"), FlagState.NO_TARGET, FlagEpisode(MON, (DRIFT, NEW_TARGET))),
        # it ends with an evaluation that raises no flag and with the rebalancer turned off
        (RUNNING, change(), FlagState.CLEAR, NO_EPISODE),
        (RUNNING, change(), FlagState.OFF, NO_EPISODE),
        # with approval, and with turning on again
        (RUNNING, change(approved=True), FlagState.SETTLING, NO_EPISODE),
        (RUNNING, change(approved=True), FlagState.FLAGGED, FlagEpisode(TUE, (on(TUE),))),
        (RUNNING, change(turned_on=True), FlagState.FLAGGED,
         FlagEpisode(TUE, (EpisodeCause(TUE, "REBALANCER_ON", "rebalancer turned on"),))),
        # a hold neither ends nor begins it; what will bring the account in is remembered
        (RUNNING, change(), FlagState.HELD, RUNNING),
        (NO_EPISODE, change(), FlagState.HELD, NO_EPISODE),
        (NO_EPISODE, change(turned_on=True), FlagState.HELD,
         FlagEpisode(None, (EpisodeCause(TUE, "REBALANCER_ON", "rebalancer turned on"),))),
        (PENDING, change(), FlagState.FLAGGED, FlagEpisode(TUE, (ON, on(TUE)))),
        (PENDING, change(), FlagState.CLEAR, NO_EPISODE),
        (NO_EPISODE, change(target="t"), FlagState.SETTLING, FlagEpisode(None, (NEW_TARGET,))),
    ],
)  # fmt: skip
def test_next_episode(before: FlagEpisode, what: InputChange, outcome: FlagState, after: FlagEpisode) -> None:
    assert next_episode(before, what, outcome, TUE) == after


def test_the_source_is_the_first_cause_once_the_episode_has_begun() -> None:
    assert (PENDING.source, FlagEpisode(MON, (ON, DRIFT)).source, NO_EPISODE.source) == (None, "REBALANCER_ON", None)


causes = st.builds(
    EpisodeCause, st.integers(0, 40_000), st.sampled_from(["REBALANCER_ON", "TARGET_UPDATE", "DRIFT_ANALYSIS"]),
    st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1),
)  # fmt: skip


@given(st.lists(causes, max_size=5).map(tuple))
def test_a_history_survives_being_written(history: tuple[EpisodeCause, ...]) -> None:
    """What is stored of a cause history is read back as it was."""
    assert read_causes(causes_text(history)) == history


changes = st.builds(
    InputChange, st.booleans(), st.booleans(), st.booleans(), st.none() | st.just("t"), st.sampled_from(["", "x", "y"])
)


@given(st.lists(st.tuples(changes, st.sampled_from(list(FlagState)))))
def test_needed_since_never_moves_inside_an_episode(steps: list[tuple[InputChange, FlagState]]) -> None:
    """Needed since is set exactly while an episode goes on, and stays the day of its first flag."""
    episode = NO_EPISODE
    for day, (what, outcome) in enumerate(steps):
        broken = what.approved or what.turned_on
        after = next_episode(episode, what, outcome, day)
        if outcome in IN_QUEUE:
            assert after.needed_since == (day if broken or episode.needed_since is None else episode.needed_since)
            assert after.source is not None
        elif outcome in NOT_EVALUATED:
            assert after.needed_since == (None if broken else episode.needed_since)
        else:
            assert after == NO_EPISODE
        episode = after
