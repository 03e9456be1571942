"""From portfolio, sleeves and models to targets.  Source: product 1."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.analyzer.domain import target as rules
from services.analyzer.domain.layout import NONE, TargetField, read_target, target_documents
from shared.contracts.platform import Component, ModelChanged, PortfolioChanged, Sleeve
from shared.fixed_point.limits import PPB
from shared.fixed_point.records import as_table
from shared.fixed_point.text import text_of

pytestmark = pytest.mark.fast
NUMBERS = {name: number for number, name in enumerate("ABCDEFGHIJ")}
SLEEVES = {"S1": 0, "S2": 1}


def part(security_id: str, weight: str, **more: object) -> Component:
    return Component.model_validate({"security_id": security_id, "weight": weight, **more})


def portfolio(cash: str, sleeves: Sequence[Sleeve], **more: object) -> PortfolioChanged:
    values = {"portfolio_id": "P", "version": 1, "enterprise_id": "E", "name": "P", "cash_weight": cash}
    return PortfolioChanged.model_validate({**values, "sleeves": list(sleeves), **more})


def model(*components: Component, cash: str = "0") -> ModelChanged:
    return ModelChanged(
        model_id="M", version=1, enterprise_id="E", name="M", cash_weight=cash, holdings=list(components)
    )


def worked_out(
    event: PortfolioChanged, models: dict[str, ModelChanged] | None = None
) -> tuple[int, dict[tuple[int, int], int]]:
    """Return cash target and target by (security, sleeve) number, all in ppb, as they are shown."""
    found = read_target(
        *target_documents(rules.build_target(event, models or {}, NUMBERS.__getitem__, SLEEVES.__getitem__))
    )
    rows = {(int(aim.key) >> 32, int(aim.key) & 0xFFFFFFFF): int(aim.target) for aim in found.rows}
    return int(found.head[TargetField.CASH_PPB]), rows


def test_a_position_is_sleeve_weight_times_weight_inside_and_cash_inside_adds_up() -> None:
    """A 60 % x 50 % = 30 %; B 60 % x 40 % = 24 %, 35 % x 80 % = 28 %; cash 5 % + 60 % x 10 % + 35 % x 20 % = 18 %."""
    own = Sleeve(
        sleeve_id="S1", kind="APM", weight="0.6", holdings=[part("A", "0.5"), part("B", "0.4")], cash_weight="0.1"
    )
    follows = Sleeve(sleeve_id="S2", kind="MODEL", weight="0.35", model_id="M")
    cash, rows = worked_out(portfolio("0.05", [own, follows]), {"M": model(part("B", "0.8"), cash="0.2")})
    assert cash == 180_000_000
    assert rows == {(0, 0): 300_000_000, (1, 0): 240_000_000, (1, 1): 280_000_000}


def test_what_has_more_than_nine_decimals_is_shown_rounded_by_largest_remainder() -> None:
    """0.333333333 x (0.5, 0.5) = 0.1666666665 each: the unit left goes to the first; the rest of the cash is exact."""
    sleeve = Sleeve(sleeve_id="S1", kind="APM", weight="0.333333333", holdings=[part("B", "0.5"), part("A", "0.5")])
    cash, rows = worked_out(portfolio("0.666666667", [sleeve]))
    assert (cash, rows) == (666_666_667, {(0, 0): 166_666_667, (1, 0): 166_666_666})


def test_a_target_is_the_exact_product_which_is_more_or_less_than_what_is_shown() -> None:
    """0.333333333 x 0.333333333 = 0.111111110888888889: three make 0.333333332666666667, and cash has the rest.

    Shown are 0.111111111 (more by 111,111,111e-18) three times, and 0.666666667 of 0.666666667333333333.
    """
    third = "0.333333333"
    sleeve = Sleeve(
        sleeve_id="S1", kind="APM", weight=third, holdings=[part(name, third) for name in "ABC"],
        cash_weight="0.000000001",
    )  # fmt: skip
    target = rules.build_target(portfolio("0.666666667", [sleeve]), {}, NUMBERS.__getitem__, SLEEVES.__getitem__)
    assert (target.rows.target * PPB + target.rows.rest).tolist() == [111_111_110_888_888_889] * 3
    assert target.rows.target.tolist() == [111_111_111] * 3
    assert int(target.head[TargetField.CASH_PPB]) * PPB + int(target.head[TargetField.CASH_REST]) == (
        666_666_667_333_333_333
    )
    document, rests = target_documents(target)
    kept = read_target(document, rests)
    assert (kept.head.tolist(), as_table(kept.rows).tolist()) == (target.head.tolist(), as_table(target.rows).tolist())
    early = read_target(document, None)  # what an earlier release stored counts as it was rounded
    assert (early.rows.rest.tolist(), early.head[TargetField.CASH_REST]) == ([0, 0, 0], 0)
    assert early.rows.target.tolist() == target.rows.target.tolist()


def test_what_is_exact_in_what_is_shown_has_no_rests() -> None:
    sleeve = Sleeve(sleeve_id="S1", kind="APM", weight="0.5", holdings=[part("A", "0.5"), part("B", "0.5")])
    target = rules.build_target(portfolio("0.5", [sleeve]), {}, NUMBERS.__getitem__, SLEEVES.__getitem__)
    assert target_documents(target)[1] is None


@given(st.lists(st.integers(0, PPB), min_size=1, max_size=6), st.lists(st.integers(0, PPB), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None)
def test_targets_add_up_to_exactly_one_and_exact_ones_stay(sleeve_cuts: list[int], inside_cuts: list[int]) -> None:
    """However weights are cut, targets and cash add up to 1e9 parts, each within one part of its exact product."""
    outer = [high - low for low, high in zip([0, *sorted(sleeve_cuts)], [*sorted(sleeve_cuts), PPB], strict=True)]
    inner = [high - low for low, high in zip([0, *sorted(inside_cuts)], [*sorted(inside_cuts), PPB], strict=True)]
    products = [a * b for a in outer for b in inner]
    rounded = rules.round_to_ppb(products, "here")
    assert sum(rounded) == PPB
    for product, ppb in zip(products, rounded, strict=True):
        assert abs(Fraction(product, PPB) - ppb) < 1
        assert product % PPB != 0 or ppb == product // PPB


def test_own_thresholds_and_can_trigger_travel_with_the_component() -> None:
    sleeve = Sleeve(
        sleeve_id="S1", kind="APM", weight="1",
        holdings=[part("A", "0.5", threshold="0.1", precision="0", can_trigger=False), part("B", "0.5")],
    )  # fmt: skip
    found = rules.build_target(
        portfolio("0", [sleeve], threshold="0.3", precision="0.05", floor="0.01", cash_threshold="0.4"), {},
        NUMBERS.__getitem__, SLEEVES.__getitem__,
    )  # fmt: skip
    assert as_table(found.rows)[:, 1:].tolist() == [
        [500_000_000, 100_000_000, 0, 0, 0],
        [500_000_000, NONE, NONE, 1, 0],
    ]
    assert found.head.tolist() == [0, 400_000_000, 1, 300_000_000, 50_000_000, 10_000_000, 0]


def test_what_a_portfolio_does_not_say_is_the_products_default() -> None:
    """Threshold 20 % of target, precision 4 %, floor 0.50 points; cash and components may trigger."""
    sleeve = Sleeve(sleeve_id="S1", kind="APM", weight="1", holdings=[part("A", "1")])
    found = rules.build_target(portfolio("0", [sleeve]), {}, NUMBERS.__getitem__, SLEEVES.__getitem__)
    assert found.head.tolist() == [0, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000, 0]
    assert as_table(found.rows)[:, 1:].tolist() == [[PPB, NONE, NONE, 1, 0]]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"threshold": "4.1"}, "portfolio P: threshold: 4.1 is outside 0 to 4"),
        ({"floor": "1.5"}, "portfolio P: floor: 1.5 is outside 0 to 1"),
        ({"cash_threshold": "-0.1"}, "portfolio P: cash threshold: -0.1 is outside 0 to 4"),
    ],
)
def test_limits_are_named(change: dict[str, str], text: str) -> None:
    sleeve = Sleeve(sleeve_id="S1", kind="APM", weight="1", holdings=[part("A", "1")])
    with pytest.raises(rules.BadTarget, match=text):
        rules.build_target(portfolio("0", [sleeve], **change), {}, NUMBERS.__getitem__, SLEEVES.__getitem__)


def test_a_sleeve_twice_or_a_model_not_known_is_named() -> None:
    half = Sleeve(sleeve_id="S1", kind="APM", weight="0.5", holdings=[part("A", "1")])
    with pytest.raises(rules.BadTarget, match="portfolio P: sleeve S1 is named twice"):
        worked_out(portfolio("0", [half, half]))
    follows = Sleeve(sleeve_id="S2", kind="MODEL", weight="1", model_id="M")
    with pytest.raises(rules.UnknownModel, match="portfolio P: sleeve S2 follows model M, which is not known yet"):
        worked_out(portfolio("0", [follows]))


def test_weights_that_do_not_add_up_never_become_a_target() -> None:
    with pytest.raises(rules.BadTarget, match="add up"):
        rules.round_to_ppb([PPB * PPB - 1], "portfolio P")
    with pytest.raises(ValueError, match=r"weights of portfolio P add up to 0\.9"):
        portfolio("0", [Sleeve(sleeve_id="S1", kind="APM", weight=text_of(9 * 10**8, 9), holdings=[part("A", "1")])])
