"""What decides is in sight in a window of 1280 pixels, without scrolling sideways, and sums never scroll away."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from deploy.stack import ui
from tests.screens.requests import RESPONSES
from tests.screens.served import serve, show

pytestmark = pytest.mark.browser

GAINS = ("Short-term G&L", "Long-term G&L")


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
