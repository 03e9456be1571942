"""From a portfolio, its sleeves and their models to the targets of an account's positions.  Source: product 1.

Target of a position = sleeve weight x weight inside the sleeve; cash target = portfolio cash + sum of sleeve weight x
cash inside.  Weights have at most 9 decimals, so a product has at most 18: exact in integers of 1e-18.  That is what
decides; what is shown is rounded to 9 decimals by largest remainder (ties by security id, then sleeve id, cash last),
so that all targets of the portfolio add up to exactly 1e9 parts.  A target is kept as the rounded one and its rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from services.analyzer.domain.layout import AIM, NONE, Target, key_of
from shared.contracts.platform import Component, ModelChanged, PortfolioChanged, Sleeve
from shared.fixed_point.limits import PPB
from shared.fixed_point.records import as_records
from shared.fixed_point.text import scaled
from shared.rules.apportion import apportion

MAX_THRESHOLD_PPB = 4 * PPB  # 400 % of target; beyond it the integers of a band would not fit 63 bits
_WEIGHT_DECIMALS = 9

Number = Callable[[str], int]


class BadTarget(ValueError):
    """The target cannot be used; the text names portfolio or model, component and limit."""


class UnknownModel(BadTarget):
    """A sleeve follows a model that has not arrived yet."""


@dataclass(frozen=True)
class _Part:
    """One position of the target; product is in 1e-18."""

    security_id: str
    sleeve_id: str
    product: int
    component: Component


def build_target(
    portfolio: PortfolioChanged, models: Mapping[str, ModelChanged], security_no: Number, sleeve_no: Number
) -> Target:
    """Return the target of a portfolio; security_no and sleeve_no give the numbers of ids.

    Raises UnknownModel when a model is not in `models`, BadTarget when a component is named twice or a limit is passed.
    """
    where = f"portfolio {portfolio.portfolio_id}"
    _no_duplicates(f"{where}: sleeve", [sleeve.sleeve_id for sleeve in portfolio.sleeves])
    components: list[_Part] = []
    cash = _ppb(portfolio.cash_weight, f"{where}: cash weight") * PPB
    for sleeve in portfolio.sleeves:
        holdings, cash_inside = _inside(sleeve, models, where)
        weight = _ppb(sleeve.weight, f"{where}: sleeve {sleeve.sleeve_id}")
        cash += weight * _ppb(cash_inside, f"{where}: cash of sleeve {sleeve.sleeve_id}")
        components.extend(
            _Part(
                component.security_id,
                sleeve.sleeve_id,
                weight * _ppb(component.weight, f"{where}: {component.security_id}"),
                component,
            )
            for component in holdings
        )
    components.sort(key=lambda part: (part.security_id, part.sleeve_id))
    *targets, cash_ppb = round_to_ppb([*(part.product for part in components), cash], where)
    cash_rest = cash - cash_ppb * PPB
    rows = [
        (
            key_of(security_no(part.security_id), sleeve_no(part.sleeve_id)),
            target_ppb,
            _threshold(part.component.threshold, f"{where}: threshold of {part.security_id}"),
            _threshold(part.component.precision, f"{where}: precision of {part.security_id}"),
            int(part.component.can_trigger),
            part.product - target_ppb * PPB,
        )
        for part, target_ppb in zip(components, targets, strict=True)
    ]
    return Target(_head(portfolio, cash_ppb, cash_rest, where), as_records(AIM, sorted(rows)))


def models_of(portfolio: PortfolioChanged) -> set[str]:
    """Return the ids of the models a portfolio's sleeves follow."""
    return {sleeve.model_id for sleeve in portfolio.sleeves if sleeve.model_id is not None}


def securities_of(portfolio: PortfolioChanged, models: Mapping[str, ModelChanged]) -> set[str]:
    """Return the ids of all securities the target names, as far as its models are known."""
    holdings = [component for sleeve in portfolio.sleeves for component in sleeve.holdings]
    for model_id in models_of(portfolio) & models.keys():
        holdings.extend(models[model_id].holdings)
    return {component.security_id for component in holdings}


def round_to_ppb(products: Sequence[int], where: str) -> list[int]:
    """Return products (1e-18) as ppb by largest remainder; ties go to the first.  They must add up to 1e18.

    What is exact in ppb stays as it is: the units to hand out are never more than the remainders that are not zero.
    Raises BadTarget when they do not add up; `where` says of what.
    """
    if sum(products) != PPB * PPB:
        raise BadTarget(f"{where}: weights add up to {sum(products)}e-18, they must add up to 1 (cash included)")
    return apportion(PPB, products)


def _inside(sleeve: Sleeve, models: Mapping[str, ModelChanged], where: str) -> tuple[Sequence[Component], str]:
    """Return holdings and cash weight inside a sleeve.

    Raises UnknownModel if its model has not arrived, BadTarget if a security is named twice.
    """
    if sleeve.model_id is None:
        holdings, cash_weight = sleeve.holdings, sleeve.cash_weight
    elif sleeve.model_id in models:
        holdings, cash_weight = models[sleeve.model_id].holdings, models[sleeve.model_id].cash_weight
    else:
        raise UnknownModel(
            f"{where}: sleeve {sleeve.sleeve_id} follows model {sleeve.model_id}, which is not known yet"
        )
    _no_duplicates(f"{where}: sleeve {sleeve.sleeve_id}: security", [component.security_id for component in holdings])
    return holdings, cash_weight


def _head(
    portfolio: PortfolioChanged, cash_ppb: int, cash_rest: int, where: str
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    floor = _ppb(portfolio.floor, f"{where}: floor")
    return np.array(
        [
            cash_ppb,
            _threshold(portfolio.cash_threshold, f"{where}: cash threshold"),
            int(portfolio.cash_can_trigger),
            _threshold(portfolio.threshold, f"{where}: threshold"),
            _threshold(portfolio.precision, f"{where}: precision"),
            floor,
            cash_rest,
        ],
        np.int64,
    )


def _ppb(text: str, what: str) -> int:
    """Return a share of the whole in ppb, 0 to 1.  Raises BadTarget outside."""
    value = scaled(text, _WEIGHT_DECIMALS, what)
    if not 0 <= value <= PPB:
        raise BadTarget(f"{what}: {text} is outside 0 to 1")
    return value


def _threshold(text: str | None, what: str) -> int:
    """Return a relative threshold in ppb, or NONE.  Raises BadTarget outside 0 to 4."""
    if text is None:
        return NONE
    value = scaled(text, _WEIGHT_DECIMALS, what)
    if not 0 <= value <= MAX_THRESHOLD_PPB:
        raise BadTarget(f"{what}: {text} is outside 0 to 4 (0.2 is 20 % of the target)")
    return value


def _no_duplicates(what: str, names: Sequence[str]) -> None:
    """Raise BadTarget if a name is there twice; `what` says whose names they are."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadTarget(f"{what} {name} is named twice")
        seen.add(name)
