"""Propose for accounts, book what is proposed, and read both back in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from services.proposer.columns.proposals import propose
from services.proposer.domain.engine import LOGICS
from services.taxlot.columns.bookings import book_trades
from shared.contracts import chunks
from shared.contracts.codes import Logic, Reason, Term
from shared.fixed_point.text import scaled
from tests.proposer.builders import BF, MT, TA, TRADE_DAY, WHOLE, Account, lots_row


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
    def units(self) -> dict[str, float]:
        """Whole units of the orders by security, signed."""
        return {name: units / WHOLE for name, units in self.orders.items()}

    @property
    def cash(self) -> int:
        cents: int = self.summary["end_cash_cents"]
        return cents


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
        next(summary for summary in row["proposals"] if summary["logic"] == logic),
        {keys[trade["position"]]: trade["quantity_micro"] for trade in trades},
        {keys[trade["position"]]: trade["crossed_micro"] for trade in trades if trade["crossed_micro"]},
        {keys[trade["position"]]: Reason(trade["reason"]) for trade in trades},
        {names[order["security"]]: order["quantity_micro"] for order in orders},
        {names[order["security"]]: Reason(order["reason"]) for order in orders},
        row,
    )


@dataclass(frozen=True)
class Booked:
    """A proposal and the slices that taxlot books of it."""

    proposal: Proposal
    slices: list[dict[str, Any]]
    estimated_cents: int

    @property
    def short_cents(self) -> int:
        """What counts against the short-term budget: unknown basis as gain = proceeds, unknown term when a gain."""
        return sum(
            max(0, cents) if term == Term.UNKNOWN else cents for cents, term in self._counted() if term != Term.LONG
        )

    @property
    def total_cents(self) -> int:
        return sum(cents for cents, _ in self._counted())

    def _counted(self) -> list[tuple[int, Term]]:
        return [
            (
                booked_slice["proceeds_cents"] if booked_slice["gain_cents"] is None else booked_slice["gain_cents"],
                Term(booked_slice["term"]),
            )
            for booked_slice in self.slices
        ]

    def keeps_limits_of(self, given: Account) -> bool:
        if not given.taxable:
            return True
        budgets = (given.gain_budget_short_cents, self.short_cents), (given.gain_budget_total_cents, self.total_cents)
        return not (given.no_short_term_gains and self.short_gains()) and all(
            budget is None or cents <= budget for budget, cents in budgets
        )

    def short_gains(self) -> list[dict[str, Any]]:
        """Slices with a short-term gain, or of which that cannot be ruled out."""
        return [
            booked_slice
            for booked_slice in self.slices
            if booked_slice["term"] != Term.LONG
            and (booked_slice["gain_cents"] is None or booked_slice["gain_cents"] > 0)
        ]


def booked(given: Sequence[Account]) -> list[dict[Any, Booked]]:
    """Propose for the accounts and book what is proposed as taxlot does."""
    rows = book_trades(propose(batch_of(given), TRADE_DAY), TRADE_DAY).to_pylist()
    return [{logic: _booked(row, logic) for logic in (BF, MT, TA)} for row in rows]


def _booked(row: dict[str, Any], logic: Logic) -> Booked:
    slices = [row_slice for row_slice in row["slices"] if row_slice["logic"] == logic]
    tax = next(taxes for taxes in row["taxes"] if taxes["logic"] == logic)
    return Booked(read(row, logic), slices, tax["estimated_cents"])


@dataclass(frozen=True)
class Case:
    """What one logic trades for an account by hand, with units and dollars as text."""

    rule: str
    given: Account
    logic: Logic
    trades: dict[str, str]  # "A" or "A/S2" -> units
    cash: str


def check(case: Case) -> None:
    """Propose for the account of the case and compare trades and ending cash with what it says."""
    check_trades(case.given, case.logic, case.trades, case.cash)


def check_trades(given: Account, logic: Logic, trades: dict[str, str], cash: str) -> None:
    """Propose for an account and compare trades in units, of "A" or "A/S2", and ending cash in dollars."""
    result = proposal(given, logic)
    assert result.failure is None, result.summary["failure_text"]
    assert result.trades == {_position_key(name): scaled(units, 6) for name, units in trades.items()}
    assert result.cash == scaled(cash, 2)


def no_trade_text(given: Account, logic: Logic) -> str:
    """Return why the logic, which does not fail, trades nothing."""
    result = proposal(given, logic)
    assert result.failure is None and result.trades == {}
    return str(result.summary["no_trade_text"])


def _position_key(name: str) -> tuple[str, str]:
    security_id, _, sleeve_id = name.partition("/")
    return security_id, sleeve_id or "S1"
