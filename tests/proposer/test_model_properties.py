"""The proposer against the slow, plain model of tests/proposer/model.py, on generated accounts.

3,500 accounts, half of them of small integers; REBALANCER_MODEL_ACCOUNTS=100000 compares as many in a nightly run, each
part of 3,500 with seeds of its own.  Tax-aware has no limits to keep here, so it has to say what Best Fit says.
"""

import os
from fractions import Fraction

import pytest

from tests.proposer import model
from tests.proposer.builders import BF, MT, TA, Account
from tests.proposer.harness import proposals
from tests.proposer.strategies import Shape, edges, finer, generated, larger

pytestmark = pytest.mark.fast

PARTS = range(max(1, int(os.environ.get("REBALANCER_MODEL_ACCOUNTS", "2000")) // 2000))  # of 2,000 accounts
SHAPES = {
    "every shape": Shape(),
    "many sleeves": Shape(most_securities=3, sleeves=5, restricted=0.2, minimum=0.2),
    "substitutes and restrictions": Shape(restricted=0.3, substituted=0.8),
    "fractions": Shape(fractional=1.0),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", SHAPES)
def test_the_proposer_says_what_the_plain_model_says(name: str, part: int) -> None:
    first = list(SHAPES).index(name) * 10_000_000 + part * 250
    _compare([generated(number, SHAPES[name]) for number in range(first, first + 250)])


@pytest.mark.parametrize("part", PARTS)
def test_edges_and_ties_fall_as_in_the_plain_model(part: int) -> None:
    _compare([edges(number) for number in range(part * 1000, (part + 1) * 1000)])


@pytest.mark.parametrize("part", PARTS)
def test_targets_of_eighteen_decimals_are_never_rounded(part: int) -> None:
    numbers = range(part * 500, (part + 1) * 500)
    shapes = list(SHAPES.values())
    _compare([finer(generated(number, shapes[number % len(shapes)])) for number in numbers])
    _compare([finer(edges(number)) for number in numbers])


@pytest.mark.parametrize("part", PARTS)
def test_of_large_accounts_shares_are_exact_too(part: int) -> None:
    """Of amounts that do not fit 62 bits in ten thousand millionths of a cent."""
    numbers = range(part * 250, (part + 1) * 250)
    _compare([larger(edges(number), 60_000 - 7 * (number % 3)) for number in numbers])
    _compare([finer(larger(edges(number), 59_999)) for number in numbers])


def _compare(accounts: list[Account]) -> None:
    for given, found in zip(accounts, proposals(accounts), strict=True):
        best_fit, min_transaction = model.propose(given, BF), model.propose(given, MT)
        # Without limits tax-aware is Best Fit, but for an account in which only Min Transaction reaches the reserve.
        misses = best_fit.failure == "CASH_SHORTFALL" and min_transaction.failure is None
        tax_aware = min_transaction if misses else best_fit
        for logic, said in ((BF, best_fit), (MT, min_transaction), (TA, tax_aware)):
            ours, where = found[logic], f"{given.account_id} {logic.name}"
            assert ours.failure == said.failure, where
            if said.failure is None:
                assert ours.trades == _micro(said.trades), where
                assert ours.crossed == _micro(said.crossed), where
                assert ours.cash == said.cash * 100, where


def _micro(units: dict[tuple[str, str], Fraction]) -> dict[tuple[str, str], int]:
    scaled = {position: count * 1_000_000 for position, count in units.items()}
    assert all(count.denominator == 1 for count in scaled.values())
    return {position: int(count) for position, count in scaled.items()}
