"""The sample's accounts: ids, settings, and the state of each one on the first day.

Columns are numpy arrays, one row an account; events are made from them at the end, one an account.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from deploy.sample import beside
from deploy.sample.market import Ints
from deploy.sample.targets import Model, Target, models_of, target_of
from deploy.sample.universe import Universe

ENTERPRISES: Final = {"E1": "Northgate Wealth", "E2": "Harbor Advisors", "E3": "Summit Family Office"}
ENTERPRISE_SHARES: Final = (0.5, 0.3, 0.2)
CUSTODIANS: Final = ("SCHW", "FIDX", "PERX")
ACCOUNTS_PER_ADVISOR: Final = 120
NO_TARGET: Final = -1

Bools = npt.NDArray[np.bool_]


class Story(IntEnum):
    """What the account shows on the first day; an account without a last-rebalanced date shows First Rebalance."""

    SETTLED = 0  # rebalanced lately, inside its bands
    DRIFTED = 1  # rebalanced long ago, moved by the market
    HIGH_CASH = 2  # a deposit
    LOW_CASH = 3  # a withdrawal
    FIRST = 4  # transferred in with its former holdings


STORY_SHARES: Final = (0.585, 0.10, 0.06, 0.055, 0.20)


@dataclass(frozen=True)
class People:
    """Accounts as columns.

    household: first account of the tax household. target: index into targets or NO_TARGET. value_cents: size at the
    last rebalance; rebalanced_ago: sessions since then.
    """

    enterprise: Ints
    advisor: Ints
    household: Ints
    custodian: Ints
    custody: Ints
    target: Ints
    rebalancer_on: Bools
    story: Ints
    value_cents: Ints
    rebalanced_ago: Ints
    reserve_cents: Ints
    set_aside_cents: Ints

    def __len__(self) -> int:
        return len(self.story)

    def number(self, account: int) -> str:
        """Return the account number at its custodian; leading zeros count."""
        return f"{account + 1:08d}"


@dataclass(frozen=True)
class Plans:
    """All models and portfolios; own[account] names the portfolio made for one account alone."""

    models: list[Model]
    targets: list[Target]
    by_enterprise: list[list[int]]


def plans(rng: np.random.Generator, held: Universe, accounts: int, positions: int | None) -> Plans:
    """Return models and shared portfolios of every enterprise (about one for every 80 accounts, 4 to 60 each)."""
    models: list[Model] = []
    targets: list[Target] = []
    by_enterprise = []
    for enterprise_id, share in zip(ENTERPRISES, ENTERPRISE_SHARES, strict=True):
        own = models_of(rng, enterprise_id, held, positions)
        models += own
        count = min(60, max(4, int(accounts * share) // 80))
        first = len(targets)
        for number in range(1, count + 1):
            targets.append(
                target_of(rng, f"{enterprise_id}-P{number}", enterprise_id, f"Portfolio {number}", held, own, positions)
            )
        by_enterprise.append(list(range(first, len(targets))))
    return Plans(models, targets, by_enterprise)


def people(rng: np.random.Generator, held: Universe, plan: Plans, accounts: int, positions: int | None) -> People:
    """Return the accounts; one in twenty gets a portfolio of its own, which is added to `plan.targets`."""
    household = _households(rng, accounts)
    enterprise = rng.choice(len(ENTERPRISES), accounts, p=ENTERPRISE_SHARES)[household]
    target = np.zeros(accounts, np.int64)
    for index, shared in enumerate(plan.by_enterprise):
        mine = enterprise == index
        target[mine] = rng.choice(shared, int(mine.sum()))
    per_enterprise = len(plan.models) // len(ENTERPRISES)
    for account in np.flatnonzero(rng.random(accounts) < 0.05):
        index = int(enterprise[account])
        enterprise_id = list(ENTERPRISES)[index]
        target[account] = len(plan.targets)
        followed = plan.models[index * per_enterprise : (index + 1) * per_enterprise]
        own_id = f"{enterprise_id}-PA{account + 1:08d}"
        plan.targets.append(target_of(rng, own_id, enterprise_id, "Account's own", held, followed, positions))
    target[rng.random(accounts) < 0.005] = NO_TARGET
    advisors = np.maximum(2, np.bincount(enterprise, minlength=len(ENTERPRISES)) // ACCOUNTS_PER_ADVISOR)
    story = rng.choice(len(STORY_SHARES), accounts, p=STORY_SHARES)
    long_ago = rng.integers(150, 500, accounts)
    lately = rng.integers(2, 12, accounts)
    value = np.clip(np.exp(rng.normal(13.1, 0.9, accounts)), 80_000, 20_000_000).round().astype(np.int64) * 100
    return People(
        enterprise=enterprise,
        advisor=(rng.random(accounts)[household] * advisors[enterprise]).astype(np.int64),
        household=household,
        custodian=rng.choice(len(CUSTODIANS), accounts, p=(0.45, 0.35, 0.2)),
        custody=rng.choice(3, accounts, p=(0.85, 0.1, 0.05)),
        target=target,
        rebalancer_on=rng.random(accounts) < 0.92,
        story=story,
        value_cents=value,
        rebalanced_ago=np.where(story == Story.DRIFTED, long_ago, lately),
        reserve_cents=np.where(rng.random(accounts) < 0.08, rng.integers(1, 6, accounts) * 25_000, 0),
        set_aside_cents=np.where(rng.random(accounts) < 0.04, rng.integers(1, 11, accounts) * 50_000, 0),
    )


def account_events(
    rng: np.random.Generator,
    who: People,
    plan: Plans,
    held: Universe,
    days: npt.NDArray[np.datetime64],
    *,
    more: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield the AccountChanged body of every account, in order.

    days: sessions ending with the as-of day; more: whether some hold something beside their portfolios.
    """
    enterprise_ids = list(ENTERPRISES)
    methods = rng.choice(
        ["FIFO", "HIFO", "MIN_TAX", "LIFO", "LOFO", "AVERAGE"], len(who), p=(0.7, 0.1, 0.1, 0.04, 0.03, 0.03)
    )
    draw = rng.random((len(who), 5))
    numbers = rng.integers(0, 1_000_000, (len(who), 3))
    for account in range(len(who)):
        enterprise_id = enterprise_ids[who.enterprise[account]]
        target = plan.targets[who.target[account]] if who.target[account] != NO_TARGET else None
        on, first = bool(who.rebalancer_on[account]), who.story[account] == Story.FIRST
        rebalanced: date | None = None if first else days[-1 - int(who.rebalanced_ago[account])].item()
        custody = ("TAXABLE", "IRA", "ROTH_IRA")[who.custody[account]]
        yield {
            "account_id": f"A{account + 1:08d}",
            "version": 1,
            "enterprise_id": enterprise_id,
            "advisor_id": f"{enterprise_id}-ADV{int(who.advisor[account]) + 1}",
            "custodian": CUSTODIANS[who.custodian[account]],
            "account_number": who.number(account),
            "name": _name(numbers[account], custody),
            "custody": custody,
            "tax_household_id": f"H{int(who.household[account]) + 1:08d}",
            **({"portfolio_id": target.event.portfolio_id} if target else {}),
            "rebalancer_on": on,
            "rebalancer_on_count": 1 if on else 0,
            **({"last_rebalanced": rebalanced.isoformat()} if rebalanced else {}),
            "lot_method": str(methods[account]),
            **(_gain_limits(numbers[account], int(who.value_cents[account])) if custody == "TAXABLE" else {}),
            **_settings(draw[account], numbers[account]),
            "cash_reserve": f"{int(who.reserve_cents[account]) / 100:.2f}",
            "cash_set_aside": f"{int(who.set_aside_cents[account]) / 100:.2f}",
            "restrictions": _restrictions(draw[account], numbers[account], target, held),
            **(beside.settings(account) if more else {}),
        }


