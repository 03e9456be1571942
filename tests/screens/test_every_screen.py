"""Every screen in every state and in both themes: it breaks no rule of accessibility, and its picture can be looked at.

`make screens` keeps the pictures in docs/screens; a test run only makes them.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, Route, expect

from deploy.stack import ui
from tests.screens.pages import FILLED, PENDING
from tests.screens.requests import BATCH, COUNTS, DECIDED, PAGE
from tests.screens.served import SITE, serve, show

pytestmark = pytest.mark.browser

FROZEN: Final = {"/batches/5/accounts": PAGE | {"batch": DECIDED | {"batch_id": 5}}}
NOT_STALE: Final = BATCH | {"counts": COUNTS | {"stale": 0}}  # what is stale hinders an approval
SCREENS: Final = {
    "accounts": "/accounts", "account": "/accounts/A1", "pending": "/pending", "request": "/pending/7",
    "request-account": "/pending/7/accounts/A1", "history": "/history", "decided": "/history/5", "files": "/files",
}  # fmt: skip
EMPTY: Final[dict[str, Any]] = {
    "/queue/accounts": {"rows": [], "total": 0, "page": 1, "size": 50, "as_of": "2026-11-20T12:00:00Z"},
    "/batches": {"rows": [], "total": 0}, "/files": {"rows": []},
}  # fmt: skip


def asking(button: str) -> Callable[[Page], None]:
    """Return what opens the dialog of a button."""

    def ask(page: Page) -> None:
        page.get_by_role("button", name=re.compile(f"^{button}")).first.click()
        expect(page.get_by_role("dialog").or_(page.get_by_role("alertdialog")).first).to_be_visible()

    return ask


def choosing(then: Callable[[Page], None]) -> Callable[[Page], None]:
    """Return what selects the first account and goes on."""

    def choose(page: Page) -> None:
        page.get_by_role("checkbox", name=re.compile("^Select account")).first.check()
        then(page)

    return choose


def filtering(page: Page) -> None:
    """Open the editor of a filter."""
    page.get_by_role("button", name="Add filter").click()
    expect(page.get_by_role("combobox", name="Column")).to_be_visible()


ASKED: Final = {
    "accounts-columns": ("accounts", asking("Columns")),
    "accounts-filter": ("accounts", filtering),
    "accounts-selected": ("accounts", choosing(lambda _page: None)),
    "request-approve": ("request", asking("Approve")),
    "request-cancel": ("request", asking("Cancel")),
    "request-remove": ("request", choosing(asking("Remove"))),
}


# What fades in has another contrast on its way; what turns for ever is not waited for.
COME_TO_REST: Final = """() => Promise.allSettled(
  document.getAnimations()
    .filter((moving) => moving.effect?.getComputedTiming().iterations !== Infinity)
    .map((moving) => moving.finished)
).then(() => null)"""


@pytest.fixture
def keep(page: Page, tmp_path: Path) -> Callable[[str], None]:
    """Keep the picture of the page under a name, once no rule of accessibility is found broken."""
    folder = Path(os.environ.get("REBALANCER_SCREENS", tmp_path))

    def check(name: str) -> None:
        page.evaluate("() => document.fonts.ready")
        page.evaluate(COME_TO_REST)
        page.evaluate((ui.UI / "node_modules" / "axe-core" / "axe.min.js").read_text())
        broken = page.evaluate(
            "async () => (await axe.run({ exclude: ['[role=tooltip]'] })).violations"
            ".map(found => `${found.id}: ${found.nodes[0].html}`)"
        )
        page.screenshot(path=folder / f"{name}.png", animations="disabled")
        assert broken == []

    return check


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_with_rows(page: Page, built_ui: Path, keep: Callable[[str], None], screen: str, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    serve(page, built_ui, (PENDING if screen == "pending" else FILLED) | FROZEN)
    show(page, SCREENS[screen], 1280)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("main").get_by_role("alert")).to_have_count(0)
    keep(screen if theme == "light" else f"{screen}-dark")


@pytest.mark.parametrize("screen", ["accounts", "pending", "history", "files"])
def test_a_screen_without_rows(page: Page, built_ui: Path, keep: Callable[[str], None], screen: str) -> None:
    serve(page, built_ui, EMPTY)
    show(page, SCREENS[screen], 1280)
    keep(f"{screen}-empty")


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_that_waits(page: Page, built_ui: Path, keep: Callable[[str], None], screen: str) -> None:
    serve(page, built_ui, FILLED)
    respond_with(page, lambda _route: None)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(SITE + SCREENS[screen])
    expect(page.get_by_text(re.compile("^Loading")).first).to_be_visible()
    keep(f"{screen}-loading")


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_that_failed(page: Page, built_ui: Path, keep: Callable[[str], None], screen: str) -> None:
    problem = {"title": "The service has a fault", "detail": "Try again in a minute.", "status": 500, "code": "fault"}
    serve(page, built_ui, FILLED)
    respond_with(page, lambda route: route.fulfill(status=500, json=problem, content_type="application/problem+json"))
    show(page, SCREENS[screen], 1280)
    # A read is tried again by itself before the page says that it failed.
    expect(page.get_by_role("button", name="Try again").first).to_be_visible(timeout=60_000)
    keep(f"{screen}-failed")


@pytest.mark.parametrize("screen", ["accounts", "request"])
def test_a_screen_whose_connection_is_lost(
    page: Page, built_ui: Path, keep: Callable[[str], None], screen: str
) -> None:
    serve(page, built_ui, FILLED)
    show(page, SCREENS[screen], 1280)
    page.context.set_offline(True)
    expect(page.locator(".connection[data-state=lost]")).to_be_visible(timeout=60_000)
    keep(f"{screen}-lost")


@pytest.mark.parametrize("name", ASKED)
def test_what_a_screen_asks(page: Page, built_ui: Path, keep: Callable[[str], None], name: str) -> None:
    screen, ask = ASKED[name]
    serve(page, built_ui, FILLED | {"/batches/7/accounts": PAGE | {"batch": NOT_STALE}, "/batches/7": NOT_STALE})
    show(page, SCREENS[screen], 1280)
    ask(page)
    keep(name)


def respond_with(page: Page, respond: Callable[[Route], None]) -> None:
    """Respond so to everything that is asked of the API, but who the user is."""

    def each(route: Route) -> None:
        if route.request.url.endswith("/me"):
            route.fallback()
        else:
            respond(route)

    page.route(f"{SITE}/api/v1/**", each)
