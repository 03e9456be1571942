"""Generated accounts for the evaluation: seeded, around the edges of bands, in every state an account can be in."""

import random
from dataclasses import replace
from fractions import Fraction as F

from shared.contracts.codes import HoldingRole
from tests.analyzer.model import Aim, Book, Master

CASH = Master("FUND", is_cash=True)


def generated(seed: int, count: int) -> list[Book]:
    """Return accounts of one price list: weights in tenths of a percent, values some way around their target."""
    dice = random.Random(seed)
    prices = {number: F(dice.randrange(1, 500_000_000), 10**6) for number in range(8)}
    books = []
    for _ in range(count):
        names = dice.sample([(security, sleeve) for security in range(8) for sleeve in range(2)], dice.randrange(0, 7))
        cuts = sorted(dice.randrange(0, 1001) for _ in range(len(names)))
        weights = [F(high - low, 1000) for low, high in zip([0, *cuts], [*cuts, 1000], strict=False)]
        aims = {
            name: Aim(weight, dice.choice([None, F(dice.randrange(0, 300), 1000)]), dice.random() < 0.9)
            for name, weight in zip(names, weights, strict=False)
        }
        cash_target = 1 - sum((aim.weight for aim in aims.values()), F(0))
        held = {name: _near(dice, aim.weight, prices[name[0]]) for name, aim in aims.items() if dice.random() < 0.9}
        if dice.random() < 0.3:
            held[dice.randrange(8), 5] = F(dice.randrange(0, 10**7), 10**6)
        books.append(
            Book(
                held, aims, prices, F(round(float(cash_target) * dice.choice([90, 100, 110, 120]) * 1000), 100),
                F(dice.choice([0, 0, 0, 12345]), 100), cash_target, F(dice.randrange(0, 400), 1000),
                dice.random() < 0.9, F(dice.randrange(0, 400), 1000), F(dice.randrange(0, 20), 1000),
                dice.random() < 0.8,
            )
        )  # fmt: skip
        _state(dice, books[-1])
        if dice.random() < 0.02:
            books[-1].prices = {**prices, dice.randrange(8): F(0)}
    return books


def edges(seed: int, count: int) -> list[Book]:
    """Return accounts worth exactly 100 or 1,000 dollars, or a cent beside: weights stand on edges all the time.

    The last position takes what the others and cash leave of the value.
    """
    dice = random.Random(seed)
    prices = {0: F(1), 1: F(2), 2: F(4), 3: F(5)}
    keys = [(security, sleeve) for security in prices for sleeve in range(2)]
    books = []
    for _ in range(count):
        book = Book(
            prices=prices, cash_threshold=dice.choice(_RELATIVE), cash_can_trigger=dice.random() < 0.9,
            threshold=dice.choice(_RELATIVE), floor=dice.choice(_FLOORS), rebalanced=dice.random() < 0.8,
        )  # fmt: skip
        value, left, free = dice.choice([100, 100, 1000]), 100, F(1)
        names = dice.sample(keys, dice.randint(0, 5))
        for name in names:
            percent = min(left, dice.choice([0, 1, 2, 5, 10, 20, 25, left]))
            book.aims[name] = Aim(F(percent, 100), dice.choice([None, None, *_RELATIVE]), dice.random() < 0.9)
            left -= percent
        book.cash_target = F(left, 100)
        _state(dice, book)
        floor = book.floor if book.account_floor is None else book.account_floor
        threshold = book.threshold if book.account_threshold is None else book.account_threshold
        cash = book.cash_threshold if book.account_cash_threshold is None else book.account_cash_threshold
        cash = _around(dice, book.cash_target, cash, floor) if names else free
        free -= cash
        for name in names:
            aim = book.aims[name]
            weight = _around(dice, aim.weight, threshold if aim.own is None else aim.own, floor)
            weight = max(F(0), free) if name == names[-1] else min(weight, max(F(0), free))
            book.held[name] = weight * value / prices[name[0]]
            free -= weight
        if dice.random() < 0.2:
            book.held[dice.randrange(4), 5] = F(dice.choice([0, 0, 1]))
        book.set_aside = F(dice.choice([0, 0, 0, 3]))
        book.cash = cash * value + book.set_aside + dice.choice([F(0)] * 15 + [F(1, 100), F(-1, 100), F(-2 * value)])
        books.append(book)
    return books


