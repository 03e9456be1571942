"""Builders of chunks, lots documents and text columns: only what matters to a test is named."""

from typing import Any

import numpy as np
import pyarrow as pa

from services.taxlot.columns import documents
from services.taxlot.columns.bookings import book_trades
from services.taxlot.columns.lots import attach
from services.taxlot.domain import text
from services.taxlot.domain.holdings import StoredHolding
from shared.contracts import chunks
from shared.contracts.codes import LotMethod
from tests.relief.build import day

UNIT = 1_000_000
TRADE_DAY = day("2026-06-12") or 0


def document(*lots: tuple[str, str, str, int, int, int]) -> bytes:
    """(security, sleeve, lot id, acquired, units, basis) rows as a stored document."""
    columns: list[Any] = [list(column) for column in zip(*lots, strict=True)] or [[]] * 6
    acquired, units, basis = (np.array(column, dtype=np.int64) for column in columns[3:])
    security, sleeve, lot_id = (pa.array(column, pa.string()) for column in columns[:3])
    batch = documents.batch_of([security, sleeve, lot_id], acquired, units, basis, np.ones(len(lots), dtype=np.int64))
    return documents.document(batch, 0, len(lots))


TEN = ("AAA", "S1", "L1", 18_000, 10 * UNIT, 10_000)


def proposal(logic: int) -> dict[str, Any]:
    numbers = ("value_cents", "begin_cash_cents", "end_cash_cents", "buys", "buys_cents", "sells", "sells_cents")
    texts = {"failure_code": None, "failure_text": None, "no_trade_text": None, "limit_text": None}
    return {"logic": logic, **texts, **dict.fromkeys((*numbers, "flats", "flats_cents"), 0)}


def trade(logic: int, position: int, units: int, crossed: int = 0) -> dict[str, Any]:
    return {"logic": logic, "position": position, "quantity_micro": units, "crossed_micro": crossed, "reason": 2,
            "before_ppb": 0, "after_ppb": 0, "held_back_micro": 0}  # fmt: skip


def order(logic: int, security: int, units: int, price: int) -> dict[str, Any]:
    return {
        "logic": logic,
        "security": security,
        "quantity_micro": units,
        "price_micro": price,
        "value_cents": 0,
        "reason": 2,
    }


def trades(*accounts: dict[str, Any]) -> pa.RecordBatch:
    """TRADES rows: facts of one AAA position unless the account says more."""
    base = facts_chunk([(f"A{number}", 1) for number in range(len(accounts))]).to_pylist()
    blank: dict[str, Any] = {"lots": [], "proposals": [proposal(0)], "sleeve_trades": [], "orders": []}
    rows = [row | blank | account for row, account in zip(base, accounts, strict=True)]
    return pa.RecordBatch.from_pylist(rows, schema=chunks.TRADES)


def held(
    security: int, sleeve: str, lot_id: str, acquired: str | None, units: int, basis: int | None
) -> dict[str, Any]:
    return {"security": security, "sleeve_id": sleeve, "lot_id": lot_id, "acquired": day(acquired),
            "quantity_micro": units, "basis_cents": basis, "covered": True, "picked_micro": 0}  # fmt: skip


def positions(*pairs: tuple[str, int]) -> list[dict[str, Any]]:
    rest = dict.fromkeys(("quantity_micro", "target_ppb", "threshold_ppb", "precision_ppb"), 0)
    return [{"sleeve_id": sleeve, "security": security, **rest, "can_trigger": True} for sleeve, security in pairs]


def facts_chunk(accounts: list[tuple[str, int]]) -> pa.RecordBatch:
    """FACTS of accounts (id, lots_version) that each hold ten AAA in sleeve S1."""
    rows = [
        {
            "account_id": name, "enterprise_id": "E1", "advisor_id": "V1", "epoch": 0, "liquidate": False,
            "failure_code": None, "failure_text": None, "facts_version": 1, "lots_version": version,
            "target_version": 1, "price_set": 1, "cash_cents": 5_000, "set_aside_cents": 0, "reserve_cents": 0,
            "cash_target_ppb": 0, "cash_threshold_ppb": 0, "floor_ppb": 0, "cash_can_trigger": True,
            "min_trade_cents": 0, "min_trade_ppb": 0, "do_not_trade": False, "taxable": True, "lot_method": 0,
            "gain_budget_short_cents": None, "gain_budget_total_cents": None, "no_short_term_gains": False,
            "tax_household_id": None, "lot_picks": None,
            "securities": [{"security_id": "AAA", "price_micro": 20_000_000, "step_micro": 1_000_000, "restriction": 0,
                            "substitute": -1, "is_fund": False}],
            "positions": [{"sleeve_id": "S1", "security": 0, "quantity_micro": 10_000_000, "target_ppb": 0,
                           "threshold_ppb": 0, "precision_ppb": 0, "can_trigger": True}],
        }
        for name, version in accounts
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=chunks.FACTS)


