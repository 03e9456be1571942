"""Causes of evaluations that nothing of their own started.  Source: product 3, "Source"."""

import pytest

from services.analyzer.domain.episode import NO_EPISODE, Cause, Change, FlagEpisode, next_episode
from shared.contracts.codes import FlagState

pytestmark = pytest.mark.fast
MON, TUE = 20_458, 20_459
DRIFT = Cause(MON, "DRIFT_ANALYSIS", "daily analysis")
TARGET = Cause(TUE, "TARGET_UPDATE", "model M version 2")
ON = Cause(TUE, "REBALANCER_ON", "rebalancer turned on")


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        # an episode that begins so has the source DRIFT_ANALYSIS
        (NO_EPISODE, Change(False, False, False, None, ""),
         FlagEpisode(TUE, (Cause(TUE, "DRIFT_ANALYSIS", "evaluated again"),))),
        # one that goes on learns nothing by it
        (FlagEpisode(MON, (DRIFT,)), Change(False, False, False, None, ""), FlagEpisode(MON, (DRIFT,))),
        # but a target that changed meanwhile joins its history, and turning on begins a new one
        (FlagEpisode(MON, (DRIFT,)), Change(False, False, False, TARGET.detail, ""), FlagEpisode(MON, (DRIFT, TARGET))),
        (FlagEpisode(MON, (DRIFT,)), Change(False, True, False, None, ""), FlagEpisode(TUE, (ON,))),
        # what is remembered from a hold is the cause; evaluating it is none
        (FlagEpisode(None, (TARGET,)), Change(False, False, False, None, ""), FlagEpisode(TUE, (TARGET,))),
    ],
)  # fmt: skip
def test_an_evaluation_without_a_trigger(before: FlagEpisode, change: Change, after: FlagEpisode) -> None:
    assert next_episode(before, change, FlagState.FLAGGED, TUE) == after
