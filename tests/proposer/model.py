"""The rules of product 4 once more, slow and plain: fractions, dictionaries, no kernels, no arrays, nothing shared.

Weights are fractions of V, money is in dollars, units in units; only orders are rounded, to cents.  It returns
failure code, sleeve trades, crossed units and ending cash, to be compared with what the proposer says.
"""

from dataclasses import dataclass, field
from fractions import Fraction as F

from shared.contracts.codes import Logic, Restriction
from tests.proposer.builders import Account
from tests.proposer.model_account import CENT, Book, Failed, PositionKey, cut, down_to_cents, grow


@dataclass
class Result:
    failure: str | None
    trades: dict[PositionKey, F] = field(default_factory=dict)
    crossed: dict[PositionKey, F] = field(default_factory=dict)
    cash: F = F(0)


def propose(given: Account, logic: Logic) -> Result:
    """Return what the logic trades for the account."""
    try:
        book = Book(given)
    except Failed as failed:
        return Result(str(failed))
    if logic == Logic.BEST_FIT:
        best_fit(book)
    else:
        min_transaction(book)
    if book.cash < book.reserve:
        return Result("CASH_SHORTFALL")
    trades = {position: units for position, units in book.trade.items() if units}
    return Result(None, trades, {position: units for position, units in book.cross.items() if units}, book.cash)


@dataclass
class Netted:
    """What netting found: crossed units, planned market sells, most market buys, and their dollar shortfalls."""

    want: dict[PositionKey, F]
    crossed: dict[str, F]
    plan: dict[str, F]
    full: dict[str, F]
    shortfall: dict[str, F]


def net(book: Book, want: dict[PositionKey, F], aimed: dict[PositionKey, F]) -> Netted:
    out = Netted(want, {}, {}, {}, {})
    for name in book.security:
        if book.barred(name, Restriction(0)):
            for position in book.of(name):
                want[position] = F(0)
        buys = sum((want[p] for p in book.of(name) if want[p] > 0), F(0))
        sells = -sum((want[p] for p in book.of(name) if want[p] < 0), F(0))
        out.crossed[name] = min(buys, sells)
        out.plan[name] = F(0) if book.barred(name, Restriction.DO_NOT_SELL) else max(F(0), sells - buys)
        full = cut(max(F(0), buys - sells), book.step[name])
        if full and not book.barred(name, Restriction.DO_NOT_BUY):
            out.full[name] = full
            missing = sum((book.short(p, aimed[p]) for p in book.of(name) if want[p] > 0), F(0))
            out.shortfall[name] = max(F(0), missing - out.crossed[name] * book.price[name])
    return out


def apportion(wants: dict[PositionKey, F], total: F, step: F) -> dict[PositionKey, F]:
    """Cut wants (all positive) to `total` pro rata: whole steps by largest remainder, ties by sleeve id."""
    whole = sum(wants.values(), F(0))
    if total == whole:
        return dict(wants)
    exact = {position: total * units / whole for position, units in wants.items()}
    given = {position: cut(exact[position], step) for position in wants}
    order = sorted(wants, key=lambda position: (-(exact[position] - given[position]), position))
    left = total - sum(given.values(), F(0))
    while left > 0:
        for position in order:
            more = min(step, left, wants[position] - given[position])
            given[position] += more
            left -= more
    return given


def settle(book: Book, want: dict[PositionKey, F], name: str, sign: int, total: F, crossed: F) -> None:
    mine = {position: abs(want[position]) for position in book.of(name) if want[position] * sign > 0}
    if not mine:
        return
    given = apportion(mine, total, book.step[name])
    moved = {position: units for position, units in given.items() if units}
    across: dict[PositionKey, F] = {}
    if sign > 0:  # by sleeve id, each up to its buy
        for position in sorted(moved):
            across[position] = min(moved[position], crossed - sum(across.values(), F(0)))
    elif crossed:
        across = apportion(moved, crossed, book.step[name])
    for position, units in given.items():
        book.trade[position] = sign * units
        book.cross[position] = sign * across.get(position, F(0))


def share(book: Book, full: dict[str, F], shortfall: dict[str, F], base: dict[str, F], budget: F) -> dict[str, F]:
    """Each its full count, or by dollar shortfall where `budget` is short."""
    cost = {n: book.worth(n, base[n] + full[n]) - book.worth(n, base[n]) for n in full}
    if sum(cost.values()) <= budget:
        return dict(full)
    got, spent, whole = {}, F(0), sum(shortfall.values(), F(0))
    for name in sorted(full):
        units = F(0)
        if budget > 0 and whole:
            units = min(full[name], cut(budget * shortfall[name] / whole / book.price[name], book.step[name]))
            if spent + book.worth(name, base[name] + units) - book.worth(name, base[name]) > budget:
                units = min(units, cut((down_to_cents(budget) - spent) / book.price[name], book.step[name]))
        got[name] = units
        spent += book.worth(name, base[name] + units) - book.worth(name, base[name])
    return got


