"""The lists in a real browser: tiles, filters, focus and what stays of them for whom."""

import re
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from deploy.client import StackClient
from deploy.stack import Stack
from tests.books import accounts_of, evaluated
from tests.story.conftest import SignIn, deliver
from tests.waiting import until


def _idle(page: Page) -> None:
    page.locator("main[data-idle]").wait_for()


def _tile(page: Page, name: str) -> Locator:
    tiles = page.get_by_role("group", name="Rebalancer tiles").get_by_role("button")
    return tiles.filter(has_text=re.compile(f"^{name}"))


def _numbers(page: Page, names: Sequence[str]) -> list[str]:
    return [_tile(page, name).locator(".tile-count").inner_text() for name in names]


def _open_editor(page: Page, column: str) -> None:
    page.get_by_role("button", name="Add filter").click()
    page.get_by_role("combobox", name="Column").select_option(column)


def _use_tiles(page: Page) -> None:
    """Each tile keeps its number whatever is chosen; a click chooses one, Ctrl adds, by mouse and by keyboard."""
    names = ["First Rebalance", "High Cash", "Low Cash", "Outside Tolerance"]
    numbers = _numbers(page, names)
    _tile(page, "High Cash").click()
    _tile(page, "Low Cash").click(modifiers=["Control"])
    expect(page.get_by_text("No account is in High Cash and Low Cash at once.")).to_be_visible()
    assert _numbers(page, names) == numbers
    _tile(page, "First Rebalance").focus()
    page.keyboard.press("Control+Enter")
    expect(_tile(page, "First Rebalance")).to_have_attribute("aria-pressed", "true")
    expect(_tile(page, "Low Cash")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    expect(_tile(page, "Low Cash")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Space")
    expect(_tile(page, "First Rebalance")).to_have_attribute("aria-pressed", "false")


def _filter_by_custodian(page: Page, client: StackClient) -> str:
    """Suggestions cover nothing, Escape keeps what was typed, the focus is never lost; return the custodian."""
    _open_editor(page, "custodian")
    offered = page.get_by_role("group", name="Seen in this list").get_by_role("button")
    custodian = offered.first.inner_text()
    page.get_by_role("textbox", name="Is one of").fill(custodian[:2].lower())
    page.get_by_role("button", name="Apply filter").click(trial=True)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Add filter")).to_be_focused()
    page.keyboard.press("Enter")
    typed = page.get_by_role("textbox", name="Is one of")
    expect(typed).to_have_value(custodian[:2].lower())
    typed.fill(custodian.lower())
    page.get_by_role("button", name="Apply filter").click()
    expect(page.get_by_role("button", name="Add filter")).to_be_focused()
    _idle(page)
    here = {row["custodian"] for row in client.queue()["rows"] if row["enterprise_id"] == "E1"}
    assert custodian in here
    shown = page.get_by_role("grid", name="Accounts to rebalance").get_by_role("row")
    expect(shown.nth(1)).to_contain_text(custodian)
    return custodian


def _lose_the_selection(page: Page, custodian: str) -> None:
    """A selection made by filter is gone for good with the filter; a page that does not exist leads to the last."""
    page.get_by_role("button", name=re.compile("^Select all .* matching$")).click()
    expect(page.get_by_text(re.compile(r"\d+ selected of all"))).to_be_focused()
    page.get_by_role("button", name=f"Remove filter Custodian is {custodian.lower()}").click()
    expect(page.get_by_role("button", name="Add filter")).to_be_focused()
    expect(page.get_by_text("0 selected", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name=f"Custodian is {custodian.lower()}", exact=True)).to_be_visible()
    expect(page.get_by_text("0 selected", exact=True)).to_be_visible()
    page.goto(f"{page.url}&page=99")
    expect(page.get_by_text("There is no page 99: this is the last one.")).to_be_visible()


def _sign_out(page: Page) -> None:
    """Wait for the page that signing out leads to: its loading would cut off that of the next one."""
    with page.expect_event("load"):
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def _come_back(page: Page, sign_in: SignIn, custodian: str) -> None:
    """Filters outlive sign-out, layouts do not, and another user sees neither."""
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Max drift").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("columnheader", name="Max drift")).to_be_hidden()
    chip = page.get_by_role("button", name=f"Custodian is {custodian.lower()}", exact=True)
    _sign_out(page)
    page = sign_in("ops2", "rebalance-ops2")
    _idle(page)
    expect(page.get_by_role("button", name="Add filter")).to_be_visible()
    expect(chip).to_be_hidden()
    _sign_out(page)
    page = sign_in("ops", "rebalance-ops")
    expect(chip).to_be_visible()
    expect(page.get_by_role("columnheader", name="Max drift")).to_be_visible()


def _look_in_history(page: Page, client: StackClient) -> None:
    """History leads an open request to where it is decided."""
    rows = client.queue()["rows"]
    account = next(row for row in rows if row["enterprise_id"] == "E1" and row["state"] == "FLAGGED")
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("searchbox", name="Search account number or name").fill(account["account_number"])
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name=f"Select account {account['account_number']}").check()
    page.get_by_role("button", name="Propose trades for 1").click()
    page.get_by_role("link", name=re.compile(r"^Open request \d+$")).click()
    page.wait_for_url(re.compile(r"/pending/\d+"))
    page.goto(page.url.replace("/pending/", "/history/"))
    page.wait_for_url(re.compile(r"/pending/\d+"))
    expect(page.get_by_role("button", name="Approve", exact=True)).to_be_enabled(timeout=60_000)
    expect(page.get_by_text("Values as shown when it was decided")).to_be_hidden()


def test_tiles_filters_focus_and_what_stays(stack: Stack, book: Path, sign_in: SignIn, client: StackClient) -> None:
    deliver(stack, sorted((book / "files").iterdir()))
    until(lambda: evaluated(stack), lambda seen: seen == len(accounts_of(book)))
    page = sign_in("ops", "rebalance-ops")
    _idle(page)
    _use_tiles(page)
    custodian = _filter_by_custodian(page, client)
    _lose_the_selection(page, custodian)
    _come_back(page, sign_in, custodian)
    _look_in_history(page, client)