def _households(rng: np.random.Generator, accounts: int) -> Ints:
    """Return the first account of each account's tax household: three in ten share one with their neighbour."""
    household = np.arange(accounts)
    second = household[1::2]
    return np.where(np.isin(household, second[rng.random(len(second)) < 0.3]), household - 1, household)


def _settings(draw: npt.NDArray[np.float64], numbers: Ints) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if draw[1] < 0.1:
        settings["threshold"] = ("0.15", "0.25", "0.3")[numbers[0] % 3]
    if draw[1] > 0.95:
        settings["cash_threshold"] = "0.3"
    if draw[2] < 0.3:
        settings["min_trade_usd"] = ("100.00", "250.00", "500.00")[numbers[1] % 3]
    if draw[2] > 0.9:
        settings["min_trade_weight"] = "0.001"
    if draw[3] < 0.005:
        settings["do_not_trade"] = True
    return settings


def _gain_limits(numbers: Ints, value_cents: int) -> dict[str, Any]:
    """Return the gain limits of a taxable account: half have none, one in ten a budget of zero."""
    share = f"{value_cents // 20_000}.00"  # half a percent of the account, in whole dollars
    limits: tuple[dict[str, Any], ...] = (
        {"gain_budget_total": "0.00"},
        {"gain_budget_total": share},
        {"gain_budget_short": "0.00"},
        {"gain_budget_short": "0.00", "gain_budget_total": share},
        {"no_short_term_gains": True},
    )
    kind = int(numbers.sum()) % 10
    return limits[kind] if kind < len(limits) else {}


def _restrictions(
    draw: npt.NDArray[np.float64], numbers: Ints, target: Target | None, held: Universe
) -> list[dict[str, str]]:
    if target is None or draw[4] >= 0.06:
        return []
    security = target.securities[numbers[2] % len(target.securities)]
    if draw[4] < 0.01:
        other = next(i for i in range(len(held.ids)) if i not in target.securities)
        return [{"security_id": held.ids[security], "kind": "SUBSTITUTE", "substitute_id": held.ids[other]}]
    kind = ("DO_NOT_BUY", "DO_NOT_SELL", "DO_NOT_TRADE")[numbers[1] % 3]
    return [{"security_id": held.ids[security], "kind": kind}]


# fmt: off
_GIVEN = (
    "Ada", "Ben", "Clara", "David", "Elena", "Frank", "Grace", "Hugo", "Iris",
    "James", "Karin", "Louis", "Maria", "Noah", "Olga", "Paul",
)
_FAMILY = (
    "Abbott", "Baker", "Chen", "Diaz", "Evans", "Fischer", "Garcia", "Hughes", "Ito", "Jensen",
    "Khan", "Lopez", "Meyer", "Novak", "Owens", "Patel", "Quinn", "Rossi", "Silva", "Turner",
)
# fmt: on
_FORMS = ("", " Trust", " Joint", " Family")


def _name(numbers: Ints, custody: str) -> str:
    form = " IRA" if custody == "IRA" else " Roth IRA" if custody == "ROTH_IRA" else _FORMS[numbers[2] % len(_FORMS)]
    return f"{_GIVEN[numbers[0] % len(_GIVEN)]} {_FAMILY[numbers[1] % len(_FAMILY)]}{form}"