def makeable(book: Book, full: dict[str, F], brings: dict[str, F], cash: F) -> dict[str, F]:
    """Without the buys below the minimum size, and those of which neither cash nor sells of others can pay a step."""
    large = {name: units for name, units in full.items() if book.worth(name, units) >= book.minimum}
    step = {name: max(CENT, book.worth(name, book.step[name])) for name in full}
    most = down_to_cents(cash) + sum(brings.values())
    paid = {name: units for name, units in large.items() if step[name] <= most - brings[name]}
    most -= sum(brings[name] for name in paid)
    return {name: units for name, units in paid.items() if step[name] <= most}


def pays(book: Book, side: dict[PositionKey, int], position: PositionKey) -> bool:
    """Whether the position may be sold to pay for buys: no replaced one."""
    if book.security[position[0]].substitute is not None or not book.now(position):
        return False
    return book.trade[position] < 0 or (side[position] == 0 and book.trade[position] == 0)


def brought(book: Book, side: dict[PositionKey, int], want: dict[PositionKey, F], netted: Netted) -> dict[str, F]:
    """What planned sells, and all that may be sold to pay for buys down to the lower edges, bring by security."""
    brings = dict.fromkeys(book.security, F(0))
    for name in book.security:
        crossed, units = netted.crossed[name], netted.plan[name]
        settle(book, want, name, -1, crossed + units, crossed)
        for position in book.of(name):
            if pays(book, side, position) and not book.barred(name, Restriction.DO_NOT_SELL):
                room = book.now(position) - book.units_at(position, book.low[position])
                units += cut(max(F(0), room), book.step[name])
        if book.exit_sold(name) or book.worth(name, units) >= book.minimum:
            brings[name] = book.worth(name, units)
    return brings


def undersized(book: Book, name: str, units: F) -> bool:
    """Whether an order is too small; below 0 it is what is left of a sell."""
    if units <= 0 and (units == 0 or book.exit_sold(name)):
        return False
    return book.worth(name, abs(units)) < book.minimum


def single_units(
    book: Book,
    full: dict[str, F],
    shortfall: dict[str, F],
    base: dict[str, F],
    got: dict[str, F],
    limits: tuple[F, F],
    is_placing: bool = False,
) -> None:
    """Largest remaining shortfall first, a step at a time, a fraction at once; enlarged where cash is placed."""
    least, stop = limits
    while book.cash > max(least, stop):
        found = []
        for name in sorted(full):
            remaining = shortfall[name] - got[name] * book.price[name]
            units = book.step[name]
            if units == F(1, 10**6):
                units = min(full[name] - got[name], cut(down_to_cents(book.cash - least) / book.price[name], units))
                if is_placing:
                    units = min(units, book.reaching(name, book.cash - stop, base[name] + got[name]))
            if is_placing and undersized(book, name, base[name] + got[name] + units):
                whole = book.reaching(name, book.minimum, F(0)) if base[name] + got[name] + units > 0 else F(0)
                units = whole - base[name] - got[name]
            cost = book.worth(name, base[name] + got[name] + units) - book.worth(name, base[name] + got[name])
            fits = 0 < units <= full[name] - got[name] and units * book.price[name] <= remaining
            if fits and cost <= book.cash - least and not undersized(book, name, base[name] + got[name] + units):
                found.append((-remaining, name, units, cost))
        if not found:
            return
        _, name, units, cost = min(found)
        got[name] += units
        book.cash -= cost


