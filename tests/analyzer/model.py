"""The queues of product 1 and 3 once more, slow and plain: fractions and dictionaries, straight from the text.

Nothing is shared with the analyzer: weights are fractions of V, money is in dollars, quantities in units.
"""

from dataclasses import dataclass, field
from fractions import Fraction

Name = tuple[int, int]  # a position: security, sleeve
DEFAULT_THRESHOLD, DEFAULT_FLOOR = Fraction(20, 100), Fraction(1, 200)  # product 1: 20 % of target; 0.50 points


@dataclass
class Aim:
    """Target of a position; shares of the whole. own: threshold of its own."""

    weight: Fraction
    own: Fraction | None = None
    can_trigger: bool = True


@dataclass
class Book:
    """One account with its portfolio.  prices: what the price set has; stale: the set is too old.

    account_*: the account's own setting, which goes before the portfolio's; own of an Aim before both.
    """

    held: dict[Name, Fraction] = field(default_factory=dict)
    aims: dict[Name, Aim] = field(default_factory=dict)
    prices: dict[int, Fraction] = field(default_factory=dict)
    cash: Fraction = Fraction(0)
    set_aside: Fraction = Fraction(0)
    cash_target: Fraction = Fraction(0)
    cash_threshold: Fraction = DEFAULT_THRESHOLD
    cash_can_trigger: bool = True
    threshold: Fraction = DEFAULT_THRESHOLD
    floor: Fraction = DEFAULT_FLOOR
    rebalanced: bool = True
    on: bool = True
    data_hold: bool = False
    settling: bool = False
    has_target: bool = True
    stale: bool = False
    account_threshold: Fraction | None = None
    account_cash_threshold: Fraction | None = None
    account_floor: Fraction | None = None


@dataclass(frozen=True)
class Why:
    """Weight, target and band of a component, in shares of V."""

    weight: Fraction
    target: Fraction
    low: Fraction
    high: Fraction


@dataclass
class Result:
    """What the rules say. hold: None or the word for it; why: components in `triggering`, None is cash."""

    state: str
    hold: str | None = None
    tiles: set[str] = field(default_factory=set)
    value: Fraction = Fraction(0)
    why: dict[Name | None, Why] = field(default_factory=dict)

    @property
    def triggering(self) -> set[Name | None]:
        return set(self.why)


def to_cents(dollars: Fraction) -> Fraction:
    """Round to cents, halves away from zero."""
    cents = abs(dollars) * 100
    whole = cents.numerator // cents.denominator
    if cents - whole >= Fraction(1, 2):
        whole += 1
    return Fraction(whole, 100) if dollars >= 0 else -Fraction(whole, 100)


def evaluate(book: Book) -> Result:
    """Say of one account what product 3 says."""
    # "Only accounts whose rebalancer is on and which carry no data hold are evaluated."
    if not book.on:
        return Result("OFF")
    if book.data_hold:
        return Result("HELD", "DATA_HOLD")
    # "After approval an account is SETTLING: neither flagged nor proposable"
    if book.settling:
        return Result("SETTLING")
    # "A missing or stale price holds the account"; "of anything held or targeted"
    aims = book.aims if book.has_target else {}
    needed = {name[0] for name, units in book.held.items() if units} | {n[0] for n, aim in aims.items() if aim.weight}
    if needed and book.stale:
        return Result("HELD", "STALE_PRICE")
    if any(book.prices.get(security, Fraction(0)) <= 0 for security in needed):
        return Result("HELD", "MISSING_PRICE")
    value = value_of(book)
    if value <= 0:
        return Result("HELD", "VALUE_NOT_POSITIVE")
    # "We flag it NO_TARGET"; "is in no other queue"; without a target there is no band to be outside of
    if not book.has_target:
        return Result("NO_TARGET", value=value)
    # "An account's triggering list = components with can_trigger outside their threshold"; the edges are inside
    why = {
        name: component for name, (component, can_trigger) in components(book).items()
        if can_trigger and not component.low <= component.weight <= component.high
    }  # fmt: skip
    tiles = set()
    if not book.rebalanced:
        tiles.add("FIRST_REBALANCE")
    if None in why:  # only a component with can_trigger is in it
        tiles.add("HIGH_CASH" if why[None].weight > why[None].high else "LOW_CASH")
    # "cash in range AND a last-rebalanced date exists AND at least one position with can_trigger outside"
    if None not in why and book.rebalanced and why:
        tiles.add("POSITION_DRIFT")
    return Result("FLAGGED" if tiles else "CLEAR", None, tiles, value, why)


def value_of(book: Book) -> Fraction:
    """V: "sum of position values + cash - set-aside cash"."""
    return sum((worth(book, name) for name in book.held), book.cash - book.set_aside)


def worth(book: Book, name: Name) -> Fraction:
    """Position value: "quantity x price, rounded half away from zero to cents"."""
    return to_cents(book.held.get(name, Fraction(0)) * book.prices.get(name[0], Fraction(0)))


def components(book: Book) -> dict[Name | None, tuple[Why, bool]]:
    """Weight, target and band of cash (None) and of everything held or targeted, and its can_trigger."""
    value = value_of(book)
    floor = book.floor if book.account_floor is None else book.account_floor
    threshold = book.threshold if book.account_threshold is None else book.account_threshold
    cash_threshold = book.cash_threshold if book.account_cash_threshold is None else book.account_cash_threshold
    half = max(cash_threshold * book.cash_target, floor)
    found: dict[Name | None, tuple[Why, bool]] = {}
    found[None] = around((book.cash - book.set_aside) / value, book.cash_target, half), book.cash_can_trigger
    for name in book.held.keys() | book.aims.keys():
        aim = book.aims.get(name, Aim(Fraction(0)))
        half = max((threshold if aim.own is None else aim.own) * aim.weight, floor)
        if aim.weight == 0:
            half = Fraction(0)  # "A security with target 0 that is held has the band [0, 0]"
        found[name] = around(worth(book, name) / value, aim.weight, half), aim.can_trigger
    return found


def around(weight: Fraction, target: Fraction, half: Fraction) -> Why:
    """A weight and its band: "edges clip to 0-100 %"."""
    return Why(weight, target, max(Fraction(0), target - half), min(Fraction(1), target + half))
