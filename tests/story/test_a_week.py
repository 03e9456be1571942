"""The whole story in a real browser on the real stack: from a custodian's file to an account within its bands."""

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Page, expect

from deploy.client import StackClient
from deploy.stack import Stack
from deploy.stack.layout import CHECKOUT
from tests.books import accounts_of, evaluated
from tests.story.conftest import SignIn, next_day, orders_released
from tests.waiting import until

TRADE_DATE = "2026-06-12"


def _upload(page: Page, book: Path) -> None:
    """Take the custodians' files in on the Files page and see all of them loaded."""
    page.get_by_role("link", name="Files").click()
    files = sorted((book / "files").iterdir())
    page.get_by_label("Custodian files").set_input_files(files)
    for file in files:
        row = page.get_by_role("row").filter(has_text=file.name)
        expect(row).to_contain_text("Taken in")


def _propose_all_outside_tolerance(page: Page) -> int:
    """Choose the tile, select the page, then everything that matches, and propose; return how many accounts."""
    page.get_by_role("link", name="Accounts to Rebalance").click()
    tiles = page.get_by_role("group", name="Rebalancer tiles").get_by_role("button")
    tile = tiles.filter(has_text=re.compile("^Outside Tolerance"))
    expect(tile).to_be_enabled()
    tile.click()
    expect(tile).to_have_attribute("aria-pressed", "true")
    page.locator("main[data-idle]").wait_for()
    page.get_by_role("checkbox", name="Select all rows on this page").check()
    page.get_by_role("button", name="matching").click()
    propose = page.get_by_role("button", name="Propose trades for")
    accounts = int(propose.inner_text().rsplit(" ", 1)[1])
    assert accounts >= 3
    propose.click()
    return accounts


def _remove_one(page: Page, account_number: str) -> None:
    page.get_by_role("checkbox", name=f"Select account {account_number}").check()
    page.get_by_role("button", name="Remove selected (1)").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("will not be rebalanced and goes back to the Rebalancer queue")
    dialog.get_by_role("button", name="Remove 1").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("row").filter(has_text=account_number)).to_contain_text("Removed")


def _approve(page: Page, accounts: int) -> None:
    page.get_by_role("button", name="Approve", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name=f"Approve {accounts}").click()
    expect(dialog).to_be_hidden()


def _replayed(stack: Stack, day: str) -> tuple[int, str]:
    """Rebuild a day from the event log beside the running system; return exit code and report."""
    run = [sys.executable, "-m", "services.auditor", "replay", day]
    done = subprocess.run(run, cwd=CHECKOUT, env=stack.env_of("auditor"), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_from_a_custodians_file_to_an_account_within_its_bands(
    stack: Stack, book: Path, sign_in: SignIn, client: StackClient
) -> None:
    page = sign_in("ops", "rebalance-ops")
    _upload(page, book)
    theirs = [account for account in accounts_of(book) if account.enterprise_id == "E1"]
    until(lambda: evaluated(stack), lambda seen: seen == len(theirs))  # the files name others too: not theirs to change

    accounts = _propose_all_outside_tolerance(page)
    page.get_by_role("link", name="Pending Approval").click()
    request = page.get_by_role("table", name="Pending requests").get_by_role("row").nth(1)
    expect(request.get_by_role("button", name="Approve")).to_be_enabled(timeout=60_000)
    request.get_by_role("link", name="View details").click()
    batch_id = int(page.url.rstrip("/").rsplit("/", 1)[1].split("?")[0])

    proposed = [row for row in client.rows(batch_id) if row["state"] == "PROPOSED"]
    assert 3 <= len(proposed) <= accounts
    removed, kept = proposed[0], proposed[1:]
    _remove_one(page, removed["account_number"])
    _approve(page, len(kept))

    released = orders_released(stack.urls["kafka"], batch_id, len(kept))
    assert sorted(event.account_id for event in released) == sorted(row["account_id"] for row in kept)
    for event in released:
        row = next(row for row in kept if row["account_id"] == event.account_id)
        assert sum(order.side == "BUY" for order in event.orders) == row["buys"]
        assert sum(order.side == "SELL" for order in event.orders) == row["sells"]

    page.get_by_role("link", name="History").click()
    line = page.get_by_role("table", name="Completed requests").get_by_role("row").nth(1)
    expect(line).to_contain_text("Complete")
    line.get_by_role("link", name=str(batch_id)).click()
    expect(page.get_by_text("Values as shown when it was decided")).to_be_visible()

    settled = next(row["account_id"] for row in kept if row["buys"] + row["sells"] > 0)
    page.goto(f"{stack.urls['gateway']}/accounts/{settled}")
    expect(page.get_by_text("Orders sent", exact=False).first).to_be_visible()
    view = until(
        lambda: client.ask("batch", "GET", f"/v1/accounts/{settled}"), lambda seen: seen["state"] == "SETTLING"
    )
    assert view["last_rebalanced"] == TRADE_DATE
    queued = {row["account_id"] for row in client.queue()["rows"]}
    assert removed["account_id"] in queued
    assert not queued & {row["account_id"] for row in kept}

    next_day(stack, book)
    view = until(lambda: client.ask("batch", "GET", f"/v1/accounts/{settled}"), lambda seen: seen["state"] == "CLEAR")
    assert view["why"] == []
    assert Decimal(view["cash_low"]) <= Decimal(view["cash_weight"]) <= Decimal(view["cash_high"])
    page = sign_in("ops", "rebalance-ops")  # a day has passed, and the session with it
    page.goto(f"{stack.urls['gateway']}/accounts/{settled}")
    expect(page.get_by_text("Nothing is outside its band.")).to_be_visible()

    code, report = until(lambda: _replayed(stack, TRADE_DATE), lambda seen: seen[0] == 0, within_s=120)
    assert report.rstrip().endswith("identical"), code
    assert f"{len(kept)} orders" in report
    assert _replayed(stack, "2026-06-13")[0] == 2
