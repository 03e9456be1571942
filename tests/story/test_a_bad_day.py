"""The second story: faults in the files, an account that fails in its batch, a cancel, and an end of day."""

import json
import re
import signal
from datetime import UTC, date, datetime
from functools import partial
from operator import eq
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from deploy.client import StackClient
from deploy.stack import Stack
from shared.contracts import topics
from shared.kafka import messages
from shared.kafka.publisher import Publisher
from shared.rules.trading_calendar import cut_off
from shared.runtime.clock import set_instant
from tests.books import AS_OF, accounts_of, evaluated
from tests.story.conftest import SignIn, deliver
from tests.waiting import aside, until


def _flagged(client: StackClient) -> list[dict[str, Any]]:
    """Return the flagged accounts of Northgate's queue."""
    return [row for row in client.queue()["rows"] if row["state"] == "FLAGGED" and row["enterprise_id"] == "E1"]


def _status_of(client: StackClient, name: str) -> str | None:
    files = client.ask("taxlot", "GET", "/v1/files")["rows"]
    return next((str(file["status"]) for file in files if file["file_name"] == name), None)


def test_faults_come_back_with_file_line_and_reason(
    stack: Stack, book: Path, sign_in: SignIn, client: StackClient
) -> None:
    accounts = accounts_of(book)
    deliver(stack, sorted((book / "files").iterdir()))
    until(lambda: evaluated(stack), lambda seen: seen == len(accounts))
    expected = json.loads((book / "faults" / "manifest.json").read_text())["files"]
    deliver(stack, [book / "faults" / file["name"] for file in expected])
    outcomes = {"LOADED": "PUBLISHED", "REFUSED": "REFUSED"}
    for file in expected:
        until(partial(_status_of, client, file["name"]), partial(eq, outcomes[file["outcome"]]))

    page = sign_in("ops", "rebalance-ops")
    page.get_by_role("link", name="Files").click()
    for file in expected:
        if file["outcome"] == "REFUSED":
            expect(page.get_by_role("row").filter(has_text=file["name"])).to_contain_text("Refused")

    numbers = {(account.custodian, account.account_number): account for account in accounts}
    held = [(file["name"], row) for file in expected if file["outcome"] == "LOADED" for row in file["held"]]
    assert len(held) >= 5
    for name, row in held:
        account = numbers[(name.split("_")[0], row["account_number"])]
        view = until(
            partial(client.ask, "batch", "GET", f"/v1/accounts/{account.account_id}"),
            lambda seen: seen["hold_code"] is not None,
        )
        assert name in view["hold_text"]
        assert f"line {row['line']}" in view["hold_text"]
        if account.rebalancer_on:
            assert view["state"] == "HELD"

    # The next good file lifts the holds by itself.
    good = [numbers[(name.split("_")[0], row["account_number"])] for name, row in held]
    assert {account.account_id for account in good}.isdisjoint(row["account_id"] for row in client.queue()["rows"])


def _bar_from_trading(stack: Stack, book: Path, account_id: str) -> None:
    """Let the platform say that nothing may be traded in the account, as it would: by an event."""
    account = next(account for account in accounts_of(book) if account.account_id == account_id)
    changed = account.model_copy(update={"version": account.version + 1, "do_not_trade": True})

    async def publish() -> None:
        async with Publisher(stack.urls["kafka"], "platform") as publisher:
            said = messages.event(
                topics.ACCOUNT, account_id, changed, event_id=account_id, source="platform", at=datetime.now(UTC)
            )
            await publisher.send([said])

    aside(publish())


def test_a_failing_account_never_takes_the_batch_with_it_and_cancel_returns_the_others(
    stack: Stack, book: Path, sign_in: SignIn, client: StackClient
) -> None:
    flagged = {row["account_id"]: row["flag_version"] for row in _flagged(client)}
    barred, *others = list(flagged)[:6]
    _bar_from_trading(stack, book, barred)
    until(
        lambda: client.ask("batch", "GET", f"/v1/accounts/{barred}"),
        lambda seen: seen["flag_version"] > flagged[barred],
    )
    batch = client.propose([barred, *others])
    batch = until(lambda: client.batch(batch["batch_id"]), lambda seen: seen["status"] == "PENDING_APPROVAL")
    rows = {row["account_id"]: row for row in client.rows(batch["batch_id"])}
    assert (rows[barred]["state"], rows[barred]["failure_code"]) == ("FAILED", "RESTRICTED")
    assert {rows[account_id]["state"] for account_id in others} == {"PROPOSED"}
    assert not {row["account_id"] for row in client.queue()["rows"]} & set(others)

    page = sign_in("ops", "rebalance-ops")
    page.goto(f"{stack.urls['gateway']}/pending/{batch['batch_id']}")
    expect(page.get_by_role("row").filter(has_text=rows[barred]["account_number"])).to_contain_text("do not trade")
    expect(page.get_by_role("checkbox", name=f"Select account {rows[barred]['account_number']}")).to_be_disabled()

    ended = client.command(batch, "cancel")
    assert (ended["status"], ended["reason"], ended["result"]) == ("CANCELLED", "USER", "Cancelled")
    until(lambda: {row["account_id"] for row in client.queue()["rows"]}, lambda seen: set(others) <= seen)


def test_what_is_not_decided_by_the_end_of_the_day_is_cancelled_once(
    stack: Stack, sign_in: SignIn, client: StackClient
) -> None:
    ids = [row["account_id"] for row in _flagged(client)][:4]
    batch = client.propose(ids)
    batch = until(lambda: client.batch(batch["batch_id"]), lambda seen: seen["status"] == "PENDING_APPROVAL")
    set_instant(Path(stack.env["REBALANCER_CLOCK_FILE"]), cut_off(date.fromisoformat(batch["trade_date"])))
    ended = until(lambda: client.batch(batch["batch_id"]), lambda seen: seen["status"] != "PENDING_APPROVAL")
    assert (ended["status"], ended["reason"]) == ("CANCELLED", "END_OF_DAY")
    assert ended["version"] == batch["version"] + 1
    until(lambda: {row["account_id"] for row in client.queue()["rows"]}, lambda seen: set(ids) <= seen)

    page = sign_in("ops", "rebalance-ops")
    page.get_by_role("link", name="History").click()
    ended_row = page.get_by_role("table", name="Completed requests").get_by_role("row").nth(1)
    expect(ended_row).to_contain_text("Cancelled")
    assert date.fromisoformat(ended["trade_date"]) > AS_OF


def test_a_gateway_that_hangs_is_seen_on_screen_and_what_was_chosen_outlives_it(stack: Stack, sign_in: SignIn) -> None:
    """The page says since when figures may be old; the gateway is started anew, and the page goes on by itself."""
    page = sign_in("ops", "rebalance-ops")
    first = page.get_by_role("grid", name="Accounts to rebalance").get_by_role("row").nth(1)
    first.get_by_role("checkbox").check()
    stack.kill("gateway", signal.SIGSTOP)
    expect(page.get_by_text(re.compile(r"^Connection lost at .*, figures may be old\.$"))).to_be_visible()
    expect(page.get_by_text("Live updates")).to_be_hidden()
    page.get_by_text("Live updates").wait_for(timeout=120_000)
    expect(page.get_by_text("Connection lost")).to_be_hidden()
    expect(first.get_by_role("checkbox")).to_be_checked()
    stack.wait_ready("gateway")
