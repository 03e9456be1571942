"""Builders that name only what matters: accounts, flags and results as their owners would send them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from shared.contracts import chunks, codec
from shared.contracts.codes import FlagState, Reason, Term, Tile
from shared.contracts.platform import AccountChanged
from shared.kafka.messages import Chunk

MORNING = datetime(2026, 6, 12, 14, 0, tzinfo=UTC)  # a Friday, ten o'clock in New York
TRADE_DATE = date(2026, 6, 12)
EVENING = datetime(2026, 6, 12, 22, 0, tzinfo=UTC)  # its cut-off


def an_account(account_id: str, **values: Any) -> AccountChanged:
    """Return an account of E1 and advisor D1 unless said otherwise."""
    return AccountChanged.model_validate(
        {
            "account_id": account_id,
            "version": 1,
            "enterprise_id": "E1",
            "advisor_id": "D1",
            "custodian": "SCHW",
            "account_number": f"00{account_id}",
            "name": f"Account {account_id}",
            "custody": "TAXABLE",
            "rebalancer_on": True,
            "rebalancer_on_count": 1,
        }
        | values
    )


def a_flag(account_id: str, **values: Any) -> dict[str, Any]:
    """Return a row of FLAGS: high cash, first evaluation, epoch 0."""
    return {
        "account_id": account_id,
        "enterprise_id": "E1",
        "advisor_id": "D1",
        "flag_version": 1,
        "facts_version": 1,
        "lots_version": 1,
        "target_version": 1,
        "price_set": 1,
        "epoch": 0,
        "state": int(FlagState.FLAGGED),
        "tiles": int(Tile.HIGH_CASH),
        "source": "DRIFT_ANALYSIS",
        "needed_since": TRADE_DATE,
        "last_rebalanced": None,
        "evaluated_at": MORNING,
        "portfolio_id": "P1",
        "value_cents": 10_000_000,
        "cash_cents": 800_000,
        "cash_ppb": 80_000_000,
        "cash_target_ppb": 30_000_000,
        "cash_low_ppb": 24_000_000,
        "cash_high_ppb": 36_000_000,
        "max_drift_ppb": 50_000_000,
        "drifted": 1,
        "hold_code": None,
        "hold_text": None,
        "reasons": [
            {
                "sleeve_id": None,
                "security_id": None,
                "weight_ppb": 80_000_000,
                "target_ppb": 30_000_000,
                "low_edge": 24 * 10**15,
                "high_edge": 36 * 10**15,
            }
        ],
        "causes": [{"business_date": TRADE_DATE, "source": "DRIFT_ANALYSIS", "detail": "daily analysis"}],
    } | values


def flags(*rows: dict[str, Any]) -> Chunk:
    """Return a chunk of FLAGS."""
    return _chunk(chunks.FLAGS, rows, {})


def a_result(request: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Return a row of RESULT for a requested account.

    Ten units of AAA are sold at $100 (basis $900, held long: gain $100) under Best Fit, five under Min Transaction; two
    units of BBB move between sleeves under Best Fit.
    """
    return (
        {
            **{name: request[name] for name in ("account_id", "enterprise_id", "advisor_id", "epoch", "liquidate")},
            "failure_code": None,
            "failure_text": None,
            "facts_version": 1,
            "lots_version": 1,
            "target_version": 1,
            "price_set": 1,
            "cash_cents": 800_000,
            "set_aside_cents": 0,
            "reserve_cents": 0,
            "cash_target_ppb": 30_000_000,
            "cash_threshold_ppb": 200_000_000,
            "floor_ppb": 5_000_000,
            "cash_can_trigger": True,
            "min_trade_cents": 0,
            "min_trade_ppb": 0,
            "do_not_trade": False,
            "taxable": True,
            "lot_method": 0,
            "gain_budget_short_cents": None,
            "gain_budget_total_cents": 0,
            "no_short_term_gains": False,
            "tax_household_id": None,
            "lot_picks": None,
            "securities": [_security("AAA", 100), _security("BBB", 50)],
            "positions": [
                _position("APM", 0, 60_000_000, 50_000_000),
                _position("APM", 1, 20_000_000, 10_000_000),
                _position("M1", 1, 18_000_000, 10_000_000),
            ],
        }
        | _proposed(request["account_id"])
        | values
    )


def a_failure(request: dict[str, Any], code: str = "MISSING_PRICE", text: str | None = None) -> dict[str, Any]:
    """Return a row of RESULT for an account that cannot be proposed."""
    nothing = ("proposals", "sleeve_trades", "orders", "slices", "transfers", "taxes")
    return a_result(request, failure_code=code, failure_text=text, **dict.fromkeys(nothing))


def _proposed(account_id: str) -> dict[str, Any]:
    return {
        "proposals": [_proposal(0, 10), _proposal(1, 5)],
        "sleeve_trades": [
            _trade(0, 0, -10, 0, Reason.TO_TARGET),
            _trade(0, 1, -2, -2, Reason.NETTED),
            _trade(0, 2, 2, 2, Reason.NETTED),
            _trade(1, 0, -5, 0, Reason.TO_EDGE),
        ],
        "orders": [_order(0, 10, Reason.TO_TARGET), _order(1, 5, Reason.TO_EDGE)],
        "slices": [_slice(0, 10, account_id), _slice(1, 5, account_id)],
        "transfers": [
            {
                "logic": 0,
                "security": 1,
                "from_sleeve_id": "APM",
                "to_sleeve_id": "M1",
                "lot_id": f"{account_id}-L2",
                "acquired": date(2020, 1, 2),
                "quantity_micro": 2_000_000,
                "basis_cents": 8_000,
            }
        ],
        "taxes": [_tax(0, 10), _tax(1, 5)],
        "purchases": None,
        "wash_accounts": None,
        "wash_unseen": None,
    }


