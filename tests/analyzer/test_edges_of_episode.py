"""Causes of evaluations that nothing of their own started.  Source: product 3, "Source"."""

import pytest

from services.analyzer.domain.episode import NO_EPISODE, EpisodeCause, FlagEpisode, InputChange, next_episode
from shared.contracts.codes import FlagState

pytestmark = pytest.mark.fast
MON, TUE = 20_458, 20_459
DRIFT = EpisodeCause(MON, "DRIFT_ANALYSIS", "daily analysis")
TARGET = EpisodeCause(TUE, "TARGET_UPDATE", "model M version 2")
ON = EpisodeCause(TUE, "REBALANCER_ON", "rebalancer turned on")


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        # an episode that begins so has the source DRIFT_ANALYSIS
        (NO_EPISODE, InputChange(False, False, False, None, ""),
         FlagEpisode(TUE, (EpisodeCause(TUE, "DRIFT_ANALYSIS", "evaluated again"),))),
        # one that goes on learns nothing by it
        (FlagEpisode(MON, (DRIFT,)), InputChange(False, False, False, None, ""), FlagEpisode(MON, (DRIFT,))),
        # but a target that changed meanwhile joins its history, and turning on begins a new one
        (FlagEpisode(MON, (DRIFT,)), InputChange(False, False, False, TARGET.detail, ""),
         FlagEpisode(MON, (DRIFT, TARGET))),
        (FlagEpisode(MON, (DRIFT,)), InputChange(False, True, False, None, ""), FlagEpisode(TUE, (ON,))),
        # what is remembered from a hold is the cause; evaluating it is none
        (FlagEpisode(None, (TARGET,)), InputChange(False, False, False, None, ""), FlagEpisode(TUE, (TARGET,))),
    ],
)  # fmt: skip
def test_an_evaluation_without_a_trigger(before: FlagEpisode, change: InputChange, after: FlagEpisode) -> None:
    assert next_episode(before, change, FlagState.FLAGGED, TUE) == after
