"""The evaluation against the slow, plain model of tests/analyzer/model.py, on generated accounts.

2,000 accounts, half of them of whole dollars; REBALANCER_MODEL_ACCOUNTS=100000 compares as many, 2,000 a part.
"""

import os
from dataclasses import replace
from fractions import Fraction

import pytest

from services.analyzer.domain import kernel
from shared.contracts.codes import FlagState, Tile
from tests.analyzer import model
from tests.analyzer.arrays import HOLDS, as_shown, result
from tests.analyzer.books import edges, finer, generated, with_roles, with_substitutes
from tests.analyzer.model import Book, Result

pytestmark = pytest.mark.fast

TINY = Fraction(10, 10**18)
PARTS = range(max(1, int(os.environ.get("REBALANCER_MODEL_ACCOUNTS", "2000")) // 2000))  # of 2,000 accounts


@pytest.mark.parametrize("part", PARTS)
def test_the_queues_are_those_of_the_plain_model(part: int) -> None:
    """State, hold, tiles, V, and of every component in the triggering list weight, target and band."""
    seed = 20260105 + part
    books = generated(seed, 500) + with_roles(seed, 500) + edges(seed, 600)
    books += finer(generated(-seed, 200), seed) + finer(edges(-seed, 200), seed)
    for index in range(0, len(books), 50):
        books[index] = replace(books[index], stale=True)
    expected = [as_shown(model.evaluate(book)) for book in books]
    for book, said in zip(books, expected, strict=True):  # price lists differ, so each is a chunk of its own
        assert result(book) == said, book
    _nothing_stays_unvisited(books, expected)


@pytest.mark.parametrize("part", PARTS)
def test_with_substitutes_flags_are_those_of_the_plain_model(part: int) -> None:
    """As above; a substitute's band is no multiple of 1e-18 and is shown to a few of them."""
    seed = 20260106 + part
    books = generated(seed, 300) + with_roles(seed, 300) + finer(edges(seed, 100), seed) + edges(-seed, 600)
    visited = 0
    for book in with_substitutes(books, seed):
        said, found = as_shown(model.evaluate(book)), result(book)
        assert replace(found, why={}) == replace(said, why={}), book
        assert found.why.keys() == said.why.keys(), book
        for name, component in found.why.items():
            expected = said.why[name]
            assert (component.weight, component.target) == (expected.weight, expected.target), book
            assert max(abs(component.low - expected.low), abs(component.high - expected.high)) < TINY, book
        visited += said != as_shown(model.evaluate(replace(book, substitutes={})))
    assert visited > 100


def _nothing_stays_unvisited(books: list[Book], expected: list[Result]) -> None:
    """Every state, hold, tile and pair of tiles comes up, and weights exactly on either edge of a band."""
    assert {result.state for result in expected} == {state.name for state in FlagState}
    assert {result.hold for result in expected} == {None, *HOLDS.values()}
    first, drift = Tile.FIRST_REBALANCE.name, Tile.POSITION_DRIFT.name
    high, low = Tile.HIGH_CASH.name, Tile.LOW_CASH.name
    tiles = {frozenset(result.tiles) for result in expected}
    assert tiles == {
        frozenset(tile_set) for tile_set in ([], [first], [high], [low], [drift], [first, high], [first, low])
    }
    assert sum(_on_an_edge(book) for book in books) > 200


def _on_an_edge(book: Book) -> bool:
    """Say whether cash or a position stands exactly on an edge of its band that is neither 0 nor 100 %."""
    if model.value_of(book) <= 0:
        return False
    return any(
        component.weight in {component.low, component.high} - {0, 1, component.target}
        for component, _ in model.components(book).values()
    )


def test_an_unvisited_hold_is_a_limit_of_intake() -> None:
    """The model knows no limits: what it leaves out is a value beyond them and a target that is not known."""
    holds = {getattr(kernel, name) for name in dir(kernel) if name.startswith("H_")}
    assert holds - HOLDS.keys() == {kernel.H_VALUE_LIMIT, kernel.H_TARGET}
