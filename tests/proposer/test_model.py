"""The proposer against the slow, plain model of tests/proposer/model.py, on generated accounts.

2,000 accounts, half of them of small integers; REBALANCER_MODEL_ACCOUNTS=100000 for a nightly run (ten minutes).
"""

import os
from fractions import Fraction

import pytest

from tests.proposer import model
from tests.proposer.books import Shape, edges, generated
from tests.proposer.build import BF, MT, Account, proposals

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


def _compare(accounts: list[Account]) -> None:
    for given, found in zip(accounts, proposals(accounts), strict=True):
        for logic in (BF, MT):
            said, ours = model.propose(given, logic), found[logic]
            assert ours.failure == said.failure, f"{given.account_id} {logic.name}"
            if said.failure is not None:
                continue
            assert ours.trades == _micro(said.trades), f"{given.account_id} {logic.name}"
            assert ours.crossed == _micro(said.crossed), f"{given.account_id} {logic.name}"
            assert ours.cash == said.cash * 100, f"{given.account_id} {logic.name}"


def _micro(units: dict[tuple[str, str], Fraction]) -> dict[tuple[str, str], int]:
    scaled = {place: count * 1_000_000 for place, count in units.items()}
    assert all(count.denominator == 1 for count in scaled.values())
    return {place: int(count) for place, count in scaled.items()}
