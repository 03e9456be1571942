"""The operations page in a browser: nobody is kept from reading it, and it refreshes without losing its place."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from deploy.stack import ui
from services.gateway.domain.operations import ProcessReading, rows
from services.gateway.routes.ops import rendered

pytestmark = pytest.mark.browser
READINGS = [
    ProcessReading("batch", True, 0.0, [("rebalancer_outbox_oldest_age_seconds", {"service": "batch"}, 90.0)]),
    ProcessReading("analyzer", True, 0.0, waiting_for=("database: away",), troubles=2),
    ProcessReading("proposer", False, None),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_breaks_no_rule_of_accessibility(page: Page, built_ui: Path, scheme: str) -> None:
    assert built_ui.is_dir(), "axe comes with the packages of the user interface"
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_content(rendered(READINGS, rows(READINGS, 0.0), 1.0))
    page.evaluate((ui.UI / "node_modules" / "axe-core" / "axe.min.js").read_text())
    broken = page.evaluate("async () => (await axe.run()).violations.map(found => `${found.id}: ${found.help}`)")
    assert broken == []
