"""A request of ten thousand accounts with large figures and long names, as the API tells it."""

from typing import Any

LARGE = "12345678901.00"
ROW: dict[str, Any] = {
    "advisor_id": "ADVISOR-01", "state": "PROPOSED", "stale": False, "result": "", "failure_code": None,
    "taxable": True, "market_value": "12345678.00", "begin_cash": "1234567.00", "end_cash": "123456.00", "buys": 12,
    "buys_value": "1234567.00", "sells": 24, "sells_value": "1234567.00", "flats": 3, "flats_value": "12345.00",
    "short_term": "-123456.00",
    "long_term": "-1234567.00", "estimated": "-1358023.00", "unknown_term": "0.00", "no_basis_proceeds": "0.00",
    "wash_disallowed": "12345.00", "wash_permanent": "0.00", "wash_earlier": "0.00", "wash_earlier_permanent": "0.00",
    "over_budget": "0.00", "excesses": [], "execution": None, "edited_by": None,
}  # fmt: skip
EXCESS = {"limit": "TOTAL", "budget": "2189.00", "gains": "5256.00", "sentence": "It realises more than its budget."}
ODD: dict[int, dict[str, Any]] = {
    2: {"over_budget": "3067.00", "excesses": [EXCESS]},
    3: {"state": "REMOVED", "result": "Removed by Josephine Featherstonehaugh."},
    4: {"state": "FAILED", "result": "The price of AAA is missing.", "short_term": None, "long_term": None},
    5: {"taxable": False, "edited_by": "Josephine Featherstonehaugh"},
    6: {"stale": True, "result": "The custodian reported newer lots: remove it or have it proposed again."},
    7: {"no_basis_proceeds": "20000.00"},
}  # fmt: skip
ROWS = [
    ROW | {"account_id": f"A{at}", "account_number": f"0012-{at:06}", "name": f"The Featherstonehaugh Trust No {at}"}
    | ODD.get(at, {})
    for at in range(1, 201)
]  # fmt: skip
TOTALS: dict[str, Any] = {
    "accounts": 9917, "market_value": LARGE, "buys": 45678, "buys_value": "1234567890.00", "sells": 45678,
    "sells_value": "1234567890.00", "flats": 12345, "flats_value": "12345678.00", "short_term": "-123456789.00",
    "long_term": "-1234567890.00", "estimated": "-1358024679.00", "no_basis_proceeds": "0.00", "non_taxable": 3012,
    "non_taxable_short_term": "123456789.00", "non_taxable_long_term": "123456789.00",
    "non_taxable_estimated": "246913578.00", "non_taxable_no_basis_proceeds": "0.00", "wash_disallowed": "12345678.00",
    "wash_permanent": "123456.00", "wash_unchecked": 0, "wash_earlier": "0.00", "wash_earlier_permanent": "0.00",
    "over_budget": 3, "budget_unchecked": 0, "failed": 1, "removed": 82,
}  # fmt: skip
COUNTS = {"working": 0, "proposed": 9917, "failed": 1, "removed": 82, "approved": 0, "cancelled": 0, "stale": 1}
BATCH: dict[str, Any] = {
    "batch_id": 7, "version": 3, "label": "Quarter end", "enterprise_id": "E1", "status": "PENDING_APPROVAL",
    "reason": None, "result": None, "logic": "BEST_FIT", "accounts": 10_000, "only_account": None, "counts": COUNTS,
    "requested_by": "Josephine Featherstonehaugh", "requested_at": "2026-11-20T15:00:00Z", "decided_by": None,
    "decided_at": None, "trade_date": "2026-11-20", "session": "2026-11-20", "cancel_at": "2126-11-20T23:00:00Z",
    "short_term": "-123456789.00", "long_term": "-1234567890.00", "estimated": "-1358024679.00", "put_aside": None,
    "execution": None, "part": None,
}  # fmt: skip
DECIDED = BATCH | {
    "status": "CANCELLED", "result": "Cancelled", "reason": "END_OF_DAY", "decided_at": "2026-11-20T23:00:00Z",
}  # fmt: skip
ATTENTION = {
    "over_budget": 3, "short_term_gain": 120, "wash_sale": 14, "unknown_basis": 7, "large_turnover": 5,
    "edited": 1, "stale": 1, "failed": 1,
}  # fmt: skip
PAGE = {
    "batch": BATCH, "rows": ROWS, "total": 10_000, "page": 1, "size": 200, "totals": TOTALS, "filtered": TOTALS,
    "attention": ATTENTION,
}  # fmt: skip
POSITION: dict[str, Any] = {
    "price": "123.45", "target": "0.05", "low": "0.04", "high": "0.06", "quantity_before": "1200",
    "quantity_after": "1000", "value_before": "148140.00", "value_after": "123450.00", "weight_before": "0.0625",
    "weight_after": "0.05",
    "short_term": "-12345.67", "long_term": "123456.78", "unknown_term": "0.00", "estimated": "111111.11",
    "no_basis_proceeds": "0.00", "role": "MANAGED", "price_factor": "1", "target_exact": "0.05",
}  # fmt: skip
POSITIONS = [POSITION | {"sleeve_id": "LARGE-CAP", "security_id": f"SEC{at:03}"} for at in range(30)]
TRADES = [
    {"sleeve_id": "LARGE-CAP", "security_id": f"SEC{at:03}", "side": "SELL", "quantity": "1234.5", "crossed": "20",
     "market": "1214.5", "value": "123456.78", "reason": "TO_TARGET", "sentence": "It is above its target."}
    for at in range(30)
]  # fmt: skip
PROPOSALS = [
    {"logic": logic, "row": ROWS[0], "no_trade_reason": None, "limit_reason": None, "cash_equivalents": "0.00",
     "drift_before": "0.011", "drift_after": drift, "positions": POSITIONS, "trades": TRADES, "orders": [],
     "slices": [], "picks": [], "earlier_losses": [], "transfers": []}
    for logic, drift in (("BEST_FIT", "0.001"), ("MIN_TRANSACTION", "0.006"), ("TAX_AWARE", "0.004"))
]  # fmt: skip
VIEW = {
    "batch": BATCH, "account": ROWS[0], "logic": "BEST_FIT", "proposals": PROPOSALS, "wash_note": "Checked.",
    "executions": [], "previous_id": None, "next_id": "A2", "position": 1, "listed": 10_000,
}  # fmt: skip
RESPONSES = {
    "/batches/7/accounts": PAGE, "/batches/7/accounts/A1": VIEW,
    "/batches": {"rows": [DECIDED | {"batch_id": 1000 + at} for at in range(40)], "total": 40},
}  # fmt: skip
