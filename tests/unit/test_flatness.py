"""A series that grows is told from one that is flat, whatever its noise: the judge of the soak."""

import random
from collections.abc import Callable
from math import sin

import pytest

from tests.faults import flatness
from tests.faults.flatness import Series, judge

pytestmark = pytest.mark.fast
HOUR_S, EVERY_S = 3600, 5
Shape = Callable[[float, random.Random], float]
"""Value at a share of the hour, 0 to 1."""


def a_series(shape: Shape, seed: int = 1, allowed_per_h: float = 1.0) -> Series:
    dice = random.Random(seed)
    seconds = range(0, HOUR_S, EVERY_S)
    return Series("heap", "MiB", allowed_per_h, [(at_s, shape(at_s / HOUR_S, dice)) for at_s in seconds])


@pytest.mark.parametrize(
    ("shape", "grows"),
    [
        pytest.param(lambda at, dice: 200.0, False, id="constant"),
        pytest.param(lambda at, dice: 200 + dice.gauss(0, 5), False, id="noise"),
        pytest.param(lambda at, dice: 200 + 0.5 * at, False, id="less than allowed"),
        pytest.param(lambda at, dice: 200 + 8 * at, True, id="a straight leak"),
        pytest.param(lambda at, dice: 200 + 8 * at + dice.gauss(0, 2), True, id="a leak under noise"),
        pytest.param(lambda at, dice: 200 + 20 * (at * 12 % 1), False, id="a saw of collections"),
        pytest.param(lambda at, dice: 200 + 10 * (at * 12 % 1) + 30 * at, True, id="a leak under a saw"),
        pytest.param(lambda at, dice: 200 + 5 * sin(40 * at), False, id="a swing"),
        pytest.param(lambda at, dice: 100 + 400 * min(at, 0.4), False, id="warming up"),
        pytest.param(lambda at, dice: 200 + 10 * (at > 0.6), False, id="a step that stays"),
        pytest.param(lambda at, dice: 200 + 5 * int(at * 40), True, id="steps again and again"),
        pytest.param(lambda at, dice: 200 - 20 * at, False, id="falling"),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_what_grows_is_told_from_what_is_flat(shape: Shape, grows: bool, seed: int) -> None:
    assert judge(a_series(shape, seed)).grows is grows


def test_noise_alone_is_seldom_taken_for_growth() -> None:
    taken = sum(judge(a_series(lambda at, dice: 200 + dice.gauss(0, 5), seed, 0.0)).grows for seed in range(300))
    assert taken <= 3


def test_the_verdict_has_mean_slope_and_error_of_the_second_part() -> None:
    verdict = judge(a_series(lambda at, dice: 100 + 8 * max(at, 0.5)))
    assert verdict.mean == pytest.approx(106, abs=0.1)
    assert verdict.slope_per_h == pytest.approx(8, abs=0.01)
    assert verdict.error_per_h == pytest.approx(0, abs=0.01)
    shown = flatness.table([verdict])
    assert "heap, MiB" in shown and "+8.00" in shown and "GROWS" in shown


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(float(at), 1.0) for at in range(90)], [(5.0, 1.0)] * 500])
def test_too_few_points_say_nothing(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="points in the last quarter"):
        judge(Series("heap", "MiB", 1.0, points))
