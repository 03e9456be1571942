"""Whether a figure of a long run stays where it is: a fitted slope against its noise."""

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

BLOCKS: Final = 12
"""Points are averaged in so many blocks before the fit, because neighbours in time resemble one another."""
FEWEST: Final = 2 * BLOCKS
SURE: Final = 3.2
"""Standard errors by which a slope must be beyond what is allowed: with ten degrees of freedom one series in 200
that is flat is taken for one that grows."""

Point = tuple[float, float]
"""Seconds since the beginning, and the value then."""


class Series(NamedTuple):
    """A figure of a long run.  allowed_per_h: how much it may grow in an hour."""

    name: str
    unit: str
    allowed_per_h: float
    points: Sequence[Point]


class Verdict(NamedTuple):
    """What a series does in its second part, per hour: slope and standard error; mean: of its values there."""

    name: str
    unit: str
    mean: float
    slope_per_h: float
    error_per_h: float
    grows: bool


def judge(series: Series) -> Verdict:
    """Say whether a series grows: surely by more than is allowed in its second part, and still in its last quarter.

    The first part is warming up.  What rose once and stays there does not grow; what swings does not either.
    Raises ValueError with fewer than FEWEST points in the last quarter.
    """
    points = np.asarray(series.points, dtype=float).reshape(-1, 2)
    span_s = points[-1, 0] - points[0, 0] if len(points) else 0.0
    late, last = (
        (points[points[:, 0] >= points[0, 0] + share * span_s] for share in (0.5, 0.75)) if span_s else ([], [])
    )
    if len(last) < FEWEST:
        raise ValueError(f"{series.name}: {len(last)} points in the last quarter, {FEWEST} are needed")
    slope, error = _fitted(late)
    grows = slope - SURE * error > series.allowed_per_h and _fitted(last)[0] > series.allowed_per_h
    return Verdict(series.name, series.unit, float(late[:, 1].mean()), slope, error, grows)


def _fitted(points: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[float, float]:
    """Return slope and standard error per hour, by least squares over the means of blocks."""
    means = np.array([block.mean(axis=0) for block in np.array_split(points, BLOCKS)])
    hours, values = means[:, 0] / 3600, means[:, 1]
    hours = hours - hours.mean()
    spread = float((hours**2).sum())
    slope = float((hours * values).sum()) / spread
    rest = values - values.mean() - slope * hours
    return slope, math.sqrt(float((rest**2).sum()) / (BLOCKS - 2) / spread)


def table(verdicts: Iterable[Verdict]) -> str:
    """Return a line a series: mean of the second part, slope and error per hour, and whether it grows."""
    lines = [f"{'second part':<44}{'mean':>10}{'per hour':>12}{'+-':>10}"]
    for verdict in verdicts:
        figures = f"{verdict.mean:>10.1f}{verdict.slope_per_h:>+12.2f}{verdict.error_per_h:>10.2f}"
        lines.append(f"{f'{verdict.name}, {verdict.unit}':<44}{figures}{'  GROWS' if verdict.grows else ''}")
    return "\n".join(lines)