def trades_chunk(lots: pa.RecordBatch) -> pa.RecordBatch:
    """TRADES in which each account that did not fail sells four AAA at $20 in Best Fit."""
    rows = lots.to_pylist()
    for row in rows:
        alive = row["failure_code"] is None
        proposal = {"logic": 0, "failure_code": None, "failure_text": None, "no_trade_text": None, "limit_text": None,
                    "value_cents": 25_000, "begin_cash_cents": 5_000, "end_cash_cents": 13_000, "buys": 0,
                    "buys_cents": 0, "sells": 1, "sells_cents": 8_000, "flats": 0, "flats_cents": 0}  # fmt: skip
        trade = {"logic": 0, "position": 0, "quantity_micro": -4_000_000, "crossed_micro": 0, "reason": 2,
                 "before_ppb": 0, "after_ppb": 0, "held_back_micro": 0}  # fmt: skip
        order = {"logic": 0, "security": 0, "quantity_micro": -4_000_000, "price_micro": 20_000_000,
                 "value_cents": 8_000, "reason": 2}  # fmt: skip
        row["proposals"] = [proposal] if alive else []
        row["sleeve_trades"] = [trade] if alive else []
        row["orders"] = [order] if alive else []
    return pa.RecordBatch.from_pylist(rows, schema=chunks.TRADES)


def seller(name: str, **more: Any) -> dict[str, Any]:
    """TRADES of an account that sells one AAA at $20 out of lots of $30: a loss."""
    (row,) = facts_chunk([(name, 1)]).to_pylist()
    return row | {
        "lots": [held(0, "S1", "OLD", "2020-01-02", UNIT, 3_000)],
        "proposals": [proposal(0)],
        "sleeve_trades": [trade(0, 0, -UNIT)],
        "orders": [order(0, 0, -UNIT, 20 * UNIT)],
        **more,
    }


def picking(*picks: tuple[str, str, str | None, int], method: LotMethod = LotMethod.SPECIFIC) -> pa.RecordBatch:
    """LOTS of one account with ten units of AAA in L1, L2 and L3 (3, 3 and 4), attached as they come from facts."""
    (row,) = facts_chunk([("A", 1)]).to_pylist()
    names = [field.name for field in chunks.PICK_FIELDS]
    row |= {"lot_method": int(method), "lot_picks": [dict(zip(names, pick, strict=True)) for pick in picks]}
    lots = [
        ("AAA", "S1", f"L{number}", 18_000 + number, units * UNIT, 100) for number, units in ((1, 3), (2, 3), (3, 4))
    ]
    facts = pa.RecordBatch.from_pylist([row], schema=chunks.FACTS)
    return attach(facts, {"A": StoredHolding(1, None, document(*lots))})


def selling(lots: pa.RecordBatch, units: int) -> dict[str, Any]:
    """The result of selling so many units in Best Fit."""
    (row,) = lots.to_pylist()
    row |= {
        "proposals": [proposal(0)],
        "sleeve_trades": [trade(0, 0, -units * UNIT)] if units else [],
        "orders": [order(0, 0, -units * UNIT, 20 * UNIT)] if units else [],
    }
    (booked,) = book_trades(pa.RecordBatch.from_pylist([row], schema=chunks.TRADES), TRADE_DAY).to_pylist()
    return dict(booked)


def column(texts: list[str]) -> tuple[text.Offsets, text.Data]:
    raw = [raw_text.encode() for raw_text in texts]
    return np.cumsum([0] + [len(raw_text) for raw_text in raw]).astype(np.int32), np.frombuffer(
        b"".join(raw) or b"\0", np.uint8
    )
