"""From books of the plain model to the arrays of the kernel, and from its result back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np

from services.analyzer.domain import kernel
from services.analyzer.domain.layout import (
    AIM,
    HOLDING,
    NONE,
    OFF_SETTINGS,
    OWN_ROLE,
    REASON,
    RESTRICTION,
    SETTINGS,
    Ints,
    Setting,
    Target,
    key_of,
    stack_targets,
)
from services.analyzer.domain.substitution import JUDGED
from shared.contracts.codes import FlagState, Tile
from shared.contracts.holding_roles import packed_roles
from shared.contracts.platform import SecurityChanged
from shared.fixed_point.limits import EDGE, PPB
from shared.fixed_point.records import Records, as_records, records
from tests.analyzer.model import Book, Master, Name, Result, Why

HOLDS = {
    kernel.H_NONE: "DATA_HOLD",
    kernel.H_MISSING_PRICE: "MISSING_PRICE",
    kernel.H_STALE_PRICE: "STALE_PRICE",
    kernel.H_VALUE_NOT_POSITIVE: "VALUE_NOT_POSITIVE",
    kernel.H_SHORT: "BAD_HOLDINGS",
    kernel.H_FACE: "BAD_HOLDINGS",
}
MOST_SHOWN = Fraction(999)


def scale(value: Fraction | int, unit: int) -> int:
    """Return value in units of 1/unit; it must be whole."""
    product = Fraction(value * unit)
    assert product.denominator == 1, f"{value} is finer than 1/{unit}"
    return product.numerator


def own(value: Fraction | None) -> int:
    """Return an optional share in ppb."""
    return NONE if value is None else scale(value, PPB)


def parted(weight: Fraction) -> tuple[int, int]:
    """Return a target rounded to ppb, halves up, and what it is more in 1e-18."""
    exact = scale(weight, EDGE)
    shown = (exact + PPB // 2) // PPB
    return shown, exact - shown * PPB


def target_of(book: Book) -> Target:
    """Return the target of a book."""
    cash, cash_rest = parted(book.cash_target)
    head = [cash, scale(book.cash_threshold, PPB), int(book.cash_can_trigger)]
    head += [scale(book.threshold, PPB), 40_000_000, scale(book.floor, PPB), cash_rest]
    rows = []
    for name, aim in book.aims.items():
        shown, rest = parted(aim.weight)
        rows.append((key_of(*name), shown, own(aim.own), NONE, int(aim.can_trigger), rest))
    return Target(np.array(head, np.int64), as_records(AIM, sorted(rows)))


def settings_of(book: Book) -> Ints:
    """Return the settings of a book."""
    row = OFF_SETTINGS.copy()
    row[Setting.REBALANCER_ON] = int(book.on)
    row[Setting.SET_ASIDE_CENTS] = scale(book.set_aside, 100)
    row[Setting.THRESHOLD_PPB] = own(book.account_threshold)
    row[Setting.CASH_THRESHOLD_PPB] = own(book.account_cash_threshold)
    row[Setting.FLOOR_PPB] = own(book.account_floor)
    return row


def packed_of(master: Master) -> int:
    """Return the packed roles of a security."""
    said: Any = {
        "kind": master.kind,
        "role": None if master.role is None else master.role.name,
        "cash_equivalent": master.is_cash,
        "worthless": master.worthless,
    }
    return packed_roles(SecurityChanged(security_id="S", version=1, name="S", **said))


def eligibility_of(book: Book) -> int:
    """Return what is known of a book before its numbers are looked at."""
    if book.data_hold:
        return kernel.G_HELD
    return kernel.G_SETTLING if book.settling else kernel.G_EVALUATE


def run(books: Sequence[Book], function: Callable[..., Any] = kernel.evaluate) -> tuple[Records, Ints, Records]:
    """Evaluate books of one price list, stale for all or for none, and return (results, reason_starts, reasons)."""
    count = len(books)
    stale = {book.stale for book in books}
    assert len(stale) <= 1
    prices = {number: price for book in books for number, price in book.prices.items()}
    micro = np.zeros(max(prices, default=0) + 1, np.int64)
    for number, price in prices.items():
        micro[number] = scale(price, 10**6)
    starts, rows = np.zeros(count + 1, np.int64), []
    for index, book in enumerate(books):
        rows += sorted((key_of(*name), scale(quantity, 10**6)) for name, quantity in book.held.items())
        starts[index + 1] = len(rows)
    heads, targets = stack_targets([target_of(book) for book in books])
    rules = [sorted(book.substitutes.items()) for book in books]
    room = len(rows) + len(targets.data) * (1 + max(map(len, rules), default=0))
    reasons = records(REASON, room + count)
    done = np.full(max(map(len, rules), default=0), 77, np.int64)
    found = kernel.Found(
        records(kernel.RESULT, count), np.zeros(count + 1, np.int64), reasons, records(JUDGED, room + 1), done
    )
    accounts = kernel.AccountChunk(
        as_records(kernel.SETTINGS, np.array([settings_of(book) for book in books], np.int64).reshape(-1, SETTINGS)),
        np.array([eligibility_of(book) for book in books], np.int64),
        np.array([scale(book.cash, 100) for book in books], np.int64),
        np.array([int(book.rebalanced) for book in books], np.int64),
        starts,
        as_records(HOLDING, rows),
        np.array([index if book.has_target else kernel.T_NONE for index, book in enumerate(books)], np.int64),
        np.cumsum([0, *(len(book.own_roles) for book in books)]),
        as_records(OWN_ROLE, [(name, int(role)) for book in books for name, role in sorted(book.own_roles.items())]),
        np.cumsum([0, *map(len, rules)]),
        as_records(RESTRICTION, [(old, 0, new) for own_rules in rules for old, new in own_rules]),
    )
    aims = kernel.Targets(as_records(kernel.HEAD, heads), targets.starts, targets.data)
    master = {number: master for book in books for number, master in book.securities.items()}
    size = max(master, default=-1) + 1
    ordinary = Master()
    roles = np.array([packed_of(master.get(number, ordinary)) for number in range(size)], np.int64)
    divisor = np.array([scale(1 / master.get(number, ordinary).factor, 1) for number in range(size)], np.int64)
    function(accounts, aims, kernel.SecurityTable(micro, roles, divisor), int(True in stale), found)
    return found.results, found.starts, reasons[: found.starts[-1]]


def results(books: Sequence[Book], function: Callable[..., Any] = kernel.evaluate) -> list[Result]:
    """Evaluate books with the kernel and return the results as the model names them."""
    out, starts, reasons = run(books, function)
    found = []
    for index, row in enumerate(out):
        state = FlagState(row.state)
        if state == FlagState.HELD:
            found.append(Result(state.name, HOLDS[int(row.hold)]))
            continue
        value = Fraction(max(0, int(row.value)), 100)
        tiles = {str(tile.name) for tile in Tile if row.tiles & tile}
        why = dict(_why(reason) for reason in reasons[starts[index] : starts[index + 1]].tolist())
        assert len(why) == starts[index + 1] - starts[index], "a component stands in the list once"
        found.append(Result(state.name, None, tiles, value, why))
    return found


def _why(reason: tuple[int, ...]) -> tuple[Name | None, Why]:
    key, weight, target, low, high = reason
    name = None if key == NONE else (key >> 32, key & (2**32 - 1))
    return name, Why(Fraction(weight, PPB), Fraction(target, PPB), Fraction(low, EDGE), Fraction(high, EDGE))


def as_shown(result: Result) -> Result:
    """Return a result of the model as it is shown.

    Weights and targets to 1e-9, halves away from zero, within +-999; edges to 1e-18, away from the target.
    """
    return replace(result, why={name: _as_shown(component) for name, component in result.why.items()})


def _as_shown(why: Why) -> Why:
    low, high = Fraction(floor(why.low * EDGE), EDGE), Fraction(ceil(why.high * EDGE), EDGE)
    return Why(_shown(why.weight), _shown(why.target), low, high)


def _shown(weight: Fraction) -> Fraction:
    ppb = int(abs(weight) * PPB + Fraction(1, 2))
    return min(MOST_SHOWN, Fraction(ppb, PPB)) * (1 if weight >= 0 else -1)


def result(book: Book) -> Result:
    """Evaluate one book."""
    return results([book])[0]
