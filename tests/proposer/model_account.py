"""The plain model's account: valued, with targets after substitution and bands, and its roundings.  See model.py."""

from fractions import Fraction as F
from math import ceil, floor

from shared.contracts.codes import Restriction
from tests.proposer.builders import Account, Security

CENT = F(1, 100)
PositionKey = tuple[str, str]  # security id, sleeve id


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


def _exact(target_ppb: int, rest: int | None) -> F:
    """The exact product of weights, which is not rounded before it decides."""
    return F(target_ppb, 10**9) + F(rest or 0, 10**18)


class Book:
    """An account valued, with targets after substitution and bands, and the state of the trades so far."""

    def __init__(self, given: Account) -> None:
        self.security: dict[str, Security] = {security.security_id: security for security in given.securities}
        self.price = {security.security_id: F(security.price_micro or 0, 10**6) for security in given.securities}
        self.step = {security.security_id: F(security.step_micro, 10**6) for security in given.securities}
        self.positions = sorted((position.security_id, position.sleeve_id) for position in given.positions)
        rows = {(position.security_id, position.sleeve_id): position for position in given.positions}
        self.held = {position: F(rows[position].quantity_micro, 10**6) for position in self.positions}
        self.target = {
            position: _exact(rows[position].target_ppb, rows[position].target_rest) for position in self.positions
        }
        self.begin = F(given.cash_cents - given.set_aside_cents, 100)
        self.cash = self.begin
        self.reserve = F(given.reserve_cents, 100)
        cash_target = _exact(given.cash_target_ppb, given.cash_target_rest)
        if any((self.held[p] or self.target[p]) and not self.price[p[0]] for p in self.positions):
            raise Failed("MISSING_PRICE")
        self.mv = {position: to_cents(self.held[position] * self.price[position[0]]) for position in self.positions}
        self.value = sum(self.mv.values(), self.begin)
        if self.value <= 0:
            raise Failed("VALUE_NOT_POSITIVE")
        if sum(self.target.values()) + cash_target == 0:
            if not given.liquidate:
                raise Failed("NO_TARGET")
            cash_target = F(1)
        if given.do_not_trade:
            raise Failed("RESTRICTED")
        self.weight = {position: self.mv[position] / self.value for position in self.positions}
        self.exits = {position for position in self.positions if self.held[position] and not self.target[position]}
        self.still: set[PositionKey] = set()
        self.substitute()
        floor_width = F(given.floor_ppb, 10**9)
        self.low, self.high, self.precise_low, self.precise_high = {}, {}, {}, {}
        for position in self.positions:
            target, row = self.target[position], rows[position]
            half = max(target * F(row.threshold_ppb, 10**9), floor_width) if target else F(0)
            self.low[position], self.high[position] = max(F(0), target - half), min(F(1), target + half)
            half = target * F(row.precision_ppb, 10**9)
            self.precise_low[position], self.precise_high[position] = target - half, target + half
        half = max(cash_target * F(given.cash_threshold_ppb, 10**9), floor_width)
        self.cash_low = max(self.reserve, max(F(0), cash_target - half) * self.value)
        self.cash_high = max(self.reserve, min(F(1), cash_target + half) * self.value)
        self.cash_aim = max(self.reserve, cash_target * self.value)
        # What rounds to $0.00 is no trade: half a cent is the least.
        self.minimum = max(F(1, 200), F(given.min_trade_cents, 100), F(given.min_trade_ppb, 10**9) * self.value)
        self.trade = dict.fromkeys(self.positions, F(0))
        self.cross = dict.fromkeys(self.positions, F(0))
        self.sell = dict.fromkeys(self.security, F(0))
        self.buy = dict.fromkeys(self.security, F(0))

    def substitute(self) -> None:
        """Each hands over once everything it is itself the substitute of has done so; a ring hands over nothing."""
        waiting = {
            name: security.substitute for name, security in self.security.items() if security.substitute is not None
        }
        while ready := sorted(waiting.keys() - set(waiting.values())):
            for old in ready:
                name = waiting.pop(old)
                for position in [p for p in self.positions if p[0] == old and self.target[p] > self.weight[p]]:
                    self.target[name, position[1]] += self.target[position] - self.weight[position]
                    self.target[position] = self.weight[position]
                    self.exits.discard((name, position[1]))
                    self.still.add(position)

    def of(self, name: str) -> list[PositionKey]:
        return [position for position in self.positions if position[0] == name]

    def side(self, position: PositionKey, low: F, high: F) -> int:
        if position in self.still:
            return 0
        return -1 if self.weight[position] < low else 1 if self.weight[position] > high else 0

    def units_at(self, position: PositionKey, weight: F) -> F:
        return weight * self.value / self.price[position[0]]

    def now(self, position: PositionKey) -> F:
        return self.held[position] + self.trade[position]

    def short(self, position: PositionKey, weight: F) -> F:
        """Dollars to the weight; negative is an excess."""
        return weight * self.value - self.now(position) * self.price[position[0]]

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
        worth = self.worth(name, before) + up_to_cents(dollars)
        if worth <= 0:  # of a sell that is taken back: what is left of it is to be worth no more
            return grow(-before - self.most_worth(name, -worth), self.step[name])
        whole = grow((worth - CENT / 2) / self.price[name], F(1, 10**6))
        return grow(whole - before, self.step[name])

    def within(self, name: str, dollars: F, before: F) -> F:
        """Most units to step that cost at most `dollars` after the order is rounded."""
        if dollars < CENT:
            return F(0)
        whole = self.most_worth(name, self.worth(name, before) + down_to_cents(dollars))
        return max(F(0), cut(whole - before, self.step[name]))

    def most_worth(self, name: str, dollars: F) -> F:
        """Most millionths whose value rounds to at most so much."""
        return grow((dollars + CENT / 2) / self.price[name], F(1, 10**6)) - F(1, 10**6)

    def exit_sold(self, name: str) -> bool:
        return any(position in self.exits for position in self.of(name)) and not self.barred(
            name, Restriction.DO_NOT_TRADE
        )
