"""Limits, duplicates, names and roundings of targets, each on its edge.  Source: product 1."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.analyzer.domain import target as rules
from services.analyzer.domain.layout import key_of
from shared.contracts.platform import Component, ModelChanged, PortfolioChanged, Sleeve
from shared.fixed_point.limits import PPB

pytestmark = pytest.mark.fast

# Numbers in another order than the ids.
NUMBERS = {"A": 3, "B": 1, "C": 2}
SLEEVES = {"S1": 5, "S2": 4}
THIRD, QUARTER, TENTH = 10**18 // 3, 10**18 // 4, 10**8  # in 1e-18, TENTH of a ppb


def part(security_id: str, weight: str, **more: Any) -> Component:
    return Component.model_validate({"security_id": security_id, "weight": weight, **more})


def own(sleeve_id: str, weight: str, *components: Component, cash: str = "0") -> Sleeve:
    return Sleeve(sleeve_id=sleeve_id, kind="APM", weight=weight, holdings=list(components), cash_weight=cash)


def portfolio(cash: str, sleeves: Sequence[Sleeve], **more: object) -> PortfolioChanged:
    values = {"portfolio_id": "P", "version": 1, "enterprise_id": "E", "name": "P", "cash_weight": cash}
    return PortfolioChanged.model_validate({**values, "sleeves": list(sleeves), **more})


def model(name: str, *components: Component, cash: str = "0") -> ModelChanged:
    return ModelChanged(
        model_id=name, version=1, enterprise_id="E", name=name, cash_weight=cash, holdings=list(components)
    )


def built(given: PortfolioChanged, models: dict[str, ModelChanged] | None = None) -> Any:
    return rules.build_target(given, models or {}, NUMBERS.__getitem__, SLEEVES.__getitem__)


@pytest.mark.parametrize(
    ("name", "limit", "beyond"),
    [
        ("threshold", "4", "4.000000001"),
        ("precision", "4", "4.000000001"),
        ("cash_threshold", "4", "4.000000001"),
        ("floor", "1", "1.000000001"),
    ],
)
def test_the_limit_itself_is_inside(name: str, limit: str, beyond: str) -> None:
    sleeve = own("S1", "1", part("A", "1"))
    index = {"cash_threshold": 1, "threshold": 3, "precision": 4, "floor": 5}[name]
    assert built(portfolio("0", [sleeve], **{name: limit})).head[index] == int(limit) * PPB
    assert built(portfolio("0", [sleeve], **{name: "0"})).head[index] == 0
    with pytest.raises(rules.BadTarget, match=rf"portfolio P: {name.replace('_', ' ')}: {beyond} is outside 0 to"):
        built(portfolio("0", [sleeve], **{name: beyond}))


@pytest.mark.parametrize("name", ["threshold", "precision"])
def test_a_components_own_limits_name_it(name: str) -> None:
    assert built(portfolio("0", [own("S1", "1", part("A", "1", **{name: "4"}))])).rows[name].tolist() == [4 * PPB]
    with pytest.raises(rules.BadTarget, match=f"portfolio P: {name} of A: 5 is outside 0 to 4"):
        built(portfolio("0", [own("S1", "1", part("A", "1", **{name: "5"}))]))


def test_a_security_twice_in_a_sleeve_is_named_but_may_stand_in_two() -> None:
    with pytest.raises(rules.BadTarget, match="portfolio P: sleeve S1: security A is named twice"):
        built(portfolio("0", [own("S1", "1", part("A", "0.5"), part("B", "0.25"), part("A", "0.25"))]))
    follows = Sleeve(sleeve_id="S2", kind="MODEL", weight="0.5", model_id="M")
    with pytest.raises(rules.BadTarget, match="portfolio P: sleeve S2: security B is named twice"):
        built(portfolio("0.5", [follows]), {"M": model("M", part("B", "0.5"), part("B", "0.5"))})
    rows = built(portfolio("0", [own("S1", "0.5", part("A", "1")), own("S2", "0.5", part("A", "1"))])).rows
    assert list(zip(rows.key, rows.target, strict=True)) == [(key_of(3, 4), PPB // 2), (key_of(3, 5), PPB // 2)]


def test_rows_stand_by_key_and_ties_of_rounding_by_id() -> None:
    """A third each of 0.1: 0.0333333333 x 3 and cash 0.9000000001 rounded: the unit left is A's, which has key 3.

    0.1 x 0.333333333 = 0.0333333333 (remainder 3 of ten), 0.1 x cash 0.000000001 = 0.0000000001 (1 of ten): 3 x 3 + 1
    tenths are one unit of 1e-9; of the three with the largest remainder A comes first by id.
    """
    thirds = [part(name, "0.333333333") for name in ("C", "B", "A")]
    found = built(portfolio("0.9", [own("S1", "0.1", *thirds, cash="0.000000001")]))
    assert list(zip(found.rows.key, found.rows.target, strict=True)) == [
        (key_of(1, 5), 33_333_333),
        (key_of(2, 5), 33_333_333),
        (key_of(3, 5), 33_333_334),
    ]
    assert found.head[0] == 900_000_000


@pytest.mark.parametrize(
    ("products", "rounded"),
    [
        # 1/3 twice and the rest: the third has the largest remainder
        ([THIRD, THIRD, THIRD + 1], [333_333_333, 333_333_333, 333_333_334]),
        # two units left: the two largest remainders, .7 and .7, not the .6
        ([QUARTER + 6 * TENTH, QUARTER + 7 * TENTH, 2 * QUARTER - 13 * TENTH], [250_000_000, 250_000_001, 499_999_999]),
        # exact ones stay
        ([10**18, 0], [10**9, 0]),
        ([0, 5 * 10**17, 5 * 10**17], [0, 5 * 10**8, 5 * 10**8]),
    ],
)  # fmt: skip
def test_largest_remainder(products: list[int], rounded: list[int]) -> None:
    assert rules.round_to_ppb(products, "here") == rounded


def test_sums_that_are_not_one_are_said_as_they_are() -> None:
    for total in (PPB * PPB - 1, PPB * PPB + 1, 0):
        with pytest.raises(rules.BadTarget, match=f"here: weights add up to {total}e-18"):
            rules.round_to_ppb([total], "here")


def test_models_and_securities_a_portfolio_names() -> None:
    """A model that is not known yet adds nothing; nobody else's model does either."""
    sleeves = [
        own("S1", "0.5", part("A", "1")),
        Sleeve(sleeve_id="S2", kind="MODEL", weight="0.25", model_id="M"),
        Sleeve(sleeve_id="S3", kind="MODEL", weight="0.25", model_id="LATER"),
    ]
    given = portfolio("0", sleeves)
    assert rules.models_of(given) == {"M", "LATER"}
    models = {"M": model("M", part("B", "1")), "OTHER": model("OTHER", part("C", "1"))}
    assert rules.securities_of(given, models) == {"A", "B"}
    assert rules.securities_of(given, {}) == {"A"}
