"""From books of the plain model to the arrays of the kernel, and from its answer back."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from services.analyzer.domain import kernel
from services.analyzer.domain.layout import (
    NONE,
    OFF_SETTINGS,
    TARGET_ROW,
    Ints,
    Setting,
    Target,
    key_of,
    stack_targets,
)
from shared.contracts.chunks import FlagState, Tile
from tests.analyzer.model import Answer, Book

HOLDS = {kernel.H_MISSING_PRICE: "MISSING_PRICE", kernel.H_VALUE_NOT_POSITIVE: "VALUE_NOT_POSITIVE"}


def scale(value: Fraction, unit: int) -> int:
    """Return value in units of 1/unit; it must be whole."""
    product = value * unit
    assert product.denominator == 1, f"{value} is finer than 1/{unit}"
    return product.numerator


def target_of(book: Book) -> Target:
    """Return the target of a book."""
    head = [scale(book.cash_target, 10**9), scale(book.cash_threshold, 10**9), int(book.cash_can_trigger)]
    head += [scale(book.threshold, 10**9), 40_000_000, scale(book.floor, 10**9)]
    rows = [
        (
            key_of(*name),
            scale(aim.weight, 10**9),
            NONE if aim.own is None else scale(aim.own, 10**9),
            NONE,
            int(aim.can_trigger),
        )
        for name, aim in book.aims.items()
    ]
    return Target(np.array(head, np.int64), np.array(sorted(rows), np.int64).reshape(-1, TARGET_ROW))


def run(books: Sequence[Book], function: Callable[..., Any] = kernel.evaluate) -> tuple[Ints, Ints, Ints]:
    """Evaluate books of one price list and return (out, reason_starts, reasons)."""
    count = len(books)
    settings = np.tile(OFF_SETTINGS, (count, 1))
    settings[:, Setting.REBALANCER_ON] = 1
    settings[:, Setting.SET_ASIDE_CENTS] = [scale(book.set_aside, 100) for book in books]
    prices = {number: price for book in books for number, price in book.prices.items()}
    micro = np.zeros(max(prices, default=0) + 1, np.int64)
    for number, price in prices.items():
        micro[number] = scale(price, 10**6)
    starts, rows = np.zeros(count + 1, np.int64), []
    for index, book in enumerate(books):
        rows += sorted((key_of(*name), scale(quantity, 10**6)) for name, quantity in book.held.items())
        starts[index + 1] = len(rows)
    heads, targets = stack_targets([target_of(book) for book in books])
    out, reason_starts = np.empty((count, kernel.COLUMNS), np.int64), np.zeros(count + 1, np.int64)
    reasons = np.zeros((len(rows) + len(targets.data) + count, kernel.REASON), np.int64)
    function(
        settings,
        np.zeros(count, np.int64),
        np.array([scale(book.cash, 100) for book in books], np.int64),
        np.array([int(book.rebalanced) for book in books], np.int64),
        starts,
        np.array(rows, np.int64).reshape(-1, 2),
        np.arange(count),
        heads,
        targets.starts,
        targets.data,
        micro,
        0,
        out,
        reason_starts,
        reasons,
    )
    return out, reason_starts, reasons[: reason_starts[-1]]


def answers(books: Sequence[Book], function: Callable[..., Any] = kernel.evaluate) -> list[Answer]:
    """Evaluate books and return the answers in the words of the model."""
    out, starts, reasons = run(books, function)
    found = []
    for index in range(len(books)):
        row = out[index]
        if row[kernel.STATE] == FlagState.HELD:
            found.append(Answer(HOLDS[int(row[kernel.HOLD])]))
            continue
        keys = [int(key) for key in reasons[starts[index] : starts[index + 1], 0]]
        triggering = {None if key == NONE else (key >> 32, key & (2**32 - 1)) for key in keys}
        tiles = {str(tile.name) for tile in Tile if int(row[kernel.TILES]) & tile}
        found.append(Answer(None, tiles, Fraction(int(row[kernel.VALUE]), 100), triggering))
    return found


def answer(book: Book) -> Answer:
    """Evaluate one book."""
    return answers([book])[0]