def best_fit(book: Book) -> None:
    want = dict.fromkeys(book.positions, F(0))
    side = {p: book.side(p, book.precise_low[p], book.precise_high[p]) for p in book.positions}
    for position in book.positions:
        if position in book.exits:
            want[position] = -book.held[position]
        elif side[position]:
            want[position] = cut(
                book.units_at(position, book.target[position]) - book.held[position], book.step[position[0]]
            )
    netted = net(book, want, book.target)
    zero = dict.fromkeys(book.security, F(0))
    sells = {n: book.worth(n, units) for n, units in netted.plan.items()}
    sells = {n: worth if book.exit_sold(n) or worth >= book.minimum else F(0) for n, worth in sells.items()}
    open_to = makeable(book, netted.full, sells, book.begin - book.cash_aim)
    while True:
        book.cash = book.begin + sum(book.worth(n, units) for n, units in netted.plan.items())
        wanted = {n: netted.shortfall[n] for n in open_to}
        got = share(book, open_to, wanted, zero, book.cash - book.cash_aim)
        small = [n for n in book.security if undersized(book, n, netted.plan[n]) and not book.exit_sold(n)]
        poor = [n for n in got if undersized(book, n, got[n])]
        for name in small:
            netted.plan[name] = F(0)
        for name in poor:
            del open_to[name]
        if not small and not poor:
            break
    book.cash -= sum(book.worth(n, units) for n, units in got.items())
    got = zero | got
    single_units(book, open_to, netted.shortfall, zero, got, (book.cash_aim, book.cash_aim))
    for name in book.security:
        book.sell[name], book.buy[name] = netted.plan[name], got[name]
        crossed = netted.crossed[name]
        settle(book, want, name, -1, crossed + netted.plan[name], crossed)
        settle(book, want, name, 1, crossed + got[name], crossed)
    if book.cash > book.cash_high:
        place_cash_shared(book, side)
    elif book.cash < book.cash_low:
        raise_cash(book, book.positions, book.cash_aim, book.target, book.target)
        raise_cash(book, book.positions, book.reserve, book.low, book.target)


def place_cash_shared(book: Book, side: dict[PositionKey, int]) -> None:
    want = dict.fromkeys(book.positions, F(0))
    for position in book.positions:
        name = position[0]
        if side[position] or position in book.exits:
            continue
        if book.barred(name, Restriction.DO_NOT_BUY) and not book.sell[name]:
            continue
        if book.target[position]:
            gap = book.units_at(position, book.target[position]) - book.held[position]
            want[position] = max(F(0), cut(gap, book.step[name]))
    full = {n: units for n in book.security if (units := sum((want[p] for p in book.of(n)), F(0)))}
    shortfall = {n: sum((book.short(p, book.target[p]) for p in book.of(n) if want[p]), F(0)) for n in full}
    for name in full:
        if book.barred(name, Restriction.DO_NOT_BUY):  # no more than is taken back
            full[name] = min(full[name], cut(book.sell[name], book.step[name]))
    base = {name: book.buy[name] - book.sell[name] for name in book.security}
    open_to = {name: units for name, units in full.items() if units}
    while True:
        got = share(book, open_to, {n: shortfall[n] for n in open_to}, base, book.cash - book.cash_aim)
        poor = [n for n in got if got[n] and undersized(book, n, base[n] + got[n])]
        for name in poor:
            del open_to[name]
        if not poor:
            break
    book.cash -= sum(book.worth(n, base[n] + units) - book.worth(n, base[n]) for n, units in got.items())
    got = dict.fromkeys(book.security, F(0)) | got
    single_units(book, full, shortfall, base, got, (book.cash_low, book.cash_high), is_placing=True)
    for name in full:
        mine = {position: want[position] for position in book.of(name) if want[position]}
        placed = apportion(mine, got[name], book.step[name])
        book.trade |= {position: units for position, units in placed.items() if units}
        take_back(book, name, placed, got[name])


def take_back(book: Book, name: str, placed: dict[PositionKey, F], units: F) -> None:
    """What is placed in a security with a market sell comes from that sell first."""
    left, order = min(book.sell[name], units), book.buy[name] - book.sell[name] + units
    book.buy[name], book.sell[name] = max(F(0), order), max(F(0), -order)
    if not left:
        return
    sold = {position: -book.trade[position] for position in book.of(name) if book.trade[position] < 0}
    crossed = left - sum(book.cross[position] for position in sold)
    for position in sorted(placed):
        book.cross[position] = min(left, placed[position])
        left -= book.cross[position]
    book.cross |= {p: -crossing for p, crossing in apportion(sold, crossed, book.step[name]).items()}


def raise_cash(
    book: Book, takers: list[PositionKey], goal: F, limit: dict[PositionKey, F], aimed: dict[PositionKey, F]
) -> None:
    """Sell down to `limit`, largest excess over `aimed` first, as far as needed."""
    order = sorted(takers, key=lambda position: (book.short(position, aimed[position]), position))
    for position in order:
        name = position[0]
        if book.cash >= goal:
            return
        if book.barred(name, Restriction.DO_NOT_SELL) or book.buy[name] or book.trade[position] > 0:
            continue
        room = cut(max(F(0), book.now(position) - book.units_at(position, limit[position])), book.step[name])
        if not room:
            continue
        units = min(room, book.reaching(name, goal - book.cash, book.sell[name]))
        if undersized(book, name, book.sell[name] + units) and not book.exit_sold(name):
            units = max(units, book.reaching(name, book.minimum, F(0)) - book.sell[name])
            if units > room:
                continue
        book.cash += book.worth(name, book.sell[name] + units) - book.worth(name, book.sell[name])
        book.sell[name] += units
        book.trade[position] -= units


