"""Every page of the interface with rows in it, as the API tells them."""

from typing import Any, Final

from tests.screens.requests import BATCH, DECIDED, RESPONSES
from tests.screens.served import TILES

ACCOUNT: Final[dict[str, Any]] = {
    "account_id": "A1", "account_number": "0012-000001", "name": "The Featherstonehaugh Trust No 1",
    "custodian": "CUSTODIAN-ONE", "enterprise_id": "E1", "advisor_id": "ADVISOR-01", "portfolio_id": "GROWTH-2040",
    "state": "FLAGGED", "tiles": ["HIGH_CASH"], "source": "DRIFT_ANALYSIS", "needed_since": "2026-11-20",
    "last_rebalanced": "2026-08-20", "market_value": "12345678.00", "cash": "1234567.00", "cash_weight": "0.1",
    "cash_target": "0.03", "cash_low": "0.024", "cash_high": "0.036", "max_drift": "0.07", "drifted": 1,
    "drifted_components": 1, "flag_version": 1,
}  # fmt: skip
QUEUE: Final = [ACCOUNT | {"account_id": f"A{at}", "account_number": f"0012-{at:06}"} for at in range(1, 61)]
WHY: Final = {
    "sleeve_id": None, "component": "Cash", "weight": "0.1", "target": "0.03", "low": "0.024", "high": "0.036",
    "sentence": "Cash is 10.00% of the account, above its band of 2.40% to 3.60% around the target of 3.00%.",
}  # fmt: skip
VIEW: Final = ACCOUNT | {
    "why": [WHY], "causes": [], "hold_code": None, "hold_text": None, "open_batch": 7, "epoch": 1,
    "rebalances": [DECIDED | {"batch_id": 5}],
}  # fmt: skip
FILE: Final[dict[str, Any]] = {
    "file_id": "F1", "file_name": "custodian_one_positions_2026-11-20.csv", "custodian": "CUSTODIAN-ONE",
    "as_of": "2026-11-20", "status": "REFUSED", "reason": "The trailer says 120 rows, and the file has 119.",
    "rows": 120, "rows_done": 119, "accounts": 12, "held": 0, "received_at": "2026-11-20T12:00:00Z", "problems": [],
}  # fmt: skip
OPEN: Final = [BATCH | {"batch_id": 7 + at, "label": f"Quarter end {at}"} for at in range(3)]
FILLED: Final[dict[str, Any]] = RESPONSES | {
    "/queue/tiles": TILES | {"high_cash": 60, "total": 60, "last_analysis": "2026-11-20T12:00:00Z"},
    "/queue/accounts": {"rows": QUEUE, "total": 60, "page": 1, "size": 50, "as_of": "2026-11-20T12:00:00Z"},
    "/accounts/A1": VIEW, "/files": {"rows": [FILE]},
}  # fmt: skip
PENDING: Final = FILLED | {"/batches": {"rows": OPEN, "total": 3}}
PAGES: Final = ["/accounts", "/accounts/A1", "/pending", "/pending/7", "/pending/7/accounts/A1", "/history", "/files"]
