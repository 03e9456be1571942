"""The queues of product 1 and 3 once more, slow and plain: fractions and dictionaries, straight from the text.

Nothing is shared with the analyzer: weights are fractions of V, money is in dollars, quantities in units.
"""

from dataclasses import dataclass, field, replace
from fractions import Fraction

from shared.contracts.codes import HoldingRole

Name = tuple[int, int]  # a position: security, sleeve
EXCLUDED = HoldingRole.EXCLUDED
DEFAULT_THRESHOLD, DEFAULT_FLOOR = Fraction(20, 100), Fraction(1, 200)  # product 1: 20 % of target; 0.50 points


@dataclass
class Aim:
    """Target of a position; shares of the whole. own: threshold of its own."""

    weight: Fraction
    own: Fraction | None = None
    can_trigger: bool = True


@dataclass(frozen=True)
class Master:
    """What the security master says of a security.  role None: by its kind."""

    kind: str = "STOCK"
    is_cash: bool = False
    role: HoldingRole | None = None
    factor: Fraction = Fraction(1)
    worthless: bool = False


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
    securities: dict[int, Master] = field(default_factory=dict)
    own_roles: dict[int, HoldingRole] = field(default_factory=dict)
    substitutes: dict[int, int] = field(default_factory=dict)


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
    hold = unvalued(book)
    if hold is not None:
        return Result("HELD", hold)
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


def unvalued(book: Book) -> str | None:
    """Why an account cannot be valued, None if it can."""
    # "A missing or stale price holds the account"; "of anything held or targeted"
    aims = book.aims if book.has_target else {}
    counted = {name: units for name, units in book.held.items() if units and role_of(book, name[0]) != EXCLUDED}
    needed = {name[0] for name in counted} | {n[0] for n, aim in aims.items() if aim.weight and managed(book, n)}
    for name in sorted(counted) + sorted(n for n in aims if n[0] in needed):
        # "a negative (short) quantity of a security that is not EXCLUDED"; face to four decimals
        units = counted.get(name, Fraction(0))
        if units < 0 or (units * master_of(book, name[0]).factor * 10**6) % 1:
            return "BAD_HOLDINGS"
        if book.stale:
            return "STALE_PRICE"
        if name[0] in needed and book.prices.get(name[0], Fraction(0)) <= 0:
            return "MISSING_PRICE"
    return None


def value_of(book: Book) -> Fraction:
    """V: "sum of position values + cash - set-aside cash"; what is EXCLUDED is not in it."""
    return sum((worth(book, name) for name in book.held), book.cash - book.set_aside)


def master_of(book: Book, security: int) -> Master:
    """What the master says of a security: nothing in particular, unless the book does."""
    return book.securities.get(security, Master())


def role_of(book: Book, security: int) -> HoldingRole:
    """How the account treats a security: "Set per account and security, or per security for all accounts"."""
    master = master_of(book, security)
    if master.worthless:
        return EXCLUDED
    said = book.own_roles.get(security, master.role)
    if said is None:
        # "Options, shorts and kinds we cannot trade are EXCLUDED by default"
        said = EXCLUDED if master.kind in ("OPTION", "OTHER") and not master.is_cash else HoldingRole.MANAGED
    return HoldingRole.CASH_EQUIVALENT if said is HoldingRole.MANAGED and master.is_cash else said


def managed(book: Book, name: Name) -> bool:
    """Whether a position is traded and can raise a flag."""
    return role_of(book, name[0]) is HoldingRole.MANAGED


def worth(book: Book, name: Name) -> Fraction:
    """Position value: "quantity x price x factor, one rounding", half away from zero to cents; of EXCLUDED nothing."""
    if role_of(book, name[0]) is EXCLUDED:
        return Fraction(0)
    units = book.held.get(name, Fraction(0)) * master_of(book, name[0]).factor
    return to_cents(units * book.prices.get(name[0], Fraction(0)))


def components(book: Book) -> dict[Name | None, tuple[Why, bool]]:
    """Weight, target and band of cash (None) and of everything held or targeted, and its can_trigger."""
    value = value_of(book)
    floor = book.floor if book.account_floor is None else book.account_floor
    threshold = book.threshold if book.account_threshold is None else book.account_threshold
    cash_threshold = book.cash_threshold if book.account_cash_threshold is None else book.account_cash_threshold
    # "Its value counts as cash in every rule"
    like_cash = {n for n in book.held.keys() | book.aims.keys() if role_of(book, n[0]) is HoldingRole.CASH_EQUIVALENT}
    cash = sum((worth(book, name) for name in like_cash), book.cash - book.set_aside)
    cash_target = sum((book.aims[n].weight for n in like_cash if n in book.aims), book.cash_target)
    half = max(cash_threshold * cash_target, floor)
    found: dict[Name | None, tuple[Why, bool]] = {}
    found[None] = around(cash / value, cash_target, half), book.cash_can_trigger
    aims, still = substituted(book, value)
    for name in book.held.keys() | aims.keys():
        if not managed(book, name) or name in still:
            continue  # LOCKED and EXCLUDED: no flag; what is replaced stands at its target
        aim = aims.get(name, Aim(Fraction(0)))
        half = max((threshold if aim.own is None else aim.own) * aim.weight, floor)
        if aim.weight == 0:
            half = Fraction(0)  # "A security with target 0 that is held has the band [0, 0]"
        found[name] = around(worth(book, name) / value, aim.weight, half), aim.can_trigger
    return found


def substituted(book: Book, value: Fraction) -> tuple[dict[Name, Aim], set[Name]]:
    """Targets after substitution, and what is replaced.

    "The replaced one's target becomes min(its target, its weight), the substitute gets the rest"; "a substitute without
    a price counts as absent", as does one that is not MANAGED.
    """
    aims, still = dict(book.aims), set()
    waiting = {old: new for old, new in book.substitutes.items()
               if book.prices.get(new, Fraction(0)) > 0 and managed(book, (new, 0))}  # fmt: skip
    while ready := sorted(waiting.keys() - set(waiting.values())):
        for old in ready:
            new = waiting.pop(old)
            for name in [name for name in aims if name[0] == old and managed(book, name)]:
                weight = worth(book, name) / value
                if aims[name].weight > weight:
                    twin = aims.get((new, name[1]), Aim(Fraction(0)))
                    aims[new, name[1]] = replace(twin, weight=twin.weight + aims[name].weight - weight)
                    aims[name] = replace(aims[name], weight=weight)
                    still.add(name)
    return aims, still


def around(weight: Fraction, target: Fraction, half: Fraction) -> Why:
    """A weight and its band: "edges clip to 0-100 %"."""
    return Why(weight, target, max(Fraction(0), target - half), min(Fraction(1), target + half))