def place_cash(book: Book, takers: list[PositionKey], limit: dict[PositionKey, F]) -> None:
    """Buy up to `limit`, largest dollar room first, until cash is inside its band."""
    order = sorted(takers, key=lambda position: (-book.short(position, limit[position]), position))
    for position in order:
        name, step = position[0], book.step[position[0]]
        if book.cash <= book.cash_high:
            return
        if book.barred(name, Restriction.DO_NOT_BUY) or book.sell[name]:
            continue
        if book.trade[position] < 0 or not book.target[position]:
            continue
        room = cut(max(F(0), book.units_at(position, limit[position]) - book.now(position)), step)
        room = min(room, book.within(name, book.cash - book.cash_low, book.buy[name]))
        units = min(room, book.reaching(name, book.cash - book.cash_high, book.buy[name]))
        if units > 0 and undersized(book, name, book.buy[name] + units):
            units = max(units, book.reaching(name, book.minimum, F(0)) - book.buy[name])
        if units <= 0 or units > room:
            continue
        cost = book.worth(name, book.buy[name] + units) - book.worth(name, book.buy[name])
        book.cash -= cost
        book.buy[name] += units
        book.trade[position] += units


def to_edge(book: Book, position: PositionKey, side: int) -> F:
    """Count to the nearest edge, away from zero; where that crosses the band, the count nearest to target."""
    step, target = book.step[position[0]], book.units_at(position, book.target[position])
    low, high = book.units_at(position, book.low[position]), book.units_at(position, book.high[position])
    held = book.held[position]
    if side > 0:
        units = min(grow(held - high, step), cut(held, step))
        crosses = held - units < low
        if crosses and abs(held - units + step - target) <= abs(held - units - target):
            units -= step
        return -units
    units = grow(low - held, step)
    if held + units > high and abs(held + units - step - target) <= abs(held + units - target):
        units -= step
    return units


def min_transaction(book: Book) -> None:
    want = dict.fromkeys(book.positions, F(0))
    side = {p: book.side(p, book.low[p], book.high[p]) for p in book.positions}
    for position in book.positions:
        if position in book.exits:
            want[position] = -book.held[position]
        elif side[position]:
            want[position] = to_edge(book, position, side[position])
    fund_and_buy(book, side, want, net(book, want, book.low))
    planned = [position for position in book.positions if book.sell[position[0]] or book.buy[position[0]]]
    fresh = [position for position in book.positions if position not in planned]
    if book.cash > book.cash_high:
        for takers in (planned, fresh):
            place_cash(book, takers, book.target)
            place_cash(book, takers, book.high)
    elif book.cash < book.cash_low:
        for takers in (planned, fresh):
            raise_cash(book, takers, book.cash_low, book.target, book.target)
            raise_cash(book, takers, book.cash_low, book.low, book.low)


def fund_and_buy(book: Book, side: dict[PositionKey, int], want: dict[PositionKey, F], netted: Netted) -> None:
    """Steps 1 and 2, in rounds without the undersized."""
    zero = dict.fromkeys(book.security, F(0))
    open_to = makeable(book, netted.full, brought(book, side, want, netted), book.begin - book.cash_low)
    while True:
        for position in book.positions:
            book.trade[position], book.cross[position] = F(0), F(0)
        book.cash = book.begin + sum(book.worth(n, units) for n, units in netted.plan.items())
        for name in book.security:
            book.sell[name], crossed = netted.plan[name], netted.crossed[name]
            settle(book, want, name, -1, crossed + netted.plan[name], crossed)
        book.buy = zero | open_to
        cost = sum(book.worth(n, units) for n, units in open_to.items())
        if cost:
            takers = [p for p in book.positions if pays(book, side, p)]
            raise_cash(book, takers, book.cash_low + cost, book.low, book.target)
        got = share(book, open_to, {n: netted.shortfall[n] for n in open_to}, zero, book.cash - book.cash_low)
        small = [
            n for n in book.security
            if netted.plan[n] and undersized(book, n, book.sell[n]) and not book.exit_sold(n)
        ]  # fmt: skip
        poor = [n for n in got if undersized(book, n, got[n])]
        for name in small:
            netted.plan[name] = F(0)
        for name in poor:
            del open_to[name]
        if not small and not poor:
            break
    book.cash -= sum(book.worth(n, units) for n, units in got.items())
    book.buy = zero | got
    for name in book.security:
        settle(book, want, name, 1, netted.crossed[name] + book.buy[name], netted.crossed[name])
