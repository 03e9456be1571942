"""The queue conditions over a sample directory, in fractions and plain loops: slow, and easy to see to be right."""

from collections import defaultdict
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import orjson

Weights = dict[tuple[str, str], tuple[Fraction, Fraction, bool]]


def read(sample: Path, name: str) -> list[dict[str, Any]]:
    """Return the events of one platform file."""
    return [orjson.loads(line) for line in (sample / "platform" / f"{name}.jsonl").read_bytes().splitlines()]


def targets(sample: Path) -> dict[str, tuple[dict[str, Any], Weights, Fraction]]:
    """Return by portfolio: its event, (target, threshold, can trigger) by sleeve and security, its cash target."""
    models = {model["model_id"]: model for model in read(sample, "models")}
    found = {}
    for portfolio in read(sample, "portfolios"):
        cash = Fraction(portfolio["cash_weight"])
        weights: Weights = {}
        for sleeve in portfolio["sleeves"]:
            source = models[sleeve["model_id"]] if sleeve["kind"] == "MODEL" else sleeve
            share = Fraction(sleeve["weight"])
            cash += share * Fraction(source["cash_weight"])
            for part in source["holdings"]:
                band = Fraction(part.get("threshold", -1))
                key = (sleeve["sleeve_id"], part["security_id"])
                weights[key] = (share * Fraction(part["weight"]), band, part["can_trigger"])
        found[portfolio["portfolio_id"]] = (portfolio, weights, cash)
    return found


def tiles(sample: Path) -> dict[str, set[str]]:
    """Return the tiles (or NO_TARGET) of every account whose rebalancer is on."""
    master = {security["security_id"]: security for security in read(sample, "securities")}
    prices = {
        point["security_id"]: Fraction(point["price"]) * Fraction(master[point["security_id"]]["price_factor"])
        for point in read(sample, "prices")[0]["prices"]
    }
    plans = targets(sample)
    held: dict[str, dict[tuple[str, str], Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    cash: dict[str, Fraction] = {}
    for file in (sample / "files").iterdir():
        for line in file.read_text().splitlines()[1:-1]:
            kind, number, security, _, _, quantity, _, _, sleeve, _, money, *_ = line.split("|")
            if kind == "L":
                held[number][sleeve, security] += Fraction(quantity)
            else:
                cash[number] = Fraction(money)
    return {
        account["account_id"]: _tiles(
            account, plans, held[account["account_number"]], cash[account["account_number"]], prices, master
        )
        for account in read(sample, "accounts")
        if account["rebalancer_on"]
    }


def _tiles(
    account: dict[str, Any],
    plans: dict[str, tuple[dict[str, Any], Weights, Fraction]],
    held: dict[tuple[str, str], Fraction],
    cash: Fraction,
    prices: dict[str, Fraction],
    master: dict[str, dict[str, Any]],
) -> set[str]:
    if "portfolio_id" not in account:
        return {"NO_TARGET"}
    portfolio, weights, goal = plans[account["portfolio_id"]]
    available = cash - Fraction(account["cash_set_aside"])
    roles = {role["security_id"]: role["role"] for role in account.get("holding_roles", ())}
    worth, locked = {}, Fraction(0)
    for key, units in held.items():
        security, cents = master[key[1]], round(units * prices[key[1]] * 100)
        default = "EXCLUDED" if security["kind"] == "OPTION" else "MANAGED"
        role = roles.get(key[1], security.get("role", default))
        if security["cash_equivalent"]:
            available += Fraction(cents, 100)
        elif role == "LOCKED":
            locked += cents
        elif role == "MANAGED":
            worth[key] = cents
    value = sum(worth.values()) + locked + available * 100
    floor = Fraction(portfolio["floor"])
    found = set()
    if account.get("last_rebalanced") is None:
        found.add("FIRST_REBALANCE")
    half = max(Fraction(account.get("cash_threshold", portfolio["cash_threshold"])) * goal, floor)
    weight = available * 100 / value
    if portfolio["cash_can_trigger"]:
        found |= (
            {"HIGH_CASH"} if weight > goal + half else {"LOW_CASH"} if weight < max(Fraction(0), goal - half) else set()
        )
    own = Fraction(account.get("threshold", portfolio["threshold"]))
    if not found and any(
        _outside(Fraction(worth.get(key, 0)) / value, *weights.get(key, (Fraction(0), own, True)), own, floor)
        for key in worth.keys() | weights.keys()
    ):
        found.add("POSITION_DRIFT")
    return found


def _outside(
    weight: Fraction, target: Fraction, threshold: Fraction, can_trigger: bool, own: Fraction, floor: Fraction
) -> bool:
    half = max((threshold if threshold >= 0 else own) * target, floor) if target else Fraction(0)
    return can_trigger and abs(weight - target) > half


def last_rebalanced(sample: Path) -> dict[str, date | None]:
    """Return the date each account was last rebalanced before us."""
    return {
        account["account_id"]: date.fromisoformat(account["last_rebalanced"]) if "last_rebalanced" in account else None
        for account in read(sample, "accounts")
    }
