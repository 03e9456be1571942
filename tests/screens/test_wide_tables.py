"""What decides is in sight in a window of 1280 pixels, without scrolling sideways, and sums never scroll away."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from deploy.stack import ui
from tests.screens.served import serve, show

pytestmark = pytest.mark.browser

LARGE = "12345678901.00"
ROW: dict[str, Any] = {
    "advisor_id": "ADVISOR-01", "state": "PROPOSED", "stale": False, "result": "", "failure_code": None,
    "taxable": True, "market_value": "12345678.00", "begin_cash": "1234567.00", "end_cash": "123456.00", "buys": 12,
    "buys_value": "1234567.00", "sells": 24, "sells_value": "1234567.00", "flats": 3, "flats_value": "12345.00",
    "short_term": "-123456.00",
    "long_term": "-1234567.00", "estimated": "-1358023.00", "unknown_term": "0.00", "no_basis_proceeds": "0.00",
    "wash_disallowed": "12345.00", "wash_permanent": "0.00", "wash_earlier": "0.00", "wash_earlier_permanent": "0.00",
    "over_budget": "0.00", "excesses": [], "execution": None,
}  # fmt: skip
EXCESS = {"limit": "TOTAL", "budget": "2189.00", "gains": "5256.00", "sentence": "It realises more than its budget."}
ODD: dict[int, dict[str, Any]] = {
    2: {"over_budget": "3067.00", "excesses": [EXCESS]},
    3: {"state": "REMOVED", "result": "Removed by Josephine Featherstonehaugh."},
    4: {"state": "FAILED", "result": "The price of AAA is missing.", "short_term": None, "long_term": None},
    5: {"taxable": False},
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
    "execution": None,
}  # fmt: skip
DECIDED = BATCH | {
    "status": "CANCELLED", "result": "Cancelled", "reason": "END_OF_DAY", "decided_at": "2026-11-20T23:00:00Z",
}  # fmt: skip
ATTENTION = {"over_budget": 3, "short_term_gain": 120, "wash_sale": 14, "unknown_basis": 7, "stale": 1, "failed": 1}
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
GAINS = ("Short-term G&L", "Long-term G&L")
RESPONSES = {
    "/batches/7/accounts": PAGE, "/batches/7/accounts/A1": VIEW,
    "/batches": {"rows": [DECIDED | {"batch_id": 1000 + at} for at in range(40)], "total": 40},
}  # fmt: skip


def right_of(element: Locator) -> float:
    """Return the right edge of an element, in pixels from the left of the window."""
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"]


def header(page: Page, table: str, name: str) -> Locator:
    """Return a column header of a table."""
    role = "grid" if table.startswith("Accounts of") else "table"
    return page.get_by_role(role, name=table, exact=True).get_by_role("columnheader", name=name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "table", "columns"),
    [
        ("/pending/7", "Accounts of request 7", [*GAINS, "Estimated G&L", "Wash sale", "Sells"]),
        ("/pending/7", "Totals", [*GAINS, "Estimated realized G&L", "Wash sales", "Over budget", "Failed", "Removed"]),
        ("/history", "Completed requests", ["Failed", "Removed", *GAINS, "Estimated G&L"]),
        ("/pending/7/accounts/A1", "Positions", ["Best Fit", "Min Transaction", "Tax Aware"]),
    ],
)  # fmt: skip
def test_what_decides_is_in_sight(page: Page, built_ui: Path, path: str, table: str, columns: list[str]) -> None:
    serve(page, built_ui, RESPONSES)
    show(page, path, 1280)
    for name in columns:
        found = header(page, table, name).first
        expect(found).to_be_visible()
        assert right_of(found) <= 1280 - 15, f"{name} of {table} ends at {right_of(found)}"


def test_sums_stay_in_sight_when_the_page_scrolls(page: Page, built_ui: Path) -> None:
    serve(page, built_ui, RESPONSES)
    show(page, "/pending/7", 1280)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("window.scrollY > 100")
    removed = page.get_by_role("table", name="Totals").get_by_role("row").nth(1).get_by_role("cell").last
    expect(removed).to_have_text("82")
    expect(removed).to_be_in_viewport(ratio=1)


def test_the_way_on_stays_in_sight_on_an_account(page: Page, built_ui: Path) -> None:
    serve(page, built_ui, RESPONSES)
    show(page, "/pending/7/accounts/A1", 1280)
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function("window.scrollY > 100")
    for name in ("Next account", "Remove from request"):
        expect(page.get_by_text(name)).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("path", ["/pending/7", "/history", "/pending/7/accounts/A1"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_these_pages_break_no_rule_of_accessibility(page: Page, built_ui: Path, path: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    serve(page, built_ui, RESPONSES)
    show(page, path, 1280)
    page.evaluate((ui.UI / "node_modules" / "axe-core" / "axe.min.js").read_text())
    broken = page.evaluate(
        "async () => (await axe.run()).violations.map(found => `${found.id}: ${found.nodes[0].html}`)"
    )
    assert broken == []