def finer(books: list[Book], seed: int) -> list[Book]:
    """Return the books with targets of up to 18 decimals: as much more of one component as there is less of another."""
    dice = random.Random(seed)
    for book in books:
        names = [name for name, aim in book.aims.items() if aim.weight]
        for name in names:
            other = dice.choice([*names, None])
            most = book.cash_target if other is None else book.aims[other].weight
            if other == name or most == 0:
                continue
            more = F(dice.choice([dice.randrange(1, 10**18), 111_111_111, 1]), 10**18) * most / dice.choice([1, 10**9])
            more = F(int(more * 10**18), 10**18)
            book.aims[name] = replace(book.aims[name], weight=book.aims[name].weight + more)
            if other is None:
                book.cash_target -= more
            else:
                book.aims[other] = replace(book.aims[other], weight=book.aims[other].weight - more)
    return books


_RELATIVE = (F(0), F(1, 10), F(1, 5), F(2))
_FLOORS = (F(0), F(1, 200), F(1, 100))


def _around(dice: random.Random, target: F, threshold: F, floor: F) -> F:
    """Return a weight: mostly the target or exactly an edge of its band."""
    half = max(threshold * target, floor)
    return max(F(0), target + dice.choice([F(0), F(0), half, -half, half, -half, 2 * half, F(1, 20)]))


def with_roles(seed: int, count: int) -> list[Book]:
    """Return generated accounts in which four securities are no ordinary ones and accounts say roles of their own."""
    dice = random.Random(seed)
    securities = {4: CASH, 5: Master(role=HoldingRole.LOCKED), 6: Master("BOND", factor=F(1, 100)), 7: Master("OPTION")}
    books = generated(seed, count)
    for book in books:
        book.securities = securities
        for security in dice.sample(range(8), dice.randint(0, 3)):
            book.own_roles[security] = dice.choice([HoldingRole.MANAGED, HoldingRole.LOCKED, HoldingRole.EXCLUDED])
        for name, units in book.held.items():
            if name[0] == 6 and dice.random() < 0.95:
                book.held[name] = F(int(units * 10**4), 10**4)  # face to four decimals
            if name[0] == 7 and dice.random() < 0.5:
                book.held[name] = -units
    return books


def with_substitutes(books: list[Book], seed: int) -> list[Book]:
    """Return the books with one to three substitutes each, chains and rings among them."""
    dice = random.Random(seed)
    for book in books:
        names = sorted(book.prices)
        for _ in range(dice.choice([1, 1, 2, 3])):
            old, new = dice.sample(names, 2)
            book.substitutes[old] = new
    return books


def _state(dice: random.Random, book: Book) -> None:
    """Now and then: off, held, settling, without target, with settings of its own."""
    if dice.random() < 0.3:
        book.account_threshold = dice.choice([None, F(0), F(1, 4)])
        book.account_cash_threshold = dice.choice([None, F(0), F(1, 4)])
        book.account_floor = dice.choice([None, F(0), F(1, 100)])
    book.on, book.has_target = dice.random() >= 0.03, dice.random() >= 0.03
    book.data_hold, book.settling = dice.random() < 0.03, dice.random() < 0.03


def _near(dice: random.Random, weight: F, price: F) -> F:
    """Return a quantity worth about the weight of 1,000 dollars, some way around it."""
    return F(round(float(weight * 1000 / price) * dice.choice([0.75, 0.8, 0.95, 1, 1.05, 1.2, 1.25]) * 10**6), 10**6)
