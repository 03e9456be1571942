"""Builders: an account in plain words, and as a row of schema LOTS.  Only what matters is named.

Dollars, units and weights are given as text or int; internally everything is the contract's scaled integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from shared.contracts.codes import HoldingRole, Logic, LotMethod
from shared.fixed_point.text import scaled

BF, MT, TA = Logic.BEST_FIT, Logic.MIN_TRANSACTION, Logic.TAX_AWARE
TRADE_DATE = date(2026, 1, 2)
TRADE_DAY = (TRADE_DATE - date(1970, 1, 1)).days
WHOLE, FRACTIONAL = 1_000_000, 1
UNLISTED = 99  # index of a security that the account does not list


@dataclass(frozen=True)
class Security:
    """price_micro None: no price.  substitute: the security of the account that is bought instead."""

    security_id: str
    price_micro: int | None
    step_micro: int = WHOLE
    restriction: int = 0
    substitute: str | None = None
    is_fund: bool = False
    role: HoldingRole | None = None  # None: as results of early releases have it, MANAGED
    price_divisor: int | None = None


@dataclass(frozen=True)
class Lot:
    """acquired None: missing; basis_cents None: unknown."""

    security_id: str
    sleeve_id: str
    lot_id: str
    acquired: date | None
    quantity_micro: int
    basis_cents: int | None
    picked_micro: int = 0
    pick_rank: int | None = None


@dataclass(frozen=True)
class Position:
    security_id: str
    sleeve_id: str
    quantity_micro: int
    target_ppb: int
    threshold_ppb: int = 200_000_000
    precision_ppb: int = 40_000_000
    target_rest: int | None = None  # 1e-18: what the exact target is more; None: as early releases have it


@dataclass(frozen=True)
class Account:
    securities: Sequence[Security]
    positions: Sequence[Position]
    cash_cents: int = 0
    set_aside_cents: int = 0
    reserve_cents: int = 0
    cash_target_ppb: int = 0
    cash_threshold_ppb: int = 200_000_000
    floor_ppb: int = 5_000_000
    min_trade_cents: int = 0
    min_trade_ppb: int = 0
    do_not_trade: bool = False
    liquidate: bool = False
    account_id: str = "A-1"
    failure: tuple[str, str] | None = None
    taxable: bool = True
    lot_method: LotMethod = LotMethod.FIFO
    gain_budget_short_cents: int | None = None
    gain_budget_total_cents: int | None = None
    no_short_term_gains: bool = False
    cash_target_rest: int | None = None
    lots: Sequence[Lot] | None = None  # None: one lot of unknown basis a position
    edits: Sequence[tuple[Logic, str, int]] | None = None  # what a person made of an order: micro-units, + buy


def security(name: str, price: str | None, **other: Any) -> Security:
    """A security by name and price in dollars."""
    return Security(name, None if price is None else scaled(price, 6), **other)


def position(name: str, units: str, target: str, sleeve: str = "S1", **other: Any) -> Position:
    """A position by units and target in percent; threshold and precision in percent of target."""
    relative = {f"{key}_ppb": scaled(other.pop(key), 7) for key in ("threshold", "precision") if key in other}
    return Position(name, sleeve, scaled(units, 6), scaled(target, 7), **relative, **other)


def lot(name: str, units: str, each: str | None, acquired: str | None = "2020-01-02", **other: Any) -> Lot:
    """A lot of a security in sleeve S1 by units, basis in dollars a unit (None: unknown) and acquired date."""
    basis = None if each is None else scaled(units, 6) * scaled(each, 2) // 1_000_000
    day = None if acquired is None else date.fromisoformat(acquired)
    lot_id = other.pop("lot_id", f"{name}-{acquired or 'undated'}")
    return Lot(name, other.pop("sleeve", "S1"), lot_id, day, scaled(units, 6), basis)


def account(
    securities: Mapping[str, str | None] | Sequence[Security], positions: Sequence[Position], **other: Any
) -> Account:
    """An account.  cash, set_aside, reserve, min_trade in dollars; cash_target, floor, ... in percent."""
    if isinstance(securities, Mapping):
        securities = [security(name, price) for name, price in securities.items()]
    for key in ("cash", "set_aside", "reserve", "min_trade"):
        if key in other:
            other[f"{key}_cents"] = scaled(other.pop(key), 2)
    for key in ("gain_budget_short", "gain_budget_total"):
        if key in other:
            other[f"{key}_cents"] = scaled(other.pop(key), 2)
    for key in ("cash_target", "cash_threshold", "floor", "min_trade_weight"):
        if key in other:
            other[f"{key.removesuffix('_weight')}_ppb"] = scaled(other.pop(key), 7)
    return Account(securities, positions, **other)


def lots_row(given: Account) -> dict[str, Any]:
    """Return the account as a row of schema LOTS."""
    index = {listed.security_id: number for number, listed in enumerate(given.securities)}
    code, text = given.failure or (None, None)
    return {
        "account_id": given.account_id, "enterprise_id": "E", "advisor_id": "V", "epoch": 1,
        "liquidate": given.liquidate,
        "failure_code": code, "failure_text": text, "facts_version": 1, "lots_version": 1, "target_version": 1,
        "price_set": 1, "cash_cents": given.cash_cents, "set_aside_cents": given.set_aside_cents,
        "reserve_cents": given.reserve_cents, "cash_target_ppb": given.cash_target_ppb,
        "cash_threshold_ppb": given.cash_threshold_ppb, "floor_ppb": given.floor_ppb, "cash_can_trigger": True,
        "min_trade_cents": given.min_trade_cents, "min_trade_ppb": given.min_trade_ppb,
        "do_not_trade": given.do_not_trade, "taxable": given.taxable, "lot_method": int(given.lot_method),
        "gain_budget_short_cents": given.gain_budget_short_cents,
        "gain_budget_total_cents": given.gain_budget_total_cents,
        "no_short_term_gains": given.no_short_term_gains, "tax_household_id": None, "lot_picks": None,
        "securities": [_security_row(listed, index) for listed in given.securities],
        "positions": [_position_row(held, index) for held in given.positions],
        "cash_target_rest_edge": given.cash_target_rest,
        "edits": None if given.edits is None else [
            {"logic": int(logic), "security": index[name], "quantity_micro": units}
            for logic, name, units in given.edits
        ],
        "lots": [_lot_row(owned, index) for owned in lots_of(given)],
    }  # fmt: skip


def _security_row(listed: Security, index: dict[str, int]) -> dict[str, Any]:
    return {
        "security_id": listed.security_id, "price_micro": listed.price_micro, "step_micro": listed.step_micro,
        "restriction": listed.restriction, "is_fund": listed.is_fund,
        "substitute": -1 if listed.substitute is None else index[listed.substitute],
        "role": listed.role, "price_divisor": listed.price_divisor,
    }  # fmt: skip


def _position_row(held: Position, index: dict[str, int]) -> dict[str, Any]:
    return {
        "sleeve_id": held.sleeve_id, "security": index.get(held.security_id, UNLISTED),
        "quantity_micro": held.quantity_micro, "target_ppb": held.target_ppb,
        "threshold_ppb": held.threshold_ppb, "precision_ppb": held.precision_ppb, "can_trigger": True,
        "target_rest_edge": held.target_rest,
    }  # fmt: skip


def _lot_row(owned: Lot, index: dict[str, int]) -> dict[str, Any]:
    return {
        "security": index.get(owned.security_id, UNLISTED), "sleeve_id": owned.sleeve_id, "lot_id": owned.lot_id,
        "acquired": owned.acquired, "quantity_micro": owned.quantity_micro, "basis_cents": owned.basis_cents,
        "covered": True, "picked_micro": owned.picked_micro,
        "pick_rank": owned.pick_rank,
    }  # fmt: skip


def lots_of(given: Account) -> Sequence[Lot]:
    """Return the account's lots."""
    if given.lots is not None:
        return given.lots
    return [
        Lot(held.security_id, held.sleeve_id, "L1", date(2020, 1, 2), held.quantity_micro, None)
        for held in given.positions
        if held.quantity_micro > 0
    ]
