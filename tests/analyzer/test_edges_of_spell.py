"""Causes of evaluations that nothing of their own started.  Source: product 3, "Source"."""

import pytest

from services.analyzer.domain.episode import NO_SPELL, Cause, Change, Spell, next_spell
from shared.contracts.chunks import FlagState

pytestmark = pytest.mark.fast
MON, TUE = 20_458, 20_459
DRIFT = Cause(MON, "DRIFT_ANALYSIS", "daily analysis")
TARGET = Cause(TUE, "TARGET_UPDATE", "model M version 2")
ON = Cause(TUE, "REBALANCER_ON", "rebalancer turned on")


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        # a spell that begins so is told as a drift analysis all the same
        (NO_SPELL, Change(False, False, False, None, ""),
         Spell(TUE, (Cause(TUE, "DRIFT_ANALYSIS", "evaluated again"),))),
        # one that goes on learns nothing by it
        (Spell(MON, (DRIFT,)), Change(False, False, False, None, ""), Spell(MON, (DRIFT,))),
        # but a target that changed meanwhile joins its history, and turning on begins a new one
        (Spell(MON, (DRIFT,)), Change(False, False, False, TARGET.detail, ""), Spell(MON, (DRIFT, TARGET))),
        (Spell(MON, (DRIFT,)), Change(False, True, False, None, ""), Spell(TUE, (ON,))),
        # what is remembered from a hold is the cause; evaluating it is none
        (Spell(None, (TARGET,)), Change(False, False, False, None, ""), Spell(TUE, (TARGET,))),
    ],
)  # fmt: skip
def test_an_evaluation_without_a_trigger(before: Spell, change: Change, after: Spell) -> None:
    assert next_spell(before, change, FlagState.FLAGGED, TUE) == after
