"""Models and portfolios of the sample: weights of few decimals that add up to exactly 1.

Holdings weigh multiples of 0.5 %, sleeves multiples of 1 %, so a position's target is exact in parts per billion.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from deploy.sample.universe import Universe
from shared.contracts.platform import ModelChanged, PortfolioChanged

STEPS: Final = 200  # of 0.5 % in a sleeve
MODEL_SLEEVES: Final = ("CORE", "SATELLITE")
MODEL_NAMES: Final = ("Core Equity", "Dividend Income", "Growth", "Quality", "Defensive", "Factor Blend")
FEWEST_POSITIONS, MOST_POSITIONS = 8, 14


@dataclass(frozen=True)
class Mix:
    """Securities (indexes) and their weights inside one sleeve or model, in steps of 0.5 %; the rest is cash."""

    securities: tuple[int, ...]
    steps: tuple[int, ...]

    @property
    def cash_steps(self) -> int:
        """Steps that stay cash."""
        return STEPS - sum(self.steps)


@dataclass(frozen=True)
class Model:
    """A model with its event."""

    mix: Mix
    event: ModelChanged


@dataclass(frozen=True)
class Target:
    """What accounts of a portfolio should hold: parallel tuples. Sleeve 0 is APM, 1.. are MODEL_SLEEVES."""

    event: PortfolioChanged
    sleeves: tuple[int, ...]
    securities: tuple[int, ...]
    weights_ppb: tuple[int, ...]
    cash_ppb: int


def models_of(rng: np.random.Generator, enterprise_id: str, held: Universe, positions: int | None) -> list[Model]:
    """Return the models of an enterprise; each has a third of `positions` securities, or 3 to 5 when that is open."""
    found = []
    for number, name in enumerate(MODEL_NAMES, start=1):
        size = int(rng.integers(3, 6)) if positions is None else max(2, positions // 3)
        mix = _mix(rng, rng.permutation(len(held.ids))[:size], cash_steps=4 if number == 2 else 0)
        event = {
            "model_id": f"{enterprise_id}-M{number}", "version": 1, "enterprise_id": enterprise_id, "name": name,
            "cash_weight": _share(mix.cash_steps), "holdings": _holdings(rng, held, mix),
        }  # fmt: skip
        found.append(Model(mix, ModelChanged.model_validate(event)))
    return found


def target_of(
    rng: np.random.Generator, portfolio_id: str, enterprise_id: str, name: str, held: Universe, models: list[Model],
    positions: int | None,
) -> Target:  # fmt: skip
    """Return a portfolio of an APM sleeve and one or two models; the APM sleeve shares securities with the models."""
    followed = [models[i] for i in rng.permutation(len(models))[: int(rng.integers(1, 3))]]
    wanted = positions or int(rng.integers(FEWEST_POSITIONS, MOST_POSITIONS + 1))
    own = max(2, wanted - sum(len(model.mix.steps) for model in followed))
    shared = followed[0].mix.securities[: max(1, own // 3)]
    others = [int(i) for i in rng.permutation(len(held.ids)) if int(i) not in shared]
    mixes = [_mix(rng, np.array([*shared, *others[: own - len(shared)]])), *(model.mix for model in followed)]
    cash_percent = int(rng.choice([2, 3, 5]))
    percents = _sleeve_percents(rng, 100 - cash_percent, [len(mix.steps) for mix in mixes])
    sleeves: list[dict[str, Any]] = [
        {
            "sleeve_id": "APM", "kind": "APM", "weight": str(Decimal(percents[0]) / 100),
            "cash_weight": "0", "holdings": _holdings(rng, held, mixes[0]),
        },
        *(
            {
                "sleeve_id": sleeve_id, "kind": "MODEL", "weight": str(Decimal(percent) / 100),
                "model_id": model.event.model_id,
            }
            for sleeve_id, percent, model in zip(MODEL_SLEEVES, percents[1:], followed, strict=False)
        ),
    ]  # fmt: skip
    event = {
        "portfolio_id": portfolio_id, "version": 1, "enterprise_id": enterprise_id, "name": name,
        "cash_weight": str(Decimal(cash_percent) / 100), "sleeves": sleeves,
        **(_own_thresholds(rng) if rng.random() < 0.3 else {}),
    }  # fmt: skip
    return Target(
        event=PortfolioChanged.model_validate(event),
        sleeves=tuple(i for i, mix in enumerate(mixes) for _ in mix.steps),
        securities=tuple(security for mix in mixes for security in mix.securities),
        # a percent of V (1e7 ppb) divided into 200 steps
        weights_ppb=tuple(
            percent * step * 50_000 for percent, mix in zip(percents, mixes, strict=True) for step in mix.steps
        ),
        cash_ppb=cash_percent * 10_000_000
        + sum(percent * mix.cash_steps * 50_000 for percent, mix in zip(percents, mixes, strict=True)),
    )


def _mix(rng: np.random.Generator, securities: np.ndarray[Any, Any], cash_steps: int = 0) -> Mix:
    return Mix(tuple(int(i) for i in securities), _divide(rng, STEPS - cash_steps, len(securities)))


def _divide(rng: np.random.Generator, total: int, count: int) -> tuple[int, ...]:
    """Divide `total` steps into parts of at least one, of like size."""
    raw = rng.integers(60, 141, count)
    steps = np.maximum(1, raw * total // raw.sum())
    steps[: total - int(steps.sum())] += 1  # whole steps left over by rounding down: fewer than there are parts
    return tuple(int(step) for step in steps)


def _sleeve_percents(rng: np.random.Generator, total: int, sizes: list[int]) -> list[int]:
    """Divide the invested percents over sleeves by their number of positions, so that no position is tiny."""
    raw = np.array(sizes) * rng.integers(80, 121, len(sizes))
    percents = raw * total // raw.sum()
    percents[0] += total - percents.sum()
    return [int(percent) for percent in percents]


def _holdings(rng: np.random.Generator, held: Universe, mix: Mix) -> list[dict[str, Any]]:
    holdings = []
    for security, step in zip(mix.securities, mix.steps, strict=True):
        part: dict[str, Any] = {"security_id": held.ids[security], "weight": _share(step)}
        if rng.random() < 0.1:
            part["threshold"] = str(rng.choice(["0.15", "0.25", "0.3"]))
        if rng.random() < 0.05:
            part["precision"] = "0.05"
        if rng.random() < 0.03:
            part["can_trigger"] = False
        holdings.append(part)
    return holdings


def _own_thresholds(rng: np.random.Generator) -> dict[str, Any]:
    return {
        "threshold": str(rng.choice(["0.15", "0.25"])),
        "cash_threshold": str(rng.choice(["0.2", "0.3"])),
        "floor": str(rng.choice(["0.005", "0.01"])),
        "cash_can_trigger": bool(rng.random() < 0.9),
    }


def _share(steps: int) -> str:
    return str(Decimal(steps) / STEPS)
