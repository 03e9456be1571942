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

ACCOUNTS = int(os.environ.get("REBALANCER_MODEL_ACCOUNTS", "2000"))
SHAPES = {
    "every shape": Shape(),
    "many sleeves": Shape(most_securities=3, sleeves=5, restricted=0.2, minimum=0.2),
    "substitutes and restrictions": Shape(restricted=0.3, substituted=0.8),
    "fractions": Shape(fractional=1.0),
}


CHUNK = 500


@pytest.mark.parametrize("name", SHAPES)
def test_the_proposer_says_what_the_plain_model_says(name: str) -> None:
    first = list(SHAPES).index(name) * 10_000_000
    for begin in range(first, first + ACCOUNTS // 2 // len(SHAPES), CHUNK):
        numbers = range(begin, min(begin + CHUNK, first + ACCOUNTS // 2 // len(SHAPES)))
        _compare([generated(number, SHAPES[name]) for number in numbers])


def test_edges_and_ties_fall_as_in_the_plain_model() -> None:
    for begin in range(0, ACCOUNTS // 2, CHUNK):
        _compare([edges(number) for number in range(begin, min(begin + CHUNK, ACCOUNTS // 2))])


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
