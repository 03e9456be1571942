"""The slow, plain model of an evaluation: fractions and dictionaries, straight from the rules, no cleverness."""

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass
class Aim:
    """Target of a position; shares of the whole. own: threshold of its own."""

    weight: Fraction
    own: Fraction | None = None
    can_trigger: bool = True


@dataclass
class Book:
    """One account with target. Positions are named (security, sleeve); prices and quantities are exact."""

    held: dict[tuple[int, int], Fraction] = field(default_factory=dict)
    aims: dict[tuple[int, int], Aim] = field(default_factory=dict)
    prices: dict[int, Fraction] = field(default_factory=dict)
    cash: Fraction = Fraction(0)
    set_aside: Fraction = Fraction(0)
    cash_target: Fraction = Fraction(0)
    cash_threshold: Fraction = Fraction(1, 5)
    cash_can_trigger: bool = True
    threshold: Fraction = Fraction(1, 5)
    floor: Fraction = Fraction(1, 200)
    rebalanced: bool = True


@dataclass
class Answer:
    """What the rules say. hold: None or the word for it."""

    hold: str | None
    tiles: set[str] = field(default_factory=set)
    value: Fraction = Fraction(0)
    triggering: set[tuple[int, int] | None] = field(default_factory=set)


def to_cents(value: Fraction) -> Fraction:
    """Round to cents, halves away from zero."""
    cents = abs(value) * 100
    whole = cents.numerator // cents.denominator
    if cents - whole >= Fraction(1, 2):
        whole += 1
    return Fraction(whole, 100) * (1 if value >= 0 else -1)


def evaluate(book: Book) -> Answer:
    """Apply product 1 and 3 to one account."""
    needed = {security for (security, _), quantity in book.held.items() if quantity != 0}
    needed |= {security for (security, _), aim in book.aims.items() if aim.weight != 0}
    if any(book.prices.get(security, Fraction(0)) <= 0 for security in needed):
        return Answer("MISSING_PRICE")
    values = {name: to_cents(quantity * book.prices.get(name[0], Fraction(0))) for name, quantity in book.held.items()}
    available = book.cash - book.set_aside
    total = sum(values.values(), Fraction(0)) + available
    if total <= 0:
        return Answer("VALUE_NOT_POSITIVE")
    triggering: set[tuple[int, int] | None] = set()
    tiles = set() if book.rebalanced else {"FIRST_REBALANCE"}
    half = max(book.cash_threshold * book.cash_target, book.floor)
    low, high = max(Fraction(0), book.cash_target - half), min(Fraction(1), book.cash_target + half)
    if book.cash_can_trigger and not low <= available / total <= high:
        tiles.add("HIGH_CASH" if available / total > high else "LOW_CASH")
        triggering.add(None)
    for name in book.held.keys() | book.aims.keys():
        aim = book.aims.get(name, Aim(Fraction(0)))
        weight = values.get(name, Fraction(0)) / total
        half = max((book.threshold if aim.own is None else aim.own) * aim.weight, book.floor)
        low, high = max(Fraction(0), aim.weight - half), min(Fraction(1), aim.weight + half)
        if aim.weight == 0:
            low = high = Fraction(0)
        if aim.can_trigger and not low <= weight <= high:
            triggering.add(name)
    if book.rebalanced and not tiles and triggering - {None}:
        tiles.add("POSITION_DRIFT")
    return Answer(None, tiles, total, triggering)
