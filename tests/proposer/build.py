"""Builders: an account in plain words, and its proposal back in plain words.  Only what matters is named.

Dollars, units and weights are given as text or int; internally everything is the contract's scaled integers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pyarrow as pa

from services.proposer.columns.proposals import propose
from services.proposer.domain.engine import LOGICS
from shared.contracts import chunks
from shared.contracts.codes import Logic, LotMethod, Reason
from shared.fixed_point.text import scaled

BF, MT, TA = Logic.BEST_FIT, Logic.MIN_TRANSACTION, Logic.TAX_AWARE
TRADE_DATE = date(2026, 1, 2)
TRADE_DAY = (TRADE_DATE - date(1970, 1, 1)).days
WHOLE, FRACTIONAL = 1_000_000, 1


@dataclass(frozen=True)
class Security:
    """price_micro None: no price.  substitute: the security of the account that is bought instead."""

    security_id: str
    price_micro: int | None
    step_micro: int = WHOLE
    restriction: int = 0
    substitute: str | None = None
    is_fund: bool = False


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


@dataclass(frozen=True)
class Position:
    security_id: str
    sleeve_id: str
    quantity_micro: int
    target_ppb: int
    threshold_ppb: int = 200_000_000
    precision_ppb: int = 40_000_000


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
    lots: Sequence[Lot] | None = None  # None: one lot of unknown basis a position


@dataclass(frozen=True)
class Proposal:
    """One logic's proposal.  trades and crossed by (security, sleeve), orders by security: signed micro-units."""

    summary: dict[str, Any]
    trades: dict[tuple[str, str], int]
    crossed: dict[tuple[str, str], int]
    reasons: dict[tuple[str, str], Reason]
    orders: dict[str, int]
    order_reasons: dict[str, Reason]
    rows: dict[str, Any] = field(repr=False)

    @property
    def failure(self) -> str | None:
        code: str | None = self.summary["failure_code"]
        return code

    @property
    def cash(self) -> int:
        cents: int = self.summary["end_cash_cents"]
        return cents


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
    index = {security.security_id: number for number, security in enumerate(given.securities)}
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
        "securities": [
            {"security_id": security.security_id, "price_micro": security.price_micro,
             "step_micro": security.step_micro, "restriction": security.restriction, "is_fund": security.is_fund,
             "substitute": -1 if security.substitute is None else index[security.substitute]}
            for security in given.securities
        ],
        "positions": [
            {"sleeve_id": position.sleeve_id, "security": index.get(position.security_id, 99),
             "quantity_micro": position.quantity_micro, "target_ppb": position.target_ppb,
             "threshold_ppb": position.threshold_ppb, "precision_ppb": position.precision_ppb,
             "can_trigger": True}
            for position in given.positions
        ],
        "lots": [
            {"security": index.get(lot.security_id, 99), "sleeve_id": lot.sleeve_id, "lot_id": lot.lot_id,
             "acquired": lot.acquired, "quantity_micro": lot.quantity_micro, "basis_cents": lot.basis_cents,
             "covered": True, "picked_micro": lot.picked_micro}
            for lot in lots_of(given)
        ],
    }  # fmt: skip


def lots_of(given: Account) -> Sequence[Lot]:
    """Return the account's lots."""
    if given.lots is not None:
        return given.lots
    held = [position for position in given.positions if position.quantity_micro > 0]
    return [
        Lot(position.security_id, position.sleeve_id, "L1", date(2020, 1, 2), position.quantity_micro, None)
        for position in held
    ]


def batch_of(accounts: Sequence[Account]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([lots_row(given) for given in accounts], schema=chunks.LOTS)


def proposals(accounts: Sequence[Account], logics: Sequence[Logic] = LOGICS) -> list[dict[Logic, Proposal]]:
    """Propose for the accounts as one chunk."""
    rows = propose(batch_of(accounts), TRADE_DAY, logics).to_pylist()
    return [{logic: read(row, logic) for logic in logics} for row in rows]


def proposal(given: Account, logic: Logic) -> Proposal:
    """Propose for one account with one logic in force (all are computed)."""
    return proposals([given])[0][logic]


def after(given: Account, result: Proposal) -> Account:
    """Return the account as it is when all trades of the proposal are done."""
    moved = [
        replace(
            position,
            quantity_micro=position.quantity_micro + result.trades.get((position.security_id, position.sleeve_id), 0),
        )
        for position in given.positions
    ]
    return replace(given, positions=moved, cash_cents=result.cash + given.set_aside_cents)


def read(row: dict[str, Any], logic: Logic) -> Proposal:
    """Return one logic's proposal of a row of schema TRADES or RESULT."""
    names = [security["security_id"] for security in row["securities"] or ()]
    names += ["?"] * 100
    keys = [(names[position["security"]], position["sleeve_id"]) for position in row["positions"] or ()]
    trades = [trade for trade in row["sleeve_trades"] if trade["logic"] == logic]
    orders = [order for order in row["orders"] if order["logic"] == logic]
    return Proposal(
        next(proposal for proposal in row["proposals"] if proposal["logic"] == logic),
        {keys[trade["position"]]: trade["quantity_micro"] for trade in trades},
        {keys[trade["position"]]: trade["crossed_micro"] for trade in trades if trade["crossed_micro"]},
        {keys[trade["position"]]: Reason(trade["reason"]) for trade in trades},
        {names[order["security"]]: order["quantity_micro"] for order in orders},
        {names[order["security"]]: Reason(order["reason"]) for order in orders},
        row,
    )