def with_tax_aware(result: dict[str, Any], sold: int, limit_text: str) -> dict[str, Any]:
    """Return the result with the tax-aware logic beside: it sells so many of AAA, the rest of ten is held back."""
    trade = _trade(2, 0, -sold, 0, Reason.TO_TARGET) | {"held_back_micro": (10 - sold) * 1_000_000}
    more = {
        "proposals": [_proposal(2, sold) | {"limit_text": limit_text, "flats": 0, "flats_cents": 0}],
        "sleeve_trades": [trade],
        "orders": [_order(2, sold, Reason.TO_TARGET)],
        "slices": [_slice(2, sold, result["account_id"])],
        "taxes": [_tax(2, sold)],
    }
    return result | {name: [*result[name], *rows] for name, rows in more.items()}


def an_order(security: int, units: int, logic: int = 0) -> dict[str, Any]:
    """An order of AAA (0) or BBB (1), + buys, at the price of the proposal."""
    price = 50 if security else 100
    return {
        "logic": logic, "security": security, "quantity_micro": units * 1_000_000, "price_micro": price * 1_000_000,
        "value_cents": abs(units) * price * 100, "reason": 2,
    }  # fmt: skip


def trading(*orders: dict[str, Any]) -> dict[str, Any]:
    """Values of a result with these orders under Best Fit, and the summary that says so."""
    summary = a_result(dict.fromkeys(("account_id", "enterprise_id", "advisor_id", "epoch", "liquidate"), ""))
    proposals = [dict(proposal) for proposal in summary["proposals"]]
    for side, sign in (("buys", 1), ("sells", -1)):
        of_side = [order for order in orders if order["quantity_micro"] * sign > 0]
        proposals[0] |= {side: len(of_side), f"{side}_cents": sum(order["value_cents"] for order in of_side)}
    return {"orders": [*orders, an_order(0, -5, 1)], "proposals": proposals, "slices": []}


def results(rows: list[dict[str, Any]], batch_id: int, attempt: int = 1) -> Chunk:
    """Return a chunk of RESULT."""
    meta = {"batch_id": str(batch_id), "attempt": str(attempt), "trade_date": TRADE_DATE.isoformat(), "size": "1"}
    return _chunk(chunks.RESULT, rows, meta)


def _chunk(schema: pa.Schema, rows: Sequence[dict[str, Any]], meta: dict[str, str]) -> Chunk:
    batch = pa.RecordBatch.from_pylist(list(rows), schema=schema)
    return Chunk(batch, meta, codec.encode(batch, meta))


def _security(security_id: str, price: int) -> dict[str, Any]:
    return {
        "security_id": security_id,
        "price_micro": price * 1_000_000,
        "step_micro": 1_000_000,
        "restriction": 0,
        "substitute": -1,
        "is_fund": False,
    }


def _position(sleeve: str, security: int, quantity: int, target: int) -> dict[str, Any]:
    return {
        "sleeve_id": sleeve,
        "security": security,
        "quantity_micro": quantity,
        "target_ppb": target,
        "threshold_ppb": 200_000_000,
        "precision_ppb": 40_000_000,
        "can_trigger": True,
        "target_rest_edge": 0,
    }


def _proposal(logic: int, sold: int) -> dict[str, Any]:
    return {
        "logic": logic,
        "failure_code": None,
        "failure_text": None,
        "no_trade_text": None,
        "limit_text": None,
        "value_cents": 10_000_000,
        "begin_cash_cents": 800_000,
        "end_cash_cents": 800_000 + sold * 10_000,
        "buys": 0,
        "buys_cents": 0,
        "sells": 1,
        "sells_cents": sold * 10_000,
        "flats": 1 - logic,
        "flats_cents": (1 - logic) * 10_000,
    }


def _trade(logic: int, position: int, quantity: int, crossed: int, reason: Reason) -> dict[str, Any]:
    return {
        "logic": logic,
        "position": position,
        "quantity_micro": quantity * 1_000_000,
        "crossed_micro": crossed * 1_000_000,
        "reason": int(reason),
        "before_ppb": 60_000_000,
        "after_ppb": 50_000_000,
        "held_back_micro": 0,
    }


def _order(logic: int, sold: int, reason: Reason) -> dict[str, Any]:
    return {
        "logic": logic,
        "security": 0,
        "quantity_micro": -sold * 1_000_000,
        "price_micro": 100_000_000,
        "value_cents": sold * 10_000,
        "reason": int(reason),
    }


def _slice(logic: int, sold: int, account_id: str) -> dict[str, Any]:
    return {
        "logic": logic,
        "security": 0,
        "sleeve_id": "APM",
        "lot_id": f"{account_id}-L1",
        "acquired": date(2020, 1, 2),
        "quantity_micro": sold * 1_000_000,
        "proceeds_cents": sold * 10_000,
        "basis_cents": sold * 9_000,
        "gain_cents": sold * 1_000,
        "term": int(Term.LONG),
        "first_long_term_day": date(2021, 1, 3),
    }


def _tax(logic: int, sold: int) -> dict[str, Any]:
    return {
        "logic": logic,
        "short_cents": 0,
        "long_cents": sold * 1_000,
        "unknown_term_cents": 0,
        "estimated_cents": sold * 1_000,
        "no_basis_proceeds_cents": 0,
    }
