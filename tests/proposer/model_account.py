"""The plain model's account: valued, with targets after substitution and bands, and its roundings.  See model.py."""

from fractions import Fraction as F
from math import ceil, floor

from shared.contracts.codes import Restriction
from tests.proposer.build import Account, Security

CENT = F(1, 100)
Place = tuple[str, str]  # security id, sleeve id


class Failed(Exception):
    """The account cannot be proposed; the text is the failure code."""


def to_cents(dollars: F) -> F:
    """Round to cents, halves away from zero."""
    cents = floor(abs(dollars) / CENT + F(1, 2)) * CENT
    return cents if dollars >= 0 else -cents


def up_to_cents(dollars: F) -> F:
    return ceil(dollars / CENT) * CENT


def down_to_cents(dollars: F) -> F:
    return floor(dollars / CENT) * CENT


def cut(units: F, step: F) -> F:
    """Cut towards zero to whole steps."""
    return floor(units / step) * step if units >= 0 else -floor(-units / step) * step


def grow(units: F, step: F) -> F:
    return ceil(units / step) * step


class Book:
    """An account valued, with targets after substitution and bands, and the state of the trades so far."""

    def __init__(self, given: Account) -> None:
        self.security: dict[str, Security] = {one.security_id: one for one in given.securities}
        self.price = {one.security_id: F(one.price_micro or 0, 10**6) for one in given.securities}
        self.step = {one.security_id: F(one.step_micro, 10**6) for one in given.securities}
        self.places = sorted((one.security_id, one.sleeve_id) for one in given.positions)
        rows = {(one.security_id, one.sleeve_id): one for one in given.positions}
        self.held = {place: F(rows[place].quantity_micro, 10**6) for place in self.places}
        self.target = {place: F(rows[place].target_ppb, 10**9) for place in self.places}
        self.begin = F(given.cash_cents - given.set_aside_cents, 100)
        self.cash = self.begin
        self.reserve = F(given.reserve_cents, 100)
        if given.do_not_trade:
            raise Failed("RESTRICTED")
        cash_target = F(given.cash_target_ppb, 10**9)
        if sum(self.target.values()) + cash_target == 0:
            if not given.liquidate:
                raise Failed("NO_TARGET")
            cash_target = F(1)
        if any((self.held[p] or self.target[p]) and not self.price[p[0]] for p in self.places):
            raise Failed("MISSING_PRICE")
        self.mv = {place: to_cents(self.held[place] * self.price[place[0]]) for place in self.places}
        self.value = sum(self.mv.values(), self.begin)
        if self.value <= 0:
            raise Failed("VALUE_NOT_POSITIVE")
        self.weight = {place: self.mv[place] / self.value for place in self.places}
        self.exits = {place for place in self.places if self.held[place] and not self.target[place]}
        self.still: set[Place] = set()
        self.substitute()
        floor_width = F(given.floor_ppb, 10**9)
        self.low, self.high, self.precise_low, self.precise_high = {}, {}, {}, {}
        for place in self.places:
            target, row = self.target[place], rows[place]
            half = max(target * F(row.threshold_ppb, 10**9), floor_width) if target else F(0)
            self.low[place], self.high[place] = max(F(0), target - half), min(F(1), target + half)
            half = target * F(row.precision_ppb, 10**9)
            self.precise_low[place], self.precise_high[place] = target - half, target + half
        half = max(cash_target * F(given.cash_threshold_ppb, 10**9), floor_width)
        self.cash_low = max(self.reserve, max(F(0), cash_target - half) * self.value)
        self.cash_high = max(self.reserve, min(F(1), cash_target + half) * self.value)
        self.cash_aim = max(self.reserve, cash_target * self.value)
        self.minimum = max(F(given.min_trade_cents, 100), F(given.min_trade_ppb, 10**9) * self.value)
        self.trade = dict.fromkeys(self.places, F(0))
        self.cross = dict.fromkeys(self.places, F(0))
        self.sell = dict.fromkeys(self.security, F(0))
        self.buy = dict.fromkeys(self.security, F(0))

    def substitute(self) -> None:
        """Each hands over once everything it is itself the substitute of has done so; a ring hands over nothing."""
        waiting = {name: one.substitute for name, one in self.security.items() if one.substitute is not None}
        while ready := sorted(waiting.keys() - set(waiting.values())):
            for old in ready:
                name = waiting.pop(old)
                for place in [p for p in self.places if p[0] == old and self.target[p] > self.weight[p]]:
                    self.target[name, place[1]] += self.target[place] - self.weight[place]
                    self.target[place] = self.weight[place]
                    self.exits.discard((name, place[1]))
                    self.still.add(place)

    def of(self, name: str) -> list[Place]:
        return [place for place in self.places if place[0] == name]

    def side(self, place: Place, low: F, high: F) -> int:
        if place in self.still:
            return 0
        return -1 if self.weight[place] < low else 1 if self.weight[place] > high else 0

    def units_at(self, place: Place, weight: F) -> F:
        return weight * self.value / self.price[place[0]]

    def now(self, place: Place) -> F:
        return self.held[place] + self.trade[place]

    def short(self, place: Place, weight: F) -> F:
        """Dollars to the weight; negative is an excess."""
        return weight * self.value - self.now(place) * self.price[place[0]]

    def barred(self, name: str, what: Restriction) -> bool:
        if what & Restriction.DO_NOT_BUY and self.security[name].substitute is not None:
            return True
        return bool(self.security[name].restriction & (what | Restriction.DO_NOT_TRADE))

    def worth(self, name: str, units: F) -> F:
        return to_cents(units * self.price[name])

    def change(self, name: str, before: F, more: F) -> F:
        """What `more` units add to the value of an order of `before` units."""
        return self.worth(name, before + more) - self.worth(name, before)

    def reaching(self, name: str, dollars: F, before: F) -> F:
        """Units to step that move cash by `dollars`: unrounded until cut, and enough after the order is rounded."""
        units = grow(dollars / self.price[name], self.step[name])
        if self.change(name, before, units) >= dollars:
            return units
        whole = grow((self.worth(name, before) + up_to_cents(dollars) - CENT / 2) / self.price[name], F(1, 10**6))
        return grow(whole - before, self.step[name])

    def within(self, name: str, dollars: F, before: F) -> F:
        """Most units to step that cost at most `dollars` after the order is rounded."""
        if dollars < CENT:
            return F(0)
        bound = (self.worth(name, before) + down_to_cents(dollars) + CENT / 2) / self.price[name]
        whole = grow(bound, F(1, 10**6)) - F(1, 10**6)
        return max(F(0), cut(whole - before, self.step[name]))

    def exit_sold(self, name: str) -> bool:
        return any(place in self.exits for place in self.of(name)) and not self.barred(name, Restriction.DO_NOT_TRADE)
