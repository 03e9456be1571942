"""A target is the exact product of two weights of nine decimals, and decides unrounded.  Source: product 4, "Settled".

Sleeve 0.333333333 x inside 0.333333333 = 0.111111110888888889, which is shown as 0.111111111: 111,111,111e-18 more.
"""

from dataclasses import replace

import pytest

from services.proposer.columns.proposals import propose
from shared.contracts.codes import HoldingRole
from shared.fixed_point.limits import PPB
from tests.proposer.accounts import plain
from tests.proposer.builders import BF, FRACTIONAL, MT, TA, TRADE_DAY, Account, Position, account, position, security
from tests.proposer.harness import batch_of, proposal, proposals

pytestmark = pytest.mark.fast

THIRD_OF_THIRD = 111_111_110_888_888_889  # in 1e-18
ALL = 10**18


def aimed(name: str, units: str, weight: int, sleeve: str = "S1", **relative: str) -> Position:
    """A position with a target in 1e-18, sent as what is shown and its rest."""
    shown = (weight + PPB // 2) // PPB
    held = position(name, units, "0", sleeve, **relative)
    return replace(held, target_ppb=shown, target_rest=weight - shown * PPB)


def with_cash(given: Account, weight: int) -> Account:
    """The account with a cash target in 1e-18."""
    shown = (weight + PPB // 2) // PPB
    return replace(given, cash_target_ppb=shown, cash_target_rest=weight - shown * PPB)


def third_of_third(price: str, units: str = "0", cash: str = "1000000", **other: object) -> Account:
    """V = $1,000,000 with the target 0.111111110888888889 in A and the rest in cash."""
    given = account([security("A", price)], [aimed("A", units, THIRD_OF_THIRD)], cash=cash, **other)
    return with_cash(given, ALL - THIRD_OF_THIRD)


@pytest.mark.parametrize("logic", [BF, TA])
def test_a_share_that_costs_more_than_the_exact_target_is_not_bought(logic: object) -> None:
    """Target x V = 111,111.110888888889: a share at 111,111.111 is more, one at 111,111.11 less.

    0.111111111 x V would be 111,111.111 and buy one.
    """
    assert proposal(third_of_third("111111.111"), logic).units == {}  # type: ignore[arg-type]
    assert proposal(third_of_third("111111.11"), logic).units == {"A": 1}  # type: ignore[arg-type]


def test_early_releases_say_no_rest_and_mean_what_they_rounded() -> None:
    given = third_of_third("111111.111")
    early = replace(given, positions=[replace(given.positions[0], target_rest=None)], cash_target_rest=None)
    assert proposal(early, BF).units == {"A": 1}


def test_min_transaction_goes_to_the_exact_edge() -> None:
    """The lower edge is 80 %: 88,888.8887111111112.  2 x 44,444.444355 = 88,888.88871 miss it, 2 x ...356 do not.

    Of the rounded target it would be 88,888.8888, which both would miss.
    """
    assert proposal(third_of_third("44444.444355"), MT).units == {"A": 3}
    assert proposal(third_of_third("44444.444356"), MT).units == {"A": 2}


def test_a_fraction_is_bought_to_the_last_millionth_of_the_exact_target() -> None:
    """At $1: 111,111.110888 of 111,111.110888888889 units; the cash left is rounded once, to the cent."""
    given = third_of_third("1")
    fractional = replace(given, securities=[security("A", "1", step_micro=FRACTIONAL)])
    assert proposal(fractional, BF).orders == {"A": 111_111_110_888}


def test_the_precision_band_is_of_the_exact_target() -> None:
    """Precision 50 %: up to 166,666.6663333333335.  166,666.67 is rounded to more; 166,666.66 is inside."""
    inside = with_cash(
        account([security("A", "0.01")], [aimed("A", "16666666", THIRD_OF_THIRD, precision="50")], cash="833333.34"),
        ALL - THIRD_OF_THIRD,
    )
    outside = replace(inside, positions=[aimed("A", "16666667", THIRD_OF_THIRD, precision="50")], cash_cents=83_333_333)
    assert proposal(inside, BF).units == {}
    assert set(proposal(outside, BF).units) == {"A"}


def test_the_cash_target_is_a_sum_of_exact_products() -> None:
    """Cash 0.4 and 5e-10 of a sleeve: of V = $10,000,000,000 $4,000,000,005 stay, not $4,000,000,000 or ...,010.

    The cash above it, $5,999,999,995, buys B at $5: 1,199,999,999 shares, and none more.
    """
    cash = 4 * 10**17 + 5 * 10**8
    given = account([security("B", "5")], [aimed("B", "0", ALL - cash)], cash="10000000000")
    found = proposal(with_cash(given, cash), BF)
    assert found.units == {"B": 1_199_999_999}
    assert found.cash == 400_000_000_500


def test_what_cash_equivalents_are_to_be_adds_up_exactly() -> None:
    """Cash 40 % and 5e-10 - 1e-18 and 1e-18 of sweeps: together the cash target of the case above."""
    sweeps = [aimed("M", "0", 5 * 10**8 - 1), aimed("M", "0", 1, "S2")]
    given = account(
        [security("B", "5"), security("M", "1", role=HoldingRole.CASH_EQUIVALENT)],
        [aimed("B", "0", ALL - 4 * 10**17 - 5 * 10**8), *sweeps],
        cash="10000000000",
    )
    found = proposal(with_cash(given, 4 * 10**17), BF)
    assert (found.units, found.cash) == ({"B": 1_199_999_999}, 400_000_000_500)


@pytest.mark.parametrize(
    ("more", "text"),
    [(1, "100.0000000000000001 %"), (-1, "99.9999999999999999 %"), (10**10, "100.000001 %")],
)
def test_targets_that_do_not_add_up_exactly_fail(more: int, text: str) -> None:
    given = with_cash(account([security("A", "1")], [aimed("A", "0", 6 * 10**17)], cash="100"), 4 * 10**17 + more)
    found = proposal(given, BF)
    assert found.failure == "TARGET_SUM"
    assert f"add up to {text}, not to 100 %" in found.summary["failure_text"]


def test_the_least_target_there_is_is_a_target() -> None:
    """1e-18 of V is no exit, and needs a price; it is not bought, as no unit is worth so little.

    One unit of V = $100 is above its band, of the floor's half percent: it goes, and the dollar buys B, up to its edge.
    """
    given = account([security("A", "1"), security("B", "1")], [aimed("A", "0", 1), aimed("B", "100", ALL - 1)])
    assert proposal(given, BF).units == {}
    unpriced = replace(given, securities=[security("A", None), security("B", "1")])
    assert proposal(unpriced, BF).failure == "MISSING_PRICE"
    held = replace(given, positions=[aimed("A", "1", 1), aimed("B", "99", ALL - 1)])
    assert proposal(held, MT).units == {"A": -1, "B": 1}


def test_thousands_of_targets_that_are_too_much_fail_alone() -> None:
    """Twenty of 100 % would pass 63 bits together; so would as many of what is LOCKED."""
    names = [f"S{number:02d}" for number in range(20)]
    for role in (HoldingRole.MANAGED, HoldingRole.LOCKED):
        many = account([security(name, "1", role=role) for name in names], [aimed(name, "1", ALL) for name in names])
        bad, good = proposals([many, plain()])
        assert bad[BF].failure in ("TARGET_SUM", "OUT_OF_RANGE")
        assert good[BF].failure is None
    assert propose(batch_of([plain()]), TRADE_DAY).num_rows == 1


def test_shares_are_in_proportion_to_exact_shortfalls() -> None:
    """A lacks 0.10000000000000006 of V = $10,000, B twice that: of $300 they get $100 and $200, a share and two.

    In steps of 1e-10 of a cent A's shortfall is cut by 0.6 of one and B's by 0.2: A's share would be below $100.
    """
    part = 10**17 + 60
    given = account(
        {"A": "100", "B": "100", "C": "100"},
        [aimed("A", "0", part), aimed("B", "0", 2 * part), aimed("C", "97", ALL - 3 * part, precision="100")],
        cash="300",
    )
    assert proposal(given, BF).units == {"A": 1, "B": 2}
    # and of ten million times as much, where a cent's 1e-10 is not kept in 62 bits
    large = replace(
        given,
        securities=[replace(listed, step_micro=10**11) for listed in given.securities],
        positions=[replace(held, quantity_micro=held.quantity_micro * 10**5) for held in given.positions],
        cash_cents=3 * 10**9,
    )
    assert proposal(large, BF).units == {"A": 100_000, "B": 200_000}


def test_of_two_shortfalls_the_larger_by_a_millionth_of_a_billionth_of_a_cent_is_first() -> None:
    """V = $110: both lack $15; $10 above the reserve pay one share.  A comes first by id only of equals."""
    half = 5 * 10**17
    for weights, bought in (((half, half), "A"), ((half - 1, half + 1), "B")):
        positions = [aimed("A", "4", weights[0]), aimed("B", "4", weights[1])]
        assert proposal(account({"A": "10", "B": "10"}, positions, cash="30", reserve="20"), BF).units == {bought: 1}
