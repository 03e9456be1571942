"""Generated accounts, seeded, of every shape the rules speak of, with targets that add up; and strategies of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import strategies as st

from shared.contracts.codes import LotMethod, Restriction
from shared.fixed_point.limits import PPB
from tests.proposer.builders import BF, FRACTIONAL, MT, TA, TRADE_DATE, WHOLE, Account, Lot, Position, Security, lots_of

_RESTRICTIONS = (Restriction.DO_NOT_BUY, Restriction.DO_NOT_SELL, Restriction.DO_NOT_TRADE)


@dataclass(frozen=True)
class Shape:
    """Chances of what an account may have."""

    most_securities: int = 8
    sleeves: int = 3
    fractional: float = 0.2
    restricted: float = 0.1
    substituted: float = 0.1
    minimum: float = 0.4


def generated(seed: int, shape: Shape = Shape()) -> Account:  # noqa: B008  # a frozen value
    """Return the account of this seed; the same always."""
    dice = random.Random(seed)
    names = [f"S{number:02d}" for number in range(dice.randint(1, shape.most_securities))]
    securities = [_security(dice, name, shape) for name in names]
    sleeves = [f"L{number}" for number in range(dice.randint(1, shape.sleeves))]
    keys = sorted({(dice.choice(names), dice.choice(sleeves)) for _ in range(2 * len(names))})
    value = dice.choice((20_000, 150_000, 1_000_000, 30_000_000)) * dice.uniform(0.5, 2)
    cash_weight = dice.choice((0.0, 0.01, 0.02, 0.05, 0.1))
    targets = _targets(dice, len(keys), cash_weight)
    if shape.substituted > dice.random() and len(names) > 1:
        securities, keys, targets = _substitute(dice, securities, keys, targets)
    prices = {security.security_id: security.price_micro or 1 for security in securities}
    steps = {security.security_id: security.step_micro for security in securities}
    threshold, precision = dice.choice((100_000_000, 200_000_000)), dice.choice((0, 40_000_000))
    positions = []
    for (name, sleeve), target in zip(keys, targets, strict=True):
        held = target / 1e9 * value * dice.choice((0, 0.6, 0.85, 0.97, 1.0, 1.03, 1.2, 1.6)) / (prices[name] / 1e6)
        if target == 0 and dice.random() < 0.5:
            held = 0.03 * value / (prices[name] / 1e6)
        units = int(held * 1e6)
        if steps[name] != FRACTIONAL and dice.random() < 0.9:
            units = units // WHOLE * WHOLE
        positions.append(Position(name, sleeve, units, target, threshold, precision))
    cash = round(value * dice.choice((-0.01, 0, 0.005, 0.02, 0.05, 0.1, 0.25)) * 100)
    return Account(
        securities, positions, cash_cents=cash + 5_000, set_aside_cents=dice.choice((0, 0, 5_000)),
        reserve_cents=dice.choice((0, 0, 0, round(value), round(3 * value))), cash_target_ppb=10**9 - sum(targets),
        cash_threshold_ppb=dice.choice((100_000_000, 200_000_000)), floor_ppb=dice.choice((0, 5_000_000)),
        min_trade_cents=dice.choice((10_000, 100_000)) if dice.random() < shape.minimum else 0,
        min_trade_ppb=dice.choice((0, 2_000_000, 10_000_000)) if dice.random() < shape.minimum else 0,
        account_id=f"A-{seed}",
    )  # fmt: skip


def taxed(account: Account) -> Account:
    """Return a generated account with lots of its own and gain limits; the same always."""
    dice = random.Random(f"{account.account_id} lots")
    prices = {security.security_id: security.price_micro or 1 for security in account.securities}
    securities = [replace(security, is_fund=dice.random() < 0.5) for security in account.securities]
    lots = [lot for position in account.positions for lot in _lots(dice, position, prices[position.security_id])]
    value = sum(held.quantity_micro * prices[held.security_id] for held in account.positions) // 10**10
    budgets = (None, 0, 100, value // 500, value // 100, value // 20)
    return replace(
        account, securities=securities, lots=lots, lot_method=dice.choice(list(LotMethod)), taxable=dice.random() < 0.9,
        gain_budget_short_cents=dice.choice(budgets), gain_budget_total_cents=dice.choice(budgets),
        no_short_term_gains=dice.random() < 0.3,
    )  # fmt: skip


def _lots(dice: random.Random, position: Position, price_micro: int) -> Iterator[Lot]:
    """Split a position into one to four lots, old and new, at gains and losses, some of unknown basis or date."""
    left, number = position.quantity_micro, 0
    while left > 0:
        units = left if number == 3 else dice.choice((left, left // 2 + 1, left // 3 // WHOLE * WHOLE or left))
        each = dice.choice((0.2, 0.6, 0.9, 1.0, 1.001, 1.1, 1.5))
        acquired = TRADE_DATE - timedelta(days=dice.choice((3, 100, 365, 366, 367, 2000)))
        yield Lot(
            position.security_id, position.sleeve_id, f"L{dice.randint(10, 99)}{number}",
            None if dice.random() < 0.05 else acquired, units,
            None if dice.random() < 0.05 else round(units * price_micro * each) // 10**10,
        )  # fmt: skip
        left -= units
        number += 1


def _security(dice: random.Random, name: str, shape: Shape) -> Security:
    price = round(dice.choice((3, 25, 80, 240, 900)) * dice.uniform(0.5, 1.5), dice.choice((0, 2, 2, 4))) or 1
    step = FRACTIONAL if dice.random() < shape.fractional else dice.choice((WHOLE, WHOLE, WHOLE, 10 * WHOLE))
    restriction = int(dice.choice(_RESTRICTIONS)) if dice.random() < shape.restricted else 0
    return Security(name, round(price * 1_000_000), step, restriction)


def _targets(dice: random.Random, count: int, cash_weight: float) -> list[int]:
    shares = [dice.choice((0, 1, 1, 2, 3, 5)) * dice.uniform(0.8, 1.2) for _ in range(count)]
    whole = sum(shares)
    if whole == 0:
        return [0] * count
    free = round(1e9 * (1 - cash_weight))
    rough = dice.random() < 0.5
    targets = [int(share / whole * free) for share in shares]
    return targets if rough else [target // 1_000_000 * 1_000_000 for target in targets]


def _substitute(
    dice: random.Random, securities: list[Security], keys: list[tuple[str, str]], targets: list[int]
) -> tuple[list[Security], list[tuple[str, str]], list[int]]:
    """Give one security, or some, a substitute; a substitute may stand for several and be replaced itself."""
    securities, target_of = list(securities), dict(zip(keys, targets, strict=True))
    for _ in range(dice.choice((1, 1, 2, 3))):
        old, new = dice.sample(range(len(securities)), 2)
        securities[old] = replace(securities[old], substitute=securities[new].security_id)
    names = {security.security_id: security.substitute for security in securities}
    for name, sleeve in keys:
        instead, seen = names[name], {name}
        while instead is not None and instead not in seen:
            target_of.setdefault((instead, sleeve), 0)
            seen.add(instead)
            instead = names[instead]
    ordered = sorted(target_of)
    return securities, ordered, [target_of[key] for key in ordered]


def edges(seed: int) -> Account:
    """Return a small account of small integers: edges, ties, whole counts and tight cash come up all the time."""
    dice = random.Random(seed)
    names, sleeves = "ABCD"[: dice.randint(1, 4)], "xyz"[: dice.randint(1, 3)]
    securities = [
        Security(
            name,
            dice.choice((1, 2, 3, 5, 7, 10, 20, 33)) * WHOLE
            if dice.random() < 0.9
            else dice.choice((333_333, 250_000)),
            dice.choice((WHOLE, WHOLE, WHOLE, FRACTIONAL, 5 * WHOLE)),
            int(dice.choice((0,) * 6 + _RESTRICTIONS)),
        )
        for name in names
    ]
    keys = sorted({(dice.choice(names), dice.choice(sleeves)) for _ in range(dice.randint(1, 7))})
    left = 100 - dice.choice((0, 0, 1, 2, 5, 10, 20))
    percents = []
    for _ in keys:
        percents.append(dice.choice((0, 0, left // 4, left // 3, left // 2, dice.randint(0, left))))
        left -= percents[-1]
    if dice.random() < 0.9:
        percents[-1] += left
    targets = [percent * 10_000_000 for percent in percents]
    liquidate = dice.random() < 0.03
    if liquidate:
        targets = [0] * len(keys)
    elif len(names) > 1 and dice.random() < 0.15:
        securities, keys, targets = _substitute(dice, securities, keys, targets)
    prices = {security.security_id: security.price_micro or 1 for security in securities}
    value, threshold = dice.choice((50, 100, 200, 1000)), dice.choice((0, 100_000_000, 200_000_000))
    precision = dice.choice((0, 40_000_000, 100_000_000))
    positions = []
    for (name, sleeve), target in zip(keys, targets, strict=True):
        aimed = target / 1e9 * value / (prices[name] / 1e6)
        units = max(0, round(aimed * dice.choice((0, 0.5, 0.8, 1, 1, 1, 1.2, 1.5))) + dice.choice((-1, 0, 0, 1)))
        if target == 0 and dice.random() < 0.5:
            units = dice.randint(0, 5)
        part = dice.choice((500_000, 250_000, 1, 999_999)) if dice.random() < 0.1 else 0
        own = dice.choice((threshold, threshold, 300_000_000))
        positions.append(Position(name, sleeve, units * WHOLE + part, target, own, precision))
    return Account(
        securities, positions, cash_cents=dice.choice((0, 100, 500, 1000, 3000, -300, 10_000, 1234, 5 * value)),
        set_aside_cents=dice.choice((0, 0, 0, 200)), reserve_cents=dice.choice((0, 0, 0, 500, 2000)),
        cash_target_ppb=0 if liquidate else 10**9 - sum(targets), cash_threshold_ppb=dice.choice((10**8, 2 * 10**8)),
        floor_ppb=dice.choice((0, 5_000_000, 20_000_000)), min_trade_cents=dice.choice((0, 0, 0, 500, 1000, 2000)),
        min_trade_ppb=dice.choice((0, 0, 0, 20_000_000)), liquidate=liquidate, account_id=f"E-{seed}",
    )  # fmt: skip


def finer(account: Account) -> Account:
    """Return the account with targets of up to 18 decimals, which add up as before; the same always."""
    dice = random.Random(f"{account.account_id} finer")
    names = [index for index, position in enumerate(account.positions) if position.target_ppb]
    if not names:
        return account
    exact = [position.target_ppb * PPB for position in account.positions]
    cash = account.cash_target_ppb * PPB
    for index in names:
        more = dice.choice((1, 111_111_111, 333_333_333, PPB // 2, dice.randrange(PPB), dice.randrange(10**15)))
        if cash > more and dice.random() < 0.5:
            cash -= more
        elif exact[other := dice.choice(names)] > more:
            exact[other] -= more
        else:
            continue
        exact[index] += more
    positions = [
        replace(position, target_ppb=weight // PPB, target_rest=weight % PPB)
        for position, weight in zip(account.positions, exact, strict=True)
    ]
    return replace(account, positions=positions, cash_target_ppb=cash // PPB, cash_target_rest=cash % PPB)


def larger(account: Account, times: int) -> Account:
    """Return the account with so many times the units, whole steps too, and the cash."""
    securities = [
        security if security.step_micro == FRACTIONAL else replace(security, step_micro=security.step_micro * times)
        for security in account.securities
    ]
    positions = [replace(position, quantity_micro=position.quantity_micro * times) for position in account.positions]
    cents = {name: getattr(account, name) * times for name in ("cash_cents", "set_aside_cents", "reserve_cents")}
    least = account.min_trade_cents * times
    return replace(account, securities=securities, positions=positions, min_trade_cents=least, **cents)


def picking(account: Account) -> Account:
    """Return the account with some of its lots picked where its method is SPECIFIC; the same always."""
    if account.lot_method != LotMethod.SPECIFIC:
        return account
    dice = random.Random(f"{account.account_id} picks")
    lots = lots_of(account)
    ranks = dice.sample(range(len(lots)), len(lots))
    picked = [
        replace(
            held_lot,
            picked_micro=dice.choice((0, held_lot.quantity_micro // 3, held_lot.quantity_micro)),
            pick_rank=rank,
        )
        for held_lot, rank in zip(lots, ranks, strict=True)
    ]
    return replace(account, lots=picked)


seeds = st.integers(0, 2**40)
logics = st.sampled_from((BF, MT, TA))
_UNTAXED = (Shape(), Shape(most_securities=3, sleeves=5), Shape(restricted=0.3, substituted=0.8), Shape(fractional=1.0))
_TAXED = (Shape(), Shape(most_securities=3, sleeves=5, minimum=0.2), Shape(restricted=0.3), Shape(fractional=1.0))
mixed_accounts = st.one_of(seeds.map(generated), seeds.map(lambda seed: taxed(generated(seed))))
untaxed_accounts = st.one_of(st.builds(generated, seeds, st.sampled_from(_UNTAXED)), seeds.map(edges))
taxed_accounts = st.builds(lambda seed, shape: picking(taxed(generated(seed, shape))), seeds, st.sampled_from(_TAXED))
